"""Shards: the sessions of one bot, among which the platform divides what it tells by the ids of the servers.

https://docs.discord.com/developers/events/gateway#sharding
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.discord.reading import order

EVERY = 6.0
"""Seconds between the beginnings of two sessions of a bot. The platform takes one in five (`max_concurrency` 1 of
`GET /gateway/bot`), and some take longer to get there than others."""
_CURSOR = re.compile(r"#(\d{1,2})/(\d{1,2})")


@dataclass(frozen=True, slots=True)
class Shard:
    """The session of this number, counted from 0, `of` so many of one bot."""

    number: int = 0
    of: int = 1

    def hears(self, guild: str) -> bool:
        """Whether it is told what happens on a server; direct messages (no server) are told to the first."""
        return (order(guild) >> 22) % self.of == self.number

    def led_as(self, installation: str) -> str:
        """The name by which it is led; the first one's is that of the bot, which also speaks by its lease."""
        return f"{installation}#{self.number}" if self.number else installation

    @property
    def cursor(self) -> str:
        """The cursor that says until when it was surely connected: of each division of the servers another."""
        return f"{CURSORS}{self.number}/{self.of}" if self.of > 1 else ""

    @classmethod
    def of_cursor(cls, name: str) -> Shard | None:
        if not name:
            return cls()
        found = _CURSOR.fullmatch(name)
        return cls(int(found[1]), int(found[2])) if found and int(found[2]) else None


CURSORS = "#"
"""The names of all shards' cursors begin so, but for that of a session which is alone."""
ALONE = Shard()


def shards(count: int) -> Sequence[Shard]:
    return [Shard(number, count) for number in range(count)]


class Turns:
    """When the sessions of one bot begin that run in this process: one after the other."""

    def __init__(self) -> None:
        self._next = 0.0

    async def take(self, *, most: float = float("inf")) -> None:
        """Wait for one's turn, `most` seconds at the longest."""
        now = asyncio.get_running_loop().time()
        at = max(now, self._next)
        self._next = at + EVERY
        await asyncio.sleep(min(at - now, most))
