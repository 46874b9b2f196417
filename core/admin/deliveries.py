"""Deliveries as an admin sees them: what waits, what was given up; again, or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import select, tuple_, update

from core import outbox
from core.access import Actor, Permission
from core.admin.service import record
from core.chat import BETWEEN, Place
from core.db import UnitOfWork
from core.outbox_model import Delivery, Inbound
from core.paging import cursor_of, read_cursor
from core.people.naming import named
from core.tickets.model import Ticket

State = Literal["due", "dead"]
PAGE = 50


@dataclass(frozen=True, slots=True)
class Line:
    """A delivery for showing; what it says is not in it."""

    id: UUID
    kind: str
    platform: str
    state: str
    attempts: int
    error: str | None
    due_at: datetime
    created_at: datetime
    ticket: int | None
    person: str


@dataclass(frozen=True, slots=True)
class Page:
    lines: list[Line]
    next: str | None


async def listed(
    uow: UnitOfWork, actor: Actor, state: State, *, platform: str = "", after: str = "", most: int = PAGE
) -> Page:
    """A page of deliveries, the newest first; `after` is an earlier page's `next`."""
    actor.require(Permission.manage_deliveries)
    query = select(Delivery).where(Delivery.state == state)
    if platform:
        query = query.where(Delivery.place_key.startswith(Place.prefix(platform), autoescape=True))
    if (cursor := read_cursor(after)) is not None:
        query = query.where(tuple_(Delivery.created_at, Delivery.id) < cursor)
    query = query.order_by(Delivery.created_at.desc(), Delivery.id.desc()).limit(most + 1)
    rows = list(await uow.session.scalars(query))
    last = rows[most - 1] if len(rows) > most else None
    lines = await _lines(uow, rows[:most])
    return Page(lines, cursor_of(last.created_at, last.id) if last is not None else None)


async def send_again(uow: UnitOfWork, actor: Actor, delivery_id: UUID) -> bool:
    """Try a dead delivery anew; False when it is not dead any more."""
    actor.require(Permission.manage_deliveries)
    did = await outbox.send_again(uow, delivery_id)
    if did:
        record(uow, actor, "delivery", delivery_id, "sent_again")
    return did


async def cancel(uow: UnitOfWork, actor: Actor, delivery_id: UUID) -> bool:
    """Do not send it; False when it was sent in the meantime."""
    actor.require(Permission.manage_deliveries)
    found = await uow.session.scalar(
        update(Delivery)
        .where(Delivery.id == delivery_id, Delivery.state.in_(("due", "dead")))
        .values(state="cancelled", lease_until=None)
        .returning(Delivery.id)
    )
    if found is not None:
        record(uow, actor, "delivery", delivery_id, "cancelled")
    return found is not None


async def inbound(uow: UnitOfWork, inbound_id: UUID) -> Inbound | None:
    """A row that waits for someone's decision, by its id (its key may name a person's chat)."""
    found: Inbound | None = await uow.session.scalar(
        select(Inbound).where(
            Inbound.id == inbound_id,
            Inbound.state.in_(("parked", "held")),
            Inbound.state.in_(("received", "parked", "held")),
        )
    )
    return found


def platform_of(place_key: str) -> str:
    return Place.from_key(place_key).platform if place_key.count(BETWEEN) == 3 else ""


async def _lines(uow: UnitOfWork, rows: list[Delivery]) -> list[Line]:
    conversations = {row.conversation_id for row in rows if row.conversation_id is not None}
    found = await uow.session.execute(
        select(Ticket.conversation_id, Ticket.number).where(Ticket.conversation_id.in_(conversations))
    )
    numbers = dict(found.all())
    names = await named(uow, [row.person_id for row in rows])
    return [
        Line(
            id=row.id,
            kind=row.kind
            if row.card is None
            else f"{row.kind}: {row.card}"
            if row.card != row.kind
            else row.kind,
            platform=platform_of(row.place_key),
            state=row.state,
            attempts=row.attempts,
            error=row.error,
            due_at=row.due_at,
            created_at=row.created_at,
            ticket=numbers.get(row.conversation_id) if row.conversation_id else None,
            person=names[row.person_id].shown if row.person_id in names else "",
        )
        for row in rows
    ]
