"""Events become deliveries: who hears, where, and in which form.

A reader of its own mark: it reads events in order of (transaction, id) up to the oldest
transaction that is still running, so that no event is passed over, and keeps its mark in the
same transaction as the rows that it writes. Each event is dealt with exactly once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, select, text, true, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from bot.copying import Copying
from bot.parts import Parts
from core import tracing
from core.chat import ChatAdapter
from core.conversations.model import Message
from core.db import EventRow, UnitOfWork
from core.desk import Desk
from core.outbox_model import ReaderMark
from core.people.model import Person
from core.tickets.model import Ticket

READER = "tell"
BATCH = 200

Teller = Callable[[UnitOfWork, EventRow], Awaitable[None]]
"""What follows from one event: notices, mails, cards in desk rooms."""


ABOUT = "about"
"""In the unit's memo: what the events of the batch are about."""


@dataclass(frozen=True, slots=True)
class About:
    """The messages of a batch of events with their tickets and requesters, by one query. Those who deal
    with an event ask the session for them by id, which finds them as long as they are kept here."""

    messages: Mapping[UUID, Message] = field(default_factory=dict)
    tickets: Mapping[UUID, Ticket] = field(default_factory=dict)
    """By conversation."""
    persons: MutableMapping[UUID, Person] = field(default_factory=dict)
    """The requesters, and whoever else was asked for since."""

    @classmethod
    async def of(cls, uow: UnitOfWork, events: Sequence[EventRow]) -> About:
        ids = {event.subject for event in events if event.name in TALKED}
        if not ids:
            return cls()
        rows = (await uow.session.execute(_ABOUT, {"ids": list(ids)})).all()
        return cls(
            {message.id: message for message, _ticket, _person in rows},
            {ticket.conversation_id: ticket for _message, ticket, _person in rows if ticket is not None},
            {person.id: person for _message, _ticket, person in rows if person is not None},
        )


TALKED = ("message.said", "message.edited", "message.deleted", "message.reacted", "message.undelivered")
_ABOUT = (
    select(Message, Ticket, Person)
    .outerjoin(Ticket, Ticket.conversation_id == Message.conversation_id)
    .outerjoin(Person, Person.id == Ticket.requester_id)
    .where(Message.id == any_(bindparam("ids", type_=ARRAY(Uuid))))
)


def about(uow: UnitOfWork) -> About:
    """What the batch of this unit is about."""
    found: About = uow.memo.setdefault(ABOUT, About())
    return found


class Tell:
    """Reads new events and writes what follows from them."""

    def __init__(
        self, desk: Desk, tellers: Sequence[Teller] = (), chats: Mapping[str, ChatAdapter] | None = None
    ) -> None:
        self.desk = desk
        self.tellers = tellers
        self.copying = Copying(Parts(chats or {}))
        self.held_up = False
        """The last batch ended before events that wait for an older transaction: nobody may tell when
        that one has ended."""

    async def read(self) -> int:
        """Deal with the next batch; returns how many events it held."""
        async with self.desk.unit() as uow:
            events, self.held_up = await _next(uow)
            uow.memo[ABOUT] = await About.of(uow, events)
            for event in events:
                await self._one(uow, event)
            if events:
                await uow.session.execute(_MOVE, {"to_tx": events[-1].tx, "to_id": events[-1].id})
            return len(events)

    async def _one(self, uow: UnitOfWork, event: EventRow) -> None:
        with tracing.follow("event.told", parent=event.trace, event=event.name):
            await self.copying.follow(uow, event)
            for teller in self.tellers:
                await teller(uow, event)


_MARK = (
    select(ReaderMark.tx, ReaderMark.event_id)
    .where(ReaderMark.name == READER)
    .with_for_update()
    .subquery("mark")
)
_AFTER = (
    select(EventRow)
    .where(tuple_(EventRow.tx, EventRow.id) > tuple_(_MARK.c.tx, _MARK.c.event_id))
    .order_by(EventRow.tx, EventRow.id)
    .limit(BATCH)
    .lateral("event")
)
_EVENT = aliased(EventRow, _AFTER)
_NEXT = (
    select(_EVENT, _EVENT.tx < text("(pg_snapshot_xmin(pg_current_snapshot())::text)::bigint"))
    .select_from(_MARK)
    .outerjoin(_AFTER, true())
    .order_by(_EVENT.tx, _EVENT.id)
)
_MOVE = (
    update(ReaderMark)
    .where(ReaderMark.name == READER)
    .values(tx=bindparam("to_tx"), event_id=bindparam("to_id"))
)


async def _next(uow: UnitOfWork) -> tuple[Sequence[EventRow], bool]:
    """The next events in order, and whether others are there that may not be read yet. The mark is locked."""
    rows = (await uow.session.execute(_NEXT)).all()
    if not rows:
        await uow.session.execute(
            insert(ReaderMark).values(name=READER, tx=0, event_id=0).on_conflict_do_nothing()
        )
        rows = (await uow.session.execute(_NEXT)).all()
    there = [(event, settled) for event, settled in rows if event is not None]
    settled = [event for event, settled in there if settled]
    return settled, len(settled) < len(there)
