"""Where a list that is sorted by time goes on: the moment and the id of its last row, in one word."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID


def cursor_of(at: datetime, row_id: UUID) -> str:
    return f"{at.isoformat()}_{row_id}"


def read_cursor(text: str) -> tuple[datetime, UUID] | None:
    """What a cursor says; None for what is none of ours, upon which a list begins at its start."""
    at, _line, key = text.rpartition("_")
    try:
        # Whoever puts it into an address as it stands has said a space instead of the `+`.
        moment, row_id = datetime.fromisoformat(at.replace(" ", "+")), UUID(key)
    except ValueError:
        return None
    return (moment, row_id) if moment.tzinfo is not None else None
