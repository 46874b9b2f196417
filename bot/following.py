"""What other processes committed, read from the database: for as long as no bus tells it.

Slower than a bus, by a second, and needs nothing but the database. It reads in order of commit,
so that no event is passed over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog
from sqlalchemy import select, text, tuple_

from core.db import EventRow
from core.desk import Desk, signal_of
from core.outage import MAY_BE_AWAY
from core.ports.bus import Signal

log = structlog.get_logger("bot.following")
EVERY = 1.0
MOST = 500
_SETTLED = text("(pg_snapshot_xmin(pg_current_snapshot())::text)::bigint")
_LAST_ID = 2**63 - 1

Mark = tuple[int, int]


async def follow(desk: Desk, told: Callable[[], bool], every: float = EVERY) -> None:
    """Until cancelled: publish here what others committed, whenever the bus is not `told` of it."""
    mark: Mark | None = None
    while True:
        try:
            mark = None if told() else await _step(desk, mark)
        except MAY_BE_AWAY as error:
            log.warning("following.paused", error=type(error).__name__)
        await asyncio.sleep(every)


async def _step(desk: Desk, mark: Mark | None) -> Mark:
    if mark is None:
        mark = await _now(desk)
        # What was said before it was noticed that nobody hears it.
        desk.bus.publish(Signal("lost"))
        return mark
    events = await _since(desk, mark)
    for event in events:
        desk.bus.publish(signal_of(event))
    if len(events) == MOST:
        desk.bus.publish(Signal("lost"))
        return await _now(desk)
    return (events[-1].tx, events[-1].id) if events else mark


async def _now(desk: Desk) -> Mark:
    async with desk.db.sessions() as session:
        return int((await session.execute(select(_SETTLED))).scalar_one()) - 1, _LAST_ID


async def _since(desk: Desk, mark: Mark) -> Sequence[EventRow]:
    query = (
        select(EventRow)
        .where(tuple_(EventRow.tx, EventRow.id) > mark, EventRow.tx < _SETTLED)
        .order_by(EventRow.tx, EventRow.id)
        .limit(MOST)
    )
    async with desk.db.sessions() as session:
        return list(await session.scalars(query))
