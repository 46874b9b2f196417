"""Events become deliveries: who hears, where, and in which form.

A reader of its own mark: it reads events in order of (transaction, id) up to the oldest
transaction that is still running, so that no event is passed over, and keeps its mark in the
same transaction as the rows that it writes. Each event is dealt with exactly once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from sqlalchemy import bindparam, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from bot.copying import Copying
from bot.parts import Parts
from core.chat import ChatAdapter
from core.db import EventRow, UnitOfWork
from core.desk import Desk
from core.outbox_model import ReaderMark

READER = "tell"
BATCH = 200

Teller = Callable[[UnitOfWork, EventRow], Awaitable[None]]
"""What follows from one event: notices, mails, cards in desk rooms."""


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
            mark = await _mark(uow)
            events, self.held_up = await _next(uow, mark)
            for event in events:
                await self._one(uow, event)
            if events:
                mark.tx, mark.event_id = events[-1].tx, events[-1].id
            return len(events)

    async def _one(self, uow: UnitOfWork, event: EventRow) -> None:
        await self.copying.follow(uow, event)
        for teller in self.tellers:
            await teller(uow, event)


async def _mark(uow: UnitOfWork) -> ReaderMark:
    mark = await uow.session.get(ReaderMark, READER, with_for_update=True)
    if mark is None:
        await uow.session.execute(
            insert(ReaderMark).values(name=READER, tx=0, event_id=0).on_conflict_do_nothing()
        )
        mark = await uow.session.get(ReaderMark, READER, with_for_update=True)
    assert mark is not None
    return mark


_SETTLED = EventRow.tx < text("(pg_snapshot_xmin(pg_current_snapshot())::text)::bigint")
_NEXT = (
    select(EventRow, _SETTLED)
    .where(tuple_(EventRow.tx, EventRow.id) > tuple_(bindparam("tx"), bindparam("id")))
    .order_by(EventRow.tx, EventRow.id)
    .limit(BATCH)
)


async def _next(uow: UnitOfWork, mark: ReaderMark) -> tuple[Sequence[EventRow], bool]:
    """The next events in order, and whether others are there that may not be read yet."""
    rows = (await uow.session.execute(_NEXT, {"tx": mark.tx, "id": mark.event_id})).all()
    settled = [event for event, settled in rows if settled]
    return settled, len(settled) < len(rows)
