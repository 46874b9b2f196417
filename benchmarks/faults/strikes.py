"""Carrying out the faults of a plan, and how long the desk needs after each."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from subprocess import SubprocessError
from typing import Any

from benchmarks.faults.bucket import Bucket
from benchmarks.faults.clock import HOUR, Clock
from benchmarks.faults.engines import Postgres, Redis
from benchmarks.faults.parts import Parts
from benchmarks.faults.script import Strike
from benchmarks.faults.weather import BAD
from core.errors import StartError


@dataclass(slots=True)
class Struck:
    """A fault that was, with the first thing said after it."""

    kind: str
    began: float
    ended: float = 0.0
    seen: float = 0.0
    """When that was shown in every room."""


class Strikes:
    """`probe` says something and waits until it is shown; it returns when."""

    def __init__(
        self,
        parts: Parts,
        postgres: Postgres,
        redis: Redis,
        clock: Clock,
        sides: dict[str, Any],
        probe: Callable[[], Awaitable[float]],
        bucket: Bucket | None = None,
    ) -> None:
        self.parts, self.postgres, self.redis, self.clock = parts, postgres, redis, clock
        self.sides, self.bucket = sides, bucket
        self.all: list[Struck] = []
        self.failed: Counter[str] = Counter()
        """Faults that could not be done."""
        self._probe = probe
        self._weather: Counter[str] = Counter()
        self._under_way: set[asyncio.Task[None]] = set()

    def begin(self, strike: Strike, after: float) -> None:
        task = asyncio.create_task(self._strikes(strike, after))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def over(self) -> None:
        """All have ended, and what was said after them is shown or given up."""
        await asyncio.gather(*self._under_way)

    def recoveries(self) -> tuple[list[float], list[float]]:
        """Seconds from the end of the last fault that stood in the way; and from each one's own end."""
        seen = [one for one in self.all if one.seen]
        last = [one.seen - max(self._in_the_way(one)) for one in seen]
        return sorted(last), sorted(one.seen - one.ended for one in seen)

    def _in_the_way(self, struck: Struck) -> list[float]:
        return [other.ended for other in self.all if struck.ended <= other.ended < struck.seen]

    async def _strikes(self, strike: Strike, after: float) -> None:
        await asyncio.sleep(after)
        struck = Struck(strike.kind, time.monotonic())
        try:
            await self._does(strike)
        except (OSError, TimeoutError, RuntimeError, SubprocessError, StartError) as error:
            self.failed[f"{strike.kind}: {type(error).__name__}"] += 1
            return
        struck.ended = time.monotonic()
        self.all.append(struck)
        struck.seen = await self._probe()

    async def _does(self, strike: Strike) -> None:
        first, _space, rest = strike.kind.partition(" ")
        match first, rest:
            case "kill", kind:
                self.parts.kill(kind, strike.pick)
            case "stop", kind:
                await self.parts.stop(kind, strike.pick, strike.lasts)
            case "pause", _leader:
                await self.parts.pause_leader()
            case "postgres", how:
                await self._postgres(how, strike.lasts)
            case "redis", how:
                await self._redis(how, strike.lasts)
            case "clock", way:
                await self.clock.wrong(HOUR if way == "forward" else -HOUR, strike.lasts)
            case "bucket", how if self.bucket is not None:
                await self.bucket.refuses(how, strike.lasts)
            case "storage", _refuses:
                await self.parts.refuse_storage(strike.lasts)
            case platform, _misbehaves:
                await self._misbehaves(platform, strike.lasts)

    async def _postgres(self, how: str, lasts: float) -> None:
        match how:
            case "restarted":
                await self.postgres.restarted()
            case "killed":
                await self.postgres.killed()
            case "cut":
                await self.postgres.cut()
            case "slow":
                await self.postgres.slow(lasts)
            case "crowded":
                await self.postgres.crowded(lasts)
            case _:
                await self.postgres.disk_full(lasts)

    async def _redis(self, how: str, lasts: float) -> None:
        if how == "flushed":
            await self.redis.flushed()
        else:
            await self.redis.away(lasts)

    async def _misbehaves(self, platform: str, lasts: float) -> None:
        if not self._weather[platform]:
            BAD[platform](self.sides[platform])
        self._weather[platform] += 1
        await asyncio.sleep(lasts)
        self._weather[platform] -= 1
        if not self._weather[platform]:
            self.sides[platform].behave()
