"""Order within a channel: one after the other, the oldest of those that wait first."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Lane:
    busy: bool = False
    waiting: list[tuple[str, int, asyncio.Future[None]]] = field(default_factory=list)


class Lanes:
    """A lane for each key that is in use; none stays behind."""

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}
        self._numbers = itertools.count()

    @asynccontextmanager
    async def turn(self, key: str, ts: str = "") -> AsyncIterator[None]:
        """Wait for one's turn; `ts` decides among those that wait."""
        lane = self._lanes.setdefault(key, _Lane())
        if lane.busy:
            await self._wait(key, lane, ts)
        lane.busy = True
        try:
            yield
        finally:
            self._pass(key, lane)

    async def _wait(self, key: str, lane: _Lane, ts: str) -> None:
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(lane.waiting, (ts, next(self._numbers), mine))
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._pass(key, lane)
            raise

    def _pass(self, key: str, lane: _Lane) -> None:
        """The next in turn goes on at once, before anyone who comes now; the last one puts out the light."""
        while lane.waiting:
            _ts, _number, following = heapq.heappop(lane.waiting)
            if not following.done():
                following.set_result(None)
                return
        lane.busy = False
        self._lanes.pop(key, None)

    def __len__(self) -> int:
        return len(self._lanes)
