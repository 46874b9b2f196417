"""One call: who is in it, who sees whom, who is asked for how much."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from uuid import UUID

import structlog
from aiortc.rtcdtlstransport import RTCCertificate

from adapters.media.aiortc import measuring
from adapters.media.aiortc.offer import read_offer
from adapters.media.aiortc.peer import Peer
from adapters.media.aiortc.person import Person
from adapters.media.aiortc.recorder import Recorder
from adapters.media.aiortc.seats import Seat, bindings
from adapters.media.aiortc.track import SILENT_SECONDS
from adapters.media.aiortc.udp import UdpPort
from adapters.media.spool import Spool
from core import clock, tasks
from core.errors import NotFound, TooMany
from core.i18n import _
from core.ports.files import FileStore
from core.ports.media import (
    Answer,
    Bound,
    Failed,
    Joined,
    Left,
    Limits,
    Lost,
    MediaEvent,
    PieceWritten,
    Quality,
    QualitySample,
    Reason,
    Recording,
    RecordingStarted,
    RecordingStopped,
    Replaced,
    Running,
    SeatsWanted,
    Source,
    Speaking,
    TrackOff,
    TrackOn,
)

log = structlog.get_logger("media.call")

CONNECT_SECONDS = 20.0
LOST_SECONDS = 5.0
GONE_SECONDS = 45.0
_REPORT_SECONDS = 1.0
_LISTEN_SECONDS = 0.3
_SAMPLE_SECONDS = 5.0

Emit = Callable[[MediaEvent], None]


class Call:
    """Told by the engine ten times a second how late it is (`tick`)."""

    def __init__(
        self,
        call: UUID,
        limits: Limits,
        *,
        port: UdpPort,
        certificate: RTCCertificate,
        candidates: list[str],
        store: FileStore,
        spool: Spool,
        emit: Emit,
    ) -> None:
        self.id = call
        self.limits = limits
        self.since = clock.seconds()
        self.held = False
        self.people: dict[UUID, Person] = {}
        self.over: Reason | None = None
        self._port, self._certificate, self._candidates = port, certificate, candidates
        self._store, self._spool = store, spool
        self._emit = emit
        self._tasks: set[asyncio.Task[None]] = set()
        self._began = self._several_at = self._somebody_at = port.now
        self._reported = self._listened = self._sampled = port.now

    def running(self) -> Running:
        present = tuple(person.present() for person in self.people.values() if person.joined)
        return Running(self.id, self.since, self.held, present)

    def join(self, who: UUID, offer_text: str, sources: Mapping[str, Source] | None) -> Answer:
        offer = read_offer(offer_text)
        person = self.people.get(who)
        known = next((p for p in _peers(person) if offer.continues(p.offer)), None)
        if known is not None:
            known.apply(offer, sources)
            if person is not None and known is person.peer:
                known.attach(person.tracks)
            self._arrange()
            return self._answer(who, known)
        if person is None:
            if len(self.people) >= self.limits.people:
                raise TooMany(_("This call is full."), after=30)
            person = self.people[who] = Person(who)
            person.sampled_at = self._port.now
            self._hold(person)
        peer = Peer(self._port, self._certificate, offer, self.limits.person_bitrate)
        peer.apply(offer, sources)
        if person.coming is not None:
            self._spawn(person.coming.stop())
        person.coming = peer
        self._seat(who, peer)
        self._spawn(self._connect(person, peer))
        return self._answer(who, peer)

    async def leave(self, who: UUID, reason: Reason = Reason.asked) -> None:
        person = self.people.pop(who, None)
        if person is None:
            return
        for peer in _peers(person):
            await peer.stop()
        if person.recorder is not None:
            await person.recorder.stop(reason)
        for track in person.tracks.values():
            track.release()
        if person.joined:
            self._tell(Left(call=self.id, person=who, reason=reason))
        self._arrange()

    async def end(self, reason: Reason) -> None:
        self.over = reason
        for who in list(self.people):
            await self.leave(who, reason)
        await tasks.end(self._tasks)

    def mute(self, who: UUID, source: Source, on: bool) -> None:
        self._person(who).tracks[source].silence(muted=on)

    def hold(self, on: bool) -> None:
        self.held = on
        for person in self.people.values():
            self._hold(person)

    def record(self, recording: Recording) -> None:
        person = self._person(recording.person)
        if person.recorder is not None and not person.recorder.over:
            return
        who, number = recording.person, recording.id
        person.recorder = Recorder(
            recording,
            self._store,
            self._spool,
            began=clock.seconds(),
            clock=time.monotonic(),
            phase=self.id.int % 97 / 97,
            written=lambda ms, size: self._tell(
                PieceWritten(call=self.id, person=who, recording=number, milliseconds=ms, size=size)
            ),
            stopped=lambda reason, ms: self._tell(
                RecordingStopped(call=self.id, person=who, recording=number, reason=reason, milliseconds=ms)
            ),
        )
        person.recorder.start(list(person.tracks.values()))
        self._tell(RecordingStarted(call=self.id, person=who, recording=number))

    async def stop_recording(self, who: UUID | None) -> None:
        for person in list(self.people.values()):
            if person.recorder is not None and who in (None, person.id):
                await person.recorder.stop()

    def stats(self) -> dict[UUID, Quality]:
        return {
            p.id: measuring.quality(p, time.monotonic(), keep=False) for p in self.people.values() if p.joined
        }

    def tick(self, now: float) -> None:
        """What must be looked at from time to time."""
        for person in list(self.people.values()):
            if person.peer is not None:
                self._look(person, person.peer, now)
            for track in person.tracks.values():
                track.tick(now)
            if person.recorder is not None:
                person.recorder.tick(now)
        if now - self._listened >= _LISTEN_SECONDS:
            self._listened = now
            self._listen(now)
        if now - self._reported >= _REPORT_SECONDS:
            self._reported = now
            self._report(now)
        if now - self._sampled >= _SAMPLE_SECONDS:
            self._sampled = now
            self._sample(now)

    def ends_by_itself(self, now: float) -> Reason | None:
        """Why the call is to end now."""
        there = sum(person.connected for person in self.people.values())
        if there > 0:
            self._somebody_at = now
        if there > 1:
            self._several_at = now
        if now - self._began > self.limits.seconds:
            return Reason.timeout
        if now - self._somebody_at > self.limits.empty_seconds:
            return Reason.alone
        return Reason.alone if now - self._several_at > self.limits.alone_seconds else None

    async def _connect(self, person: Person, peer: Peer) -> None:
        """Wait until the connection stands, then let it take over."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                stands = await peer.link.start(peer.offer.dtls)
            reason = Reason.refused
        except TimeoutError:
            stands, reason = False, Reason.no_media
        if person.coming is not peer:
            return
        person.coming = None
        if not stands or self.people.get(person.id) is not person:
            await self._came_not(person, peer, reason)
            return
        before, person.peer = person.peer, peer
        was_there = person.connected
        if before is not None:
            before.detach()
            person.counted = (0, 0)
        peer.attach(person.tracks)
        self._arrange()
        self._back(person, again=person.joined)
        if before is not None:
            if was_there:
                self._tell(Replaced(call=self.id, person=person.id))
            await before.stop()

    async def _came_not(self, person: Person, peer: Peer, reason: Reason) -> None:
        await peer.stop()
        self._tell(Failed(call=self.id, person=person.id, reason=reason))
        if not person.joined and person.coming is None and self.people.get(person.id) is person:
            await self.leave(person.id, reason)

    def _back(self, person: Person, *, again: bool) -> None:
        person.connected = person.joined = True
        person.lost_at = 0.0
        for track in person.tracks.values():
            if track.slots or track.tap is not None:
                track.ask_key_frame()
        self._tell(Joined(call=self.id, person=person.id, again=again))

    def _answer(self, who: UUID, peer: Peer) -> Answer:
        return Answer(
            sdp=peer.answer(self._candidates),
            bindings=bindings(peer.seats, self._with_screen()),
            seats=len(peer.seats),
        )

    def _arrange(self) -> None:
        """Give everybody who stands a seat with everybody else, and show them there."""
        for person in self.people.values():
            for peer in _peers(person):
                self._seat(person.id, peer)
            if person.peer is not None:
                self._show(person.id, person.peer)

    def _seat(self, who: UUID, peer: Peer) -> None:
        others = [p.id for p in self.people.values() if p.id != who]
        for seat in peer.seats:
            if seat.person not in others:
                seat.person = None
        seated = {seat.person for seat in peer.seats}
        without = [other for other in others if other not in seated]
        for seat in peer.seats:
            if seat.person is None and without:
                seat.person = without.pop(0)
        if without and peer.wanted != len(others):
            peer.wanted = len(others)
            self._tell(SeatsWanted(call=self.id, viewer=who, seats=len(others)))

    def _show(self, who: UUID, peer: Peer) -> None:
        pictures_of = {seat.person for seat in peer.seats if seat.person is not None and seat.pictures}
        for seat in peer.seats:
            self._fill(seat, restamp=len(pictures_of) > 1)
        bound = bindings(peer.seats, self._with_screen())
        if bound != peer.bound:
            peer.bound = bound
            self._tell(Bound(call=self.id, viewer=who, bindings=bound))

    def _fill(self, seat: Seat, *, restamp: bool) -> None:
        person = self.people.get(seat.person) if seat.person is not None else None
        shown = dict(seat.sources(person.screen_on)) if person is not None else {}
        for slot in seat.slots:
            slot.restamp = restamp and slot.section.kind == "video"
            source = shown.get(slot)
            slot.fill(person.tracks[source] if person is not None and source is not None else None)

    def _look(self, person: Person, peer: Peer, now: float) -> None:
        peer.refill(now)
        silent = now - peer.link.heard
        if person.connected and (silent > LOST_SECONDS or peer.link.closed):
            person.connected, person.lost_at = False, now
            self._tell(Lost(call=self.id, person=person.id))
        elif not person.connected and silent < 1 and not peer.link.closed:
            self._back(person, again=True)
        elif not person.connected and person.coming is None and now - person.lost_at > GONE_SECONDS:
            self._spawn(self.leave(person.id, Reason.lost))
        self._switch(person, now)

    def _switch(self, person: Person, now: float) -> None:
        """Tell which tracks began or ended to flow."""
        for source, track in person.tracks.items():
            on = bool(track.last_at) and now - track.last_at < SILENT_SECONDS
            if on == track.on:
                continue
            track.on = on
            event = TrackOn if on else TrackOff
            self._tell(event(call=self.id, person=person.id, source=source))
            if source is Source.screen:
                self._arrange()

    def _listen(self, now: float) -> None:
        for person in self.people.values():
            if person.listen(now):
                self._tell(Speaking(call=self.id, person=person.id, on=person.speaking))

    def _report(self, now: float) -> None:
        """Pause what does not get through, and ask every sender for what does."""
        viewers = [person.peer for person in self.people.values() if person.peer is not None]
        for peer in viewers:
            measuring.make_room(peer, now)
        for peer in viewers:
            peer.report(now, measuring.asked(peer, viewers, self.limits.video_bitrate))

    def _sample(self, now: float) -> None:
        for person in self.people.values():
            if person.connected:
                quality = measuring.quality(person, now, keep=True)
                self._tell(QualitySample(call=self.id, person=person.id, quality=quality))

    def _hold(self, person: Person) -> None:
        for track in person.tracks.values():
            track.silence(held=self.held)

    def _with_screen(self) -> set[UUID]:
        return {person.id for person in self.people.values() if person.screen_on}

    def _person(self, who: UUID) -> Person:
        person = self.people.get(who)
        if person is None:
            raise NotFound(_("This person is not in the call."))
        return person

    def _tell(self, event: MediaEvent) -> None:
        self._emit(event)

    def _spawn(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("media.task_failed", exc_info=error)


def _peers(person: Person | None) -> list[Peer]:
    return [peer for peer in (person.peer, person.coming) if peer is not None] if person is not None else []
