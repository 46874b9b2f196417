"""PostgreSQL and Redis as they break: restarted, killed, cut off, slow, crowded, full, flushed, away."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import asyncpg
from supervise import Process

from adapters.postgres import Embedded
from benchmarks.kill.program import offspring

SHORT = 0.3
LONGEST_DOWN = 60.0


class Postgres:
    """One fault at a time: what is down cannot be broken further."""

    def __init__(self, server: Embedded) -> None:
        self.server = server
        self.ended_by_itself = 0
        self._turn = asyncio.Lock()

    async def restarted(self) -> None:
        """As an operator does it: those who work are cut off, the rest is in order."""
        await self._down([self._postmaster], signal.SIGINT)

    async def killed(self) -> None:
        """All its processes at once, as when the machine loses its power."""
        await self._down(offspring(self.server.pid), signal.SIGKILL)

    async def cut(self) -> None:
        async with self._turn:
            connection = await asyncpg.connect(self.server.dsn_of("postgres", user="postgres"), timeout=10)
            try:
                await connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where application_name like 'deskbell%' and pid <> pg_backend_pid()"
                )
            finally:
                await connection.close()

    async def slow(self, seconds: float) -> None:
        """It works a quarter of the time."""
        async with self._turn:
            for _piece in range(int(seconds / 0.2)):
                stopped = offspring(self.server.pid)
                try:
                    _signal(stopped, signal.SIGSTOP)
                    await asyncio.sleep(0.15)
                finally:
                    _signal(stopped, signal.SIGCONT)
                await asyncio.sleep(0.05)

    async def crowded(self, seconds: float) -> None:
        """Others take each connection that becomes free."""
        held: list[asyncpg.Connection] = []
        ends = asyncio.get_running_loop().time() + seconds
        async with self._turn:
            try:
                while asyncio.get_running_loop().time() < ends:
                    try:
                        held.append(await asyncpg.connect(self.server.dsn, timeout=5))
                    except (OSError, asyncpg.PostgresError):
                        await asyncio.sleep(0.1)
            finally:
                await asyncio.gather(*(one.close(timeout=5) for one in held), return_exceptions=True)

    async def disk_full(self, seconds: float) -> None:
        """Nothing it writes gets longer or newer: where there is no room for its log it ends itself."""
        async with self._turn:
            with no_room(lambda: [self.server.pid, *offspring(self.server.pid)]):
                await asyncio.sleep(seconds)
            await asyncio.sleep(SHORT)
            await self._again()

    async def keep(self) -> None:
        """Start it again where it ended without being told to; until cancelled."""
        while True:
            await asyncio.sleep(0.5)
            if not self._turn.locked():
                async with self._turn:
                    await self._again()

    async def _again(self) -> None:
        if not self.server.is_running:
            self.ended_by_itself += 1
            await self.server.start_again()

    async def _down(self, processes: list[int], how: signal.Signals) -> None:
        async with self._turn:
            _signal(processes, how)
            async with asyncio.timeout(LONGEST_DOWN):
                await self.server.wait()
            await self.server.start_again()

    @property
    def _postmaster(self) -> int:
        return int(self.server.pid_file.read_text().splitlines()[0])


class Redis:
    """A Redis that nobody starts again but us."""

    def __init__(self, process: Process, socket: Path) -> None:
        self.process, self.socket = process, socket
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        self.socket.unlink(missing_ok=True)
        await self.process.start()
        while not self.socket.exists():
            await asyncio.sleep(0.02)

    async def flushed(self) -> None:
        async with self._turn:
            reader, writer = await asyncio.open_unix_connection(str(self.socket))
            try:
                writer.write(b"FLUSHALL\r\n")
                await asyncio.wait_for(reader.readline(), 10)
            finally:
                writer.close()

    async def away(self, seconds: float) -> None:
        async with self._turn:
            await self.stop()
            await asyncio.sleep(seconds)
            await self.start()

    async def stop(self) -> None:
        if self.process.running is not None and self.process.running.returncode is None:
            self.process.running.kill()
            await self.process.running.wait()


@contextmanager
def no_room(processes: Callable[[], list[int]]) -> Iterator[None]:
    """The processes can write to no file meanwhile: what a full disk is to them."""
    _limit(processes(), 0)
    try:
        yield
    finally:
        _limit(processes(), resource.RLIM_INFINITY)


def _limit(processes: list[int], size: int) -> None:
    """As the user whose they are: another may not, not even root."""
    owners: dict[tuple[int, int], list[int]] = {}
    for pid in processes:
        with suppress(FileNotFoundError):
            its = Path(f"/proc/{pid}").stat()
            owners.setdefault((its.st_uid, its.st_gid), []).append(pid)
    for (user, group), theirs in owners.items():
        if user == os.geteuid():
            _limit_own(theirs, size)
        else:
            limiting = partial(_limit_own, theirs, size)
            subprocess.run(
                ["/bin/true"],
                user=user,
                group=group,
                extra_groups=[],
                preexec_fn=limiting,
                cwd="/",
                check=False,
            )


def _limit_own(processes: list[int], size: int) -> None:
    for pid in processes:
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def _signal(processes: list[int], which: signal.Signals) -> None:
    for pid in processes:
        with suppress(ProcessLookupError):
            os.kill(pid, which)
