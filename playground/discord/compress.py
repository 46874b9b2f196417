"""The two ways in which the gateway packs what it sends over one socket."""

from __future__ import annotations

import struct
import zlib
from typing import Protocol

_BLOCK = 128 * 1024


class Packer(Protocol):
    def pack(self, text: str) -> str | bytes: ...


class Plain:
    def pack(self, text: str) -> str | bytes:
        return text


class Zlib:
    """`zlib-stream`: one stream for the socket, flushed after each message."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj()

    def pack(self, text: str) -> str | bytes:
        return self._stream.compress(text.encode()) + self._stream.flush(zlib.Z_SYNC_FLUSH)


class Zstd:
    """`zstd-stream`: one frame for the socket, in blocks that are stored as they are.

    Python has no Zstandard before 3.14; a frame of raw blocks is one too, and any reader takes it.
    """

    def __init__(self) -> None:
        # The magic number, a descriptor without size and checksum, and a window of 1 MiB.
        self._head = struct.pack("<IBB", 0xFD2FB528, 0, 10 << 3)

    def pack(self, text: str) -> str | bytes:
        data, out = text.encode(), bytearray(self._head)
        self._head = b""
        for start in range(0, len(data), _BLOCK):
            part = data[start : start + _BLOCK]
            out += (len(part) << 3).to_bytes(3, "little") + part
        return bytes(out)


def packer(name: str) -> Packer:
    kinds: dict[str, type[Packer]] = {"zlib-stream": Zlib, "zstd-stream": Zstd}
    return kinds.get(name, Plain)()
