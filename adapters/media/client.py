"""The engine, as every other process sees it: the port over a Unix socket.

The connection is made when it is needed and made again when it breaks. Events go on where they
stopped, as long as the engine is the same; a fresh engine is told by `EventsMissed`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog

from adapters.media import wire
from adapters.media.relays import ice_servers
from adapters.media.settings import Settings
from core import clock, tasks
from core.errors import Unavailable
from core.i18n import _
from core.ports.media import (
    Answer,
    EventsMissed,
    IceServer,
    Limits,
    MediaEvent,
    Quality,
    Recording,
    Running,
    Source,
)

log = structlog.get_logger("media.client")

_SECONDS = 10.0
_LONG_SECONDS = 60.0
"""For what waits until recordings are complete."""
_CONNECT_SECONDS = 2.0
_REACH_SECONDS = 6.0
"""So long a request waits for an engine that is just being started."""
_PAUSE = 0.1


class Client:
    """A `MediaEngine` at the socket `path`."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self._path, self._settings = path, settings
        self._connection: _Connection | None = None
        self._connecting = asyncio.Lock()
        self._closed = False

    async def close(self) -> None:
        self._closed = True
        if self._connection is not None:
            await self._connection.close()

    async def open(self, call: UUID, limits: Limits | None = None) -> None:
        await self._ask("open", call=call, limits=limits)

    async def join(
        self, call: UUID, person: UUID, offer: str, sources: Mapping[str, Source] | None = None
    ) -> Answer:
        told = await self._ask("join", call=call, person=person, offer=offer, sources=sources)
        answer: Answer = wire.value_of(Answer, told)
        return answer

    async def candidate(self, call: UUID, person: UUID, candidate: str) -> None:
        await self._ask("candidate", call=call, person=person, candidate=candidate)

    async def leave(self, call: UUID, person: UUID) -> None:
        await self._ask("leave", seconds=_LONG_SECONDS, call=call, person=person)

    async def end(self, call: UUID) -> None:
        await self._ask("end", seconds=_LONG_SECONDS, call=call)

    async def mute(self, call: UUID, person: UUID, source: Source, on: bool) -> None:
        await self._ask("mute", call=call, person=person, source=source, on=on)

    async def hold(self, call: UUID, on: bool) -> None:
        await self._ask("hold", call=call, on=on)

    async def record(self, call: UUID, recordings: tuple[Recording, ...]) -> None:
        told = [{"id": r.id, "person": r.person, "key": wire.key_text(r.key)} for r in recordings]
        await self._ask("record", call=call, recordings=told)

    async def stop_recording(self, call: UUID, person: UUID | None = None) -> None:
        await self._ask("stop_recording", seconds=_LONG_SECONDS, call=call, person=person)

    async def running(self) -> tuple[Running, ...]:
        calls: tuple[Running, ...] = wire.value_of(tuple[Running, ...], await self._ask("running"))
        return calls

    async def stats(self, call: UUID) -> Mapping[UUID, Quality]:
        told: Mapping[UUID, Quality] = wire.value_of(dict[UUID, Quality], await self._ask("stats", call=call))
        return told

    async def shutdown(self) -> None:
        """Tell the engine to end all calls and itself."""
        await self._ask("shutdown")

    async def reachable(self) -> bool:
        """Whether an engine listens now; does not wait for one, as requests do."""
        if self._connection is not None and not self._connection.over:
            return True
        connection = await _connect(self._path)
        if connection is None:
            return False
        await connection.close()
        return True

    def ice_servers(self, person: UUID) -> tuple[IceServer, ...]:
        return ice_servers(self._settings, person.hex, clock.seconds())

    async def events(self) -> AsyncIterator[MediaEvent]:
        instance, since = "", 0
        while not self._closed:
            connection = await _connect(self._path)
            if connection is None:
                await asyncio.sleep(_PAUSE)
                continue
            try:
                connection.send({"do": "listen", "instance": instance, "since": since})
                async for message in connection.told():
                    if "listening" in message:
                        if instance not in ("", message["listening"]):
                            yield EventsMissed(call=UUID(int=0), at=clock.seconds())
                        instance, since = message["listening"], message["since"]
                    elif (event := wire.event_of(message)) is not None:
                        since = message["number"]
                        yield event
            finally:
                await connection.close()

    async def _ask(
        self, do: str, *, seconds: float = _SECONDS, reach: float = _REACH_SECONDS, **values: Any
    ) -> Any:
        connection = await self._connected(reach)
        try:
            async with asyncio.timeout(seconds):
                reply = await connection.ask({"do": do, **values})
        except (TimeoutError, ConnectionError):
            raise _away() from None
        if "error" in reply:
            raise wire.error_of(reply["error"])
        return reply["value"]

    async def _connected(self, reach: float) -> _Connection:
        until = time.monotonic() + reach
        async with self._connecting:
            while self._connection is None or self._connection.over:
                if self._connection is not None:
                    await self._connection.close()
                self._connection = await _connect(self._path) if not self._closed else None
                if self._connection is None:
                    if self._closed or time.monotonic() >= until:
                        raise _away()
                    await asyncio.sleep(_PAUSE)
        return self._connection


class _Connection:
    """Requests and replies by number; what has no number is told."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._told: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(1_000)
        self.over = False
        self._task = asyncio.create_task(self._read())

    def send(self, message: dict[str, Any]) -> None:
        self._writer.write(wire.pack(message))

    async def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        if self.over:
            raise ConnectionError
        number = next(self._numbers)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            self.send({"id": number, **message})
            reply: dict[str, Any] = await future
            return reply
        finally:
            del self._waiting[number]

    async def told(self) -> AsyncIterator[dict[str, Any]]:
        while (message := await self._told.get()) is not None:
            yield message

    async def close(self) -> None:
        self._writer.close()
        await tasks.end([self._task])
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    async def _read(self) -> None:
        try:
            while (message := await wire.read(self._reader)) is not None:
                future = self._waiting.get(message.get("id", 0))
                if future is not None and not future.done():
                    future.set_result(message)
                elif "id" not in message:
                    await self._told.put(message)
        except ValueError:
            log.warning("media.engine_garbled")
        finally:
            self.over = True
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(ConnectionError())
            if self._told.full():
                self._told.get_nowait()
            self._told.put_nowait(None)


async def _connect(path: Path) -> _Connection | None:
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            return _Connection(*await asyncio.open_unix_connection(path))
    except (OSError, TimeoutError):
        return None


def _away() -> Unavailable:
    return Unavailable(_("Calls cannot be reached now. Please try again in a moment."))
