"""Articles for who asks by the form: while they write, and once more on their ticket.

What is shown while somebody types is kept nowhere until they say what came of it, or send the form
all the same. Without scripts the offer stands on the ticket's page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from core.access import Actor
from core.db import UnitOfWork
from core.errors import NotFound
from core.i18n import _
from core.kb import offer_card, queries, silence, suggesting
from core.kb.model import Suggestion
from core.people.model import Person
from core.ports.articles import Hit
from core.rate import Budget
from core.tickets.access import Opened
from webui import rendering
from webui.deps import SignedIn, TheSite, Uow
from webui.public import fields_of, show
from webui.rendering import see_other
from webui.sessions import Viewer
from webui.site import Site

router = APIRouter()
CHANNEL = "portal"
LEAST_LETTERS = 12
MOST_SHOWN = 3
MOST_LIKELY = 10
QUESTION_CHARACTERS = 2_000


@router.get("/my/suggestions")
async def while_typing(
    request: Request,
    uow: Uow,
    viewer: SignedIn,
    site: TheSite,
    text: Annotated[str, Query(max_length=QUESTION_CHARACTERS)] = "",
) -> Response:
    """Up to three articles for what is being written; nothing when none fits."""
    _within_budget(site, viewer)
    hits = await _hits(uow, viewer, text)
    shown = await _shown(uow, viewer.actor, hits)
    return rendering.page(request, "portal/suggestions.html", offered=shown, typing=True)


@router.post("/my/suggestions")
async def solved(request: Request, uow: Uow, viewer: SignedIn, site: TheSite) -> Response:
    """One of them was the answer: nothing has to be sent."""
    _within_budget(site, viewer)
    given = await fields_of(request)
    form = await request.form()
    hits = await _named(uow, viewer.actor, [str(each) for each in form.getlist("suggested")])
    chosen = next((hit for hit in hits if str(hit.text_id) == given.get("solved")), None)
    if chosen is None:
        raise NotFound(_("There is no such article."))
    row = await _keep(uow, viewer, hits, _question(given))
    teaches = chosen.article_id in await _answers(uow, viewer, _question(given))
    await suggesting.accepted(uow, viewer.actor, row, chosen.article_id, teaches=teaches)
    return see_other(f"/my/suggestions/{row.id}")


@router.get("/my/suggestions/{suggestion_id}")
async def thanks(request: Request, uow: Uow, viewer: SignedIn, suggestion_id: UUID) -> Response:
    row = await _own(uow, viewer, suggestion_id)
    lines = await queries.lines_of(uow.session, viewer.actor, [row.chosen] if row.chosen else [])
    chosen = next((line for line in lines if line.language == row.language), lines[0] if lines else None)
    return show(
        request,
        "portal/solved.html",
        id=row.id,
        title=chosen.title if chosen else "",
        url=offer_card.address(chosen, "") if chosen else "",
    )


@router.post("/my/suggestions/{suggestion_id}/delete")
async def not_solved(uow: Uow, viewer: SignedIn, suggestion_id: UUID) -> Response:
    """It was not the answer after all: back to the form, with what was written."""
    row = await _own(uow, viewer, suggestion_id)
    await suggesting.taken_back(uow, viewer.actor, row)
    return see_other(f"/my/new?category=&again={row.id}")


@router.post("/my/tickets/{number}/articles/{place:int}")
async def solved_here(uow: Uow, viewer: SignedIn, number: int, place: int) -> Response:
    await suggesting.solved(uow, viewer.actor, number, place, reader=viewer.actor)
    return see_other(f"/my/tickets/{number}")


@router.post("/my/tickets/{number}/articles")
async def not_these(uow: Uow, viewer: SignedIn, number: int) -> Response:
    await suggesting.dismissed(uow, viewer.actor, number)
    return see_other(f"/my/tickets/{number}")


@router.post("/my/tickets/{number}/articles/delete")
async def undo(uow: Uow, viewer: SignedIn, number: int) -> Response:
    await suggesting.unsolved(uow, viewer.actor, number)
    return see_other(f"/my/tickets/{number}")


async def after_opening(
    uow: UnitOfWork,
    viewer: Viewer,
    opened: Opened,
    suggested: Sequence[str],
    question: str,
    *,
    dismissed: bool = False,
) -> None:
    """The form was sent: what was shown before did not help; where nothing was shown, articles are
    offered now."""
    hits = await _named(uow, viewer.actor, suggested)
    if hits and viewer.actor.id == opened.ticket.requester_id:
        row = await _keep(uow, viewer, hits, question)
        row.ticket_id, row.conversation_id = opened.ticket.id, opened.ticket.conversation_id
        turned_down = await _answers(uow, viewer, question) if dismissed else None
        await suggesting.asked_all_the_same(uow, viewer.actor, row, turned_down)
    elif uow.means.articles is not None:
        await suggesting.offer(uow, uow.means.articles, opened, question, reader=viewer.actor)


async def written_before(uow: UnitOfWork, viewer: Viewer, again: str) -> dict[str, str]:
    """What was in the form when an article seemed to be the answer, so that nobody types it twice."""
    try:
        row = await _own(uow, viewer, UUID(again))
    except (ValueError, NotFound):
        return {}
    subject, _line, text = (await suggesting.question_of(uow, row)).partition("\n")
    return {"subject": subject, "text": text}


async def offer_of(uow: UnitOfWork, viewer: Viewer, opened: Opened) -> SimpleNamespace | None:
    """The offer on a ticket's page: open, or what it was solved by."""
    if viewer.actor.id != opened.ticket.requester_id:
        return None
    row = await suggesting.of_ticket(uow, opened.ticket.id)
    solved_by = row is not None and suggesting.stands_solved(row)
    if row is None or not (solved_by or suggesting.is_open(row, opened.ticket)):
        return None
    found = await suggesting.offered(uow, row, reader=viewer.actor)
    return SimpleNamespace(
        solved=solved_by,
        articles=[
            SimpleNamespace(
                place=each.place,
                title=each.line.title,
                sentence=each.sentence,
                url=offer_card.address(each.line, ""),
            )
            for each in found
            if not solved_by or each.line.article_id == row.chosen
        ],
    )


async def _hits(uow: UnitOfWork, viewer: Viewer, text: str) -> list[Hit]:
    asked = " ".join(text.split())
    articles = uow.means.articles
    wanted = uow.settings.suggest_articles and articles is not None
    if not wanted or len(asked) < LEAST_LETTERS or silence.must_be_silent(asked):
        return []
    assert articles is not None
    return await articles.suggest(asked, viewer.actor, _language(uow, viewer), MOST_SHOWN)


async def _shown(uow: UnitOfWork, actor: Actor, hits: Sequence[Hit]) -> list[SimpleNamespace]:
    texts = [hit.text_id for hit in hits]
    found = {line.text_id: line for line in await queries.lines_of(uow.session, actor, texts, texts=True)}
    return [
        SimpleNamespace(
            text=str(hit.text_id),
            title=found[hit.text_id].title,
            sentence=hit.sentence,
            url=offer_card.address(found[hit.text_id], ""),
        )
        for hit in hits
        if hit.text_id in found
    ]


async def _named(uow: UnitOfWork, actor: Actor, given: Sequence[str]) -> list[Hit]:
    """What the form says was shown, as far as it can be read."""
    texts = []
    for each in given[:MOST_SHOWN]:
        try:
            texts.append(UUID(each))
        except ValueError:
            continue
    lines = await queries.lines_of(uow.session, actor, texts, texts=True)
    return [
        Hit(line.article_id, line.text_id, line.language, line.title, line.summary, 0.0) for line in lines
    ]


async def _answers(uow: UnitOfWork, viewer: Viewer, question: str) -> set[UUID]:
    """The articles that come near to a question by themselves. What the form says was shown can be
    made up, and must not teach."""
    if uow.means.articles is None:
        return set()
    language = _language(uow, viewer)
    hits = await uow.means.articles.search(question, viewer.actor, language, most=MOST_LIKELY)
    return {hit.article_id for hit in hits}


async def _keep(uow: UnitOfWork, viewer: Viewer, hits: Sequence[Hit], question: str) -> Suggestion:
    assert viewer.actor.id is not None
    language = _language(uow, viewer)
    return await suggesting.keep(uow, hits, question, viewer.actor.id, CHANNEL, language)


async def _own(uow: UnitOfWork, viewer: Viewer, suggestion_id: UUID) -> Suggestion:
    row = await uow.session.get(Suggestion, suggestion_id)
    if row is None or row.person_id != viewer.actor.id or row.by_agent or row.ticket_id is not None:
        raise NotFound(_("Nothing was suggested here."))
    return row


def _language(uow: UnitOfWork, viewer: Viewer) -> str:
    person = cast(Person, viewer.person)
    return person.locale or uow.settings.language


def _question(given: Mapping[str, Any]) -> str:
    return f"{given.get('subject', '')}\n{given.get('text', '')}".strip()[:QUESTION_CHARACTERS]


def _within_budget(site: Site, viewer: Viewer) -> None:
    budget = cast(Budget, site.facts.setdefault("suggestion_budget", Budget(120, 60)))
    budget.take(str(viewer.actor.id))
