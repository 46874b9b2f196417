"""What came of suggested articles in the demo's past: offers, their outcomes, and lessons.

What is offered is what the engine really answers to the demo's own questions; what people made of
it is drawn, the same for the same seed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from bot.demo.cast import Cast
from bot.demo.play import Played
from core import clock
from core.db import UnitOfWork
from core.desk import Desk
from core.kb import learning, silence, suggesting
from core.kb.model import Outcome, Suggestion
from core.kb.shelf import Shelf
from core.ports.articles import Hit
from core.tickets.model import Ticket

PORTAL = "portal"
ASKED_AGAIN = 0.3
"""Share of the answerable questions that two others had too, and found answered while writing: so
many it takes to teach."""
SENT_BY_AGENTS = 0.15
OUTCOMES = ((Outcome.shown, 0.52), (Outcome.dismissed, 0.26), (Outcome.human, 0.22))
"""What those said who sent their question all the same."""


async def suggest(desk: Desk, played: Sequence[Played], cast: Cast, seed: int, now: datetime) -> None:
    """Tell what was suggested in the time of the story."""
    chance = random.Random(f"suggestions/{seed}")
    shelf = Shelf(desk.db, desk.means)
    await shelf.load()
    persons = sorted({cast[each.plan.requester.email].id for each in played}, key=str)
    async with desk.unit() as uow:
        for each in played:
            await _of_ticket(uow, shelf, each, cast, persons, chance, now)


async def _of_ticket(
    uow: UnitOfWork, shelf: Shelf, played: Played, cast: Cast, persons: Sequence[UUID], chance: random.Random,
    now: datetime,
) -> None:  # fmt: skip
    question, ticket = played.plan.steps[0].text, played.ticket
    if played.plan.channel == "desk" or silence.must_be_silent(question):
        return
    language = suggesting.language_of(uow, ticket)
    hits = await shelf.suggest(question, suggesting.PASSERBY, language)
    if not hits:
        return
    asked = cast[played.plan.requester.email].id
    row = await _offered(uow, hits, question, asked, ticket, ticket.created_at + timedelta(seconds=2))
    row.outcome = chance.choices([one for one, _w in OUTCOMES], [weight for _o, weight in OUTCOMES])[0].value
    if row.outcome != Outcome.shown:
        row.outcome_at = row.asked_at + timedelta(seconds=chance.randint(8, 240))
    if ticket.resolved_at is not None and chance.random() < SENT_BY_AGENTS:
        await _sent(uow, hits[0], question, asked, ticket)
    for other in chance.sample(persons, min(2, len(persons))) if chance.random() < ASKED_AGAIN else ():
        later = ticket.created_at + (now - ticket.created_at) * chance.random()
        await _solved(uow, hits, question, other, language, later, chance)


async def _offered(
    uow: UnitOfWork, hits: Sequence[Hit], question: str, person: UUID, ticket: Ticket, at: datetime
) -> Suggestion:
    language = suggesting.language_of(uow, ticket)
    row = await suggesting.keep(uow, hits, question, person, ticket.channel, language)
    row.ticket_id, row.conversation_id, row.asked_at = ticket.id, ticket.conversation_id, at
    return row


async def _sent(uow: UnitOfWork, hit: Hit, question: str, person: UUID, ticket: Ticket) -> None:
    """An agent answered with the article, and the ticket was resolved."""
    assert ticket.resolved_at is not None
    at = ticket.created_at + (ticket.resolved_at - ticket.created_at) / 2
    row = await _offered(uow, [hit], question, person, ticket, at)
    row.by_agent, row.chosen = True, hit.article_id
    await _taught(uow, row, question, hit.article_id, person, at=ticket.resolved_at, by=ticket.assignee_id)


async def _solved(
    uow: UnitOfWork, hits: Sequence[Hit], question: str, person: UUID, language: str, at: datetime,
    chance: random.Random,
) -> None:  # fmt: skip
    """Somebody wrote the same into the form, and did not have to send it."""
    row = await suggesting.keep(uow, hits, question, person, PORTAL, language)
    row.asked_at, row.chosen = at, hits[0].article_id
    await _taught(uow, row, question, hits[0].article_id, person, at=at + timedelta(seconds=40))
    if chance.random() < 0.07:
        row.reopened_at = min(at + timedelta(days=chance.randint(1, 6)), clock.now())
        await learning.undo_of(uow, row.id)


async def _taught(
    uow: UnitOfWork,
    row: Suggestion,
    question: str,
    article: UUID,
    person: UUID,
    *,
    at: datetime,
    by: UUID | None = None,
) -> None:
    row.outcome, row.outcome_at = Outcome.solved.value, at
    with clock.fixed(lambda: at):
        await learning.teach(
            uow, question=question, article_id=article, solved=True, person_id=person, language=row.language,
            suggestion_id=row.id, by=by,
        )  # fmt: skip
