"""How long the queue and a search take, alone and beside the load."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress

from benchmarks.load.meters import spread
from benchmarks.web import Web

PAUSE = 0.4
WARM = 10


class Looks:
    """An agent who looks at the queue of all tickets, searches, and opens tickets, in turn."""

    def __init__(self, web: Web, cookie: str, words: Sequence[str], tickets: int) -> None:
        self.web = web
        self.took: dict[str, list[float]] = {}
        self._headers = {"cookie": cookie, "accept": "text/html"}
        self._addresses = _addresses(words, tickets)

    async def times(self, count: int) -> dict[str, dict[str, float]]:
        """So many looks one after the other; what is slow the first time is not counted."""
        for _look in range(WARM):
            await self.once()
        self.took.clear()
        for _look in range(count):
            await self.once()
        return self.figures()

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[None]:
        self.took.clear()
        looking = asyncio.create_task(self._on())
        try:
            yield
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking

    async def once(self) -> None:
        kind, path, query = next(self._addresses)
        began = time.perf_counter()
        await self.web.get(path, self._headers, query)
        self.took.setdefault(kind, []).append(time.perf_counter() - began)

    def figures(self) -> dict[str, dict[str, float]]:
        return {kind: spread(took) for kind, took in self.took.items()}

    async def _on(self) -> None:
        while True:
            await self.once()
            await asyncio.sleep(PAUSE)


def _addresses(words: Sequence[str], tickets: int) -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    """The searches of `benchmarks.views`: mostly words that are neither rare nor everywhere."""
    chance = random.Random(7)
    while True:
        for asked in (
            words[chance.randint(20, 200)],
            words[chance.randint(200, 2_000)],
            words[chance.randint(2_000, 5_999)],
            f"order{chance.randint(0, tickets)}x",
            f"{words[chance.randint(0, 50)]} {words[chance.randint(50, 500)]}",
            f"status:open {words[chance.randint(0, 300)]}",
            words[chance.randint(0, 5)],
        ):
            yield "queue", "/desk/queues/all", []
            yield "search", "/search", [("q", asked)]
            yield "ticket", f"/tickets/{chance.randint(1, tickets)}", []
