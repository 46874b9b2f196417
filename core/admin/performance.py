"""How fast the desk is and what it has to do, over all its parts.

Times, errors and refusals are what each part has told of its own last five minutes (`core.pulse`), added
up; what waits, who is here and what there is to do stand in the database. Every count is bounded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Integer, case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core import clock, pace, pulse
from core.access import Actor, Permission
from core.admin.health import COUNTED_TO, bounded, depths
from core.db import EventRow, UnitOfWork
from core.installations import service as installations
from core.lease import DESK
from core.metrics import Depths
from core.pace import Times
from core.people.model import Availability, Person, Session, Team
from core.pulse import RunningPart
from core.tickets.model import LIVE, Ticket

MINUTES = 30
HERE = timedelta(minutes=2)
LATELY = timedelta(minutes=15)
SEEN = ("message.said", "ticket.opened", "ticket.claimed", "ticket.resolved")
CALL, DELIVERY, REFUSED = "call ", "delivery ", "refused "


@dataclass(frozen=True, slots=True)
class Speed:
    """`step` is request, inbound, page or delivery; that of a delivery is its platform's own."""

    step: str
    platform: str
    times: Times


@dataclass(frozen=True, slots=True)
class Failed:
    """Calls to a platform that failed; `error` is the name of a type."""

    platform: str
    error: str
    count: int


@dataclass(frozen=True, slots=True)
class PartLine:
    """One process."""

    name: str
    version: str
    started_at: datetime
    seen_at: datetime
    silent: bool
    leads: Sequence[str]
    """By the names of the leases; connections by their own names."""
    memory: int
    pool_used: int
    pool_size: int
    pages: int
    redis: bool | None


@dataclass(frozen=True, slots=True)
class Minute:
    at: datetime
    from_requesters: int
    from_staff: int


@dataclass(frozen=True, slots=True)
class TeamLoad:
    name: str
    live: int
    unassigned: int
    unanswered: int
    oldest_unanswered: datetime | None


@dataclass(frozen=True, slots=True)
class Activity:
    """Who is here, and what was done in the last half hour."""

    staff_here: int
    staff_available: int
    browsers: int
    done: Mapping[str, int]
    people: int


@dataclass(frozen=True, slots=True)
class Performance:
    speeds: Sequence[Speed]
    errors: int
    requests: int
    refused: Mapping[str, int]
    sign_ins: Mapping[str, int]
    failed: Sequence[Failed]
    parts: Sequence[PartLine]
    depths: Depths
    minutes: Sequence[Minute]
    activity: Activity
    teams: Sequence[TeamLoad] | None
    """None where there are too many live tickets to look at all of them each time."""
    at: datetime


async def look(uow: UnitOfWork, actor: Actor) -> Performance:
    """Everything once."""
    actor.require(Permission.see_health)
    session = uow.session
    rows = await pulse.parts(session)
    heard = [row.told for row in rows if not pulse.is_silent(row)]
    counts = _counts(heard)
    waiting = await depths(session)
    speeds = _speeds(heard)
    minutes, activity = await _lately(session)
    names = {f"{one.platform}/{one.external}": one.name for one in await installations.listed(session)}
    return Performance(
        speeds=speeds,
        errors=counts["error"],
        requests=sum(one.times.count for one in speeds if one.step == "request"),
        refused=_beginning(counts, REFUSED),
        sign_ins=_beginning(counts, "sign_in "),
        failed=_failed(counts),
        parts=[_part(row, names) for row in rows],
        depths=waiting,
        minutes=minutes,
        activity=activity,
        teams=await _teams(session, sum(waiting.tickets.get(status, 0) for status in LIVE)),
        at=clock.now(),
    )


# --- what the parts have told -----------------------------------------------------------


def _speeds(heard: Sequence[Mapping[str, Any]]) -> list[Speed]:
    names = {name for told in heard for name in told.get("steps", {})}
    found = []
    for name in names:
        parts = [_steps(told["steps"][name]) for told in heard if name in told.get("steps", {})]
        if (times := pace.times(parts)) is not None:
            step, _space, platform = name.partition(" ")
            found.append(Speed(step, platform, times))
    order = ("inbound", "page", "delivery", "request")
    return sorted(found, key=lambda one: (order.index(one.step) if one.step in order else 9, one.platform))


def _steps(told: Mapping[str, int]) -> dict[int, int]:
    """JSON knows names of text only."""
    return {int(step): int(count) for step, count in told.items()}


def _counts(heard: Sequence[Mapping[str, Any]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for told in heard:
        counts.update(told.get("counts", {}))
    return counts


def _beginning(counts: Mapping[str, int], beginning: str) -> dict[str, int]:
    return {
        name.removeprefix(beginning): count
        for name, count in sorted(counts.items())
        if name.startswith(beginning)
    }


def _failed(counts: Mapping[str, int]) -> list[Failed]:
    calls = [(name.partition(" ")[::2], count) for name, count in _beginning(counts, CALL).items()]
    found = [Failed(platform, error, count) for (platform, error), count in calls]
    return sorted(found, key=lambda one: -one.count)


def _part(row: RunningPart, names: Mapping[str, str]) -> PartLine:
    leads = row.told.get("leads") or []
    pool = row.told.get("pool", {})
    return PartLine(
        name=row.name,
        version=row.version,
        started_at=row.started_at,
        seen_at=row.seen_at,
        silent=pulse.is_silent(row),
        leads=[_named(one, names) for one in leads] if isinstance(leads, list) else [DESK],
        memory=int(row.told.get("memory", 0)),
        pool_used=int(pool.get("used", 0)),
        pool_size=int(pool.get("size", 0)),
        pages=int(row.told.get("pages", 0)),
        redis=row.told.get("redis"),
    )


def _named(lease: str, names: Mapping[str, str]) -> str:
    platform, _slash, installation = lease.partition("/")
    return f"{platform}/{names.get(lease) or installation}" if installation else platform


# --- what stands in the database --------------------------------------------------------


async def _lately(session: AsyncSession) -> tuple[list[Minute], Activity]:
    now = clock.now()
    first = (now - timedelta(minutes=MINUTES - 1)).replace(second=0, microsecond=0)
    minute = func.date_trunc("minute", EventRow.at)
    by_staff = case((EventRow.data["side"].as_string() == "requester", 0), else_=1)
    rows = await session.execute(
        select(minute, EventRow.name, by_staff, func.count())
        .where(EventRow.name.in_(SEEN), EventRow.at >= first)
        .group_by(minute, EventRow.name, by_staff)
    )
    said: Counter[tuple[datetime, int]] = Counter()
    done: Counter[str] = Counter()
    for at, name, staff, count in rows:
        done[name] += count
        if name == "message.said":
            said[at, staff] += count
    times = [first + timedelta(minutes=passed) for passed in range(MINUTES)]
    minutes = [Minute(at, said[at, 0], said[at, 1]) for at in times]
    people = await session.scalar(
        select(func.count(EventRow.actor_id.distinct())).where(
            EventRow.name == "message.said", EventRow.at >= first
        )
    )
    return minutes, await _activity(session, now, done, int(people or 0))


async def _activity(session: AsyncSession, now: datetime, done: Mapping[str, int], people: int) -> Activity:
    here = select(Person.id).where(Person.role != "requester", Person.last_seen_at > now - HERE)
    seen = select(Session.id).where(Session.revoked_at.is_(None), Session.last_seen_at > now - LATELY)
    return Activity(
        staff_here=await bounded(session, here),
        staff_available=await bounded(
            session, here.where(Person.availability == Availability.available.value)
        ),
        browsers=await bounded(session, seen),
        done=done,
        people=people,
    )


async def _teams(session: AsyncSession, live: int) -> list[TeamLoad] | None:
    if live >= COUNTED_TO:
        return None
    unanswered = Ticket.first_answer_at.is_(None)
    rows = await session.execute(
        select(
            Team.name,
            func.count(),
            func.sum(Ticket.assignee_id.is_(None).cast(Integer)),
            func.sum(unanswered.cast(Integer)),
            func.min(case((unanswered, Ticket.created_at))),
        )
        .select_from(Ticket)
        .outerjoin(Team, Team.id == Ticket.team_id)
        .where(Ticket.status.in_(LIVE))
        .group_by(Team.id, Team.name)
        .order_by(func.count().desc())
        .limit(50)
    )
    return [
        TeamLoad(name or "", int(count), int(free), int(waits), oldest)
        for name, count, free, waits, oldest in rows
    ]
