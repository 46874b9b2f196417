"""The engine's side of the socket."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import structlog

from adapters.media import wire
from core import tasks
from core.errors import DeskError, Invalid
from core.i18n import _
from core.ports.media import Limits, MediaEngine, MediaEvent, Recording, Source

log = structlog.get_logger("media.server")

_AT_ONCE = 64
_UNSENT = 4 * 1024 * 1024


class Served(MediaEngine, Protocol):
    """An engine that numbers its events."""

    @property
    def instance(self) -> str: ...

    @property
    def last_event(self) -> int: ...

    def events_since(self, number: int) -> AsyncIterator[tuple[int, MediaEvent]]: ...


class Server:
    """Answers requests at a socket. `idle_since` is when the last client went away."""

    def __init__(self, engine: Served, path: Path, *, stop: Callable[[], None]) -> None:
        self._engine = engine
        self._path = path
        self._stop = stop
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()
        self.idle_since = time.monotonic()

    @property
    def clients(self) -> int:
        return len(self._clients)

    async def start(self) -> None:
        self._path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._client, self._path)
        finally:
            os.umask(before)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self._path.unlink(missing_ok=True)
        await tasks.end(self._clients)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            await _Conversation(self._engine, reader, writer, self._stop).run()
        except (ValueError, ConnectionError) as error:
            log.warning("media.client_failed", error=type(error).__name__)
        except asyncio.CancelledError:
            pass  # the server closes; asyncio would log it as a fault of this task
        finally:
            self._clients.discard(task)
            self.idle_since = time.monotonic()
            writer.close()


class _Conversation:
    """One client: requests are worked off at the same time, events go out as they come."""

    def __init__(
        self,
        engine: Served,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        stop: Callable[[], None],
    ) -> None:
        self._engine, self._reader, self._writer, self._stop = engine, reader, writer, stop
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        try:
            while (message := await wire.read(self._reader)) is not None:
                await self._free.acquire()
                task = asyncio.create_task(self._work(message))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        finally:
            await tasks.end(self._tasks)

    async def _work(self, message: dict[str, Any]) -> None:
        try:
            if message.get("do") == "listen":
                self._free.release()
                await self._listen(message)
                return
            reply = await self._reply(message)
            self._writer.write(wire.pack({"id": message.get("id"), **reply}))
            await self._writer.drain()
        except ConnectionError:
            return  # the client went away; it asks again when it comes back
        finally:
            if message.get("do") != "listen":
                self._free.release()

    async def _reply(self, message: dict[str, Any]) -> dict[str, Any]:
        act = _ACTS.get(str(message.get("do")))
        try:
            if message.get("do") == "shutdown":
                self._stop()
                return {"value": None}
            if act is None:
                raise Invalid(_("The engine does not know this request."))
            return {"value": await act(self._engine, message)}
        except (KeyError, TypeError, ValueError):
            log.warning("media.request_malformed", do=message.get("do"), exc_info=True)
            return {"error": wire.pack_error(Invalid(_("The engine does not understand this request.")))}
        except DeskError as error:
            return {"error": wire.pack_error(error)}
        except Exception:
            log.exception("media.request_failed", do=message.get("do"))
            return {"error": wire.pack_error(DeskError(_("The call engine made a mistake.")))}

    async def _listen(self, message: dict[str, Any]) -> None:
        """Send events from where the client left off, if it knew this engine."""
        known = message.get("instance") == self._engine.instance
        since = int(message.get("since") or 0) if known else self._engine.last_event
        self._writer.write(wire.pack({"listening": self._engine.instance, "since": since}))
        async for number, event in self._engine.events_since(since):
            self._writer.write(wire.pack_event(number, event))
            if self._writer.transport.get_write_buffer_size() > _UNSENT:
                self._writer.close()
                return
            await self._writer.drain()


_Act = Callable[[MediaEngine, dict[str, Any]], Awaitable[Any]]


async def _join(engine: MediaEngine, m: dict[str, Any]) -> Any:
    sources = wire.value_of(dict[str, Source] | None, m.get("sources"))
    return await engine.join(UUID(str(m["call"])), UUID(str(m["person"])), str(m["offer"]), sources)


async def _record(engine: MediaEngine, m: dict[str, Any]) -> None:
    recordings = tuple(
        Recording(UUID(str(r["id"])), UUID(str(r["person"])), wire.key_bytes(r["key"]))
        for r in m["recordings"]
    )
    await engine.record(UUID(str(m["call"])), recordings)


async def _stats(engine: MediaEngine, m: dict[str, Any]) -> Mapping[str, Any]:
    return {str(person): quality for person, quality in (await engine.stats(UUID(str(m["call"])))).items()}


_ACTS: dict[str, _Act] = {
    "open": lambda e, m: e.open(UUID(str(m["call"])), wire.value_of(Limits | None, m.get("limits"))),
    "join": _join,
    "candidate": lambda e, m: e.candidate(UUID(str(m["call"])), UUID(str(m["person"])), str(m["candidate"])),
    "leave": lambda e, m: e.leave(UUID(str(m["call"])), UUID(str(m["person"]))),
    "end": lambda e, m: e.end(UUID(str(m["call"]))),
    "mute": lambda e, m: e.mute(
        UUID(str(m["call"])), UUID(str(m["person"])), Source(m["source"]), bool(m["on"])
    ),
    "hold": lambda e, m: e.hold(UUID(str(m["call"])), bool(m["on"])),
    "record": _record,
    "stop_recording": lambda e, m: e.stop_recording(
        UUID(str(m["call"])), UUID(str(m["person"])) if m.get("person") else None
    ),
    "running": lambda e, _m: e.running(),
    "stats": _stats,
}
