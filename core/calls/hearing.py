"""Who listened to which call: written down once an hour, however the bytes were fetched."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from core import clock
from core.access import Actor
from core.calls import access
from core.calls.events import RecordingPlayed
from core.calls.service import record
from core.db import EventRow, UnitOfWork

AGAIN = timedelta(hours=1)


async def heard(uow: UnitOfWork, actor: Actor, call_id: UUID) -> None:
    """Somebody opens a recording of this call."""
    known = select(EventRow.id).where(
        EventRow.subject == call_id,
        EventRow.name == RecordingPlayed.name,
        EventRow.actor_id == actor.id,
        EventRow.at > clock.now() - AGAIN,
    )
    if await uow.session.scalar(known.limit(1)) is None:
        call, opened = await access.get(uow, actor, call_id, lock=True)
        record(uow, opened, RecordingPlayed(subject=call.id, number=opened.number), actor)
