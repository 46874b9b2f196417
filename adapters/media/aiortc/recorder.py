"""Records one person: their frames into pieces, the pieces into the store.

Nothing is decoded. The event loop only collects packets; every two seconds they become clusters
in one sealed piece in the spool, and by the minute a block in the store. A spool or store that
fails or is full ends the recording, never the call; what is there stays and is brought later.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from itertools import pairwise

import structlog

from adapters.media.aiortc.frames import Frames
from adapters.media.aiortc.track import Track
from adapters.media.pieces import Index, Part, Piece, block_name, joined
from adapters.media.spool import Spool
from adapters.media.webm import Frame, add_cluster
from core.errors import DeskError
from core.files.sealed import put_sealed
from core.ports.files import FileStore, StoreDown, StoreFull
from core.ports.media import Reason, Recording, Source

log = structlog.get_logger("media.recorder")

PIECE_SECONDS = 2.0
BLOCK_PIECES = 30
BLOCK_BYTES = 8 * 1024 * 1024
_KEY_SECONDS = 10.0
"""So often a key frame is asked for, so that a player can seek."""
_MOST_WAITING = 8
_TRIES = 3
_STORE_SECONDS = 20.0
_LONGEST_CLUSTER = 5_000

Written = Callable[[int, int], None]
Stopped = Callable[[Reason, int], None]


class Recorder:
    """Takes tracks from `start` to `stop`. `written` hears milliseconds and bytes that are safe,
    `stopped` once why it ended. `phase`, a share of a piece's time, is when pieces are written: people
    of one call together, which costs less, and calls at different moments."""

    def __init__(
        self,
        recording: Recording,
        store: FileStore,
        spool: Spool,
        *,
        began: float,
        clock: float,
        phase: float,
        written: Written,
        stopped: Stopped,
    ) -> None:
        self.recording = recording
        self._store, self._shelf = store, spool.shelf(recording.id)
        self._began, self._clock, self._phase = began, clock, phase
        self._written, self._stopped = written, stopped
        self._frames: dict[Source, Frames] = {}
        self._tracks: list[Track] = []
        self._due = _next(clock, phase)
        self._keyed_at = clock
        self._queue: asyncio.Queue[Piece | None] = asyncio.Queue(_MOST_WAITING)
        self._writer: asyncio.Task[None] | None = None
        self._reason: Reason | None = None
        self._end = self._size = 0

    @property
    def lost_frames(self) -> int:
        return sum(frames.lost for frames in self._frames.values())

    @property
    def over(self) -> bool:
        return self._reason is not None

    def start(self, tracks: list[Track]) -> None:
        self._writer = asyncio.create_task(self._write())
        for track in tracks:
            frames = Frames(video=track.video, began=self._clock, ask_key_frame=track.ask_key_frame)
            self._frames[track.source] = frames
            self._tracks.append(track)
            track.tap = frames
            track.ask_key_frame()

    def tick(self, now: float) -> None:
        """Write a piece when it is time."""
        if self.over or now < self._due:
            return
        self._flush(now)
        self._due = _next(now, self._phase)
        if now - self._keyed_at >= _KEY_SECONDS:
            self._keyed_at = now
            for track in self._tracks:
                track.ask_key_frame()

    async def stop(self, reason: Reason = Reason.asked) -> None:
        """Write the rest; complete when this returns."""
        if self._reason is None:
            self._flush(float("inf"))
        self._end_with(reason)
        if self._writer is not None:
            await self._writer

    def _flush(self, now: float) -> None:
        piece = _piece(self._began, self._frames, now)
        if piece is None:
            return
        try:
            self._queue.put_nowait(piece)
        except asyncio.QueueFull:
            self._end_with(Reason.too_slow)

    def _end_with(self, reason: Reason) -> None:
        """Take no more packets; what waits is still written."""
        if self._reason is not None:
            return
        self._reason = reason
        for track in self._tracks:
            track.tap = None
        while self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def _write(self) -> None:
        """Pieces in their order; thirty become a block, and the last ones too."""
        block, pieces, whole = 0, list[Piece](), False
        while (piece := await self._queue.get()) is not None:
            if not await self._spooled(block, len(pieces), piece):
                break
            pieces.append(piece)
            self._end, self._size = max(self._end, piece.index.end), self._size + piece.size
            self._written(self._end, self._size)
            if len(pieces) >= BLOCK_PIECES or sum(p.size for p in pieces) >= BLOCK_BYTES:
                if not await self._stored(block, pieces):
                    break
                block, pieces = block + 1, []
        else:
            whole = await self._stored(block, pieces)
        self._shelf.close(keep=not whole)
        self._stopped(self._reason or Reason.asked, self._end)

    async def _spooled(self, block: int, number: int, piece: Piece) -> bool:
        try:
            await self._shelf.put(block, number, piece.to_chunks(), self.recording.key)
        except StoreFull:
            self._fail(Reason.store_full)
        except StoreDown:
            self._fail(Reason.store_down)
        else:
            return True
        return False

    async def _stored(self, block: int, pieces: list[Piece]) -> bool:
        """Make these pieces a block in the store."""
        return not pieces or await self._put(block_name(self.recording.id, block), joined(pieces))

    async def _put(self, name: str, piece: Piece) -> bool:
        for attempt in range(_TRIES):
            try:
                async with asyncio.timeout(_STORE_SECONDS):
                    await put_sealed(self._store, name, _each(piece.to_chunks()), self.recording.key)
            except StoreFull:
                self._fail(Reason.store_full)
                return False
            except (DeskError, TimeoutError) as error:
                log.warning("media.block_failed", attempt=attempt, error=type(error).__name__)
                await asyncio.sleep(0.2 * 4**attempt)
            else:
                return True
        self._fail(Reason.store_down)
        return False

    def _fail(self, reason: Reason) -> None:
        log.error("media.recording_failed", recording=str(self.recording.id), reason=reason)
        self._end_with(reason)
        self._reason = reason


def _next(now: float, phase: float) -> float:
    """When the next piece is written."""
    return (math.floor(now / PIECE_SECONDS - phase) + 1 + phase) * PIECE_SECONDS


def _piece(began: float, tracks: dict[Source, Frames], now: float) -> Piece | None:
    """The frames that are whole by now, of all sources; None when there are none."""
    index, clusters = Index(began, {}), dict[Source, list[bytes]]()
    for source, collected in tracks.items():
        frames = collected.take(now)
        if frames:
            index.parts[source], clusters[source] = _part(source, frames, collected.picture)
    return Piece(index, clusters) if clusters else None


def _part(source: Source, frames: list[Frame], picture: tuple[int, int] | None) -> tuple[Part, list[bytes]]:
    part = Part(start=frames[0].time, end=_end(frames), picture=picture)
    made: list[bytes] = []
    for group in _grouped(frames, pictures=source is not Source.mic):
        if group[0].key:
            part.cues.append((group[0].time, part.size))
        part.size += add_cluster(group, made)
    return part, [b"".join(made)]


def _grouped(frames: list[Frame], *, pictures: bool) -> list[list[Frame]]:
    """Clusters begin with key frames, and are short enough for their times."""
    if frames[-1].time - frames[0].time <= _LONGEST_CLUSTER and not (
        pictures and any(key for _time, key, _held, _track in frames[1:])
    ):
        return [frames]
    groups: list[list[Frame]] = [[]]
    for frame in frames:
        group = groups[-1]
        if group and ((pictures and frame.key) or frame.time - group[0].time > _LONGEST_CLUSTER):
            groups.append([])
        groups[-1].append(frame)
    return groups


def _end(frames: list[Frame]) -> int:
    """When the last frame is over: it lasts as long as the one before it, within reason."""
    last = [b.time - a.time for a, b in pairwise(frames[-2:])]
    return frames[-1].time + min(max(last, default=20), 100)


async def _each(chunks: list[bytes]) -> AsyncIterator[bytes]:
    for data in chunks:
        yield data
