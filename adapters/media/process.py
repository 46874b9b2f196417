"""The engine's process: run it, start it, keep it.

It belongs to nobody: whoever starts it may end and come back while calls go on. It ends by itself
once it has neither calls nor clients for a while, or when told.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from adapters.media.client import Client
from adapters.media.settings import Settings
from core import tasks
from core.collector import collect_seldom
from core.errors import StartError
from core.ports.files import FileStore

if TYPE_CHECKING:
    from adapters.media.aiortc.engine import Engine
    from adapters.media.server import Server

log = structlog.get_logger("media.process")

_LOOK_SECONDS = 1.0
_START_SECONDS = 15.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 30.0


async def serve(settings: Settings, store: FileStore, socket: Path) -> None:
    """Be the engine at this socket until told to end, or until nobody needs it."""
    # Loading the media libraries takes memory and half a second: only where an engine runs.
    from adapters.media.aiortc.engine import Engine
    from adapters.media.server import Server

    socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    stop = asyncio.Event()
    with _alone(socket.with_suffix(".lock")):
        engine = Engine(settings, store, spool_of(socket))
        server = Server(engine, socket, stop=stop.set)
        await engine.start()
        collect_seldom()
        try:
            await server.start()
            with _stops_at(stop):
                await _until_unneeded(engine, server, settings.linger, stop)
                await _drained(engine, settings.drain, stop)
        finally:
            await engine.close()
            await server.close()
    log.info("media.ended")


def spool_of(socket: Path) -> Path:
    """Where the engine at this socket keeps the newest pieces of recordings."""
    return socket.with_suffix(".spool")


@asynccontextmanager
async def reached(socket: Path, settings: Settings) -> AsyncIterator[Client]:
    """A client of the engine that somebody else keeps at this socket; none is started here."""
    client = Client(socket, settings)
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def kept(
    command: Sequence[str], socket: Path, settings: Settings, env: Mapping[str, str] | None = None
) -> AsyncIterator[Client]:
    """A client of the engine at this socket, which is started when none runs, and again when it
    dies. The engine stays when this ends."""
    async with reached(socket, settings) as client:
        keeper = asyncio.create_task(_keep(client, command, env))
        try:
            yield client
        finally:
            await tasks.end([keeper])


async def _keep(client: Client, command: Sequence[str], env: Mapping[str, str] | None) -> None:
    pause = _FIRST_PAUSE
    child: _Child | None = None
    while True:
        if await client.reachable():
            pause = _FIRST_PAUSE
        elif child is None or child.over:
            if child is not None:
                log.error("media.engine_died", status=child.status)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            child = _Child(command, env)
            await _up(client, child)
            continue
        await asyncio.sleep(_LOOK_SECONDS)


async def _up(client: Client, child: _Child) -> None:
    """Wait until it answers or dies."""
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and not child.over:
        if await client.reachable():
            return
        await asyncio.sleep(0.05)


class _Child:
    """A process that we start and may leave behind; `subprocess` would complain of that."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str] | None) -> None:
        self.status: int | None = None
        # A session of its own: Ctrl-C in the terminal must not end running calls.
        self._pid = os.posix_spawn(
            command[0],
            list(command),
            dict(os.environ if env is None else env),
            file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)],
            setsid=True,
        )

    @property
    def over(self) -> bool:
        if self.status is None:
            with contextlib.suppress(ChildProcessError):
                pid, status = os.waitpid(self._pid, os.WNOHANG)
                self.status = os.waitstatus_to_exitcode(status) if pid else None
        return self.status is not None


async def _until_unneeded(engine: Engine, server: Server, linger: float, stop: asyncio.Event) -> None:
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS):
                await stop.wait()
        idle = not server.clients and not await engine.running()
        if idle and time.monotonic() - server.idle_since > linger:
            return


async def _drained(engine: Engine, seconds: float, stop: asyncio.Event) -> None:
    """Let the calls that run come to their end, for so long; told a second time, it does not wait."""
    ends = time.monotonic() + seconds
    engine.drain()
    stop.clear()
    while await engine.running() and time.monotonic() < ends and not stop.is_set():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(_LOOK_SECONDS, seconds)):
                await stop.wait()


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """One engine a socket, also when two processes start one at the same moment."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise StartError("Another call engine runs at this socket already.") from None
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _stops_at(stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
