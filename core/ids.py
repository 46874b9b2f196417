"""Ids: UUIDv7 inside (RFC 9562, sortable by the desk's time), unguessable words outside."""

from __future__ import annotations

import secrets
import string
from uuid import UUID

from core import clock

_ALPHABET = string.digits + string.ascii_letters
_newest = 0


def new_id() -> UUID:
    """A fresh UUIDv7, later than all that this process made: a millisecond is split into 4,096 parts (RFC 9562,
    6.2, method 3). Of the desk's clock, not of this machine's: what waits is sent in the order of its ids,
    whichever process wrote it."""
    global _newest
    _newest = max(clock.nanoseconds() * 4_096 // 1_000_000, _newest + 1)
    moment, part = divmod(_newest, 4_096)
    return UUID(int=moment << 80 | 0x7 << 76 | part << 64 | 0b10 << 62 | secrets.randbits(62))


def id_in(text: str) -> UUID | None:
    """The id that a text is; None for any other text."""
    try:
        return UUID(text)
    except ValueError:
        return None


def new_token(size: int = 24) -> str:
    """An unguessable word of letters and digits only, from `size` random bytes (192 bits)."""
    number = int.from_bytes(secrets.token_bytes(size), "big") | 1 << (size * 8)
    letters = []
    while number:
        number, index = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[index])
    return "".join(letters)
