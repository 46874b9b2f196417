"""A test message to a desk room: whether the way from the desk to that place holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core import clock
from core.access import Actor, Permission
from core.db import UnitOfWork
from core.outbox_model import Delivery
from core.rooms.model import DeskRoom

CARD = "room_test"
SHOWN_FOR = timedelta(hours=1)


async def send(uow: UnitOfWork, actor: Actor, room: DeskRoom) -> Delivery:
    """It goes out like everything else: by a delivery of its own, at once where the desk runs."""
    actor.require(Permission.manage_desk)
    row = Delivery(kind="post", place_key=room.place_key, card=CARD, apart=True)
    uow.session.add(row)
    await uow.session.flush()
    return row


async def last(session: AsyncSession, rooms: Sequence[DeskRoom]) -> Mapping[str, Delivery]:
    """The newest test of each room within the hour, by the key of its place."""
    rows = await session.scalars(
        select(Delivery)
        .where(
            # Deliveries are many; their ids are in the order of time.
            Delivery.id >= _first_id(clock.now() - SHOWN_FOR),
            Delivery.card == CARD,
            Delivery.place_key.in_([room.place_key for room in rooms]),
        )
        .order_by(Delivery.id)
    )
    return {row.place_key: row for row in rows}


def _first_id(at: datetime) -> UUID:
    """The lowest UUIDv7 of a moment (RFC 9562, 5.7)."""
    return UUID(int=int(at.timestamp() * 1000) << 80)
