"""The engine: all calls of one process, their port, their clock."""

from __future__ import annotations

import asyncio
import gc
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from uuid import UUID, uuid4

import structlog
from aioice.ice import get_host_addresses

from adapters.media.aiortc.call import Call
from adapters.media.aiortc.certificate import Certificate
from adapters.media.aiortc.ice import candidate_line
from adapters.media.aiortc.udp import UdpPort
from adapters.media.endings import ENDINGS, Endings
from adapters.media.relays import ice_servers
from adapters.media.settings import Settings
from adapters.media.spool import Spool
from core import clock, tasks
from core.errors import NotFound, TooLarge, TooMany, Unavailable
from core.i18n import _
from core.ports.files import FileStore
from core.ports.media import (
    Answer,
    Ended,
    EventsMissed,
    IceServer,
    Limits,
    MediaEvent,
    Quality,
    Reason,
    Recording,
    Running,
    Source,
)

log = structlog.get_logger("media.engine")

MOST_CALLS = 500
KEPT_EVENTS = 20_000
_TICK_SECONDS = 0.1
_TIDY_SECONDS = 10.0
_BRING_SECONDS = 30.0
_OLD_SECONDS = 600.0
"""No recorder needs so long to make a block of a piece."""
_LONGEST_CANDIDATE = 1_000
NIL = UUID(int=0)


class Engine:
    """A `MediaEngine` in this process. Use `start` and `close`."""

    def __init__(self, settings: Settings, store: FileStore, spool: Path) -> None:
        self.instance = str(uuid4())
        self._settings, self._store, self._spool = settings, store, Spool(spool)
        self._endings = Endings(spool / ENDINGS)
        self._left_over: asyncio.Task[None] | None = None
        self._calls: dict[UUID, Call] = {}
        self._events: deque[tuple[int, MediaEvent]] = deque(maxlen=KEPT_EVENTS)
        self._number = 0
        self._news = asyncio.Event()
        self._clock: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._port: UdpPort | None = None
        self._closed = self._draining = False
        self._ended, self._tidied = False, 0.0

    async def start(self) -> None:
        self._port = UdpPort(_bindable(self._settings.listen), self._settings.ports)
        self._certificate = Certificate.generateCertificate()
        self._candidates = self._announced(self._port.number)
        self._clock = asyncio.create_task(self._tick())
        self._left_over = asyncio.create_task(self._bring())
        log.info("media.started", port=self._port.number, candidates=len(self._candidates))

    def drain(self) -> None:
        """Take no new calls; those that run go on."""
        self._draining = True

    async def close(self, reason: Reason = Reason.stopping) -> None:
        """End all calls; recordings are complete when this returns."""
        if self._closed:
            return
        await asyncio.gather(*(self._end(call, reason) for call in list(self._calls)))
        await asyncio.gather(*self._ending)
        self._closed = True
        self._news.set()
        await tasks.end(task for task in (self._clock, self._left_over) if task is not None)
        if self._port is not None:
            self._port.close()

    @property
    def port(self) -> int:
        """The UDP port that browsers reach."""
        return self._port.number if self._port is not None else 0

    async def open(self, call: UUID, limits: Limits | None = None) -> None:
        if self._closed or self._port is None:
            raise Unavailable(_("Calls are being stopped."))
        if call in self._calls:
            return
        if self._draining:
            raise Unavailable(_("Calls are being stopped."))
        if len(self._calls) >= MOST_CALLS:
            raise TooMany(_("There are too many calls now."), after=60)
        self._calls[call] = Call(
            call,
            limits or self._settings.limits,
            port=self._port,
            certificate=self._certificate,
            candidates=self._candidates,
            store=self._store,
            spool=self._spool,
            emit=self._emit,
        )

    async def join(
        self, call: UUID, person: UUID, offer: str, sources: Mapping[str, Source] | None = None
    ) -> Answer:
        return self._call(call).join(person, offer, sources)

    async def candidate(self, call: UUID, person: UUID, candidate: str) -> None:
        # The browser's checks come from its candidates, so we learn them without being told.
        if len(candidate) > _LONGEST_CANDIDATE:
            raise TooLarge(_("This network address is too long."), field="candidate")
        self._call(call)

    async def leave(self, call: UUID, person: UUID) -> None:
        await self._call(call).leave(person)

    async def end(self, call: UUID) -> None:
        await self._end(call, Reason.asked)

    async def mute(self, call: UUID, person: UUID, source: Source, on: bool) -> None:
        self._call(call).mute(person, source, on)

    async def hold(self, call: UUID, on: bool) -> None:
        self._call(call).hold(on)

    async def record(self, call: UUID, recordings: tuple[Recording, ...]) -> None:
        for recording in recordings:
            self._call(call).record(recording)

    async def stop_recording(self, call: UUID, person: UUID | None = None) -> None:
        await self._call(call).stop_recording(person)

    async def running(self) -> tuple[Running, ...]:
        return tuple(call.running() for call in self._calls.values() if call.over is None)

    async def stats(self, call: UUID) -> Mapping[UUID, Quality]:
        return self._call(call).stats()

    def ice_servers(self, person: UUID) -> tuple[IceServer, ...]:
        return ice_servers(self._settings, person.hex, clock.seconds())

    async def events(self) -> AsyncIterator[MediaEvent]:
        async for _number, event in self.events_since(self._number):
            yield event

    async def events_since(self, number: int) -> AsyncIterator[tuple[int, MediaEvent]]:
        """Events with their numbers, after this one; `EventsMissed` where some are gone."""
        while True:
            if self._events and number < self._events[0][0] - 1:
                number = self._events[0][0] - 1
                yield number, EventsMissed(call=NIL, at=clock.seconds())
            for found, event in self._newer(number):
                number = found
                yield found, event
            if number < self._number:
                continue
            if self._closed:
                return
            self._news.clear()
            await self._news.wait()

    @property
    def last_event(self) -> int:
        return self._number

    def _newer(self, number: int) -> list[tuple[int, MediaEvent]]:
        newer: list[tuple[int, MediaEvent]] = []
        for found in reversed(self._events):
            if found[0] <= number:
                break
            newer.append(found)
        return newer[::-1]

    def _emit(self, event: MediaEvent) -> None:
        self._number += 1
        object.__setattr__(event, "at", clock.seconds())
        self._events.append((self._number, event))
        self._news.set()

    def _call(self, call: UUID) -> Call:
        found = self._calls.get(call)
        if found is None or found.over is not None:
            raise NotFound(_("This call is over."))
        return found

    async def _end(self, call: UUID, reason: Reason) -> None:
        found = self._calls.get(call)
        if found is None or found.over is not None:
            return
        try:
            await found.end(reason)
        finally:
            del self._calls[call]
            self._ended = True
            self._endings.note(call, reason)
            self._emit(Ended(call=call, reason=reason))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            now = time.monotonic()
            self._tidy(now)
            for call in list(self._calls.values()):
                if call.over is None:
                    self._tick_one(call, now)

    async def _bring(self) -> None:
        """Bring to the store what an earlier engine left in the spool, and what failed since."""
        recordings = self._spool.recordings()
        self._endings.sweep()
        while True:
            for recording in recordings:
                await self._spool.bring(recording, self._store)
            await asyncio.sleep(_BRING_SECONDS)
            recordings = self._spool.recordings(older=_OLD_SECONDS)

    def _tidy(self, now: float) -> None:
        """Connections that are over are cycles inside the libraries, and hold memory that Python's
        collector does not count."""
        if self._ended and now - self._tidied > _TIDY_SECONDS:
            self._ended, self._tidied = False, now
            gc.collect()

    def _tick_one(self, call: Call, now: float) -> None:
        try:
            call.tick(now)
            reason = call.ends_by_itself(now)
        except Exception:
            log.exception("media.tick_failed", call=str(call.id))
            reason = None
        if reason is not None:
            task = asyncio.create_task(self._end(call.id, reason))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    def _announced(self, port: int) -> list[str]:
        """Our addresses as candidates: those that are set, or those of this machine."""
        if self._settings.public:
            ways = [(host, own or port) for host, own in self._settings.public]
        else:
            ways = [(host, port) for host in _reachable(self._settings.listen)]
        return [candidate_line(host, number, index) for index, (host, number) in enumerate(ways)]


def _bindable(listen: tuple[str, ...]) -> tuple[str, ...]:
    """Without IPv6 where the machine has none."""
    import socket

    if not socket.has_ipv6 or not get_host_addresses(use_ipv4=False, use_ipv6=True):
        return tuple(host for host in listen if host != "::") or listen
    return listen


def _reachable(listen: tuple[str, ...]) -> list[str]:
    """The addresses behind what we listen on; of this machine alone when it has no others."""
    every4, every6 = "0.0.0.0" in listen, "::" in listen  # noqa: S104  compared, not bound
    found = get_host_addresses(use_ipv4=every4, use_ipv6=every6) if every4 or every6 else []
    named = [host for host in listen if host not in ("0.0.0.0", "::")]  # noqa: S104  compared, not bound
    return [*named, *found] or ["127.0.0.1"]
