"""The inbound rows: seen or not, done or waiting, and taken up again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncSession

from core import clock, tracing
from core.chat import Inbound as InboundValue
from core.chat import Place, key_of
from core.chat_codec import from_json, to_json
from core.crypto import words
from core.crypto.fields import seal_json, unseal_json
from core.crypto.keys import Keys
from core.db import UnitOfWork
from core.events import Event, register
from core.ids import new_id
from core.led import CONDITION, EVERYTHING, Led, bound
from core.outbox_model import Inbound
from core.people.service import digest_of_identity

MOST_ATTEMPTS = 5
PAUSES = (timedelta(seconds=1), timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2))
"""Before the second, third, … try: a fault that passes by itself costs no one their words."""


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineBegun(Event):
    """The first message is held back in a quarantine that was empty: moderators hear of it."""

    name: ClassVar[str] = "inbound.held"
    thing: ClassVar[str] = "inbound"


def fact_key(keys: Keys, inbound: InboundValue) -> str:
    """The fact's key as it is stored: a keyed hash, since an edit's key may hang on its text."""
    return words.digest(keys.lookup, f"fact|{key_of(inbound)}").hex()


async def note_done(uow: UnitOfWork, inbound: InboundValue) -> bool:
    """Write the fact's key into this unit; False when it was seen before."""
    statement = (
        insert(Inbound)
        .values(
            key=fact_key(uow.keys, inbound),
            id=new_id(),
            state="done",
            place_key="",
            attempts=0,
            at=clock.now(),
        )
        .on_conflict_do_nothing(index_elements=["key"])
    )
    result = await uow.session.execute(statement)
    return bool(getattr(result, "rowcount", 0))


async def keep(
    uow: UnitOfWork, inbound: InboundValue, state: str = "received", error: str | None = None
) -> bool:
    """Keep the whole inbound, sealed, until its work is done; False when it is there already."""
    key = fact_key(uow.keys, inbound)
    statement = (
        insert(Inbound)
        .values(
            key=key,
            id=new_id(),
            state=state,
            place_key=inbound.place.key,
            sender=_sender(uow, inbound),
            payload=seal_json(uow.keys.desk, to_json(inbound), "inbound.payload", key),
            attempts=0,
            error=error,
            at=clock.now(),
            trace=tracing.current(),
        )
        .on_conflict_do_nothing(index_elements=["key"])
    )
    result = await uow.session.execute(statement)
    return bool(getattr(result, "rowcount", 0))


async def defer(uow: UnitOfWork, inbound: InboundValue) -> None:
    """Behind what waits in its place: the key that was noted in this unit becomes a row to be
    worked off."""
    await _keep_noted(uow, inbound, state="received", error=None)


async def hold(uow: UnitOfWork, inbound: InboundValue, reason: str) -> None:
    """Into quarantine: the key that `note_done` wrote in this unit becomes a row that keeps the
    sealed words until someone looks. `reason` is a code."""
    begun = not await uow.session.scalar(select(exists().where(Inbound.state == "held")))
    row_id = await _keep_noted(uow, inbound, state="held", error=reason[:200])
    if begun and row_id is not None:
        # A flood is one thing to look at: whoever empties the quarantine hears of the next one.
        uow.emit(QuarantineBegun(subject=row_id))


async def find(session: AsyncSession, keys: Keys, inbound: InboundValue) -> Inbound | None:
    return await session.get(Inbound, fact_key(keys, inbound))


async def finish(uow: UnitOfWork, row: Inbound, result: str | None = None) -> None:
    """The work is done: only the key stays."""
    row.state, row.payload, row.place_key, row.error, row.result = "done", None, "", None, result
    row.sender = None


async def park(uow: UnitOfWork, row: Inbound, error: str) -> None:
    """It was accepted, and cannot be worked off: an admin decides. `error` is a code."""
    row.state, row.error = "parked", error[:200]


async def failed(uow: UnitOfWork, key: str, error: str) -> None:
    """One more failure; after `MOST_ATTEMPTS` the row is parked and shown in the admin."""
    row = await uow.session.get(Inbound, key, with_for_update=True)
    if row is None or row.state != "received":
        return
    row.attempts += 1
    row.error = error[:200]
    row.retry_at = clock.now() + PAUSES[min(row.attempts, len(PAUSES)) - 1]
    if row.attempts >= MOST_ATTEMPTS:
        row.state = "parked"


_LED = bound(CONDITION)


async def waiting(session: AsyncSession, most: int = 100, led: Led = EVERYTHING) -> Sequence[Inbound]:
    """Rows whose work is to be done now, at the places to look at: the oldest of each place, in order."""
    now = clock.now()
    oldest = (
        select(Inbound.id)
        .where(Inbound.state == "received")
        .ext(distinct_on(Inbound.place_key))
        .order_by(Inbound.place_key, Inbound.id)
    )
    due = Inbound.retry_at.is_(None) | (Inbound.retry_at <= now) | (Inbound.retry_at > now + PAUSES[-1])
    query = select(Inbound).where(Inbound.id.in_(oldest), due, _LED).order_by(Inbound.id).limit(most)
    return list(await session.scalars(query, led.parameters))


async def has_waiting(uow: UnitOfWork, place: Place) -> bool:
    """Whether something of this place is still to be worked off."""
    return bool(
        await uow.session.scalar(
            select(exists().where(Inbound.place_key == place.key, Inbound.state == "received"))
        )
    )


def opened(uow: UnitOfWork, row: Inbound) -> InboundValue:
    assert row.payload is not None
    return from_json(unseal_json(uow.keys.desk, row.payload, "inbound.payload", row.key))


async def release(uow: UnitOfWork, key: str) -> bool:
    """Out of quarantine, or parked no more: the work is tried again."""
    result = await uow.session.execute(
        update(Inbound)
        .where(Inbound.key == key, Inbound.state.in_(("held", "parked")))
        .values(state="received", attempts=0, retry_at=None)
    )
    return bool(getattr(result, "rowcount", 0))


async def discard(uow: UnitOfWork, key: str) -> bool:
    """Drop what was held: the key stays, the words go."""
    result = await uow.session.execute(
        update(Inbound)
        .where(Inbound.key == key, Inbound.state.in_(("held", "parked")))
        .values(state="done", payload=None, place_key="", sender=None, result="discarded")
    )
    return bool(getattr(result, "rowcount", 0))


async def in_state(
    session: AsyncSession, state: str, *, before: UUID | None = None, most: int = 50
) -> Sequence[Inbound]:
    """Held or parked rows, newest first, paged by id."""
    query = select(Inbound).where(Inbound.state == state)
    if before is not None:
        query = query.where(Inbound.id < before)
    return list(await session.scalars(query.order_by(Inbound.id.desc()).limit(most)))


async def _keep_noted(uow: UnitOfWork, inbound: InboundValue, state: str, error: str | None) -> UUID | None:
    key = fact_key(uow.keys, inbound)
    row_id: UUID | None = await uow.session.scalar(
        update(Inbound)
        .where(Inbound.key == key)
        .values(
            state=state,
            place_key=inbound.place.key,
            sender=_sender(uow, inbound),
            payload=seal_json(uow.keys.desk, to_json(inbound), "inbound.payload", key),
            error=error,
            trace=tracing.current(),
        )
        .returning(Inbound.id)
    )
    return row_id


def _sender(uow: UnitOfWork, inbound: InboundValue) -> bytes:
    place = inbound.place
    return digest_of_identity(uow, place.platform, place.installation, inbound.sender.external)
