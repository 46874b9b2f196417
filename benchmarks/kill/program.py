"""`python -m bot run` as a program of its own, which dies without warning and is started again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UP_SECONDS = 90.0
_A_DESKS = ("DESKBELL_", "DATABASE_URL", "REDIS_URL", "PG")


class Program:
    """The desk on a data folder of its own."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self.folder = folder
        self.port = free_port()
        self.log = folder / "program.log"
        self.kills = 0
        self.ended_by_itself = 0
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bot", "run"],
                cwd=tempfile.gettempdir(),
                env=plain_environment()
                | {
                    "PYTHONPATH": str(ROOT),
                    "DESKBELL_DATA": str(self.data),
                    "DESKBELL_PORT": str(self.port),
                    "DESKBELL_LOG": "json",
                }
                | self._settings,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def up(self) -> None:
        """Wait until it answers; one that ended by itself is noted and started again."""
        deadline = time.monotonic() + UP_SECONDS
        while not await answers(self.port):
            if not self.is_running:
                self.ended_by_itself += 1
                self.start()
            if time.monotonic() > deadline:
                raise TimeoutError(f"the program does not come up; see {self.log}")
            await asyncio.sleep(0.1)

    async def kill(self, *, with_database: bool = False) -> None:
        """`kill -9`: of the program alone, whose keeper then ends the database in order; or of all of
        them at once, as when the machine loses its power."""
        assert self._process is not None
        if not self.is_running:
            self.ended_by_itself += 1
            return
        pids = [self._process.pid, *(offspring(self._process.pid) if with_database else ())]
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        await asyncio.to_thread(self._process.wait)
        self.kills += 1

    async def end(self) -> None:
        if self._process is None or not self.is_running:
            return
        self._process.terminate()
        try:
            await asyncio.to_thread(self._process.wait, 30)
        except subprocess.TimeoutExpired:
            await self.kill(with_database=True)

    def troubles(self) -> Counter[str]:
        return troubles(self.log)


def plain_environment() -> dict[str, str]:
    """Ours without what concerns a desk."""
    return {k: v for k, v in os.environ.items() if not k.startswith(_A_DESKS)}


def troubles(log: Path) -> Counter[str]:
    """What a program logged as an error, counted by its name."""
    found: Counter[str] = Counter()
    for line in log.read_text("utf-8", "replace").splitlines():
        if line.startswith("Traceback"):
            found["traceback"] += 1
        if not line.startswith("{"):
            continue
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if entry.get("level") in ("error", "critical"):
            found[_named(entry)] += 1
    return found


def _named(entry: dict[str, object]) -> str:
    kinds = entry.get("exception")
    last = kinds[-1] if isinstance(kinds, list) and kinds else {}
    kind = last.get("exc_type", "") if isinstance(last, dict) else ""
    return " ".join(str(part) for part in (entry.get("event"), kind) if part)


def offspring(pid: int) -> list[int]:
    """The children of a process and theirs, the eldest first."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(one) for one in path.read_text().split()]
        except OSError:
            continue
        for child in children:
            found += [child, *offspring(child)]
    return found


async def answers(port: int) -> bool:
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
                return b" 200 " in await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
