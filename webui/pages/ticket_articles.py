"""Beside a ticket: the articles that fit it, and the tickets that were solved before.

The section is fetched when somebody opens it. Without scripts it is a page of its own, and what is
chosen there goes into the draft of the reply.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from core.access import Permission
from core.db import UnitOfWork
from core.i18n import _
from core.kb import offer_card, sending, suggesting
from core.kb.model import Outcome, Suggestion
from core.tickets import access, similar
from core.tickets.access import Opened
from webui import rendering
from webui.deps import Staff, Uow
from webui.desk_context import staff_page
from webui.pages import ticket
from webui.pages.ticket import Number
from webui.rendering import see_other
from webui.sessions import Viewer

router = APIRouter()
MOST_ARTICLES = 5
MOST_SIMILAR = 5
HERE = "/tickets/{number}/articles"
OUTCOMES = {
    Outcome.shown: lambda: _("no answer yet"),
    Outcome.solved: lambda: _("that solved it"),
    Outcome.dismissed: lambda: _("not what they need"),
    Outcome.human: lambda: _("wants a person"),
}


@router.get(HERE)
async def articles(
    request: Request,
    uow: Uow,
    viewer: Staff,
    number: Number,
    words: Annotated[str, Query(max_length=400)] = "",
) -> Response:
    opened = await access.get(uow, viewer.actor, number)
    question = words.strip() or await similar.question_of(uow, opened)
    shown: dict[str, Any] = {
        "number": number,
        "words": words,
        "offered": await _offered(uow, viewer, opened),
        "articles": await _found(uow, viewer, opened, question),
        "similar": await similar.resolved_like(uow, viewer.actor, question, opened, limit=MOST_SIMILAR),
        "loading": uow.means.articles is None or not uow.means.articles.ready,
        "may_send": viewer.actor.may(Permission.reply) and opened.ticket.merged_into_id is None,
    }
    if rendering.is_fragment(request):
        return rendering.page(request, "desk/articles.html", **shown)
    return await staff_page(request, uow, viewer, "desk/articles_page.html", subject=opened.subject, **shown)


@router.get(HERE + "/{article}")
async def words_of(
    uow: Uow, viewer: Staff, number: Number, article: Number, how: Annotated[str, Query()] = "link"
) -> Response:
    """What goes into the composer: the link to an article, or all of it."""
    viewer.actor.require(Permission.reply)
    opened = await access.get(uow, viewer.actor, number)
    line = await sending.by_number(uow, viewer.actor, article, suggesting.language_of(uow, opened.ticket))
    body = await sending.words(uow, viewer.actor, line, whole=how == "text")
    return JSONResponse({"id": line.number, "title": line.title, "body": body})


@router.post(HERE + "/{article}")
async def into_the_draft(
    request: Request, uow: Uow, viewer: Staff, number: Number, article: Number
) -> Response:
    """The same where no script runs: the words are added to the draft of the reply."""
    viewer.actor.require(Permission.reply)
    how = (await request.form()).get("how")
    opened = await access.change(uow, viewer.actor, number)
    line = await sending.by_number(uow, viewer.actor, article, suggesting.language_of(uow, opened.ticket))
    body = await sending.words(uow, viewer.actor, line, whole=how == "text")
    draft = (await ticket.draft_of(uow, viewer, opened)).body
    await ticket.keep_draft(uow, viewer, opened, f"{draft}\n\n{body}".strip(), "reply")
    return see_other(f"/tickets/{number}")


async def _found(uow: UnitOfWork, viewer: Viewer, opened: Opened, question: str) -> list[SimpleNamespace]:
    if uow.means.articles is None:
        return []
    language = suggesting.language_of(uow, opened.ticket)
    hits = await uow.means.articles.search(question, viewer.actor, language, most=MOST_ARTICLES)
    return [
        SimpleNamespace(
            number=each.line.number,
            title=each.line.title,
            sentence=each.sentence,
            internal=not each.for_requesters,
            url=offer_card.address(each.line, ""),
        )
        for each in await sending.lines(uow, viewer.actor, hits)
    ]


async def _offered(uow: UnitOfWork, viewer: Viewer, opened: Opened) -> SimpleNamespace | None:
    """What the requester was shown already, and what they said to it."""
    row: Suggestion | None = await suggesting.of_ticket(uow, opened.ticket.id)
    if row is None:
        return None
    shown = await suggesting.offered(uow, row, reader=viewer.actor)
    return SimpleNamespace(
        articles=[
            SimpleNamespace(
                title=each.line.title,
                url=offer_card.address(each.line, ""),
                chosen=each.line.article_id == row.chosen,
            )
            for each in shown
        ],
        outcome=OUTCOMES.get(Outcome(row.outcome), lambda: "")(),
    )
