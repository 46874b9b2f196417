"""Sessions as leads look for them: by words, requester, time, agent, team, length, rating, and what is to be
reviewed. Calls and chats stand in one list, the latest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, func, literal, or_, select, tuple_, union_all

from core import clock
from core.access import Actor, Permission
from core.calls.model import LIVE, Call, CallPerson, CallRecording
from core.db import UnitOfWork
from core.paging import cursor_of, read_cursor
from core.reviews.listing import Found, found
from core.reviews.model import Review
from core.reviews.sessions import of_agent
from core.tickets import access as tickets
from core.tickets import search
from core.tickets.model import LIVE as LIVE_TICKETS
from core.tickets.model import Ticket

PAGE = 50
LOW_RATING = 2
DUE_FOR = timedelta(days=90)
"""What nobody reviewed by then is not asked for any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What is looked for; empty means anything. `which` is `due`, `reviewed` or nothing."""

    which: str = ""
    kind: str = ""
    """`call` or `chat`."""
    words: str = ""
    """Of the ticket's conversation, in the language of the search box (`requester:ada` as well)."""
    agent: UUID | None = None
    team: UUID | None = None
    state: str = ""
    """How a call ended."""
    rating: int = 0
    """This, or worse."""
    minutes: int = 0
    """At least so long."""
    recorded: bool = False
    since: datetime | None = None
    until: datetime | None = None

    @property
    def calls(self) -> bool:
        return self.kind != "chat"

    @property
    def chats(self) -> bool:
        return self.kind != "call" and not self.state and not self.recorded


@dataclass(frozen=True, slots=True)
class Page:
    rows: list[Found]
    next: str | None


async def page(uow: UnitOfWork, actor: Actor, wanted: Filter, *, after: str = "", most: int = PAGE) -> Page:
    """Sessions that are over, the latest first."""
    actor.require(Permission.see_reports)
    said = await search.condition(uow, actor, wanted.words) if wanted.words else None
    cursor = read_cursor(after)
    queries = []
    for query, began, of_id in _kinds(uow, actor, wanted):
        if said is not None:
            query = query.where(said)
        if cursor is not None:
            query = query.where(tuple_(began, of_id) < cursor)
        queries.append(query.order_by(began.desc(), of_id.desc()).limit(most + 1))
    rows = await _merged(uow, queries, most + 1)
    shown = rows[:most]
    more = cursor_of(shown[-1].began, shown[-1].id) if len(rows) > most else None
    return Page(await found(uow, shown), more)


async def due(uow: UnitOfWork, actor: Actor, most: int = 99) -> int:
    """How many sessions wait for a review, counted up to `most`."""
    queries = [query.limit(most) for query, _began, _id in _kinds(uow, actor, Filter(which="due"))]
    every = union_all(*(select(query.subquery()) for query in queries)).subquery()
    limited = select(every.c.id).limit(most).subquery()
    return int(await uow.session.scalar(select(func.count()).select_from(limited)) or 0)


_Kind = tuple["Select[str, UUID, datetime]", Any, Any]


def _kinds(uow: UnitOfWork, actor: Actor, wanted: Filter) -> list[_Kind]:
    """For each kind of session its query, and by what it is sorted."""
    made: list[_Kind] = []
    if wanted.calls:
        made.append((_calls(uow, actor, wanted), Call.created_at, Call.id))
    if wanted.chats:
        made.append((_chats(uow, actor, wanted), Ticket.created_at, Ticket.id))
    return made


async def _merged(uow: UnitOfWork, queries: list[Any], most: int) -> list[Any]:
    if not queries:
        return []
    every = union_all(*(select(query.subquery()) for query in queries)).subquery()
    latest = select(every).order_by(every.c.began.desc(), every.c.id.desc()).limit(most)
    return list(await uow.session.execute(latest))


def _calls(uow: UnitOfWork, actor: Actor, wanted: Filter) -> Select[str, UUID, datetime]:
    query = select(literal("call").label("kind"), Call.id.label("id"), Call.created_at.label("began"))
    query = query.join(Ticket, Ticket.id == Call.ticket_id).where(
        tickets.visible(actor), Call.state.not_in(LIVE), Call.started_at.is_not(None)
    )
    if wanted.agent is not None:
        query = query.where(_somebody(CallPerson.person_id == wanted.agent, CallPerson.staff.is_(True)))
    if wanted.state:
        query = query.where(Call.state == wanted.state)
    if wanted.rating:
        query = query.where(_somebody(CallPerson.rating <= wanted.rating))
    if wanted.recorded:
        recorded = exists().where(CallRecording.call_id == Call.id, CallRecording.deleted_at.is_(None))
        query = query.where(recorded)
    reviewed = exists().where(Review.call_id == Call.id)
    low = _somebody(CallPerson.rating <= LOW_RATING)
    lasted = Call.ended_at - Call.started_at
    return query.where(*_common(uow, wanted, Call.id, Call.created_at, lasted, reviewed, low))


def _chats(uow: UnitOfWork, actor: Actor, wanted: Filter) -> Select[str, UUID, datetime]:
    query = select(literal("chat").label("kind"), Ticket.id.label("id"), Ticket.created_at.label("began"))
    query = query.where(
        tickets.visible(actor), Ticket.status.not_in(LIVE_TICKETS), Ticket.merged_into_id.is_(None)
    )
    if wanted.agent is not None:
        query = query.where(of_agent(wanted.agent))
    if wanted.rating:
        query = query.where(Ticket.rating <= wanted.rating)
    if wanted.which == "due":
        query = query.where(Ticket.first_answer_at.is_not(None))
    reviewed = exists().where(Review.ticket_id == Ticket.id)
    low = Ticket.rating <= LOW_RATING
    lasted = func.coalesce(Ticket.resolved_at, Ticket.closed_at) - Ticket.created_at
    return query.where(*_common(uow, wanted, Ticket.id, Ticket.created_at, lasted, reviewed, low))


def _common(
    uow: UnitOfWork, wanted: Filter, of_id: Any, began: Any, lasted: Any, reviewed: Any, low: Any
) -> list[ColumnElement[bool]]:
    """What is asked of both kinds alike."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.which == "due":
        conditions += [_sampled(uow, of_id, low), ~reviewed, began > clock.now() - DUE_FOR]
    elif wanted.which == "reviewed":
        conditions.append(reviewed)
    if wanted.team is not None:
        conditions.append(Ticket.team_id == wanted.team)
    if wanted.minutes:
        conditions.append(func.extract("epoch", lasted) >= wanted.minutes * 60)
    if wanted.since is not None:
        conditions.append(began >= wanted.since)
    if wanted.until is not None:
        conditions.append(began < wanted.until)
    return conditions


def _sampled(uow: UnitOfWork, of_id: Any, low: Any) -> ColumnElement[bool]:
    """A share of each agent's sessions, and all that were rated badly. The last byte of an id is random and
    stays what it is: every session has the same chance, whose ever it is, and is in the sample or not, for
    good."""
    chance: ColumnElement[bool] = (
        func.get_byte(func.uuid_send(of_id), 15) * 100 < uow.settings.review_percent * 256
    )
    return or_(chance, low) if uow.settings.review_low_ratings else chance


def _somebody(*such: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(CallPerson.call_id == Call.id, CallPerson.joined_at.is_not(None), *such)
