"""“Did this help?”: yes or no, why, and a few words. Without script a page of its own; with one, a
vote that counts at once and a form for the rest.

The articles' own pages are the same for everyone and hold no form; its token comes with this one.
"""

from __future__ import annotations

import hmac
from types import SimpleNamespace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy import select

from core.crypto import words
from core.db import UnitOfWork
from core.errors import Invalid, NotFound, TooMany
from core.i18n import _
from core.kb import moderation, queries
from core.kb.model import Article, ArticleFeedback, ArticleText, FeedbackState
from core.kb.queries import Moved
from webui import rendering
from webui.deps import AnyViewer, TheSite, Uow
from webui.pages import help_shell as shell
from webui.public import attempt, fields_of
from webui.public import show as show_public
from webui.rendering import is_fragment, see_other
from webui.sessions import Viewer
from webui.site import Site

router = APIRouter()

PER_ARTICLE = (4, 3_600)
PER_ADDRESS = (30, 3_600)
REPORTS = (10, 3_600)


@router.get("/help/{language}/{slug}/feedback")
async def form(
    request: Request,
    uow: Uow,
    viewer: AnyViewer,
    language: str,
    slug: str,
    helpful: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    shell.speak(uow, language)
    try:
        _article, text = await queries.by_slug(uow.session, viewer.actor, language, slug)
    except Moved as elsewhere:
        return see_other(shell.article_url(language, elsewhere.slug, "feedback"))
    return _form(request, text, {"helpful": helpful if helpful in ("yes", "no") else ""})


@router.post("/help/{language}/{slug}/feedback")
async def give(
    request: Request, uow: Uow, viewer: AnyViewer, site: TheSite, language: str, slug: str
) -> Response:
    shell.speak(uow, language)
    _article, text = await queries.by_slug(uow.session, viewer.actor, language, slug)
    given = await fields_of(request)
    url = shell.article_url(language, text.slug)
    try:
        row = await _keep(request, uow, viewer, site, text, given)
    except (Invalid, TooMany) as error:
        field = error.field if isinstance(error, Invalid) and error.field else "form"
        return _form(request, text, given, errors={field: error.words}, status=error.status)
    if is_fragment(request) and given.get("step") == "vote":
        receipt = _receipt(uow, viewer, row.id)
        return _form(request, text, given | {"receipt": receipt}, voted=True)
    if is_fragment(request):
        return rendering.page(
            request, "help/thanks.html", csrf="", commented=row.comment is not None, helpful=row.helpful
        )
    return see_other(f"{url}?done=feedback#feedback")


@router.get("/help/comments/{feedback_id:uuid}/report")
async def report_page(request: Request, uow: Uow, viewer: AnyViewer, feedback_id: UUID) -> Response:
    comment = await _public(uow, viewer, feedback_id)
    return show_public(
        request, "help/report.html", comment=comment.text, back=comment.url, feedback_id=feedback_id
    )


@router.post("/help/comments/{feedback_id:uuid}/report")
async def report(request: Request, uow: Uow, viewer: AnyViewer, site: TheSite, feedback_id: UUID) -> Response:
    """A moderator looks at it again."""
    comment = await _public(uow, viewer, feedback_id)
    shell.budget(site, "reports", *REPORTS).take(shell.known_address(request))
    await moderation.report(uow, viewer.actor, feedback_id)
    return show_public(request, "help/reported.html", back=comment.url)


async def _keep(
    request: Request, uow: UnitOfWork, viewer: Viewer, site: Site, text: ArticleText, given: dict[str, str]
) -> ArticleFeedback:
    """One vote. Whoever is unknown may change theirs for as long as they hold its receipt."""
    if given.get("helpful") not in ("yes", "no"):
        raise Invalid(_("Please say yes or no."), field="helpful")
    earlier = _earlier(uow, viewer, given.get("receipt", ""))
    if earlier is None:
        who = str(viewer.actor.id or shell.known_address(request))
        shell.budget(site, "votes", *PER_ADDRESS).take(who)
        shell.budget(site, "votes_here", *PER_ARTICLE).take(f"{who}/{text.id}")
    async with attempt(uow):
        return await moderation.give(
            uow, viewer.actor, text.id, helpful=given["helpful"] == "yes", reason=_reason(given),
            comment=given.get("comment", ""), earlier=earlier,
        )  # fmt: skip


def _reason(given: dict[str, str]) -> str:
    """Why it did not help; what helped needs no reason."""
    return given.get("reason", "") if given["helpful"] == "no" else ""


def _form(
    request: Request,
    text: ArticleText,
    given: dict[str, str],
    *,
    errors: dict[str, str] | None = None,
    status: int = 200,
    voted: bool = False,
) -> Response:
    url = shell.article_url(text.language, text.slug)
    context: dict[str, Any] = {
        "action": f"{url}/feedback", "back": url, "title": text.title, "given": given, "voted": voted,
        "errors": errors or {}, "reasons": [(key, _(words)) for key, words in moderation.REASONS.items() if key],
        "most": moderation.COMMENT_CHARACTERS,
    }  # fmt: skip
    if is_fragment(request):
        return rendering.page(request, "help/feedback_form.html", status=status, **context)
    return show_public(request, "help/feedback.html", status=status, **context)


def _receipt(uow: UnitOfWork, viewer: Viewer, row_id: UUID) -> str:
    """What lets this browser say more about its own vote."""
    return f"{row_id}.{_proof(uow, viewer, row_id)}"


def _earlier(uow: UnitOfWork, viewer: Viewer, receipt: str) -> UUID | None:
    key, _dot, proof = receipt[:200].partition(".")
    try:
        row_id = UUID(key)
    except ValueError:
        return None
    expected = _proof(uow, viewer, row_id)
    return row_id if hmac.compare_digest(expected.encode(), proof.encode("utf-8", "replace")) else None


def _proof(uow: UnitOfWork, viewer: Viewer, row_id: UUID) -> str:
    return words.digest(uow.keys.signing, f"feedback|{row_id}|{viewer.csrf_secret}").hex()


async def _public(uow: UnitOfWork, viewer: Viewer, feedback_id: UUID) -> SimpleNamespace:
    """A public comment of an article that the reader may read."""
    query = (
        select(ArticleText)
        .join(ArticleFeedback, ArticleFeedback.article_text_id == ArticleText.id)
        .join(Article, Article.id == ArticleText.article_id)
        .where(ArticleFeedback.id == feedback_id, ArticleFeedback.state == FeedbackState.public.value)
    )
    text = await uow.session.scalar(query)
    remarks = await moderation.public(uow, viewer.actor, text.id, limit=100) if text is not None else []
    found = next((remark for remark in remarks if remark.row.id == feedback_id), None)
    if text is None or found is None:
        raise NotFound(_("There is no such comment."))
    return SimpleNamespace(text=found.comment, url=shell.article_url(text.language, text.slug))
