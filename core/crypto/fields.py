"""Seal single values: AES-256-GCM (NIST SP 800-38D), the row's identity bound in as AAD.

A sealed value is `version (1) | nonce (12) | ciphertext | tag (16)`. Nonces are random: a
key here seals far fewer than the 2^32 values that SP 800-38D, 8.3 allows for one key.
"""

from __future__ import annotations

import os
from typing import Any
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import DeskError
from core.i18n import _

KEY_BYTES = 32
_VERSION = b"\x01"


_SHORTEST = 1 + 12 + 16
"""Version, nonce and tag, with nothing in between."""


class Unreadable(DeskError):
    """A sealed value does not open: another key, another row, or changed bytes."""

    code = "unreadable"
    status = 410

    def __init__(self) -> None:
        super().__init__(_("This content can no longer be read."))


def new_key() -> bytes:
    """A random 256-bit key."""
    return os.urandom(KEY_BYTES)


def seal(key: bytes, value: bytes, bound: bytes) -> bytes:
    """Encrypt a value and bind it to where it lies (see `bound_to`). Raises `Unreadable` where
    the key was destroyed: nothing more is written under an erased person's key."""
    if not key:
        raise Unreadable
    nonce = os.urandom(12)
    return _VERSION + nonce + AESGCM(key).encrypt(nonce, value, bound)


def unseal(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    """The value again; raises `Unreadable` for a wrong key, row or changed bytes."""
    if not key or sealed[:1] != _VERSION or len(sealed) < _SHORTEST:
        raise Unreadable
    try:
        return AESGCM(key).decrypt(sealed[1:13], sealed[13:], bound)
    except InvalidTag:
        raise Unreadable from None


def bound_to(field: str, row: UUID | str | int) -> bytes:
    """The identity that is bound in: `table.column:row`."""
    return f"{field}:{row}".encode()


def seal_text(key: bytes, text: str, field: str, row: UUID | str | int) -> bytes:
    return seal(key, text.encode("utf-8"), bound_to(field, row))


def unseal_text(key: bytes, sealed: bytes, field: str, row: UUID | str | int) -> str:
    return unseal(key, sealed, bound_to(field, row)).decode("utf-8")


def seal_json(key: bytes, value: Any, field: str, row: UUID | str | int) -> bytes:
    return seal(key, orjson.dumps(value), bound_to(field, row))


def unseal_json(key: bytes, sealed: bytes, field: str, row: UUID | str | int) -> Any:
    return orjson.loads(unseal(key, sealed, bound_to(field, row)))
