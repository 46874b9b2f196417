"""Articles offered in answer to a request, and what came of it.

One offer for a request, made right after its first message; none when a person has answered, when
the engine is not sure, or when the words call for a person. Each offer is a row: asked, shown,
chosen, solved, reopened later. Agents' own choice of an article is a row too.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from core import clock
from core.access import Actor
from core.crypto.fields import Unreadable, seal_json, seal_text, unseal_json
from core.db import UnitOfWork
from core.errors import NotFound, Refused
from core.i18n import _
from core.kb import learning, queries, silence
from core.kb.events import SuggestionDismissed, SuggestionShown, SuggestionSolved, SuggestionUndone
from core.kb.model import Outcome, Suggestion
from core.kb.queries import Line
from core.people.model import Person
from core.ports.articles import Articles, Hit
from core.tickets import access, lifecycle
from core.tickets.access import Opened
from core.tickets.changing import record
from core.tickets.model import Ticket

PASSERBY = Actor(None, role="anyone")
"""Who follows a link out of a chat: nobody the help centre knows."""
LATELY = timedelta(days=1)
"""So long nobody is offered again what they were shown."""
MOST_OF_TICKET = 20
_QUESTION = "suggestion.question"


@dataclass(frozen=True, slots=True)
class Offered:
    """One article of an offer, as it can be read now: `place` counts from 1, as it was shown."""

    place: int
    line: Line
    sentence: str


async def offer(
    uow: UnitOfWork, articles: Articles, opened: Opened, question: str, *, reader: Actor = PASSERBY
) -> Suggestion | None:
    """Offer articles for a request that was just opened; None where it is better to be silent."""
    ticket = opened.ticket
    if not _may_offer(uow, ticket) or silence.must_be_silent(question):
        return None
    if await of_ticket(uow, ticket.id) is not None:
        return None
    language = language_of(uow, ticket)
    hits = await articles.suggest(question, reader, language)
    if not hits or await _shown_lately(uow, ticket.requester_id, hits):
        return None
    row = await keep(uow, hits, question, ticket.requester_id, ticket.channel, language)
    row.ticket_id, row.conversation_id = ticket.id, ticket.conversation_id
    shown = SuggestionShown(subject=row.id, ticket=ticket.id, articles=tuple(row.shown))
    uow.emit(shown, conversation=ticket.conversation_id)
    return row


async def keep(
    uow: UnitOfWork, hits: Sequence[Hit], question: str, person_id: UUID, channel: str, language: str
) -> Suggestion:
    """Write down what is shown to somebody."""
    row = Suggestion(channel=channel, language=language, person_id=person_id)
    row.shown = [hit.article_id for hit in hits]
    row.scores = {str(hit.text_id): hit.score for hit in hits}
    kept = {
        "question": question[: learning.QUESTION_CHARACTERS],
        "texts": [str(hit.text_id) for hit in hits],
        "sentences": [hit.sentence for hit in hits],
    }
    key = await uow.keys.of_person(uow.session, person_id)
    row.question = seal_json(key, kept, _QUESTION, row.id)
    uow.session.add(row)
    await uow.session.flush()
    return row


async def of_ticket(uow: UnitOfWork, ticket_id: UUID, *, lock: bool = False) -> Suggestion | None:
    """What was offered to the requester of a ticket."""
    query = (
        select(Suggestion)
        .where(Suggestion.ticket_id == ticket_id, Suggestion.by_agent.is_(False))
        .order_by(Suggestion.asked_at.desc())
        .limit(1)
    )
    row: Suggestion | None = await uow.session.scalar(query.with_for_update() if lock else query)
    return row


async def waiting(uow: UnitOfWork, conversation_id: UUID) -> Suggestion | None:
    """The offer that was made in a conversation and has no answer yet."""
    query = select(Suggestion).where(
        Suggestion.conversation_id == conversation_id,
        Suggestion.by_agent.is_(False),
        Suggestion.outcome == Outcome.shown.value,
    )
    row: Suggestion | None = await uow.session.scalar(query.limit(1))
    return row


async def offered(uow: UnitOfWork, row: Suggestion, *, reader: Actor = PASSERBY) -> list[Offered]:
    """The articles of an offer that can still be read, in their order."""
    kept = await _kept(uow, row)
    texts = [UUID(each) for each in kept.get("texts", ())]
    lines = {line.text_id: line for line in await queries.lines_of(uow.session, reader, texts, texts=True)}
    sentences = kept.get("sentences", [])
    return [
        Offered(at + 1, lines[text_id], str(sentences[at]))
        for at, text_id in enumerate(texts)
        if text_id in lines
    ]


async def question_of(uow: UnitOfWork, row: Suggestion) -> str:
    """What was asked; empty when its person was erased."""
    return str((await _kept(uow, row)).get("question", ""))


def is_open(row: Suggestion, ticket: Ticket) -> bool:
    """Whether the offer still waits for a word: none was given, and no person has answered."""
    return row.outcome == Outcome.shown and ticket.live and ticket.last_staff_at is None


def stands_solved(row: Suggestion) -> bool:
    """Whether an article was the answer, and it has stayed so."""
    return row.outcome == Outcome.solved and row.reopened_at is None


async def solved(
    uow: UnitOfWork, actor: Actor, number: int, place: int, *, reader: Actor = PASSERBY
) -> Opened:
    """The requester says that an article was the answer: the ticket is resolved by it, which can be
    undone. `place` is the article's in the offer, from 1."""
    opened, row = await _own(uow, actor, number)
    shown = await offered(uow, row, reader=reader)
    chosen = next((each for each in shown if each.place == place), None)
    if chosen is None:
        raise NotFound(_("There is no such article."))
    now = clock.now()
    record(uow, opened, actor, lifecycle.resolve(opened.ticket, actor.id, now), at=now)
    opened.ticket.solution = seal_text(
        opened.ticket_key, chosen.line.title, "ticket.solution", opened.ticket.id
    )
    await accepted(uow, actor, row, chosen.line.article_id)
    return opened


async def accepted(
    uow: UnitOfWork, actor: Actor, row: Suggestion, article_id: UUID, *, teaches: bool = True
) -> None:
    """One of what was shown was the answer, with a ticket or before there was one."""
    row.chosen, row.outcome, row.outcome_at = article_id, Outcome.solved.value, clock.now()
    row.reopened_at = None
    if teaches:
        await _teach(uow, row, article_id, solved=True)
    uow.emit(
        SuggestionSolved(subject=row.id, ticket=row.ticket_id, article=article_id),
        conversation=row.conversation_id,
        actor=actor,
    )


async def unsolved(uow: UnitOfWork, actor: Actor, number: int) -> Opened:
    """It was not the answer after all: the ticket is open again, and a person reads it."""
    opened, row = await _own(uow, actor, number)
    if not stands_solved(row):
        raise Refused(_("There is nothing to undo."))
    now = clock.now()
    if not opened.ticket.live:
        record(uow, opened, actor, lifecycle.reopen(opened.ticket, "undone", now), at=now)
        opened.ticket.solution = None
    await taken_back(uow, actor, row)
    return opened


async def taken_back(uow: UnitOfWork, actor: Actor, row: Suggestion) -> None:
    """What was said to be solved is not: it teaches nothing, and counts as not solved."""
    if row.outcome != Outcome.solved:
        return
    article, row.chosen = row.chosen, None
    row.outcome, row.outcome_at = Outcome.dismissed.value, clock.now()
    await learning.undo_of(uow, row.id)
    uow.emit(
        SuggestionUndone(subject=row.id, ticket=row.ticket_id, article=article),
        conversation=row.conversation_id,
        actor=actor,
    )


async def asked_all_the_same(
    uow: UnitOfWork, actor: Actor, row: Suggestion, turned_down: Collection[UUID] | None = None
) -> None:
    """What was shown before the question was sent did not keep anybody from sending it. Where it
    was said to be of no use, it teaches that of those articles that are `turned_down`."""
    row.outcome = (Outcome.human if turned_down is None else Outcome.dismissed).value
    row.outcome_at = clock.now()
    for article_id in dict.fromkeys(row.shown):
        if article_id in (turned_down or ()):
            await _teach(uow, row, article_id, solved=False)
    uow.emit(
        SuggestionShown(subject=row.id, ticket=row.ticket_id, articles=tuple(row.shown)),
        conversation=row.conversation_id,
        actor=actor,
    )
    uow.emit(
        SuggestionDismissed(subject=row.id, ticket=row.ticket_id, outcome=row.outcome),
        conversation=row.conversation_id,
        actor=actor,
    )


async def dismissed(uow: UnitOfWork, actor: Actor, number: int, *, human: bool = False) -> None:
    """None of the articles helped, or (`human`) a person is wanted, whatever they say."""
    _opened, row = await _own(uow, actor, number)
    if row.outcome != Outcome.shown:
        return
    row.outcome = (Outcome.human if human else Outcome.dismissed).value
    row.outcome_at = clock.now()
    if not human:
        for article_id in dict.fromkeys(row.shown):
            await _teach(uow, row, article_id, solved=False)
    uow.emit(
        SuggestionDismissed(subject=row.id, ticket=row.ticket_id, outcome=row.outcome),
        conversation=row.conversation_id,
        actor=actor,
    )


async def reopened(uow: UnitOfWork, ticket_id: UUID) -> None:
    """A ticket that an article had solved is open again: it was not avoided, and teaches nothing."""
    query = (
        select(Suggestion)
        .where(
            Suggestion.ticket_id == ticket_id,
            Suggestion.outcome == Outcome.solved.value,
            Suggestion.reopened_at.is_(None),
        )
        .limit(MOST_OF_TICKET)
        .with_for_update()
    )
    for row in list(await uow.session.scalars(query)):
        row.reopened_at = clock.now()
        await learning.undo_of(uow, row.id)
        undone = SuggestionUndone(subject=row.id, ticket=ticket_id, article=row.chosen)
        uow.emit(undone, conversation=row.conversation_id)


async def inserted(uow: UnitOfWork, actor: Actor, opened: Opened, line: Line, question: str) -> Suggestion:
    """An agent has sent an article to the requester; it teaches when the ticket is resolved."""
    ticket = opened.ticket
    hit = Hit(line.article_id, line.text_id, line.language, line.title, line.summary, 1.0)
    row = await keep(uow, [hit], question, ticket.requester_id, ticket.channel, language_of(uow, ticket))
    row.ticket_id, row.conversation_id = ticket.id, ticket.conversation_id
    row.by_agent, row.chosen = True, line.article_id
    row.outcome, row.outcome_at = Outcome.inserted.value, clock.now()
    uow.emit(SuggestionShown(subject=row.id, ticket=ticket.id, articles=(line.article_id,)), actor=actor)
    return row


async def resolved(uow: UnitOfWork, ticket_id: UUID, by: UUID | None) -> None:
    """A ticket is resolved: the articles that agents sent in it were the answer."""
    query = select(Suggestion).where(
        Suggestion.ticket_id == ticket_id,
        Suggestion.by_agent,
        Suggestion.outcome == Outcome.inserted.value,
    )
    rows = list(await uow.session.scalars(query.limit(MOST_OF_TICKET)))
    by = by if rows and await _is_colleague(uow, by) else None
    for row in rows:
        row.outcome, row.outcome_at = Outcome.solved.value, clock.now()
        if row.chosen is not None:
            await _teach(uow, row, row.chosen, solved=True, by=by)
            uow.emit(SuggestionSolved(subject=row.id, ticket=ticket_id, article=row.chosen))


def language_of(uow: UnitOfWork, ticket: Ticket) -> str:
    """In which language a ticket's requester reads."""
    return ticket.language or uow.settings.language


def _may_offer(uow: UnitOfWork, ticket: Ticket) -> bool:
    return uow.settings.suggest_articles and ticket.live and ticket.last_staff_at is None


async def _is_colleague(uow: UnitOfWork, person_id: UUID | None) -> bool:
    """Who has resolved their own request is its asker, not somebody who chose for them."""
    person = await uow.session.get(Person, person_id) if person_id is not None else None
    return person is not None and person.role != "requester"


async def _shown_lately(uow: UnitOfWork, person_id: UUID, hits: Sequence[Hit]) -> bool:
    """Whether somebody was shown all of this just before and asks all the same, maybe in a second
    ticket: not again then."""
    query = select(Suggestion.shown).where(
        Suggestion.person_id == person_id,
        Suggestion.by_agent.is_(False),
        Suggestion.asked_at > clock.now() - LATELY,
    )
    shown = list(await uow.session.scalars(query.order_by(Suggestion.asked_at.desc()).limit(MOST_OF_TICKET)))
    return {hit.article_id for hit in hits} <= {article for those in shown for article in those}


async def _own(uow: UnitOfWork, actor: Actor, number: int) -> tuple[Opened, Suggestion]:
    """The requester's own ticket, locked, and what was offered in it."""
    opened = await access.change(uow, actor, number)
    row = await of_ticket(uow, opened.ticket.id, lock=True)
    if row is None or opened.ticket.requester_id != actor.id:
        raise NotFound(_("Nothing was suggested here."))
    return opened, row


async def _teach(
    uow: UnitOfWork, row: Suggestion, article_id: UUID, *, solved: bool, by: UUID | None = None
) -> None:
    question = await question_of(uow, row)
    if question.strip() and row.person_id is not None:
        await learning.teach(
            uow,
            question=question,
            article_id=article_id,
            solved=solved,
            person_id=row.person_id,
            language=row.language,
            suggestion_id=row.id,
            by=by,
        )


async def _kept(uow: UnitOfWork, row: Suggestion) -> dict[str, list[str]]:
    if row.question is None or row.person_id is None:
        return {}
    try:
        key = await uow.keys.of_person(uow.session, row.person_id)
        kept = unseal_json(key, row.question, _QUESTION, row.id)
    except Unreadable:
        return {}
    return kept if isinstance(kept, dict) else {}
