"""Live updates within one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.ports.bus import Signal

QUEUE = 1_000


class LocalBus:
    """A queue for each subscriber; one that is too slow is told that it lost something."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Signal]] = set()

    def publish(self, signal: Signal) -> None:
        for queue in self._queues:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(Signal("lost"))
            queue.put_nowait(signal)

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[AsyncIterator[Signal]]:
        queue: asyncio.Queue[Signal] = asyncio.Queue(QUEUE)
        self._queues.add(queue)
        try:
            yield _drain(queue)
        finally:
            self._queues.discard(queue)

    @property
    def subscribers(self) -> int:
        return len(self._queues)


async def _drain(queue: asyncio.Queue[Signal]) -> AsyncIterator[Signal]:
    while True:
        yield await queue.get()
