"""The adapter made for the stand-in, a desk behind it, and a door that writes down what comes in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from adapters.telegram import Telegram
from core.chat import Answer, Inbound
from core.desk import Desk
from core.errors import Unavailable
from tests.adapters.telegram.standin import Standin, opened


@dataclass
class Door:
    """Stands in the router's place. `away` says how often nothing can be kept; `answer` is what the
    asker gets."""

    heard: list[Inbound] = field(default_factory=list)
    away: int = 0
    answer: Callable[[Inbound], Answer] = lambda inbound: Answer()
    error: Exception | None = None
    knocks: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, inbound: Inbound) -> Answer:
        self.knocks += 1
        if self.away:
            self.away -= 1
            self.news.set()
            raise Unavailable("away")
        self.heard.append(inbound)
        self.news.set()
        if self.error is not None:
            raise self.error
        return self.answer(inbound)

    async def until(self, count: int, timeout: float = 10.0) -> list[Inbound]:
        """What was heard, once it is so many."""
        async with asyncio.timeout(timeout):
            while len(self.heard) < count:
                self.news.clear()
                await self.news.wait()
        return self.heard


@asynccontextmanager
async def running(adapter: Telegram, door: Any) -> AsyncIterator[None]:
    task = asyncio.create_task(adapter.run(door))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def listening(standin: Standin) -> None:
    """Telegram tells of reactions only to a bot that has asked for them once."""
    await eventually(lambda: standin.world.bot.queue.allowed)


async def eventually(look: Callable[[], Any], timeout: float = 10.0) -> Any:
    """What is looked for, as soon as it is there."""
    async with asyncio.timeout(timeout):
        while not (found := look()):
            await asyncio.sleep(0.01)
    return found


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
async def standin(desk: Desk) -> AsyncIterator[Standin]:
    async with opened(desk) as made:
        yield made
