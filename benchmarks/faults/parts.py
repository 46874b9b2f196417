"""The parts of the desk as they are killed and paused."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections import Counter
from contextlib import suppress

from supervise import STARTED, NeverUp, Process, Supervisor

from benchmarks.faults.engines import no_room
from benchmarks.kill.program import troubles
from core.lease import DESK

MOST_STARTS = 5
_OF_LEASES = re.compile(r"lease\.(taken|lost|let_go) .*\blease=([\w/#]+)")
TAKES_OVER_SECONDS = 20.0
"""After that a leader is woken although nobody took its place."""


class Parts:
    """By name; whatever ends is started again by the supervisor."""

    def __init__(self, parts: list[Process], supervisor: Supervisor) -> None:
        self.all, self.supervisor = parts, supervisor
        self.kills = 0

    def of(self, kind: str) -> list[Process]:
        """Gateways share the connections: `leader` is the one that leads for the desk as well, by its log, and
        `standby` any other."""
        if kind in ("leader", "standby"):
            return [one for one in self.of("gateway") if (DESK in _leads(one)) == (kind == "leader")]
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
        """Until another has taken over everything."""
        leader = self._picked("leader", 0.0)
        pid, theirs = leader.pid, _leads(leader)
        try:
            _signal(pid, signal.SIGSTOP)
            with suppress(TimeoutError):
                async with asyncio.timeout(TAKES_OVER_SECONDS):
                    while not theirs <= self._led_beside(leader):
                        await asyncio.sleep(0.1)
        finally:
            _signal(pid, signal.SIGCONT)

    def _led_beside(self, leader: Process) -> set[str]:
        return {name for one in self.of("gateway") if one is not leader for name in _leads(one)}

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


def _leads(part: Process) -> set[str]:
    """The leases that it took, and did not lose or let go since."""
    said = part.log.read_text("utf-8", "replace").rpartition(STARTED)[2]
    found: set[str] = set()
    for event, name in _OF_LEASES.findall(said):
        found = found | {name} if event == "taken" else found - {name}
    return found


def _signal(pid: int, which: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, which)
