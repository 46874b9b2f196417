"""Keeps the calls of the desk and those of the media engine in step.

What the engine reports becomes facts, and is passed on to the pages that show the call. An engine
that began anew knows no calls: those are marked, and their people come back by the same links.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

import structlog

from core import clock
from core.calls import access, happened, queries, recordings
from core.db import UnitOfWork
from core.desk import Desk
from core.errors import DeskError, NotFound
from core.outage import MAY_BE_AWAY
from core.ports.bus import Signal
from core.ports.media import (
    Bound,
    Ended,
    EventsMissed,
    Joined,
    Left,
    Lost,
    MediaEngine,
    MediaEvent,
    PieceWritten,
    QualitySample,
    Reason,
    Recording,
    Recordings,
    RecordingStarted,
    RecordingStopped,
    Replaced,
    SeatsWanted,
    Speaking,
)

log = structlog.get_logger("bot.voice")
TICK = 5.0
SWEEP_EVERY = 60
TRIES = 5
WRITTEN = (
    Joined, Lost, Left, RecordingStarted, PieceWritten, RecordingStopped, QualitySample, Speaking, Ended,
)  # fmt: skip
"""What is kept; the rest, such as who sees whom, is only told, and costs no unit of work."""
OVER = ("call.ended", "call.missed", "call.declined", "call.failed")


class Keeper:
    """One for each desk."""

    def __init__(
        self, desk: Desk, stored: Recordings, ended: Callable[[UUID], Reason | None] = lambda call: None
    ) -> None:
        """`ended` says why a call ended while nobody listened, where the engine still knows."""
        self.desk, self.stored, self.ended = desk, stored, ended
        self.media: MediaEngine | None = None
        """None until somebody needs it."""
        self._speaks: dict[tuple[UUID, UUID], float] = {}

    async def listen(self, media: MediaEngine) -> None:
        """Deal with what the engine reports, until it is closed."""
        self.media = media
        async for event in media.events():
            await self._surely(event)

    async def obey(self) -> None:
        """What ends by a command or the API is ended in the engine, once it is kept."""
        async with self.desk.bus.subscribe() as signals:
            async for signal in signals:
                name, call = signal.data.get("name"), signal.data.get("subject")
                if self.media is None or call is None:
                    continue
                with suppress(DeskError):
                    if name in OVER:
                        await self.media.end(UUID(str(call)))
                    elif name == "call.revoked":
                        await self._show_out(UUID(str(call)))

    async def _show_out(self, call_id: UUID) -> None:
        """Whoever is in the engine, and has no link any more, has to leave."""
        assert self.media is not None
        there = next((one for one in await self.media.running() if one.call == call_id), None)
        if there is None:
            return
        async with self.desk.unit() as uow:
            gone = await queries.shown_out(uow, call_id)
        for present in there.people:
            if present.person in gone:
                await self.media.leave(call_id, present.person)

    async def tick(self) -> None:
        """Do what time brings, until cancelled."""
        ticks = 0
        while True:
            with suppress(*MAY_BE_AWAY):
                await self.once(sweep=ticks % SWEEP_EVERY == 0)
            ticks += 1
            await asyncio.sleep(TICK)

    async def _surely(self, event: MediaEvent) -> None:
        """A fact must not be lost because the database was away for a moment."""
        for tried in range(TRIES):
            try:
                await self.heard(event)
            except MAY_BE_AWAY as error:
                log.warning("call.waits", error=type(error).__name__)
                await asyncio.sleep(min(0.2 * 2**tried, 3.0))
            except NotFound:
                return
            except DeskError as error:
                log.warning("call.refused", code=error.code)
                return
            else:
                return

    async def heard(self, event: MediaEvent) -> None:
        """One report: a fact of the call, and news for its pages."""
        if isinstance(event, EventsMissed):
            await self.reconcile()
            return
        if isinstance(event, Speaking) and event.on:
            self._speaks[event.call, event.person] = event.at or clock.seconds()
        elif isinstance(event, WRITTEN):
            await self._write(event)
        if isinstance(event, Joined):
            await self.record_due(event.call)
        self._tell(event)

    async def reconcile(self) -> None:
        """Ask the engine what runs, and mark what does not any more."""
        assert self.media is not None
        asked_at, running = clock.now(), await self.media.running()
        async with self.desk.unit() as uow:
            lost = await happened.reconcile(uow, running, self.ended, asked_at)
            over = await queries.over_among(uow, [each.call for each in running])
        for call in over:
            # It was ended while the engine could not be told.
            await self.media.end(call)
        for call in lost:
            self.desk.bus.publish(Signal("call", {"call": str(call), "what": "interrupted"}))
        for each in running:
            with suppress(DeskError):
                await self.record_due(each.call)

    async def record_due(self, call_id: UUID) -> None:
        """Whoever may be recorded now, is."""
        async with self.desk.unit() as uow:
            call, _opened = await access.change(uow, call_id)
            due = await recordings.due(uow, call)
        if self.media is not None:
            for one in due:
                await self._record(self.media, call_id, one)

    async def _record(self, media: MediaEngine, call_id: UUID, wanted: Recording) -> None:
        try:
            await media.record(call_id, (wanted,))
        except NotFound:
            async with self.desk.unit() as uow:
                await recordings.never_began(uow, wanted.id)

    async def _write(self, event: MediaEvent) -> None:
        async with self.desk.unit() as uow:
            match event:
                case Joined():
                    await happened.came(uow, event.call, event.person, event.again)
                case Lost():
                    await happened.lost(uow, event.call, event.person)
                case Left():
                    await happened.left(uow, event.call, event.person, event.reason.value)
                case RecordingStarted():
                    await happened.recording_started(uow, event.call, event.person, event.recording)
                case PieceWritten():
                    await happened.piece_written(uow, event.recording, event.milliseconds, event.size)
                case RecordingStopped():
                    await access.change(uow, event.call)
                    await self._fell_silent(uow, event, event.person)
                    await happened.recording_stopped(
                        uow, event.recording, event.reason.value, event.milliseconds
                    )
                case QualitySample():
                    await happened.sample(uow, event.call, event.person, event.quality)
                case Speaking():
                    await self._spoke(uow, event)
                case Ended():
                    await access.change(uow, event.call)
                    for person in [key[1] for key in self._speaks if key[0] == event.call]:
                        await self._fell_silent(uow, event, person)
                    await happened.over(uow, event.call, event.reason.value)
                case _:
                    pass

    async def _spoke(self, uow: UnitOfWork, event: Speaking) -> None:
        begins = self._speaks.pop((event.call, event.person), None)
        if begins is not None:
            await happened.spoke(uow, event.call, event.person, begins, event.at or clock.seconds())

    async def _fell_silent(self, uow: UnitOfWork, event: MediaEvent, person: UUID) -> None:
        """Whoever speaks when a recording ends has spoken until then."""
        begins = self._speaks.pop((event.call, person), None)
        if begins is not None:
            await happened.spoke(uow, event.call, person, begins, event.at or clock.seconds())

    def _tell(self, event: MediaEvent) -> None:
        told: dict[str, object] = {"call": str(event.call)}
        match event:
            case Bound():
                told |= {"what": "bound", "to": str(event.viewer), "bindings": bindings(event)}
            case SeatsWanted():
                told |= {"what": "seats", "to": str(event.viewer), "seats": event.seats}
            case Replaced():
                told |= {"what": "replaced", "to": str(event.person)}
            case Speaking():
                told |= {"what": "speaking", "person": str(event.person), "on": event.on}
            case QualitySample():
                told |= {
                    "what": "quality", "to": str(event.person), "loss": event.quality.down_loss,
                    "up_loss": event.quality.up_loss, "round_trip": event.quality.round_trip,
                    "paused": event.quality.video_paused,
                }  # fmt: skip
            case PieceWritten():
                return
            case _:
                told |= {"what": "state"}
        self.desk.bus.publish(Signal("call", told))

    async def once(self, *, sweep: bool = True) -> None:
        """What time brings: calls nobody took up, reminders, recordings whose time is over."""
        async with self.desk.unit() as uow:
            ended = await happened.time_out(uow)
            await happened.remind(uow)
        for call in ended:
            if self.media is not None:
                with suppress(DeskError):
                    await self.media.end(call)
        if sweep:
            await self._sweep()

    async def _sweep(self) -> None:
        async with self.desk.unit() as uow:
            await recordings.expire(uow)
            gone = await recordings.to_remove(uow)
        for recording in gone:
            await self.stored.delete(recording)
        if gone:
            async with self.desk.unit() as uow:
                await recordings.removed(uow, gone)


def bindings(event: Bound) -> list[dict[str, str]]:
    return [{"mid": one.mid, "person": str(one.person), "source": one.source.value} for one in event.bindings]
