"""Ids: UUIDv7 inside (RFC 9562, sortable by time), unguessable words outside."""

from __future__ import annotations

import secrets
import string
from uuid import UUID

import uuid_utils

_ALPHABET = string.digits + string.ascii_letters


def new_id() -> UUID:
    """A fresh UUIDv7 as a standard-library UUID."""
    return UUID(bytes=uuid_utils.uuid7().bytes)


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
