"""Where a list that is sorted by time goes on: the moment and the id of its last row, in one word."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

Key = TypeVar("Key")
NUMBERS = range(2**63)
"""What a database takes as a number of a row."""


def cursor_of(at: datetime, row_id: UUID | int) -> str:
    return f"{at.isoformat()}_{row_id}"


def read_cursor(text: str) -> tuple[datetime, UUID] | None:
    """What a cursor says; None for what is none of ours, upon which a list begins at its start."""
    return _read(text, UUID)


def read_numbered_cursor(text: str) -> tuple[datetime, int] | None:
    """The same for rows that are numbered."""
    return _read(text, _number)


def _read(text: str, key_of: Callable[[str], Key]) -> tuple[datetime, Key] | None:
    at, _line, key = text.rpartition("_")
    try:
        # Whoever puts it into an address as it stands has said a space instead of the `+`.
        moment, row_id = datetime.fromisoformat(at.replace(" ", "+")), key_of(key)
    except ValueError:
        return None
    return (moment, row_id) if moment.tzinfo is not None else None


def _number(key: str) -> int:
    number = int(key)
    if number not in NUMBERS:
        raise ValueError(key)
    return number
