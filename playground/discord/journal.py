"""What changed, for pages and tests that watch: a bounded list with a cursor, and waiting on it."""

from __future__ import annotations

import asyncio
from collections import deque

from playground.discord.model import Json

KEPT = 20_000


class Journal:
    """Changes in their order, numbered from 1."""

    def __init__(self) -> None:
        self.last = 0
        self._changes: deque[Json] = deque(maxlen=KEPT)
        self._moved = asyncio.Event()

    def note(self, kind: str, **facts: object) -> None:
        self.last += 1
        self._changes.append({"n": self.last, "kind": kind, **facts})
        self._moved.set()
        self._moved = asyncio.Event()

    def after(self, cursor: int, limit: int = 1000) -> list[Json]:
        return [change for change in self._changes if change["n"] > cursor][:limit]

    async def wait(self, cursor: int, seconds: float) -> list[Json]:
        """What came after the cursor; waits for the first when there is none."""
        try:
            async with asyncio.timeout(seconds):
                while not (changes := self.after(cursor)):
                    await self._moved.wait()
                return changes
        except TimeoutError:
            return []
