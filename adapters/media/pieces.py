"""The form in which a recording lies in the store.

A recording is one person's. Every two seconds its newest clusters become a *piece*: one sealed
object that holds them for all of the person's sources, behind an index. Thirty pieces, or eight
megabytes of them, become a *block*: the same clusters in one object, whereupon the pieces go.
Names follow from the recording's id and two numbers, so that a reader finds everything after a
crash without being told, and an eraser without a key.

    piece = length of the index (4 bytes, big-endian) | index (JSON) | clusters
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import orjson

from core.errors import Invalid
from core.i18n import _
from core.ports.media import Source

LARGEST_INDEX = 1 << 20
_LENGTH = struct.Struct(">I")


@dataclass(slots=True)
class Part:
    """The clusters of one source in a piece; cues count from the part's first byte."""

    size: int = 0
    start: int = 0
    end: int = 0
    cues: list[tuple[int, int]] = field(default_factory=list)
    picture: tuple[int, int] | None = None


@dataclass(slots=True)
class Index:
    """What a piece holds, in the order of its bytes. `began` is when the recording began."""

    began: float
    parts: dict[Source, Part]

    @property
    def end(self) -> int:
        return max((part.end for part in self.parts.values()), default=0)


@dataclass(slots=True)
class Piece:
    index: Index
    clusters: dict[Source, list[bytes]]

    @property
    def size(self) -> int:
        return sum(part.size for part in self.index.parts.values())

    def to_bytes(self) -> bytes:
        return b"".join(self.to_chunks())

    def to_chunks(self) -> list[bytes]:
        """Its bytes, not copied."""
        told = {
            "began": self.index.began,
            "parts": [
                {"source": source, "size": part.size, "start": part.start, "end": part.end, "cues": part.cues,
                 "picture": part.picture}
                for source, part in self.index.parts.items()
            ],
        }  # fmt: skip
        index = orjson.dumps(told)
        clusters = (data for source in self.index.parts for data in self.clusters[source])
        return [_LENGTH.pack(len(index)) + index, *clusters]


def read_index(data: bytes) -> tuple[Index | None, int]:
    """The index at the beginning of a piece, and where its clusters begin; None when more bytes
    than these are needed."""
    if len(data) < _LENGTH.size:
        return None, _LENGTH.size
    length: int = _LENGTH.unpack_from(data)[0]
    if length > LARGEST_INDEX:
        raise Invalid(_("This recording is damaged."))
    if len(data) < _LENGTH.size + length:
        return None, _LENGTH.size + length
    told = orjson.loads(data[_LENGTH.size : _LENGTH.size + length])
    parts = {
        Source(part["source"]): Part(
            size=part["size"], start=part["start"], end=part["end"],
            cues=[(time, offset) for time, offset in part["cues"]],
            picture=(part["picture"][0], part["picture"][1]) if part["picture"] else None,
        )
        for part in told["parts"]
    }  # fmt: skip
    return Index(told["began"], parts), _LENGTH.size + length


def joined(pieces: Sequence[Piece]) -> Piece:
    """One piece that holds the clusters of all."""
    index, clusters = Index(pieces[0].index.began, {}), dict[Source, list[bytes]]()
    for source in Source:
        holding = [piece for piece in pieces if source in piece.clusters]
        if not holding:
            continue
        whole = Part(
            start=holding[0].index.parts[source].start, picture=holding[0].index.parts[source].picture
        )
        for piece in holding:
            part = piece.index.parts[source]
            whole.cues += [(time, offset + whole.size) for time, offset in part.cues]
            whole.size += part.size
            whole.end = part.end
        index.parts[source] = whole
        clusters[source] = [data for piece in holding for data in piece.clusters[source]]
    return Piece(index, clusters)


def block_name(recording: UUID, block: int) -> str:
    return _name(recording, block, 0)


def piece_name(recording: UUID, block: int, piece: int) -> str:
    return _name(recording, block, piece + 1)


def _name(recording: UUID, block: int, number: int) -> str:
    digest = hashlib.sha256(b"deskbell recording" + recording.bytes + struct.pack(">II", block, number))
    name = str(UUID(bytes=digest.digest()[:16]))
    return f"{name[-4:-2]}/{name[-2:]}/{name}"
