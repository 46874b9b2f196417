"""The file format a second time, slow and whole in memory, written from its description alone.

The tests hold the program against it. `python -m tests.files.file_reference` writes the test vectors.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VECTORS = Path(__file__).with_name("vectors.json")
CHUNK, HEADER, RECORD = 65_536, 32, 65_572


@dataclass(frozen=True)
class Segment:
    """One writer: the chunk it begins with, and its salt."""

    first: int
    salt: bytes


def seal(
    key: bytes,
    plain: bytes,
    file_id: bytes,
    segments: list[Segment],
    bound: bytes = b"",
    *,
    whole: bool = True,
) -> bytes:
    """The sealed file of these segments; without `whole`, one whose last chunk is missing."""
    header = b"DESKBELL" + bytes([1, 16]) + bytes(6) + file_id
    chunks = [plain[at : at + CHUNK] for at in range(0, len(plain), CHUNK)] or [b""]
    if segments[-1].first == len(chunks):
        chunks.append(b"")
    out = header
    for number, chunk in enumerate(chunks):
        segment = [segment for segment in segments if segment.first <= number][-1]
        prefix = segment.first.to_bytes(4, "big") + segment.salt
        before = out[-16:] if number and number == segment.first else b""
        last = number == len(chunks) - 1 and whole
        nonce = bytes(7) + number.to_bytes(4, "big") + bytes([last])
        derived = AESGCM(_hkdf(key, segment.salt, b"deskbell file v1" + bound))
        out += prefix + derived.encrypt(nonce, chunk, header + prefix + before)
    return out


def segments_of(sealed: bytes) -> list[Segment]:
    """The segments that the records of a sealed file name."""
    found: dict[Segment, None] = {}
    for at in range(HEADER, len(sealed), RECORD):
        found[Segment(int.from_bytes(sealed[at : at + 4], "big"), sealed[at + 4 : at + 20])] = None
    return list(found)


def pattern(size: int) -> bytes:
    """The plain text of the vectors: byte number i is i modulo 251."""
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def _hkdf(key: bytes, salt: bytes, info: bytes) -> bytes:
    """RFC 5869 with SHA-256, for one block of output."""
    return hmac.digest(hmac.digest(salt, key, "sha256"), info + b"\x01", "sha256")


def _vectors() -> list[dict[str, object]]:
    one = [Segment(0, bytes(range(16, 32)))]
    two = [*one, Segment(2, bytes(range(32, 48)))]
    return [
        _vector("empty", 0, one),
        _vector("one byte", 1, one),
        _vector("one byte, bound to a name", 1, one, b"ab/cd/01890a5d-ac96-774b-bcce-b302099aabcd"),
        _vector("a hundred bytes", 100, one),
        _vector("one full chunk", CHUNK, one),
        _vector("one chunk and a byte", CHUNK + 1, one),
        _vector("three chunks", 2 * CHUNK + 1_000, one),
        _vector("continued at chunk 2", 3 * CHUNK + 1_000, two),
        _vector("continued at chunk 2 and finished with nothing more", 2 * CHUNK, two),
    ]


def _vector(name: str, size: int, segments: list[Segment], bound: bytes = b"") -> dict[str, object]:
    key, file_id = bytes(range(0x80, 0xA0)), bytes(range(16))
    sealed = seal(key, pattern(size), file_id, segments, bound)
    short = {"sealed": sealed.hex()} if len(sealed) < 1_000 else {}
    return {
        "name": name,
        "key": key.hex(),
        "bound": bound.decode(),
        "file_id": file_id.hex(),
        "segments": [{"first": segment.first, "salt": segment.salt.hex()} for segment in segments],
        "plain_size": size,
        "sealed_size": len(sealed),
        "sealed_sha256": hashlib.sha256(sealed).hexdigest(),
        "last_tag": sealed[-16:].hex(),
        **short,
    }


if __name__ == "__main__":
    about = (
        "Plain byte number i is i modulo 251. Hexadecimal; the layout is in docs/developers/file-format.md."
    )
    VECTORS.write_text(json.dumps({"format": 1, "about": about, "vectors": _vectors()}, indent=2) + "\n")
