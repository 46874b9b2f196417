"""The parts of the desk as they are killed and paused."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from contextlib import suppress

from supervise import STARTED, NeverUp, Process, Supervisor

from benchmarks.faults.engines import no_room
from benchmarks.kill.program import troubles

MOST_STARTS = 5
TAKES_OVER_SECONDS = 20.0
"""After that a leader is woken although nobody took its place."""


class Parts:
    """By name; whatever ends is started again by the supervisor."""

    def __init__(self, parts: list[Process], supervisor: Supervisor) -> None:
        self.all, self.supervisor = parts, supervisor
        self.kills = 0

    def of(self, kind: str) -> list[Process]:
        """`leader` and `standby` are gateways as their logs tell; who cannot be told stands by."""
        if kind in ("leader", "standby"):
            return [one for one in self.of("gateway") if _leads(one) == (kind == "leader")]
        return [one for one in self.all if one.name.startswith(kind)]

    def kill(self, kind: str, pick: float) -> str:
        part = self._picked(kind, pick)
        self.kills += 1
        _signal(part.pid, signal.SIGKILL)
        return part.name

    async def stop(self, kind: str, pick: float, seconds: float) -> None:
        """It stands still and is woken, if nothing else has ended it meanwhile."""
        pid = self._picked(kind, pick).pid
        try:
            _signal(pid, signal.SIGSTOP)
            await asyncio.sleep(seconds)
        finally:
            _signal(pid, signal.SIGCONT)

    async def pause_leader(self) -> None:
        """Until another has taken over."""
        leader = self._picked("leader", 0.0)
        pid = leader.pid
        try:
            _signal(pid, signal.SIGSTOP)
            with suppress(TimeoutError):
                async with asyncio.timeout(TAKES_OVER_SECONDS):
                    while not any(_leads(one) for one in self.of("gateway") if one is not leader):
                        await asyncio.sleep(0.1)
        finally:
            _signal(pid, signal.SIGCONT)

    async def refuse_storage(self, seconds: float) -> None:
        """Whatever they write to files fails, their logs as well."""
        with no_room(lambda: [one.pid for one in self.all]):
            await asyncio.sleep(seconds)

    async def up(self) -> None:
        """Wait until all answer, also what is just being started again."""
        await asyncio.gather(*(self._up(one) for one in self.all))

    async def _up(self, part: Process) -> None:
        for _try in range(MOST_STARTS):
            with suppress(NeverUp):
                await part.up()
                return
            await asyncio.sleep(1.0)

    def troubles(self) -> dict[str, Counter[str]]:
        found = {one.name: troubles(one.log) for one in self.all}
        return {name: counted for name, counted in found.items() if counted}

    def _picked(self, kind: str, pick: float) -> Process:
        # While nobody leads, any gateway is as good.
        several = self.of(kind) or self.of("gateway")
        return several[int(pick * len(several))]


def _leads(part: Process) -> bool:
    said = part.log.read_text("utf-8", "replace").rpartition(STARTED)[2]
    return said.rfind("lease.taken") > said.rfind("lease.lost")


def _signal(pid: int, which: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, which)
