"""What happened lately, numbered, for pages and tests that wait for it."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

KEPT = 5_000


class Changes:
    """A short memory of changes; one that asks for older ones is told to read anew."""

    def __init__(self) -> None:
        self.seq = 0
        self._kept: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._news = asyncio.Event()

    def tell(self, kind: str, **more: Any) -> None:
        self.seq += 1
        self._kept.append({"seq": self.seq, "kind": kind, **more})
        self._news.set()
        self._news = asyncio.Event()

    def since(self, after: int) -> list[dict[str, Any]]:
        return [change for change in self._kept if change["seq"] > after]

    async def wait(self, after: int, timeout: float) -> list[dict[str, Any]]:
        """What came after that number; waits for something to come."""
        try:
            async with asyncio.timeout(timeout):
                while self.seq <= after:
                    await self._news.wait()
        except TimeoutError:
            return []
        return self.since(after)
