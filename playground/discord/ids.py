"""Snowflakes: ids in order of time, as the platform gives them."""

from __future__ import annotations

import time
from datetime import UTC, datetime

EPOCH = 1_420_070_400_000
"""The platform's first millisecond, in Unix time."""


class Snowflakes:
    """Gives ids, each larger than the one before."""

    def __init__(self) -> None:
        self._last = 0

    def new(self) -> str:
        now = (time.time_ns() // 1_000_000 - EPOCH) << 22
        self._last = max(now, self._last + 1)
        return str(self._last)

    def of_shard(self, number: int, count: int) -> str:
        """One by which a guild belongs to this shard of so many."""
        while (int(found := self.new()) >> 22) % count != number:
            pass
        return found


def time_of(snowflake: str) -> datetime:
    return datetime.fromtimestamp(((int(snowflake) >> 22) + EPOCH) / 1000, UTC)


def snowflake_at(moment: datetime) -> int:
    return (int(moment.timestamp() * 1000) - EPOCH) << 22


def now() -> datetime:
    return datetime.now(UTC)


def stamp(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="microseconds")
