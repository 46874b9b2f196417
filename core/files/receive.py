"""An upload on its way into the store: counted, recognised, sealed, in one pass."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from core.errors import Invalid, TooLarge
from core.files.sealed import put_sealed
from core.files.size import in_words
from core.files.sniff import HEAD, UNKNOWN, FileKind, Kind, sniff
from core.files.thumbs import make_thumb
from core.i18n import _
from core.ports.files import FileStore, new_name

LIMIT = 25 * 1024 * 1024
"""Bytes of one file, when the settings say nothing else."""

LARGEST_PICTURE = 20 * 1024 * 1024
"""Bytes of an image that is kept in memory while it passes, for its small picture."""


@dataclass(frozen=True)
class StoredThumb:
    """Where the small picture lies (WebP, under the file's key), and the original's size in pixels."""

    name: str
    size: int
    width: int
    height: int


@dataclass(frozen=True)
class Received:
    """Where a file lies in the store, its plain size in bytes, and what it is."""

    name: str
    size: int
    kind: FileKind
    thumb: StoredThumb | None = None


async def receive(
    store: FileStore, chunks: AsyncIterator[bytes], key: bytes, limit: int = LIMIT, *, called: str = ""
) -> Received:
    """Store an upload sealed under `key` (fresh, for this file alone); `called` is its sender's name for it.

    Raises `TooLarge` beyond `limit` bytes, `Invalid` when it is empty, `StoreFull`, or what the
    source raises. Whatever is raised, nothing stays behind.
    """
    upload, name = _Upload(chunks, limit, called), new_name()
    async with aclosing(upload.passing()) as passing:
        await put_sealed(store, name, passing, key)
    try:
        thumb = await _store_thumb(store, bytes(upload.picture), key) if upload.picture else None
    except BaseException:
        await store.delete(name)
        raise
    return Received(name, upload.size, upload.kind, thumb)


class _Upload:
    """Counts and recognises what passes, and keeps an image."""

    def __init__(self, source: AsyncIterator[bytes], limit: int, called: str) -> None:
        self.size = 0
        self.kind = UNKNOWN
        self.picture = bytearray()
        self._source, self._limit, self._called = source, limit, called

    async def passing(self) -> AsyncGenerator[bytes]:
        async with aclosing(_head_first(self._counted())) as pieces:
            head = await anext(pieces, b"")
            if not head:
                raise Invalid(_("This file is empty."), field="file")
            self.kind = sniff(head[:HEAD], self._called)
            yield self._kept(head)
            async for data in pieces:
                yield self._kept(data)
        if self.size > LARGEST_PICTURE:
            self.picture.clear()

    async def _counted(self) -> AsyncGenerator[bytes]:
        async for data in self._source:
            self.size += len(data)
            if self.size > self._limit:
                raise too_large(self._limit)
            yield data

    def _kept(self, data: bytes) -> bytes:
        if self.kind.kind is Kind.image and len(self.picture) <= LARGEST_PICTURE:
            self.picture += data
        return data


def too_large(limit: int) -> TooLarge:
    """What is raised for a file of more than `limit` bytes; a page may ask before the upload."""
    words = _("This file is too large: at most {limit} can be sent.")
    return TooLarge(words.format(limit=in_words(limit)), field="file", limit=limit)


async def _head_first(source: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """The source, with a first piece that holds at least `HEAD` bytes if there are so many."""
    head: bytearray | None = bytearray()
    async with aclosing(source):
        async for data in source:
            if head is None:
                yield data
                continue
            head += data
            if len(head) >= HEAD:
                yield bytes(head)
                head = None
    if head:
        yield bytes(head)


async def _store_thumb(store: FileStore, picture: bytes, key: bytes) -> StoredThumb | None:
    thumb = await make_thumb(picture)
    if thumb is None:
        return None
    name = new_name()
    await put_sealed(store, name, _once(thumb.data), key)
    return StoredThumb(name, len(thumb.data), thumb.width, thumb.height)


async def _once(data: bytes) -> AsyncGenerator[bytes]:
    yield data
