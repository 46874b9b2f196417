"""The port for media: who sends which picture and sound to whom in a call, and what is recorded.

An engine knows calls and people by their ids only. It is told what to do, answers with what a
browser needs, and tells what happened as events. It keeps running calls when the program that
told it is restarted: that one asks `running` and goes on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol
from uuid import UUID


class Source(StrEnum):
    """What a person can send."""

    mic = "mic"
    camera = "camera"
    screen = "screen"


@dataclass(frozen=True, slots=True)
class Binding:
    """The section `mid` of the viewer's connection shows this source of this person."""

    mid: str
    person: UUID
    source: Source


@dataclass(frozen=True, slots=True)
class Answer:
    """What the browser that made the offer must apply.

    `seats` is how many other people its connection has room for. Where `kind` is `token`, the
    engine is a service of its own: `sdp` is empty, and the browser's part of that service goes
    to `url` with `token`.
    """

    sdp: str
    bindings: tuple[Binding, ...] = ()
    seats: int = 0
    kind: str = "sdp"
    url: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True)
class IceServer:
    """An entry of `iceServers` of the browser's RTCPeerConnection."""

    urls: tuple[str, ...]
    username: str = ""
    credential: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may take. Bitrates are bits a second."""

    people: int = 6
    seconds: float = 4 * 3600
    alone_seconds: float = 900
    """The call ends when so long one person only was there."""
    empty_seconds: float = 120
    """And when so long nobody was: as long as a call whose engine died waits for somebody."""
    person_bitrate: int = 6_000_000
    """More than this from one person is thrown away."""
    video_bitrate: int = 2_500_000
    """What a sender is asked for at most, for each picture."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One person's part of a recording. The key is theirs and made for this recording alone."""

    id: UUID
    person: UUID
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Present:
    """A person in a running call. `connected` is false while their connection is lost."""

    person: UUID
    connected: bool
    sources: tuple[Source, ...] = ()
    muted: tuple[Source, ...] = ()
    recording: UUID | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """A call as the engine sees it. `since` is seconds since the epoch."""

    call: UUID
    since: float
    held: bool = False
    people: tuple[Present, ...] = ()


@dataclass(frozen=True, slots=True)
class Quality:
    """How it goes for one person. Losses are shares from 0 to 1, times milliseconds, rates bits a
    second; `up` is from them to the engine, `down` from the engine to them."""

    up_bitrate: int = 0
    up_loss: float = 0.0
    up_jitter: float = 0.0
    down_bitrate: int = 0
    down_loss: float = 0.0
    down_room: int = 0
    """What their network takes, as their browser estimates it; 0 is not known."""
    round_trip: float = 0.0
    video_paused: bool = False
    """Their network is too narrow for pictures: sound only."""
    over_limit: int = 0
    """Packets thrown away because they sent more than is allowed."""


class Reason(StrEnum):
    """Why somebody left or something ended."""

    asked = "asked"
    lost = "lost"
    replaced = "replaced"
    no_media = "no_media"
    refused = "refused"
    full = "full"
    timeout = "timeout"
    alone = "alone"
    stopping = "stopping"
    store_full = "store_full"
    store_down = "store_down"
    too_slow = "too_slow"
    engine = "engine"


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaEvent:
    """Something that happened in a call; `at` is seconds since the epoch."""

    call: UUID
    at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined(MediaEvent):
    """The person's connection stands. `again`: they were in the call and came back."""

    person: UUID
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced(MediaEvent):
    """The person opened the call elsewhere; the earlier page must say so and be still."""

    person: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost(MediaEvent):
    """Nothing comes from the person; their place is kept for a while."""

    person: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Left(MediaEvent):
    person: UUID
    reason: Reason = Reason.asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(MediaEvent):
    """A connection of the person did not come about."""

    person: UUID
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackOn(MediaEvent):
    """A picture or sound began to flow."""

    person: UUID
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackOff(MediaEvent):
    person: UUID
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound(MediaEvent):
    """What the sections of the viewer's connection show now, all of them."""

    viewer: UUID
    bindings: tuple[Binding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatsWanted(MediaEvent):
    """There are more people than the viewer's connection has room for: make a new offer on the
    same connection, with room for so many others."""

    viewer: UUID
    seats: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaking(MediaEvent):
    person: UUID
    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QualitySample(MediaEvent):
    person: UUID
    quality: Quality


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingStarted(MediaEvent):
    person: UUID
    recording: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceWritten(MediaEvent):
    """So many milliseconds of the recording are safe in the store now."""

    person: UUID
    recording: UUID
    milliseconds: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingStopped(MediaEvent):
    """Nothing more is added; what is there can be played. Every reason but `asked` is a fault or
    the end of the call."""

    person: UUID
    recording: UUID
    reason: Reason = Reason.asked
    milliseconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended(MediaEvent):
    reason: Reason = Reason.asked


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsMissed(MediaEvent):
    """The listener was away too long, or the engine began anew: ask `running`. `call` is nil."""


class MediaEngine(Protocol):
    """Carries calls. Raises errors of `core.errors` only; `Unavailable` when it does not answer."""

    async def open(self, call: UUID, limits: Limits | None = None) -> None:
        """Make room for a call; one that is there stays as it is."""
        ...

    async def join(
        self, call: UUID, person: UUID, offer: str, sources: Mapping[str, Source] | None = None
    ) -> Answer:
        """Take a browser's offer and answer it, with all candidates in the answer.

        A second offer of the same connection changes it; one of a fresh connection takes the
        person over as soon as it stands. `sources` says which section sends what; without it the
        first sound is the microphone, the first picture the camera, the second the screen.
        Raises `Invalid` for an offer that cannot be taken, `TooMany` when the call is full.
        """
        ...

    async def candidate(self, call: UUID, person: UUID, candidate: str) -> None:
        """A candidate that the browser found after its offer."""
        ...

    async def leave(self, call: UUID, person: UUID) -> None: ...

    async def end(self, call: UUID) -> None:
        """End it for all. Recordings are complete when this returns."""
        ...

    async def mute(self, call: UUID, person: UUID, source: Source, on: bool) -> None:
        """Pass nothing of this source on, and record nothing of it."""
        ...

    async def hold(self, call: UUID, on: bool) -> None:
        """Pass nothing on between people, and record nothing, until it is taken off."""
        ...

    async def record(self, call: UUID, recordings: tuple[Recording, ...]) -> None:
        """Record these people from now on; whoever is recorded already stays so."""
        ...

    async def stop_recording(self, call: UUID, person: UUID | None = None) -> None:
        """Stop for one person, or for all; what was recorded is complete when this returns."""
        ...

    async def running(self) -> tuple[Running, ...]: ...

    async def stats(self, call: UUID) -> Mapping[UUID, Quality]: ...

    def ice_servers(self, person: UUID) -> tuple[IceServer, ...]:
        """What a browser needs to get through; credentials in it are good for a day at most."""
        ...

    def events(self) -> AsyncIterator[MediaEvent]:
        """What happens, from now on; ends when the engine is closed."""
        ...


@dataclass(frozen=True, slots=True)
class Track:
    """One source of a recording as a file: WebM, with its times counted from the recording's start."""

    source: Source
    start_ms: int
    end_ms: int
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a recording holds. `began` is seconds since the epoch; tracks of recordings of the same
    call are in step when each is placed at its `began`."""

    recording: UUID
    began: float
    milliseconds: int
    tracks: tuple[Track, ...]


class Recordings(Protocol):
    """Reads what an engine recorded, also while it records and after it died."""

    async def manifest(self, recording: UUID, key: bytes) -> Manifest:
        """Raises `NotFound` when nothing was written."""
        ...

    def read(
        self, recording: UUID, key: bytes, source: Source, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[bytes]:
        """The bytes of one track's file from `start` to `stop` (exclusive)."""
        ...

    async def delete(self, recording: UUID) -> None:
        """Remove every object of the recording; needs no key."""
        ...

    async def merge(self, parts: tuple[tuple[UUID, bytes], ...], name: str, key: bytes) -> int:
        """Put all tracks of these recordings into one sealed file `name`; returns its plain size."""
        ...
