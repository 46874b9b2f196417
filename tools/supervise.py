"""Processes that are started, started again when they die, and stopped in order: what systemd is elsewhere."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import sys
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

STOP_SECONDS = 30.0
UP_SECONDS = 120.0
AGAIN_SECONDS = 0.5
WRONG_START = 2
STARTED = "--- started "
"""Begins a line of a log."""
_PR_SET_PDEATHSIG = 1
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class NeverUp(Exception):
    """A process that cannot run, in words."""


@dataclass
class Process:
    """One program, and where it answers when it is well (nowhere: it is well once it runs)."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    port: int = 0
    running: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        return self.running.pid if self.running is not None else 0

    async def start(self) -> None:
        with self.log.open("ab") as out:
            out.write(f"{STARTED}{datetime.now(UTC):%Y-%m-%d %H:%M:%S}\n".encode())
            out.flush()
            self.running = await asyncio.create_subprocess_exec(
                *self.command,
                env=dict(self.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                # Ctrl-C in the terminal is for us: we stop them in order.
                process_group=0,
                preexec_fn=_end_with_parent,
            )

    async def up(self) -> None:
        """Wait until it answers."""
        for _look in range(int(UP_SECONDS / 0.1)):
            if self.running is not None and self.running.returncode is not None:
                break
            if not self.port or await asyncio.to_thread(_answers, self.port):
                return
            await asyncio.sleep(0.1)
        raise NeverUp(f"{self.name} did not start; {self.log} says why.")

    async def stop(self) -> None:
        if self.running is None or self.running.returncode is not None:
            return
        with suppress(ProcessLookupError):
            self.running.terminate()
        try:
            await asyncio.wait_for(self.running.wait(), STOP_SECONDS)
        except TimeoutError:
            self.running.kill()
            await self.running.wait()


class Supervisor:
    """Keeps processes; `record` is a file that always says which runs as which process id."""

    def __init__(self, record: Path, say: Callable[[str], object]) -> None:
        self.processes: list[Process] = []
        self._batches: list[Sequence[Process]] = []
        self._record, self._say = record, say
        self._keepers: list[asyncio.Task[None]] = []
        self.failed = asyncio.Event()

    async def start(self, *some: Process) -> None:
        """Start them together, and wait until all answer."""
        self._batches.append(some)
        for one in some:
            self.processes.append(one)
            await one.start()
        await asyncio.gather(*(one.up() for one in some))
        self._write_down()
        self._keepers += [asyncio.create_task(self._keep(one)) for one in some]

    async def stop(self) -> None:
        """The youngest first; what was started together ends together, so that no standby takes over."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        for batch in reversed(self._batches):
            await asyncio.gather(*(one.stop() for one in batch))
        self._record.unlink(missing_ok=True)

    async def _keep(self, one: Process) -> None:
        while one.running is not None:
            code = await one.running.wait()
            self._say(f"{one.name} ended ({_in_words(code)}); {one.log}")
            if code == WRONG_START:
                # A wrong setting: starting again does not help.
                self.failed.set()
                return
            await asyncio.sleep(AGAIN_SECONDS)
            await one.start()
            self._write_down()
            self._say(f"{one.name} was started again")

    def _write_down(self) -> None:
        told = [{"name": p.name, "pid": p.pid, "port": p.port, "log": str(p.log)} for p in self.processes]
        fresh = self._record.with_suffix(".new")
        fresh.write_text(json.dumps(told, indent=1) + "\n")
        fresh.replace(self._record)


def _answers(port: int) -> bool:
    try:
        with _DIRECT.open(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _in_words(code: int) -> str:
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"code {code}"


def _end_with_parent() -> None:
    """None of them outlives this tool, however it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
