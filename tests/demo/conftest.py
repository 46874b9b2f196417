"""One demo desk for all tests that only look at it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.files.disk import DiskStore
from adapters.local.bus import LocalBus
from adapters.postgres import Embedded
from bot.demo.make import Made, make
from core.crypto.fields import new_key
from core.crypto.keys import MasterKey
from core.db import Database
from core.desk import Desk

THURSDAY = datetime(2026, 11, 19, 10, 30, tzinfo=UTC)
TICKETS = 120


@dataclass(frozen=True, slots=True)
class Demo:
    desk: Desk
    made: Made
    database: str
    steps: list[int]


@asynccontextmanager
async def demo_desk(
    server: Embedded,
    template: str,
    name: str,
    folder: Path,
    *,
    seed: int = 1,
    tickets: int = TICKETS,
    meanwhile: Callable[[Desk], None] = lambda _desk: None,
) -> AsyncIterator[Demo]:
    db = Database(await server.create_database(name, template=template), pool=5)
    try:
        desk = await Desk.open(db, DiskStore(folder), LocalBus(), [MasterKey(new_key())])
        steps: list[int] = []

        def progress(count: int) -> None:
            steps.append(count)
            meanwhile(desk)

        made = await make(desk, seed=seed, tickets=tickets, now=THURSDAY, progress=progress)
        yield Demo(desk, made, name, steps)
    finally:
        await db.close()
        await server.drop_database(name)


@pytest.fixture(scope="session")
async def demo(
    server: Embedded, migrated: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Demo]:
    async with demo_desk(server, migrated, "demo", tmp_path_factory.mktemp("demo")) as made:
        yield made
