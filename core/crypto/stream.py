"""Sealed files: chunked AES-256-GCM that can be streamed, continued and read by byte range.

The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-
Encryption and its Nonce-Reuse Misuse-Resistance", 2015): every chunk is sealed under a nonce
made of its number and a last-flag, so that a cut, a swap or a changed bit is seen. The layout,
byte by byte, is in `docs/developers/file-format.md`; test vectors are in
`tests/files/vectors.json`.

Each writer (a *segment*) seals under a key of its own, derived from the file's key and a random
salt that every record repeats. A file that is continued after a crash therefore never meets a
nonce again, and the records still lie on a plain grid: sizes and offsets need no table.

A chunk costs some tens of microseconds, so the work is done on the event loop.
"""

from __future__ import annotations

import hmac
import os
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import DeskError, Refused
from core.i18n import _

CHUNK = 65_536
"""Plain bytes in every chunk but the last."""

ReadRange = Callable[[int, int | None], AsyncIterator[bytes]]
"""Reads the sealed bytes from a start to a stop (exclusive; None is the end)."""

_KEY = 32
_TAG = 16
_MAGIC = b"DESKBELL"
_VERSION = 1
_HEADER = struct.Struct(">8sBB6x16s")  # magic, version, log2 of the chunk size, zeros, file id
_PREFIX = struct.Struct(">I16s")  # the segment's first chunk number, the segment's salt
_NONCE = struct.Struct(">7xIB")  # chunk number, last-flag
_INFO = b"deskbell file v1"
_OVERHEAD = _PREFIX.size + _TAG
_RECORD = CHUNK + _OVERHEAD


class Corrupt(DeskError):
    """Sealed bytes do not open: changed, cut, put in another order or place, or another key."""

    code = "corrupt"

    def __init__(self) -> None:
        super().__init__(_("This file is damaged and cannot be opened."))


async def encrypt(source: AsyncIterator[bytes], key: bytes, *, bound: bytes = b"") -> AsyncGenerator[bytes]:
    """Seal a stream of any pieces, with a 256-bit key made for this file alone.

    `bound` names where the file lies: it opens only under the same words again.
    """
    sealer = Sealer(key, bound=bound)
    async with _closing(source):
        async for data in source:
            if sealed := sealer.feed(data):
                yield sealed
    yield sealer.finish()


async def decrypt(
    source: AsyncIterator[bytes], key: bytes, *, bound: bytes = b"", unfinished: bool = False
) -> AsyncGenerator[bytes]:
    """Open a sealed stream chunk by chunk; raises `Corrupt`, for a cut only at its end.

    With `unfinished`, for a file whose writer has not finished it (or died), it ends silently
    after the last full chunk: then a cut cannot be seen.
    """
    opener: _Opener | None = None
    async with aclosing(_pieces(source, _HEADER.size)) as pieces:
        async for piece, ended in pieces:
            if opener is None:
                if ended and not unfinished:
                    raise Corrupt
                if len(piece) < _HEADER.size:
                    return
                opener = _Opener(key, piece, bound)
            elif not ended:
                yield opener.open(piece, last=False)
            elif not unfinished:
                yield opener.open(piece, last=True)
            elif (tail := opener.open_tail(piece)) is not None:
                yield tail


async def decrypt_range(
    read: ReadRange, key: bytes, start: int, stop: int | None = None, *, bound: bytes = b""
) -> AsyncGenerator[bytes]:
    """Open the plain bytes from `start` to `stop`, reading only the chunks that hold them.

    A `stop` behind the end means the end. A `start` behind the end cannot be told from a cut
    and raises `Corrupt`: compare with `plain_size` first.
    """
    if start < 0 or (stop is not None and stop < start):
        raise ValueError("a range needs 0 <= start <= stop")
    if start == stop:
        return
    number = start // CHUNK
    opener = _Opener(key, await _read(read, 0, _HEADER.size), bound, number)
    end = None if stop is None else _offset(-(-stop // CHUNK))
    position, complete = number * CHUNK, False
    async with aclosing(_pieces(read(_offset(number) - _TAG, end), _TAG)) as pieces:
        async for piece, ended in pieces:
            if not opener.before:
                opener.before = piece
                continue
            plain, complete = opener.open_either(piece) if ended else (opener.open(piece, last=False), False)
            if wanted := plain[max(0, start - position) : None if stop is None else stop - position]:
                yield wanted
            position += len(plain)
    if not complete and (stop is None or position < stop):
        raise Corrupt


def sealed_size(plain: int) -> int:
    """The size in bytes that `encrypt` makes of so many plain bytes."""
    return _HEADER.size + plain + _OVERHEAD * max(1, -(-plain // CHUNK))


def plain_size(sealed: int, *, unfinished: bool = False) -> int:
    """How many plain bytes lie in so many sealed ones; raises `Corrupt` for an impossible size.

    With `unfinished`, those in full chunks only.
    """
    full, rest = divmod(max(0, sealed - _HEADER.size), _RECORD)
    if unfinished:
        return full * CHUNK
    if sealed < _HEADER.size + _OVERHEAD or 0 < rest < _OVERHEAD:
        raise Corrupt
    return full * CHUNK + max(0, rest - _OVERHEAD)


class Sealer:
    """Seals one file, or the continuation of one, piece by piece.

    What `feed` and `finish` return is appended to the store in that order. Full chunks leave
    as soon as one byte more is there; only `finish` makes the file whole.
    """

    def __init__(self, key: bytes, *, bound: bytes = b"", _tail: _Tail | None = None) -> None:
        tail = _tail or _Tail(_new_header(), 0, b"")
        self._prefix = _PREFIX.pack(tail.number, os.urandom(16))
        self._aead = _segment_key(key, self._prefix, bound)
        self._header, self._number, self._before = tail.header, tail.number, tail.before
        self._unsent = b"" if _tail else tail.header
        self._buffer = bytearray()
        self._finished = False

    def feed(self, data: bytes) -> bytes:
        """Take plain bytes; return the sealed bytes that are ready, perhaps none."""
        return b"".join(self._fed(data))

    def finish(self) -> bytes:
        """The sealed rest, with the last chunk: the file is whole now."""
        return b"".join(self._last())

    def all_of(self, pieces: Iterable[bytes]) -> list[bytes]:
        """A whole file at once; what is to be written, in parts that need not be copied together."""
        return [*(part for data in pieces for part in self._fed(data)), *self._last()]

    def _fed(self, data: bytes) -> list[bytes]:
        if self._finished:
            raise ValueError("this file is finished")
        sealed, at = [self._unsent] if self._unsent else [], 0
        self._unsent = b""
        view = memoryview(data)
        if self._buffer:
            at = min(CHUNK - len(self._buffer), len(data))
            self._buffer += view[:at]
            if at < len(data):
                sealed += self._sealed(self._buffer, last=False)
                self._buffer = bytearray()
        while len(data) - at > CHUNK:
            sealed += self._sealed(view[at : at + CHUNK], last=False)
            at += CHUNK
        self._buffer += view[at:]
        return sealed

    def _last(self) -> list[bytes]:
        sealed = [*self._fed(b""), *self._sealed(self._buffer, last=True)]
        self._finished = True
        return sealed

    def _sealed(self, plain: bytearray | memoryview, *, last: bool) -> tuple[bytes, bytes]:
        aad = self._header + self._prefix + self._before
        sealed = self._aead.encrypt(_NONCE.pack(self._number, last), plain, aad)
        self._number += 1
        self._before = b""
        return self._prefix, sealed


@dataclass(frozen=True)
class Resumed:
    """Where an unfinished file goes on: cut it to `keep` sealed bytes, then append."""

    sealer: Sealer
    keep: int


async def resume(read: ReadRange, sealed: int, key: bytes, *, bound: bytes = b"") -> Resumed:
    """Take up an unfinished file of so many sealed bytes after its last full chunk.

    Raises `Refused` when the file is finished, `Corrupt` when the last full chunk does not open.
    The new segment has a fresh key: the torn chunk's nonce is never used twice.
    """
    if sealed < _HEADER.size:
        return Resumed(Sealer(key, bound=bound), keep=0)
    header = await _read(read, 0, _HEADER.size)
    number = (sealed - _HEADER.size) // _RECORD
    keep = _offset(number)
    opener, before = _Opener(key, header, bound), b""
    if number:
        # The record before gives the tag that a segment's first chunk is bound to.
        held = await _read(read, _offset(number - 1) - _TAG, keep)
        opener = _Opener(key, header, bound, number - 1)
        opener.before, before = held[:_TAG], held[-_TAG:]
        if opener.open_either(held[_TAG:])[1]:
            raise Refused(_("This file is already complete."))
    if opener.open_tail(await _read(read, keep, sealed)) is not None:
        raise Refused(_("This file is already complete."))
    return Resumed(Sealer(key, bound=bound, _tail=_Tail(header, number, before)), keep)


@dataclass(frozen=True)
class _Tail:
    """The end of what is written: the next chunk's number and the tag before it."""

    header: bytes
    number: int
    before: bytes


class _Opener:
    """Opens the records of one file in order, from any record on.

    `before` is the tag of the record before the first one. It is authentic data for a segment's
    first chunk, so that segments of two continuations of the same file cannot be mixed.
    """

    def __init__(self, key: bytes, header: bytes, bound: bytes, number: int = 0) -> None:
        _check_header(header)
        self.before = b""
        self._key, self._header, self._bound = key, header, bound
        self._number = number
        self._start = number
        self._prefix = b""
        self._aead: AESGCM | None = None

    def open(self, record: bytes, *, last: bool) -> bytes:
        """The plain chunk of the next record; raises `Corrupt` and stays where it was."""
        if not _OVERHEAD <= len(record) <= _RECORD or not (last or len(record) == _RECORD):
            raise Corrupt
        prefix = record[: _PREFIX.size]
        aead = self._aead_of(prefix)
        aad = self._header + prefix
        if self._number and _PREFIX.unpack(prefix)[0] == self._number:
            aad += self.before
        try:
            plain = aead.decrypt(_NONCE.pack(self._number, last), record[_PREFIX.size :], aad)
        except InvalidTag:
            raise Corrupt from None
        self._number += 1
        self._prefix, self._aead, self.before = prefix, aead, record[-_TAG:]
        return plain

    def open_either(self, record: bytes) -> tuple[bytes, bool]:
        """The plain chunk, and whether it is the file's last."""
        if len(record) == _RECORD:
            try:
                return self.open(record, last=False), False
            except Corrupt:
                pass  # A full chunk may be the last one: the other nonce tells.
        return self.open(record, last=True), True

    def open_tail(self, record: bytes) -> bytes | None:
        """The plain chunk at the end of a file that may be unfinished; None for a torn record."""
        if len(record) == _RECORD:
            return self.open_either(record)[0]
        try:
            return self.open(record, last=True)
        except Corrupt:
            return None

    def _aead_of(self, prefix: bytes) -> AESGCM:
        if self._aead is not None and prefix == self._prefix:
            return self._aead
        first = _PREFIX.unpack(prefix)[0]
        begun_before = self._aead is None and self._start > 0
        if first != self._number and not (begun_before and first < self._number):
            raise Corrupt
        return _segment_key(self._key, prefix, self._bound)


def _new_header() -> bytes:
    return _HEADER.pack(_MAGIC, _VERSION, CHUNK.bit_length() - 1, os.urandom(16))


def _check_header(header: bytes) -> None:
    if len(header) != _HEADER.size:
        raise Corrupt
    magic, version, log_chunk, _file_id = _HEADER.unpack(header)
    if (magic, version, 1 << log_chunk) != (_MAGIC, _VERSION, CHUNK):
        raise Corrupt


def _segment_key(key: bytes, prefix: bytes, bound: bytes) -> AESGCM:
    if len(key) != _KEY:
        raise ValueError("a file key has 32 bytes")
    # HKDF-SHA256 (RFC 5869) of one block: OpenSSL's takes fifty times as long, for looking itself up.
    extracted = hmac.digest(prefix[-16:], key, "sha256")
    return AESGCM(hmac.digest(extracted, _INFO + bound + b"\x01", "sha256"))


def _offset(number: int) -> int:
    """Where the record of a chunk begins."""
    return _HEADER.size + number * _RECORD


async def _read(read: ReadRange, start: int, stop: int) -> bytes:
    if start == stop:
        return b""
    source = read(start, stop)
    async with _closing(source):
        return b"".join([data async for data in source])


async def _pieces(source: AsyncIterator[bytes], lead: int) -> AsyncGenerator[tuple[bytes, bool]]:
    """`lead` bytes, then records; the flag marks the piece at the source's end, never empty
    unless the source is.
    """
    buffer, want = bytearray(), lead
    async with _closing(source):
        async for data in source:
            buffer += data
            while len(buffer) > want:
                yield bytes(buffer[:want]), False
                del buffer[:want]
                want = _RECORD
    yield bytes(buffer), True


class _closing:
    """Closes a source that can be closed (a generator holding an open file) on the way out."""

    def __init__(self, source: AsyncIterator[bytes]) -> None:
        self._source = source

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *_exc: object) -> None:
        if isinstance(self._source, AsyncGenerator):
            await self._source.aclose()
