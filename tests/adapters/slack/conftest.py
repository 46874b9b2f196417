"""A running adapter before the stand-in, and a desk that notes what it is handed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from core.chat import Answer, Inbound, key_of
from core.desk import Desk
from core.errors import DeskError, Unavailable
from tests.adapters.slack.standin import Standin, opened


class Hearing:
    """What was delivered. `down` refuses all; `answer` decides what is answered."""

    def __init__(self) -> None:
        self.heard: list[Inbound] = []
        self.down = 0
        self.answer: Callable[[Inbound], Answer | Awaitable[Answer]] = lambda inbound: Answer()
        self._came = asyncio.Event()
        self._keys: set[str] = set()

    async def __call__(self, inbound: Inbound) -> Answer:
        if self.down:
            self.down -= 1
            raise Unavailable("away")
        self.heard.append(inbound)
        self._came.set()
        if (key := key_of(inbound)) in self._keys:
            return Answer(seen_before=True)
        self._keys.add(key)
        try:
            found: Any = self.answer(inbound)
            return await found if asyncio.iscoroutine(found) else found
        except DeskError:
            self._keys.discard(key)  # what was refused is not kept
            raise

    async def first(self, kind: type[Any], **wanted: Any) -> Any:
        """The first delivered value of a kind with these fields, as soon as it is there."""
        async with asyncio.timeout(30):
            while True:
                self._came.clear()
                for one in self.heard:
                    if isinstance(one, kind) and all(getattr(one, k) == v for k, v in wanted.items()):
                        return one
                await self._came.wait()

    def all(self, kind: type[Any]) -> list[Any]:
        return [one for one in self.heard if isinstance(one, kind)]


@pytest.fixture
def hearing() -> Hearing:
    return Hearing()


@pytest.fixture
async def slack(desk: Desk) -> AsyncIterator[Standin]:
    """Made, not run."""
    async with opened(desk) as standin:
        yield standin


@pytest.fixture
async def live(slack: Standin, hearing: Hearing) -> AsyncIterator[Standin]:
    """Made and running, its socket open."""
    running = asyncio.create_task(slack.adapter.run(hearing))
    assert await slack.server.sockets.connected(30)
    yield slack
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
