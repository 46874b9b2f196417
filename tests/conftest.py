"""What all tests stand on: a real PostgreSQL from the wheel, a fresh database for each desk."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from adapters.files.disk import DiskStore
from adapters.local.bus import LocalBus
from adapters.postgres import Embedded, temporary
from bot import migrate
from core import log
from core.crypto.fields import new_key
from core.crypto.keys import MasterKey
from core.db import Database
from core.desk import Desk

_numbers = itertools.count(1)
log.configure()
# A machine with other work says nothing about the program.
settings.register_profile(
    "busy", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("busy")


@pytest.fixture(scope="session")
def server() -> Iterator[Embedded]:
    """One PostgreSQL for the whole run, fsync off."""
    with temporary() as running:
        yield running


@pytest.fixture(scope="session")
def database_url(server: Embedded) -> str:
    """An empty database that tests may use for tables of their own."""
    return server.url


@pytest.fixture(scope="session")
def migrated(server: Embedded) -> str:
    """The name of a migrated database that serves as the template of all others."""

    async def make() -> None:
        url = await server.create_database("migrated")
        db = Database(url, pool=1)
        await migrate.to_head(db.engine)
        await db.close()

    asyncio.run(make())
    return "migrated"


@pytest.fixture
async def fresh_url(server: Embedded, migrated: str) -> AsyncIterator[str]:
    """The address of a migrated database of one's own."""
    name = f"t{next(_numbers)}"
    yield await server.create_database(name, template=migrated)
    await server.drop_database(name)


@pytest.fixture
async def desk(fresh_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A whole desk on a fresh database, without a web server."""
    db = Database(fresh_url, pool=20)
    opened = await Desk.open(db, DiskStore(tmp_path / "files"), LocalBus(), [MasterKey(new_key())])
    yield opened
    await db.close()
