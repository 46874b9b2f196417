"""Reads recordings back: what is in them, each track as a file, all of it in one file.

A track's file is never stored: its head is made from the indexes of the pieces, its clusters are
theirs. So it can be read by range, while it is being written too, and after a crash.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from adapters.media import webm
from adapters.media.pieces import Index, Part, block_name, piece_name, read_index
from adapters.media.spool import Spool, SpooledStore
from core.errors import Invalid, NotFound
from core.files.sealed import open_sealed_range, sealed_length
from core.i18n import _
from core.ports.files import FileStore
from core.ports.media import Manifest, Source, Track

_KEPT = 32
_FRESH_SECONDS = 2.0
_FIRST_READ = 65_536
_MOST_PIECES = 100_000
"""Two days of talk; a broken chain of names cannot make a reader run on."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A track's clusters in one object: from `at`, `part.size` bytes."""

    name: str
    at: int
    part: Part


@dataclass(slots=True)
class _Found:
    """Everything a recording has, and since when that is known."""

    store: FileStore
    began: float = 0.0
    stretches: dict[Source, list[_Stretch]] = field(default_factory=dict)
    at: float = 0.0
    blocks: int = 0

    def add(self, name: str, index: Index, start: int) -> None:
        self.began = self.began or index.began
        for source, part in index.parts.items():
            self.stretches.setdefault(source, []).append(_Stretch(name, start, part))
            start += part.size


class StoredRecordings:
    """`Recordings` in a file store, and in the spool of an engine on this machine."""

    def __init__(self, store: FileStore, spool: Path | None = None) -> None:
        self._files = store
        self._spool = Spool(spool) if spool is not None else None
        self._known: OrderedDict[tuple[UUID, bytes], _Found] = OrderedDict()

    async def manifest(self, recording: UUID, key: bytes) -> Manifest:
        found = await self._find(recording, key)
        tracks = tuple(
            Track(source, parts[0].part.start, parts[-1].part.end, len(_head(source, parts)) + _bytes(parts))
            for source, parts in sorted(found.stretches.items())
        )
        return Manifest(recording, found.began, max(track.end_ms for track in tracks), tracks)

    async def read(
        self, recording: UUID, key: bytes, source: Source, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[bytes]:
        found = await self._find(recording, key)
        parts = found.stretches.get(source)
        if parts is None:
            raise _nothing()
        head = _head(source, parts)
        at = len(head)
        if start < at and (stop is None or start < stop):
            yield head[start:stop]
        for stretch in parts:
            first, last = (
                max(start - at, 0),
                stretch.part.size if stop is None else min(stretch.part.size, stop - at),
            )
            at += stretch.part.size
            if first < last:
                piece = open_sealed_range(
                    found.store, stretch.name, key, stretch.at + first, stretch.at + last
                )
                async with aclosing(piece) as data:
                    async for chunk in data:
                        yield chunk

    async def delete(self, recording: UUID) -> None:
        for known in [known for known in self._known if known[0] == recording]:
            del self._known[known]
        if self._spool is not None:
            self._spool.drop(recording)
        for block in range(_MOST_PIECES):
            there = await self._delete(block_name(recording, block))
            pieces = 0
            while await self._delete(piece_name(recording, block, pieces)):
                pieces += 1
            if not there and not pieces:
                return

    async def merge(self, parts: tuple[tuple[UUID, bytes], ...], name: str, key: bytes) -> int:
        # Loads the media library: only where a file is made.
        from adapters.media.merging import merge

        return await merge(self, self._files, parts, name, key)

    async def _find(self, recording: UUID, key: bytes) -> _Found:
        known = self._known.get((recording, key))
        if known is None or time.monotonic() - known.at > _FRESH_SECONDS:
            known = await self._look(recording, key)
            self._known[recording, key] = known
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        if not known.stretches:
            raise _nothing()
        return known

    async def _look(self, recording: UUID, key: bytes) -> _Found:
        """Follow the names: blocks first, then the pieces of what is not a block yet."""
        found = _Found(self._seen(recording), at=time.monotonic())
        block = 0
        while await self._take(found, block_name(recording, block), key):
            block += 1
        for piece in range(_MOST_PIECES):
            if await self._take(found, piece_name(recording, block, piece), key):
                continue
            if piece == 0 or not await self._take(found, block_name(recording, block), key):
                break
            # The pieces became a block while we looked: begin anew, they are counted twice.
            return await self._look(recording, key)
        return found

    async def _take(self, found: _Found, name: str, key: bytes) -> bool:
        try:
            length = await sealed_length(found.store, name)
            index, start = await self._index(found.store, name, key, length)
        except NotFound:
            return False
        found.add(name, index, start)
        return True

    async def _index(self, store: FileStore, name: str, key: bytes, length: int) -> tuple[Index, int]:
        wanted = min(length, _FIRST_READ)
        for _attempt in range(2):
            data = b"".join([d async for d in open_sealed_range(store, name, key, 0, min(wanted, length))])
            index, start = read_index(data)
            if index is not None:
                return index, start
            wanted = start
        raise Invalid(_("This recording is damaged."))

    async def _delete(self, name: str) -> bool:
        """Whether it was there."""
        try:
            await self._files.size(name)
        except NotFound:
            return False
        await self._files.delete(name)
        return True

    def _seen(self, recording: UUID) -> FileStore:
        return SpooledStore(self._files, self._spool, recording) if self._spool is not None else self._files


def _head(source: Source, parts: list[_Stretch]) -> bytes:
    cues, offset = [], 0
    for stretch in parts:
        cues += [webm.Cue(time, offset + at) for time, at in stretch.part.cues]
        offset += stretch.part.size
    picture = next((s.part.picture for s in parts if s.part.picture is not None), None)
    return webm.head([webm.Entry(source, picture)], parts[-1].part.end, offset, cues)


def _bytes(parts: list[_Stretch]) -> int:
    return sum(stretch.part.size for stretch in parts)


def _nothing() -> NotFound:
    return NotFound(_("Nothing of this recording is there."))
