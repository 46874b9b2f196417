"""An article as its readers see it."""

from __future__ import annotations

from types import SimpleNamespace
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup
from sqlalchemy import select

from core.db import UnitOfWork
from core.errors import NotFound
from core.i18n import _
from core.kb import moderation, page, queries, useful
from core.kb.model import Article, ArticleText
from core.kb.queries import Moved
from core.people.model import Tag
from core.tickets.categories import categories
from webui.deps import AnyViewer, SignedIn, TheSite, Uow
from webui.pages import help_shell as shell
from webui.rendering import see_other
from webui.sessions import Viewer

router = APIRouter()

COMMENTS = 20
LEAST_HEADINGS = 3
"""A shorter table of contents would be longer than its use."""
MOST_HEADINGS = 60
_SCROLLS = (
    ("<table>", '<div class="help-scroll" tabindex="0" role="region" aria-label="{label}"><table>'),
    ("</table>", "</table></div>"),
    ("<pre>", '<pre tabindex="0">'),
)
"""What may be wider than the page is reached by keyboard."""
DONE = {"feedback": lambda: _("Thank you. That helps us to write better.")}


@router.get("/help/{language}/{slug}")
async def article(
    request: Request, uow: Uow, viewer: AnyViewer, site: TheSite, language: str, slug: str
) -> Response:
    shell.speak(uow, language)
    try:
        found, text = await queries.by_slug(uow.session, viewer.actor, language, slug)
    except Moved as elsewhere:
        return shell.moved(shell.article_url(language, elsewhere.slug) + _query(request))
    shell.count_view(request, site, viewer, found.id, language)
    shown = await page.shown(text.body or "")
    others = await queries.languages_of(uow.session, viewer.actor, found.id)
    url = shell.article_url(language, text.slug)
    said = DONE.get(request.query_params.get("done", ""))
    response = shell.show(
        request, site, viewer, "help/article.html", language=language,
        private=found.audience != "public" or said is not None,
        text=text, number=found.number, html=Markup(_within_reach(shown.html)),  # noqa: S704  sanitised by page.shown
        contents=[each for each in shown.contents if each.level <= 3][:MOST_HEADINGS]
        if len(shown.contents) >= LEAST_HEADINGS else [],
        trail=await _trail(uow, found, language), tags=await _tags(uow, found, language),
        related=shell.cards(await useful.near(uow.session, viewer.actor, found, language)),
        comments=await _comments(uow, viewer, text), internal=found.audience == "internal",
        members=found.audience == "signed_in", url=url, feedback_url=f"{url}/feedback",
        ask_url=f"{url}/ask", chat_about=shell.chat_url(site, text.id),
        edit_url=f"/desk/articles/texts/{text.id}" if viewer.staff else None,
        languages=[
            SimpleNamespace(
                code=each.language, text=shell.own_name(each.language),
                url=shell.article_url(each.language, each.slug), current=each.language == language,
            )
            for each in others
        ],
        alternates=[(each.language, shell.article_url(each.language, each.slug)) for each in others],
        original=next(
            (shell.article_url(each.language, each.slug) for each in others if each.language == found.language),
            None,
        ),
        canonical=f"{site.public_url}{url}",
        flashes=[SimpleNamespace(text=said(), tone="good")] if said is not None else [],
    )  # fmt: skip
    if found.audience != "public":
        response.headers["x-robots-tag"] = "noindex"
    return response


@router.get("/help/{language}/{slug}/ask")
async def ask(uow: Uow, viewer: SignedIn, language: str, slug: str) -> Response:
    """Still stuck: the form of a ticket, with the article noted on it. Who works here writes for others."""
    try:
        _article, text = await queries.by_slug(uow.session, viewer.actor, language, slug)
    except Moved as elsewhere:
        return see_other(shell.article_url(language, elsewhere.slug, "ask"))
    return see_other("/desk/new" if viewer.staff else f"/my/new?article={text.id}")


def _query(request: Request) -> str:
    return f"?{request.url.query}" if request.url.query else ""


def _within_reach(html: str) -> str:
    for what, instead in _SCROLLS:
        html = html.replace(what, instead.format(label=_("Table")))
    return html


async def _trail(uow: UnitOfWork, found: Article, language: str) -> list[tuple[str, str]]:
    lines = await categories(uow.session)
    return shell.trail(lines, found.category_id, language)


async def _tags(uow: UnitOfWork, found: Article, language: str) -> list[tuple[str, str]]:
    rows = await uow.session.scalars(select(Tag).where(Tag.id.in_(found.tags), Tag.active).order_by(Tag.name))
    return [(tag.name, shell.tag_url(language, tag.id)) for tag in rows]


async def _comments(uow: UnitOfWork, viewer: Viewer, text: ArticleText) -> list[SimpleNamespace]:
    """What moderators made public. Who wrote it is not said: requesters do not know one another."""
    try:
        remarks = await moderation.public(uow, viewer.actor, text.id, limit=COMMENTS)
    except NotFound:
        return []
    return [
        SimpleNamespace(
            id=_id(remark.row.id), text=remark.comment, at=remark.row.at, helpful=remark.row.helpful,
            report_url=f"{shell.HELP}/comments/{remark.row.id}/report",
        )
        for remark in remarks
    ]  # fmt: skip


def _id(comment: UUID) -> str:
    return f"comment-{comment}"
