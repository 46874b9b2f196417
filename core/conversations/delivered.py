"""A message has arrived at a place: its row, its copy, the fact and the mark, in one statement.

The message is looked at under a lock, as it is after everything that was committed before: an edit or a
deletion either is seen here, and put right, or it comes later and finds the copy.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import orjson
from sqlalchemy import exists, select
from sqlalchemy import text as sql

from core import clock
from core.conversations.events import MessageDelivered
from core.conversations.model import Seat
from core.db import EventRow, UnitOfWork
from core.ids import new_id
from core.outbox_model import Delivery

# The mark goes to where an agent said it, when a requester has it now; `by_all` says what it shows.
_ARRIVED = sql(
    """
with sent as (
    update delivery set state = 'sent', native = :native, sent_at = :now, lease_until = null, error = null
    where id = :id
), copied as (
    insert into message_copy (id, message_id, place_key, native, part, origin, at)
    values (:copy, :message, :place, :native, :part, false, :now)
    on conflict (place_key, native) do nothing
), told as (
    insert into event (name, subject, actor_id, actor_kind, conversation_id, data, at)
    select cast(:event as text), cast(:message as uuid), cast(:actor as uuid), cast(:kind as text),
        cast(:conversation as uuid), cast(:data as jsonb), cast(:now as timestamptz)
    where :first
), marked as (
    insert into delivery (id, kind, place_key, conversation_id, message_id, args, part, apart, state, due_at,
        attempts, created_at)
    select cast(:mark as uuid), 'mark', origin.place_key, cast(:conversation as uuid), origin.message_id,
        jsonb_build_object('native', origin.native, 'sent', true), 0, false, 'due',
        cast(:now as timestamptz), 0, cast(:now as timestamptz)
    from message_copy origin join message on message.id = origin.message_id
    where origin.message_id = :message and origin.origin and message.side = 'staff' and :part = 0
        and (select side from seat where place_key = :place order by active desc limit 1) = 'requester'
    limit 1
    returning true
)
select message.revision, message.deleted_at is not null as deleted, message.hidden_at is not null as hidden,
    exists(select from marked) or exists(
        select from delivery other where other.state = 'due' and other.place_key = :place and other.id <> :id
    ) as more
from message where message.id = :message for share of message
"""
)


async def by_all(uow: UnitOfWork, message_id: UUID) -> bool | None:
    """Whether a message stands in all the places of those who asked: after a merge they may be several. False
    where it was given up for one, None while it is on its way to one: its arrival, or its end, is marked then."""
    asks = exists().where(Seat.place_key == Delivery.place_key, Seat.side == "requester")
    states = set(
        await uow.session.scalars(
            select(Delivery.state)
            .where(Delivery.message_id == message_id, Delivery.kind == "post", Delivery.part == 0, asks)
            .distinct()
        )
    )
    return False if "dead" in states else None if "due" in states else True


@dataclass(frozen=True, slots=True)
class Standing:
    """How a message is when its call has ended; `more`: something else can be sent now."""

    revision: int
    deleted: bool
    hidden: bool
    more: bool


async def arrived(uow: UnitOfWork, row: Delivery, native: str, *, first: bool) -> Standing | None:
    """The call of a row put its message there. `first`: it is told that the message arrived. None when
    the message is no more."""
    assert row.message_id is not None
    event = MessageDelivered(subject=row.message_id, delivery=row.id)
    now, who = clock.now(), uow.actor
    found = await uow.session.execute(
        _ARRIVED,
        {
            "id": row.id,
            "native": native,
            "now": now,
            "copy": new_id(),
            "message": row.message_id,
            "place": row.place_key,
            "part": row.part,
            "event": event.name,
            "actor": who.id,
            "kind": who.kind.value,
            "conversation": row.conversation_id,
            "data": orjson.dumps(event.data()).decode(),
            "first": first,
            "mark": new_id(),
        },
    )
    if first:
        uow.emitted.append(
            EventRow(
                name=event.name,
                subject=row.message_id,
                actor_id=who.id,
                actor_kind=who.kind.value,
                conversation_id=row.conversation_id,
                data=event.data(),
                at=now,
            )
        )
    standing = found.one_or_none()
    return Standing(*standing) if standing is not None else None
