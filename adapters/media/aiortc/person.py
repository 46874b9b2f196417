"""A person in a call: their tracks and recording last, their connections come and go."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from adapters.media.aiortc.peer import Peer
from adapters.media.aiortc.recorder import Recorder
from adapters.media.aiortc.track import Track
from core.ports.media import Present, Source

_LOUD, _QUIET = 80, 68
"""Of 127: where speaking begins and where it ends."""
_PAUSE_SECONDS = 0.8


@dataclass(slots=True)
class Person:
    """`peer` is the connection that stands; `coming` one that is being made."""

    id: UUID
    tracks: dict[Source, Track] = field(default_factory=lambda: {source: Track(source) for source in Source})
    peer: Peer | None = None
    coming: Peer | None = None
    connected: bool = False
    joined: bool = False
    lost_at: float = 0.0
    speaking: bool = False
    spoke_at: float = 0.0
    recorder: Recorder | None = None
    counted: tuple[int, int] = (0, 0)
    """Bytes up and down at the last quality sample, which was at `sampled_at`."""
    sampled_at: float = 0.0

    @property
    def screen_on(self) -> bool:
        return self.tracks[Source.screen].on

    def present(self) -> Present:
        return Present(
            person=self.id,
            connected=self.connected,
            sources=tuple(source for source, track in self.tracks.items() if track.on),
            muted=tuple(source for source, track in self.tracks.items() if track.muted),
            recording=self.recorder.recording.id if self.recorder and not self.recorder.over else None,
        )

    def listen(self, now: float) -> bool:
        """Look at how loud they are; whether that changed anything."""
        mic = self.tracks[Source.mic]
        loud = mic.peak if mic.on and not mic.silenced else 0
        mic.peak = 0
        if loud >= (_QUIET if self.speaking else _LOUD):
            self.spoke_at = now
        speaking = now - self.spoke_at < _PAUSE_SECONDS
        changed, self.speaking = speaking != self.speaking, speaking
        return changed
