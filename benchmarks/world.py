"""Databases for the benchmarks, empty and filled; what fills them is that of `deskbell demo`."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import select

from adapters.files.memory import MemoryStore
from adapters.local.bus import LocalBus
from adapters.postgres import Embedded, start
from bot import migrate
from bot.demo import bulk
from bot.demo.bulk import Crowd
from core.crypto.fields import new_key
from core.crypto.keys import MasterKey
from core.db import Database
from core.desk import Desk
from core.tickets.model import Ticket


@dataclass(slots=True)
class World(Crowd):
    """A filled desk, where its database is, and the numbers of its tickets."""

    url: str
    numbers: list[int] = field(default_factory=list)


@asynccontextmanager
async def server() -> AsyncIterator[Embedded]:
    """The embedded database as in production: fsync on, in a folder that goes at the end."""
    with TemporaryDirectory(prefix="deskbell-bench-", ignore_cleanup_errors=True) as folder:
        embedded = await start(Path(folder) / "data")
        try:
            yield embedded
        finally:
            await embedded.stop()


@asynccontextmanager
async def empty(embedded: Embedded, name: str) -> AsyncIterator[World]:
    """A migrated desk in a database of its own."""
    url = await embedded.create_database(name)
    db = Database(url)
    try:
        await migrate.to_head(db.engine)
        desk = await Desk.open(db, MemoryStore(), LocalBus(), [MasterKey(new_key())])
        yield World(desk, url)
    finally:
        await db.close()
        await embedded.drop_database(name)


async def fill(
    world: World,
    tickets: int,
    *,
    messages: int = 5,
    seed: int = 1,
    progress: Callable[[str], Any] = lambda line: None,
) -> None:
    """Give a desk so many tickets with about so many messages each."""
    began, made = time.perf_counter(), 0

    def more(count: int) -> None:
        nonlocal made
        made += count
        progress(f"{made:,} of {tickets:,} tickets, {time.perf_counter() - began:.0f} s")

    await bulk.fill(world, tickets, messages=messages, seed=seed, progress=more)
    async with world.desk.db.sessions() as session:
        world.numbers = list(await session.scalars(select(Ticket.number).order_by(Ticket.number)))
    progress(f"{tickets:,} tickets in {time.perf_counter() - began:.0f} s")
