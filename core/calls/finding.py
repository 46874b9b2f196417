"""Calls as leads look for them: by words, requester, time, agent, team, length, rating, quality, and what is to be
reviewed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Float, Select, and_, exists, func, or_, select, text, tuple_

from core.access import Actor, Permission
from core.calls.model import LIVE, Call, CallPerson, CallQuality, CallRecording, CallReview
from core.db import UnitOfWork
from core.paging import cursor_of, read_cursor
from core.people.naming import named
from core.tickets import access as tickets
from core.tickets import search
from core.tickets.model import Ticket

PAGE = 50
LOW_RATING = 2
_SAMPLED = "get_byte(uuid_send(call.id), 15) * 100 < :percent * 256"
"""The last byte of an id is random and stays what it is: a call is in the sample or not, for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What is looked for; empty means anything. `which` is `due`, `reviewed` or nothing."""

    which: str = ""
    words: str = ""
    """Of the ticket's conversation, in the language of the search box (`requester:ada` as well)."""
    agent: UUID | None = None
    team: UUID | None = None
    state: str = ""
    rating: int = 0
    """This, or worse."""
    minutes: int = 0
    """At least so long."""
    recorded: bool = False
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A call in a list. `loss` is a share, `round_trip` milliseconds; none where nothing was measured."""

    call: Call
    number: int
    agents: tuple[str, ...]
    requester: str
    rating: int | None
    recorded: bool
    loss: float | None
    round_trip: float | None
    frozen: float
    marks: tuple[int, ...]

    @property
    def light(self) -> str:
        """Good, fair or poor, as the call page itself showed it."""
        return "" if self.loss is None else light(self.loss, self.round_trip or 0.0)


@dataclass(frozen=True, slots=True)
class Page:
    rows: list[Found]
    next: str | None


def light(loss: float, round_trip: float) -> str:
    """How good a connection is, in the words of the call page (see call_quality.js)."""
    if loss > 0.08 or round_trip > 600:
        return "poor"
    return "fair" if loss > 0.02 or round_trip > 300 else "good"


async def page(uow: UnitOfWork, actor: Actor, wanted: Filter, *, after: str = "", most: int = PAGE) -> Page:
    """Calls that are over, the newest first."""
    actor.require(Permission.see_reports)
    query = _query(uow, actor, wanted).order_by(Call.created_at.desc(), Call.id.desc()).limit(most + 1)
    if wanted.words:
        query = query.where(await search.condition(uow, actor, wanted.words))
    cursor = read_cursor(after)
    if cursor is not None:
        query = query.where(tuple_(Call.created_at, Call.id) < cursor)
    rows = list(await uow.session.execute(query))
    shown = await _found(uow, rows[:most])
    last = shown[-1].call if len(rows) > most else None
    return Page(shown, cursor_of(last.created_at, last.id) if last is not None else None)


async def due(uow: UnitOfWork, actor: Actor, most: int = 99) -> int:
    """How many calls wait for a review, counted up to `most`."""
    query = _query(uow, actor, Filter(which="due")).with_only_columns(Call.id).limit(most).subquery()
    return int(await uow.session.scalar(select(func.count()).select_from(query)) or 0)


def _query(uow: UnitOfWork, actor: Actor, wanted: Filter) -> Select[Call, int, UUID]:
    query = select(Call, Ticket.number, Ticket.requester_id).join(Ticket, Ticket.id == Call.ticket_id)
    query = query.where(tickets.visible(actor), Call.state.not_in(LIVE), Call.started_at.is_not(None))
    conditions: list[ColumnElement[bool]] = []
    if wanted.which == "due":
        conditions += [_sampled(uow), ~_reviewed()]
    elif wanted.which == "reviewed":
        conditions.append(_reviewed())
    if wanted.agent is not None:
        conditions.append(_somebody(CallPerson.person_id == wanted.agent, CallPerson.staff.is_(True)))
    if wanted.team is not None:
        conditions.append(Ticket.team_id == wanted.team)
    if wanted.state:
        conditions.append(Call.state == wanted.state)
    if wanted.rating:
        conditions.append(_somebody(CallPerson.rating <= wanted.rating))
    if wanted.minutes:
        lasted = func.extract("epoch", Call.ended_at - Call.started_at)
        conditions.append(lasted >= wanted.minutes * 60)
    if wanted.recorded:
        conditions.append(_recorded())
    if wanted.since is not None:
        conditions.append(Call.created_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(Call.created_at < wanted.until)
    return query.where(*conditions)


def _sampled(uow: UnitOfWork) -> ColumnElement[bool]:
    """A share of all calls, and all that were rated badly."""
    chance: ColumnElement[bool] = text(_SAMPLED).bindparams(  # type: ignore[assignment]
        percent=uow.settings.review_percent
    )
    if not uow.settings.review_low_ratings:
        return and_(chance)
    return or_(chance, _somebody(CallPerson.rating <= LOW_RATING))


def _reviewed() -> ColumnElement[bool]:
    return exists().where(CallReview.call_id == Call.id)


def _recorded() -> ColumnElement[bool]:
    return exists().where(CallRecording.call_id == Call.id, CallRecording.deleted_at.is_(None))


def _somebody(*such: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(CallPerson.call_id == Call.id, CallPerson.joined_at.is_not(None), *such)


async def _found(uow: UnitOfWork, rows: Sequence[Any]) -> list[Found]:
    ids = [call.id for call, _number, _requester in rows]
    if not ids:
        return []
    there: dict[UUID, list[CallPerson]] = {}
    for one in await uow.session.scalars(select(CallPerson).where(CallPerson.call_id.in_(ids))):
        there.setdefault(one.call_id, []).append(one)
    names = await named(
        uow, {one.person_id for each in there.values() for one in each} | {each[2] for each in rows}
    )
    measured = await _measured(uow, ids)
    recorded = set(
        await uow.session.scalars(
            select(CallRecording.call_id).where(
                CallRecording.call_id.in_(ids), CallRecording.deleted_at.is_(None)
            )
        )
    )
    marks: dict[UUID, list[int]] = {}
    for call_id, mark in await uow.session.execute(
        select(CallReview.call_id, CallReview.mark).where(CallReview.call_id.in_(ids))
    ):
        marks.setdefault(call_id, []).append(mark)
    return [
        Found(
            call=call, number=number,
            agents=tuple(
                names[one.person_id].shown
                for one in there.get(call.id, ())
                if one.staff and one.joined_at and one.person_id in names
            ),
            requester=names[requester].shown if requester in names else "",
            rating=min((one.rating for one in there.get(call.id, ()) if one.rating), default=None),
            recorded=call.id in recorded,
            loss=measured.get(call.id, (None, None, 0.0))[0],
            round_trip=measured.get(call.id, (None, None, 0.0))[1],
            frozen=measured.get(call.id, (None, None, 0.0))[2] or 0.0,
            marks=tuple(marks.get(call.id, ())),
        )
        for call, number, requester in rows
    ]  # fmt: skip


async def _measured(
    uow: UnitOfWork, ids: Sequence[UUID]
) -> dict[UUID, tuple[float | None, float | None, float | None]]:
    """What the browsers measured: mean loss, mean round trip, seconds of frozen pictures."""
    loss, trip, frozen = (
        CallQuality.data[key].as_string().cast(Float) for key in ("loss", "round_trip", "freezes")
    )
    query = (
        select(CallQuality.call_id, func.avg(loss), func.avg(trip), func.sum(frozen))
        .where(CallQuality.call_id.in_(ids), CallQuality.data["browser"].as_boolean())
        .group_by(CallQuality.call_id)
    )
    return {row[0]: (row[1], row[2], row[3]) for row in await uow.session.execute(query)}
