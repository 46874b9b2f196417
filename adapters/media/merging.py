"""One file of a whole call, for those who want to take it along: all voices mixed into one track,
every picture a track of its own as it was sent.

It is made by the second: what belongs to a second of the call is read, mixed and written, so that
a long call needs no more memory than a short one. Nothing lies readable on a disk: clusters go
sealed into the store first, and with the head before them, which can only be made then, once more.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING
from uuid import UUID

import av
import numpy
from av.audio.resampler import AudioResampler

from adapters.media import webm
from core.files.sealed import open_sealed, put_sealed
from core.ports.files import FileStore, new_name
from core.ports.media import Manifest, Source

if TYPE_CHECKING:
    from adapters.media.recordings import StoredRecordings

_RATE = 48_000
_FRAME = 960
_SECOND = 1_000
_VOICE_BITRATE = 48_000
_READ = 1 << 20
_WAIT_SECONDS = 60.0
_MIXED = 1

Samples = numpy.ndarray[tuple[int, ...], numpy.dtype[numpy.float32]]


async def merge(
    recordings: StoredRecordings,
    store: FileStore,
    parts: tuple[tuple[UUID, bytes], ...],
    name: str,
    key: bytes,
) -> int:
    """Write the file `name`; returns its plain size. Raises `NotFound` when a part is not there."""
    manifests = [await recordings.manifest(recording, part_key) for recording, part_key in parts]
    made = _Making(recordings, list(zip(manifests, (part_key for _id, part_key in parts), strict=True)))
    clusters, clusters_key = new_name(), os.urandom(32)
    try:
        await put_sealed(store, clusters, made.clusters(), clusters_key)
        head = made.head()
        await put_sealed(store, name, _after(head, open_sealed(store, clusters, clusters_key)), key)
    finally:
        await store.delete(clusters)
    return len(head) + made.size


class _Making:
    """Reads all tracks side by side, a second at a time."""

    def __init__(self, recordings: StoredRecordings, parts: list[tuple[Manifest, bytes]]) -> None:
        self.size = 0
        self._cues: list[webm.Cue] = []
        zero = min(manifest.began for manifest, _key in parts)
        self._end = 0
        self._voices: list[_Voice] = []
        self._pictures: list[_Picture] = []
        loop = asyncio.get_running_loop()
        for manifest, key in parts:
            delay = round((manifest.began - zero) * 1000)
            self._end = max(self._end, delay + manifest.milliseconds)
            for track in manifest.tracks:
                file = _File(recordings, manifest.recording, key, track.source, track.size, loop)
                if track.source is Source.mic:
                    self._voices.append(_Voice(file, delay))
                else:
                    self._pictures.append(_Picture(file, delay, _MIXED + 1 + len(self._pictures)))
        self._mixer = _Mixer(self._voices)

    async def clusters(self) -> AsyncIterator[bytes]:
        for second in range(-(-self._end // _SECOND)):
            data = await asyncio.to_thread(self._second, second)
            self.size += len(data)
            yield data

    def head(self) -> bytes:
        entries = [webm.Entry(Source.mic, track=_MIXED)] if self._voices else []
        entries += [webm.Entry(p.file.source, p.size, p.track, str(p.file.source)) for p in self._pictures]
        return webm.head(entries, self._end, self.size, self._cues)

    def _second(self, second: int) -> bytes:
        until = (second + 1) * _SECOND
        frames = self._mixer.take(second) if self._voices else []
        for picture in self._pictures:
            frames += picture.take(until)
        frames.sort(key=lambda frame: frame.time)
        made: list[bytes] = []
        at = self.size
        for group in _grouped(frames):
            if group[0].track != _MIXED or not self._pictures:
                self._cues.append(webm.Cue(group[0].time, at, group[0].track))
            made.append(webm.cluster(group))
            at += len(made[-1])
        return b"".join(made)


class _Voice:
    """A microphone: its samples in one row, counted from the call's beginning."""

    def __init__(self, file: _File, delay: int) -> None:
        self._frames = self._decoded(file, delay)
        # Empty at first: reading blocks, and this is made on the event loop.
        self._waiting: tuple[int, Samples] | None = (0, numpy.zeros(0, dtype=numpy.float32))

    def add_to(self, row: Samples, start: int) -> None:
        """Add what lies in these samples; later ones wait."""
        while self._waiting is not None and self._waiting[0] < start + len(row):
            at, samples = self._waiting
            offset = at - start
            if offset < 0:
                samples, offset = samples[-offset:], 0
            fits = samples[: len(row) - offset]
            row[offset : offset + len(fits)] += fits
            rest = samples[len(fits) :]
            self._waiting = (start + len(row), rest) if len(rest) else next(self._frames, None)

    @staticmethod
    def _decoded(file: _File, delay: int) -> Iterator[tuple[int, Samples]]:
        resampler = AudioResampler(format="flt", layout="mono", rate=_RATE)
        with av.open(file, "r", format="matroska") as container:
            for frame in container.decode(audio=0):
                at = round(((frame.time or 0.0) + delay / 1000) * _RATE)
                for made in resampler.resample(frame):
                    yield at, made.to_ndarray().reshape(-1).astype(numpy.float32)


@dataclass(slots=True)
class _Picture:
    """A camera or screen: its frames as they were sent."""

    file: _File
    delay: int
    track: int
    size: tuple[int, int] | None = None
    _packets: Iterator[webm.Frame] | None = None
    _waiting: list[webm.Frame] = field(default_factory=list)

    def take(self, until: int) -> list[webm.Frame]:
        if self._packets is None:
            self._packets = self._read()
        taken, self._waiting = self._waiting, []
        for frame in taken if taken and taken[0].time >= until else self._packets:
            if frame.time >= until:
                self._waiting = [frame]
                break
            taken.append(frame)
        return [frame for frame in taken if frame.time < until]

    def _read(self) -> Iterator[webm.Frame]:
        with av.open(self.file, "r", format="matroska") as container:
            stream = container.streams.video[0]
            self.size = (stream.codec_context.width, stream.codec_context.height)
            for packet in container.demux(stream):
                if packet.pts is not None and packet.time_base is not None:
                    time = round(packet.pts * packet.time_base * 1000) + self.delay
                    yield webm.Frame(time, packet.is_keyframe, (bytes(packet),), self.track)


class _Mixer:
    """Adds voices up and encodes them."""

    def __init__(self, voices: list[_Voice]) -> None:
        self._voices = voices
        self._codec = av.CodecContext.create("libopus", "w")
        self._codec.sample_rate, self._codec.layout, self._codec.format = _RATE, "mono", "flt"
        self._codec.bit_rate, self._codec.time_base = _VOICE_BITRATE, Fraction(1, _RATE)

    def take(self, second: int) -> list[webm.Frame]:
        row: Samples = numpy.zeros(_RATE, dtype=numpy.float32)
        for voice in self._voices:
            voice.add_to(row, second * _RATE)
        numpy.clip(row, -1.0, 1.0, out=row)
        frames: list[webm.Frame] = []
        for at in range(0, _RATE, _FRAME):
            frame = av.AudioFrame.from_ndarray(
                row[at : at + _FRAME].reshape(1, -1), format="flt", layout="mono"
            )
            frame.sample_rate, frame.pts = _RATE, second * _RATE + at
            for packet in self._codec.encode(frame):
                time = max(0, round((packet.pts or 0) / _RATE * 1000))
                frames.append(webm.Frame(time, True, (bytes(packet),), _MIXED))
        return frames


class _File:
    """A track's file as the media library reads it: in a thread, by range, from the event loop."""

    def __init__(
        self, recordings: StoredRecordings, recording: UUID, key: bytes, source: Source, size: int,
        loop: asyncio.AbstractEventLoop,
    ) -> None:  # fmt: skip
        self.source = source
        self._recordings, self._recording, self._key, self._size = recordings, recording, key, size
        self._loop = loop
        self._at = 0
        self._held, self._held_at = b"", 0

    def read(self, count: int = -1) -> bytes:
        end = self._size if count < 0 else min(self._size, self._at + count)
        if not self._held_at <= self._at < self._held_at + len(self._held):
            self._held = asyncio.run_coroutine_threadsafe(self._fetch(self._at), self._loop).result(
                _WAIT_SECONDS
            )
            self._held_at = self._at
        data = self._held[self._at - self._held_at : end - self._held_at]
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    async def _fetch(self, start: int) -> bytes:
        stop = min(self._size, start + _READ)
        parts = self._recordings.read(self._recording, self._key, self.source, start, stop)
        return b"".join([part async for part in parts])


def _grouped(frames: list[webm.Frame]) -> list[list[webm.Frame]]:
    """A cluster begins at every key frame of a picture, where a player can begin."""
    groups: list[list[webm.Frame]] = []
    for frame in frames:
        if not groups or (frame.key and frame.track != _MIXED):
            groups.append([])
        groups[-1].append(frame)
    return groups


async def _after(head: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for data in rest:
        yield data
