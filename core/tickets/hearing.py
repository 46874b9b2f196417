"""The most common things that come in, in two statements: a requester adds a message to a ticket, or
an agent answers in its thread.

`arrive` notes the fact's key and looks up, in the same round trip, who speaks in which live
ticket, locked. `hear_at_once` writes message, copy, event and the new counts in another one.
Whatever is not this plain case (a first message or answer, files, a note, a ticket that must wake,
reopen or be claimed, a reply to a message) goes the long way through `core.tickets.service`; both
leave the same rows, and a test compares them column by column.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import orjson
from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncConnection

from core import clock, text
from core.access import STAFF_ROLES, Permission
from core.chat import Said
from core.conversations.events import MessageSaid
from core.crypto import words
from core.crypto.fields import seal_text, unseal_text
from core.db import EventRow, UnitOfWork
from core.ids import new_id
from core.inbox import fact_key
from core.people.service import digest_of_identity

# Written out, because building and compiling them would cost more than running them.
_ARRIVE = sql(
    """
with place as (
    select :direct or exists(select from seat where place_key = :place and active) as concerned
), noted as (
    insert into inbound (key, id, state, place_key, attempts, at)
    select :key, cast(:id as uuid), 'done', '', 0, cast(:at as timestamptz) from place where concerned
    on conflict (key) do nothing returning true as fresh
)
select place.concerned, noted.fresh, found.*, exists(
    select 1 from inbound where place_key = :place and state = 'received'
) as waiting, exists(select from pending_question where place_key = :place) as asked
from place left join noted on true left join lateral (
    select person.id as person_id, person.role, person.active, person.blocked_at, person.locale,
        seat.side, conversation.id as conversation_id, conversation.owner_id, conversation.wrapped_key,
        conversation.seq, ticket.id as ticket_id, ticket.number, ticket.subject, ticket.status,
        ticket.snoozed_until, ticket.merged_into_id, ticket.language, ticket.requester_id,
        ticket.assignee_id, ticket.first_answer_at, (
            select rule from room_thread join desk_room on desk_room.id = room_thread.room_id
            where room_thread.place_key = :place limit 1
        ) as rule,
        person_key.wrapped, person_key.intermediate_id
    from seat
    join conversation on conversation.id = seat.conversation_id
    join ticket on ticket.conversation_id = conversation.id
    join person_key on person_key.person_id = conversation.owner_id
    join identity on identity.digest = :digest
    join person on person.id = identity.person_id
    where noted.fresh and seat.place_key = :place and seat.active
    for update of conversation, ticket
) found on true
"""
)
_HEAR = """
with said as (
    insert into message (id, conversation_id, seq, kind, audience, author_id, author_kind, side, body,
        terms, via, at, visible_at, revision, files)
    values ($1, $2, $3, 'chat', 'everyone', $4, 'person', $14, $5, $6, $7, $8, $15, 1, 0)
), copied as (
    insert into message_copy (id, message_id, place_key, native, part, origin, at)
    values ($9, $1, $10, $11, 0, true, $8)
), told as (
    insert into event (name, subject, actor_id, actor_kind, conversation_id, seq, data, at)
    values ('message.said', $1, $4, 'person', $2, $3, $12, $8)
), counted as (
    update conversation set seq = $3 where id = $2
)
update ticket set version = version + 1, updated_at = greatest(updated_at, $8), messages = messages + 1,
    last_requester_at = case $14::text when 'requester' then $8 else last_requester_at end,
    last_staff_at = case $14::text when 'staff' then $8 else last_staff_at end
where id = $13
"""
_LIVE = ("open", "in_progress", "waiting")
NOTE_MARK = "//"
"""At the start of what an agent says, it makes a note of it."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who speaks, and the live ticket of that place, locked; a row of plain columns."""

    place_key: str
    row: Any
    connection: AsyncConnection

    @property
    def blocked(self) -> bool:
        return self.row.blocked_at is not None or not self.row.active

    @property
    def locale(self) -> str:
        return str(self.row.locale)

    @property
    def side(self) -> Literal["requester", "staff"]:
        return "staff" if self.row.side == "staff" else "requester"

    def is_plain(self, uow: UnitOfWork, said: Said) -> bool:
        """Whether nothing but a message is to be added."""
        row = self.row
        return (
            row.merged_into_id is None
            and row.subject is not None
            and bool(said.native)
            and not (said.files or said.reply_to or said.missed)
            and (self._adds() if self.side == "requester" else self._answers(uow, said))
        )

    def _adds(self) -> bool:
        """The requester of a ticket that need not wake."""
        row = self.row
        return (
            row.status in ("open", "in_progress")
            and row.person_id == row.requester_id
            and row.snoozed_until is None
        )

    def _answers(self, uow: UnitOfWork, said: Said) -> bool:
        """An agent whose words are a reply by the room's rule, and not the first one; no note, and
        nothing that looks like a command."""
        row = self.row
        may = uow.means.roles.get(row.role, frozenset())
        by_the_rule = row.rule == "everyone" or (
            row.rule in (None, "assignee") and row.assignee_id == row.person_id
        )
        return (
            row.status in _LIVE
            and row.role in STAFF_ROLES
            and Permission.reply in may
            and Permission.see_all_tickets in may
            and by_the_rule
            and row.assignee_id is not None
            and row.first_answer_at is not None
            and not (said.by_name or said.text.lstrip().startswith("/"))
        )


@dataclass(frozen=True, slots=True)
class Noted:
    """`concerned`: it was said to the desk, or where a ticket is; else nothing of it is kept. `fresh`: it
    is seen for the first time. `arrival` is empty when nobody known speaks, or the place holds no
    ticket; `waiting` says that something earlier of this place is not worked off yet, `asked` that a
    question was asked here whose answer this may be."""

    concerned: bool
    fresh: bool
    arrival: Arrival | None
    waiting: bool
    asked: bool


async def arrive(uow: UnitOfWork, said: Said) -> Noted:
    """Note the fact's key, and who speaks where."""
    place = said.place
    digest = digest_of_identity(uow, place.platform, place.installation, said.sender.external)
    connection = await uow.session.connection()
    found = await connection.execute(
        _ARRIVE,
        {
            "key": fact_key(uow.keys, said),
            "id": new_id(),
            "at": clock.now(),
            "place": place.key,
            "digest": digest,
            "direct": said.direct,
        },
    )
    row = found.one()
    arrival = Arrival(place.key, row, connection) if row.ticket_id is not None else None
    return Noted(row.concerned, bool(row.fresh), arrival, row.waiting, row.asked)


async def hear_at_once(uow: UnitOfWork, arrival: Arrival, said: Said, at: datetime | None = None) -> UUID:
    """Add the message; returns its id. Only for an arrival that `is_plain`."""
    row = arrival.row
    owner_key = await uow.keys.open_person(uow.session, row.owner_id, row.wrapped, row.intermediate_id)
    key = uow.keys.open_data_key(owner_key, row.conversation_id, row.wrapped_key)
    body = text.message(said.text)
    subject = unseal_text(key, row.subject, "ticket.subject", row.ticket_id)
    message_id, now, seq = new_id(), at or clock.now(), row.seq + 1
    hold = uow.settings.hold_seconds if arrival.side == "staff" else 0
    event = MessageSaid(
        subject=message_id,
        ticket=row.ticket_id,
        side=arrival.side,
        via=said.place.platform,
        origin=arrival.place_key,
        held=hold > 0 or None,
    )
    data = event.data()
    await arrival.connection.exec_driver_sql(
        _HEAR,
        (
            message_id,
            row.conversation_id,
            seq,
            row.person_id,
            seal_text(key, body, "message.body", message_id),
            words.terms(uow.keys.words, f"{subject} {body}", row.language),
            said.place.platform,
            now,
            new_id(),
            arrival.place_key,
            said.native,
            orjson.dumps(data).decode(),
            row.ticket_id,
            arrival.side,
            now + timedelta(seconds=hold),
        ),
    )
    uow.emitted.append(
        EventRow(
            name=event.name,
            subject=message_id,
            actor_id=row.person_id,
            actor_kind="person",
            conversation_id=row.conversation_id,
            seq=seq,
            data=data,
            at=now,
        )
    )
    return message_id
