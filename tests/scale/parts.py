"""`make scale` as people start it, and its parts as they may be killed and frozen."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from adapters.files.disk import DiskStore
from adapters.local.bus import LocalBus
from adapters.postgres import attach
from bot.secrets import read_file
from core.access import Actor
from core.db import Database
from core.desk import Desk
from core.people import service as people
from tests.cli.program import answer_of, environment, free_port
from tests.postgres.processes import ROOT, until, until_over

UP_SECONDS = 180.0


@dataclass(frozen=True)
class Part:
    """A process as `parts.json` tells of it."""

    name: str
    pid: int
    port: int
    log: Path

    @property
    def said(self) -> str:
        """Since it was started."""
        return self.log.read_text("utf-8", "replace").rpartition("--- started ")[2]

    def answers(self, path: str = "/healthz") -> int:
        return answer_of(self.port, path)

    def leads(self) -> set[str]:
        """By its log: the leases that it took, and did not lose or let go since."""
        found: set[str] = set()
        for event, name in self.of_leases():
            found = found | {name} if event == "taken" else found - {name}
        return found

    def of_leases(self) -> list[tuple[str, str]]:
        """What it said of them: taken, lost, or let go."""
        return re.findall(r"lease\.(taken|lost|let_go) .*\blease=([\w/#]+)", self.said)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def freeze(self, on: bool) -> None:
        os.kill(self.pid, signal.SIGSTOP if on else signal.SIGCONT)


class Parts:
    """The tool that keeps them."""

    def __init__(self, data: Path, redis: str, *, gateways: int = 2, **settings: str) -> None:
        self.data, self.front = data, free_port()
        ports = [self.front, *(free_port() for _ in range(3 + gateways))]
        self.out = tempfile.TemporaryFile()  # noqa: SIM115  closed with the tool
        self.process = subprocess.Popen(
            [
                sys.executable,
                str(ROOT / "tools/scale.py"),
                *("--ports", ",".join(map(str, ports)), "--gateways", str(gateways)),
            ],
            cwd=tempfile.gettempdir(),
            env=environment(data, REDIS_SERVER=redis, **settings),
            stdout=self.out,
            stderr=self.out,
            start_new_session=True,
        )

    def up(self) -> None:
        until(lambda: self.process.poll() is not None or "Ctrl-C" in self.said, UP_SECONDS)
        assert self.process.poll() is None, self.said

    @property
    def said(self) -> str:
        self.out.seek(0)
        return self.out.read().decode()

    def all(self) -> list[Part]:
        told = json.loads((self.data / "parts.json").read_text())
        return [Part(one["name"], one["pid"], one["port"], Path(one["log"])) for one in told]

    def of(self, kind: str) -> list[Part]:
        return [one for one in self.all() if one.name.startswith(kind)]

    def kill(self, part: Part) -> None:
        """Kill it, and wait until the tool has started another in its place, which answers."""
        part.kill()
        until(lambda: self._again(part), UP_SECONDS)

    def end(self) -> int:
        """Ctrl-C, as the terminal sends it."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(60)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for part in self.all() if (self.data / "parts.json").exists() else ():
            with suppress(ProcessLookupError):
                part.kill()
        self.out.close()
        until_over(self.data / "engine")

    def _again(self, old: Part) -> bool:
        new = next(one for one in self.all() if one.name == old.name)
        return new.pid != old.pid and (not new.port or new.answers() == 200)


@asynccontextmanager
async def standing(parts: Parts, folder: Path) -> AsyncIterator[tuple[Desk, Actor]]:
    """The parts run in this folder; the desk as the test looks at it, and an agent."""
    try:
        await asyncio.to_thread(parts.up)
        address = await attach(folder / "engine")
        assert address is not None
        db = Database(address.url, pool=5)
        masters = read_file(folder / "master.key")
        desk = await Desk.open(db, DiskStore(folder / "files"), LocalBus(), masters)
        async with desk.unit() as uow:
            bob = await people.actor_of(uow, await people.add(uow, name="Bob", role="agent"))
        yield desk, bob
        await db.close()
    finally:
        # Shown by pytest where the test fails.
        for log in sorted((folder / "log").glob("*.log")):
            sys.stderr.write(f"--- {log.name}\n{log.read_text('utf-8', 'replace')}")
        sys.stderr.write(f"--- the tool\n{parts.said}")
        await asyncio.to_thread(parts.close)
