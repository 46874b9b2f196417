"""Reading payloads without trust in their shape: what is missing or of another kind reads as nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

EPOCH = 1_420_070_400_000
"""The platform counts milliseconds from here, in the upper bits of its ids."""
_EMPTY: Mapping[str, Any] = {}
_LONGEST_ID = 20


def string(shape: Mapping[str, Any], name: str) -> str:
    """A text; numbers as ids are read too."""
    value = shape.get(name)
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def number(shape: Mapping[str, Any], name: str, default: int = 0) -> int:
    value = shape.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def flag_set(shape: Mapping[str, Any], name: str, bit: int) -> bool:
    return bool(number(shape, name) & bit)


def table(shape: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = shape.get(name)
    return value if isinstance(value, Mapping) else _EMPTY


def items(shape: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    """A list of objects; what else is in it is left out."""
    value = shape.get(name)
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def strings(shape: Mapping[str, Any], name: str) -> Sequence[str]:
    value = shape.get(name)
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def is_id(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= _LONGEST_ID


def order(value: str) -> int:
    """Ids as numbers: later ones are larger."""
    return int(value) if is_id(value) else 0


def time_of(value: str, default: datetime) -> datetime:
    """When an id was made."""
    if not is_id(value):
        return default
    milliseconds = (int(value) >> 22) + EPOCH
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return default


def id_at(moment: datetime) -> str:
    """The smallest id of a moment: what was said after it has larger ones."""
    return str(max(int(moment.timestamp() * 1000) - EPOCH, 0) << 22)


def moment(shape: Mapping[str, Any], name: str) -> datetime | None:
    value = shape.get(name)
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
