"""What is read of calls: who is in one, which calls a ticket had, what they were like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from core.access import Actor
from core.calls.model import LIVE, Call, CallPerson, CallQuality, Presence
from core.db import UnitOfWork
from core.people.naming import name_for, named

MOST = 100


@dataclass(frozen=True, slots=True)
class InCall:
    """Somebody of a call, by the name that the reader may know."""

    person: UUID
    name: str
    staff: bool
    presence: str
    row: CallPerson


async def people(uow: UnitOfWork, actor: Actor, call: Call) -> list[InCall]:
    """Everybody of a call, in the order in which they were asked."""
    rows = list(
        await uow.session.scalars(
            select(CallPerson)
            .where(CallPerson.call_id == call.id)
            .order_by(CallPerson.invited_at, CallPerson.id)
        )
    )
    known = await named(uow, [row.person_id for row in rows])
    return [
        InCall(
            row.person_id,
            name_for(uow, actor, known.get(row.person_id)),
            row.staff,
            row.presence,
            row,
        )
        for row in rows
    ]


async def shown_out(uow: UnitOfWork, call_id: UUID) -> frozenset[UUID]:
    """Whose place in a call was given up, by leaving or because their link was taken back."""
    query = select(CallPerson.person_id).where(
        CallPerson.call_id == call_id, CallPerson.presence == Presence.left
    )
    return frozenset(await uow.session.scalars(query))


async def over_among(uow: UnitOfWork, calls: Sequence[UUID]) -> Sequence[UUID]:
    """Which of these calls are over."""
    return list(await uow.session.scalars(select(Call.id).where(Call.id.in_(calls), Call.state.not_in(LIVE))))


async def of_ticket(uow: UnitOfWork, ticket_id: UUID) -> Sequence[Call]:
    """The calls of a ticket, the newest first."""
    query = select(Call).where(Call.ticket_id == ticket_id).order_by(Call.created_at.desc()).limit(MOST)
    return list(await uow.session.scalars(query))


async def quality(uow: UnitOfWork, call: Call, most: int = 2_000) -> Sequence[CallQuality]:
    """What browsers and engine measured."""
    query = select(CallQuality).where(CallQuality.call_id == call.id, ~CallQuality.data.has_key("spoke"))
    return list(await uow.session.scalars(query.order_by(CallQuality.at).limit(most)))


async def spoken(uow: UnitOfWork, call: Call, most: int = 5_000) -> Sequence[tuple[UUID, float, float]]:
    """Who spoke from when to when, in seconds since the epoch."""
    query = select(CallQuality).where(CallQuality.call_id == call.id, CallQuality.data.has_key("spoke"))
    rows = await uow.session.scalars(query.order_by(CallQuality.at).limit(most))
    return [(row.person_id, *map(float, row.data["spoke"])) for row in rows]  # type: ignore[misc]
