"""RTP packets as bytes (RFC 3550), header extensions (RFC 8285) and the VP8 payload (RFC 7741).

On the way of every packet nothing is parsed that need not be: these functions look at one thing
in the bytes each.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator

HEAD = struct.Struct("!BBHII")
"""First byte, marker and payload type, sequence number, timestamp, source."""
FIELDS = struct.Struct("!xBHI")
"""Marker and payload type, sequence number, timestamp."""

_ONE_BYTE = 0xBEDE
_TWO_BYTES = 0x1000


def source_of(data: bytes) -> int:
    return int.from_bytes(data[8:12], "big")


def payload_start(data: bytes) -> int:
    """Where the payload begins; raises IndexError for a packet that is cut."""
    at = 12 + ((data[0] & 0x0F) << 2)
    if data[0] & 0x10:
        at += 4 + (((data[at + 2] << 8) | data[at + 3]) << 2)
    return at


def extensions(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and value of each header extension; a malformed rest is left out."""
    if not data[0] & 0x10:
        return
    at = 12 + ((data[0] & 0x0F) << 2)
    profile = int.from_bytes(data[at : at + 2], "big")
    end = min(len(data), at + 4 + (int.from_bytes(data[at + 2 : at + 4], "big") << 2))
    at += 4
    while at + 1 < end:
        if data[at] == 0:
            at += 1
            continue
        if profile == _ONE_BYTE:
            number, length, at = data[at] >> 4, (data[at] & 0x0F) + 1, at + 1
        elif profile == _TWO_BYTES:
            number, length, at = data[at], data[at + 1], at + 2
        else:
            return
        if at + length > end:
            return
        yield number, data[at : at + length]
        at += length


def pack_extensions(values: list[tuple[int, bytes]]) -> bytes:
    """The extension block of a header, profile and length included; empty for none."""
    if not values:
        return b""
    short = all(0 < number < 15 and 0 < len(value) <= 16 for number, value in values)
    if short:
        body = b"".join(bytes((number << 4 | len(value) - 1,)) + value for number, value in values)
    else:
        body = b"".join(bytes((number, len(value))) + value for number, value in values)
    body += b"\0" * (-len(body) % 4)
    return struct.pack("!HH", _ONE_BYTE if short else _TWO_BYTES, len(body) >> 2) + body


def audio_level(data: bytes, number: int) -> int:
    """Loudness from 0 (none) to 127, of the extension with this number (RFC 6464); 0 when absent."""
    if len(data) > 17 and data[0] & 0x1F == 0x10 and data[16] == number << 4:
        return 127 - (data[17] & 0x7F)
    for found, value in extensions(data):
        if found == number and value:
            return 127 - (value[0] & 0x7F)
    return 0


def send_time() -> bytes:
    """The present moment for the send-time extension: 24 bits of 6.18 fixed-point seconds."""
    return (int(time.time() * 262_144) & 0xFF_FFFF).to_bytes(3, "big")


def starts_key_frame(data: bytes) -> bool:
    """Whether a VP8 packet is the first of a frame that can be shown without another."""
    try:
        piece, first = vp8_piece(data)
    except IndexError:
        return False
    return first and piece != b"" and not piece[0] & 1


def vp8_piece(data: bytes) -> tuple[bytes, bool]:
    """What a VP8 packet holds of a frame, nothing for padding alone, and whether the frame begins
    with it; raises IndexError for a packet that is cut."""
    at = 12 + ((data[0] & 0x0F) << 2)
    if data[0] & 0x10:
        at += 4 + (((data[at + 2] << 8) | data[at + 3]) << 2)
    end = len(data) - data[-1] if data[0] & 0x20 else len(data)
    if at >= end:
        return b"", False
    first = data[at]
    at += 1
    if first & 0x80:
        more = data[at]
        at += 1
        if more & 0x80:
            at += 2 if data[at] & 0x80 else 1
        at += (more >> 6 & 1) + (1 if more & 0x30 else 0)
    return data[at:end], first & 0x17 == 0x10


def payload(data: bytes) -> bytes:
    """What a packet carries, padding left out; raises IndexError for a packet that is cut."""
    at = 12 + ((data[0] & 0x0F) << 2)
    if data[0] & 0x10:
        at += 4 + (((data[at + 2] << 8) | data[at + 3]) << 2)
    return data[at : len(data) - data[-1]] if data[0] & 0x20 else data[at:]
