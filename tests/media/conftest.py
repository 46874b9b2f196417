"""An engine in this process, and what the tests of calls need around it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from uuid import UUID, uuid4

import pytest

from adapters.files.memory import MemoryStore
from adapters.media.aiortc.engine import Engine
from adapters.media.settings import Settings
from core.ports.media import Limits, MediaEvent
from tests.media import visitors
from tests.media.visitors import Visitor

Kind = TypeVar("Kind", bound=MediaEvent)
ANY_PORT = range(1)


@dataclass
class Stage:
    """An engine with one call, its events, and everybody who came."""

    engine: Engine
    store: MemoryStore
    call: UUID
    spool: Path
    events: list[MediaEvent] = field(default_factory=list)
    visitors: list[Visitor] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def visitor(self, **how: object) -> Visitor:
        visitor = Visitor(self.engine, self.call, **how)  # type: ignore[arg-type]
        self.visitors.append(visitor)
        return visitor

    async def two(self) -> tuple[Visitor, Visitor]:
        """Two people who see each other."""
        one, other = self.visitor(shade=60), self.visitor(shade=200)
        await one.join()
        await other.join()
        await one.sees()
        await other.sees()
        return one, other

    def told(self, kind: type[Kind]) -> list[Kind]:
        return [event for event in self.events if isinstance(event, kind)]

    async def hears(
        self, kind: type[Kind], such: Callable[[Kind], bool] = lambda _event: True, seconds: float = 15.0
    ) -> Kind:
        """Wait for an event, or find one that was."""
        async with asyncio.timeout(seconds):
            while True:
                found = next((event for event in self.told(kind) if such(event)), None)
                if found is not None:
                    return found
                self.news.clear()
                await self.news.wait()

    async def listen(self) -> None:
        async for event in self.engine.events():
            self.events.append(event)
            self.news.set()


@pytest.fixture(autouse=True)
async def everybody_goes_home() -> AsyncIterator[None]:
    yield
    gone, visitors.made = visitors.made, []
    await asyncio.gather(*(visitor.close() for visitor in gone))


@pytest.fixture
def settings() -> Settings:
    return Settings(listen=("127.0.0.1",), ports=ANY_PORT)


@pytest.fixture
def limits() -> Limits:
    return Limits()


@pytest.fixture
async def stage(settings: Settings, limits: Limits, tmp_path: Path) -> AsyncIterator[Stage]:
    store = MemoryStore()
    engine = Engine(settings, store, tmp_path)
    await engine.start()
    made = Stage(engine, store, uuid4(), tmp_path)
    listening = asyncio.create_task(made.listen())
    await engine.open(made.call, limits)
    yield made
    await engine.close()
    await listening
