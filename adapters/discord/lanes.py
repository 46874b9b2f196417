"""Lanes: what happens in one channel is worked off in order, channels beside each other."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from core import tasks

log = structlog.get_logger("discord.lanes")
MOST_WAITING = 1_000
"""Things that may wait in one channel; then they are let go, and looked for at the platform."""
AT_ONCE = 16
Work = Callable[[], Awaitable[None]]


class Lanes:
    """A queue and a worker for each channel in which something happens; `overflowed` is told of a
    channel whose queue was let go."""

    def __init__(self, overflowed: Callable[[str], None]) -> None:
        self._overflowed = overflowed
        self._waiting: dict[str, deque[Work]] = {}
        self._workers: dict[str, asyncio.Task[None]] = {}
        self._seats = asyncio.Semaphore(AT_ONCE)
        self._idle = asyncio.Event()
        self._idle.set()
        self.closed = False

    def put(self, lane: str, work: Work) -> None:
        """Behind all that waits in this lane; never blocks."""
        if self.closed:
            return
        queue = self._waiting.setdefault(lane, deque())
        if len(queue) >= MOST_WAITING:
            queue.clear()
            log.warning("lane.overflowed")
            self._overflowed(lane)
        queue.append(work)
        self._idle.clear()
        if lane not in self._workers:
            self._workers[lane] = asyncio.create_task(self._drain(lane))

    @property
    def is_idle(self) -> bool:
        return not self._workers

    async def settled(self) -> None:
        """Wait until nothing waits."""
        await self._idle.wait()

    async def close(self) -> None:
        """Stop at once: what was not handed over is found again by the cursors."""
        self.closed = True
        await tasks.end(self._workers.values())

    async def _drain(self, lane: str) -> None:
        queue = self._waiting[lane]
        try:
            while queue:
                work = queue.popleft()
                async with self._seats:
                    with suppress(_Failed):
                        await _logged(work)
        finally:
            self._workers.pop(lane, None)
            self._waiting.pop(lane, None)
            if not self._workers:
                self._idle.set()


class _Failed(Exception):
    """It was logged."""


async def _logged(work: Work) -> None:
    """The named edge: one payload that breaks us must not silence its channel."""
    try:
        await work()
    except Exception as error:
        log.exception("event.failed", exc_info=error)
        raise _Failed from error
