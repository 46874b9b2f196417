"""What waits for a review, what a reviewer decides on, and what was published once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from markupsafe import Markup

from core.i18n import _
from core.kb import access, listing, revisions
from core.kb import page as pages
from core.kb.difference import difference
from core.kb.listing import Filter
from core.kb.model import ArticleState
from core.people.naming import named
from webui.deps import Uow
from webui.pages import kb_shell
from webui.pages.kb_editor import TEXT
from webui.pages.kb_shell import HERE, Writes, link, show, text_url

router = APIRouter()
PAGE = 30


@router.get(HERE + "/reviews")
async def reviews(
    request: Request, uow: Uow, viewer: Writes, after: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    page = await listing.page(uow, viewer.actor, Filter(state="in_review"), after=after)
    people = await named(uow, [who for row in page.rows for who in (row.text.asked_by, row.text.reviewer_id)])
    return await show(
        request,
        uow,
        viewer,
        "kb/reviews.html",
        part="reviews",
        rows=[
            SimpleNamespace(
                text=row.text,
                url=text_url(row.text.id, "review"),
                language=kb_shell.language_name(row.text.language),
                asked_by=people.get(row.text.asked_by) if row.text.asked_by else None,
                reviewer=people.get(row.text.reviewer_id) if row.text.reviewer_id else None,
                mine=row.text.reviewer_id == viewer.actor.id,
                new=not row.live,
            )
            for row in page.rows
        ],
        newer=f"{HERE}/reviews" if after else None,
        older=link(f"{HERE}/reviews", after=page.next) if page.next else None,
    )


@router.get(TEXT + "/review")
async def review(request: Request, uow: Uow, viewer: Writes, text_id: UUID) -> Response:
    """What is to be published, beside what is published now."""
    article, text = await access.edit(uow, viewer.actor, text_id)
    people = await named(uow, [text.asked_by, text.reviewer_id, text.draft_by])
    draft = text.draft_body if text.draft_body is not None else text.body or ""
    shown = await pages.shown(draft)
    return await show(
        request,
        uow,
        viewer,
        "kb/review.html",
        part="reviews",
        article=article,
        text=text,
        url=text_url(text.id),
        waits=text.state == ArticleState.in_review,
        mine=text.asked_by == viewer.actor.id,
        asked_by=people.get(text.asked_by) if text.asked_by else None,
        written_in=kb_shell.language_name(text.language),
        audience=_(kb_shell.AUDIENCES[article.audience]),
        preview=Markup(shown.html),  # noqa: S704  sanitised there
        changes=difference(text.body, draft) if text.body is not None else None,
        renamed=text.body is not None and text.shown_title != text.title,
    )


@router.get(TEXT + "/revisions")
async def history(
    request: Request,
    uow: Uow,
    viewer: Writes,
    text_id: UUID,
    before: Annotated[int, Query(ge=0, le=2**31)] = 0,
) -> Response:
    _article, text = await access.edit(uow, viewer.actor, text_id)
    rows = list(await revisions.listed(uow, viewer.actor, text_id, before=before or None, limit=PAGE + 1))
    people = await named(uow, [row.by for row in rows])
    return await show(
        request,
        uow,
        viewer,
        "kb/revisions.html",
        text=text,
        url=text_url(text_id),
        rows=[SimpleNamespace(row=row, by=people.get(row.by) if row.by else None) for row in rows[:PAGE]],
        newer=text_url(text_id, "revisions") if before else None,
        older=link(text_url(text_id, "revisions"), before=rows[PAGE - 1].revision)
        if len(rows) > PAGE
        else None,
    )


@router.get(TEXT + "/revisions/{revision:int}")
async def revision(
    request: Request,
    uow: Uow,
    viewer: Writes,
    text_id: UUID,
    revision: int,
    against: Annotated[int, Query(ge=0, le=2**31)] = 0,
) -> Response:
    """A revision as it was read, and what it changed: against the one before, or another."""
    _article, text = await access.edit(uow, viewer.actor, text_id)
    row = await revisions.get(uow, viewer.actor, text_id, revision)
    other = against or revision - 1
    before = await revisions.get(uow, viewer.actor, text_id, other) if other > 0 else None
    people = await named(uow, [row.by])
    shown = await pages.shown(row.body)
    return await show(
        request,
        uow,
        viewer,
        "kb/revision.html",
        text=text,
        row=row,
        before=before,
        by=people.get(row.by) if row.by else None,
        url=text_url(text_id),
        preview=Markup(shown.html),  # noqa: S704  sanitised there
        changes=difference(before.body, row.body) if before is not None else None,
        choices=[number for number in range(text.revision, 0, -1) if number != revision][:50],
    )
