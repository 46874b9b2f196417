"""WebM, as much of it as a recording needs: clusters while it runs, the head when it is read.

Every cluster stands by itself, so what was written before a crash is whole. The head (length,
formats, where key frames lie) is made from what the pieces say when somebody reads: bytes of
clusters are never changed, and players can seek at once. The element numbers are those of the
Matroska specification (RFC 9559).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from core.ports.media import Source

TRACK = 1
_UNKNOWN_SIZE = (640, 480)
_DOUBLE = struct.Struct(">d")
_BLOCK = struct.Struct(">BIBhB")
"""Element, size in four bytes, track, time within the cluster, flags."""
_OPUS_HEAD = b"OpusHead" + struct.pack("<BBHIhB", 1, 2, 312, 48_000, 0, 0)
_OPUS_DELAY = 6_500_000  # nanoseconds: 312 samples
_OPUS_PREROLL = 80_000_000

_CLUSTER, _TIME, _SIMPLE_BLOCK = b"\x1f\x43\xb6\x75", b"\xe7", 0xA3


class Frame(NamedTuple):
    """An encoded frame at a time in milliseconds, in parts that are not copied together; a tuple, as there
    are very many."""

    time: int
    key: bool
    held: Sequence[bytes]
    track: int = TRACK


@dataclass(frozen=True, slots=True)
class Cue:
    """A place to jump to: a time in milliseconds, and how many bytes into the clusters it lies."""

    time: int
    offset: int
    track: int = TRACK


@dataclass(frozen=True, slots=True)
class Entry:
    """A track of a file: its number, what it holds, and the size of pictures."""

    source: Source
    size: tuple[int, int] | None = None
    track: int = TRACK
    name: str = ""


def cluster(frames: Sequence[Frame]) -> bytes:
    """Frames that lie within 32 seconds, as one cluster."""
    parts: list[bytes] = []
    add_cluster(frames, parts)
    return b"".join(parts)


def add_cluster(frames: Sequence[Frame], parts: list[bytes]) -> int:
    """The same behind what is in `parts`, not copied; returns its bytes."""
    start = frames[0].time
    pack, add = _BLOCK.pack, parts.append
    first = len(parts)
    add(b"")
    began = _TIME + _sized(_number(start))
    add(began)
    size = len(began) + _BLOCK.size * len(frames)
    for time, key, held, track in frames:
        long = sum(map(len, held))
        size += long
        add(pack(_SIMPLE_BLOCK, 0x1000_0004 + long, 0x80 | track, time - start, 0x80 if key else 0))
        parts += held
    parts[first] = _CLUSTER + _length(size)
    return len(parts[first]) + size


def head(entries: Sequence[Entry], milliseconds: int, clusters: int, cues: Sequence[Cue]) -> bytes:
    """Everything before the clusters, which are so many bytes."""
    tracks = element(b"\x16\x54\xae\x6b", b"".join(map(_entry, entries)))
    info = element(
        b"\x15\x49\xa9\x66",
        element(b"\x2a\xd7\xb1", _number(1_000_000))
        + element(b"\x44\x89", _DOUBLE.pack(milliseconds))
        + element(b"\x4d\x80", b"Deskbell")
        + element(b"\x57\x41", b"Deskbell"),
    )
    before = len(info) + len(tracks)
    listed = _cues(cues, before + len(_cues(cues, 0)))
    content = before + len(listed) + clusters
    return _ebml() + b"\x18\x53\x80\x67" + _length8(content) + info + tracks + listed


def element(number: bytes, content: bytes) -> bytes:
    return number + _sized(content)


def _ebml() -> bytes:
    return element(
        b"\x1a\x45\xdf\xa3",
        element(b"\x42\x86", b"\x01") + element(b"\x42\xf7", b"\x01") + element(b"\x42\xf2", b"\x04")
        + element(b"\x42\xf3", b"\x08") + element(b"\x42\x82", b"webm") + element(b"\x42\x87", b"\x04")
        + element(b"\x42\x85", b"\x02"),
    )  # fmt: skip


def _entry(entry: Entry) -> bytes:
    common = (
        element(b"\xd7", bytes((entry.track,)))
        + element(b"\x73\xc5", bytes((entry.track,)))
        + element(b"\x9c", b"\x00")
    )
    if entry.name:
        common += element(b"\x53\x6e", entry.name.encode())
    if entry.source is Source.mic:
        sound = element(b"\xb5", _DOUBLE.pack(48_000)) + element(b"\x9f", b"\x02")
        return element(
            b"\xae",
            common + element(b"\x83", b"\x02") + element(b"\x86", b"A_OPUS") + element(b"\x63\xa2", _OPUS_HEAD)
            + element(b"\x56\xaa", _number(_OPUS_DELAY)) + element(b"\x56\xbb", _number(_OPUS_PREROLL))
            + element(b"\xe1", sound),
        )  # fmt: skip
    size = entry.size or _UNKNOWN_SIZE
    picture = element(b"\xb0", _number(size[0])) + element(b"\xba", _number(size[1]))
    return element(
        b"\xae",
        common + element(b"\x83", b"\x01") + element(b"\x86", b"V_VP8") + element(b"\xe0", picture),
    )


def _cues(cues: Sequence[Cue], clusters_at: int) -> bytes:
    """Positions take eight bytes always, so that the length does not depend on them."""
    points = b"".join(
        element(
            b"\xbb",
            element(b"\xb3", cue.time.to_bytes(4, "big"))
            + element(
                b"\xb7",
                element(b"\xf7", bytes((cue.track,)))
                + element(b"\xf1", (clusters_at + cue.offset).to_bytes(8, "big")),
            ),
        )
        for cue in cues
    )
    return element(b"\x1c\x53\xbb\x6b", points) if points else b""


def _number(value: int) -> bytes:
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")


def _sized(content: bytes) -> bytes:
    return _length(len(content)) + content


def _length(value: int) -> bytes:
    if value < 0x7F:
        return bytes((0x80 | value,))
    if value < 0x3FFF:
        return (0x4000 | value).to_bytes(2, "big")
    if value < 0x0FFF_FFFF:
        return (0x1000_0000 | value).to_bytes(4, "big")
    return _length8(value)


def _length8(value: int) -> bytes:
    return (0x0100_0000_0000_0000 | value).to_bytes(8, "big")
