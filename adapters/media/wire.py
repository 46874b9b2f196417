"""What the engine's process and the others say to each other over a Unix socket.

A message is its length (4 bytes, big-endian) and JSON. Requests have an `id` and name what to
`do`; replies repeat the id; events have a number. Values are the port's dataclasses.
"""

from __future__ import annotations

import asyncio
import base64
import struct
from typing import Any
from uuid import UUID

import orjson
from pydantic import TypeAdapter

from core import errors
from core.ports import media
from core.ports.media import MediaEvent

LARGEST = 1 << 20
_LENGTH = struct.Struct(">I")

EVENTS: dict[str, type[MediaEvent]] = {
    kind.__name__: kind
    for kind in vars(media).values()
    if isinstance(kind, type) and issubclass(kind, MediaEvent) and kind is not MediaEvent
}
_adapters: dict[object, TypeAdapter[Any]] = {}


async def read(reader: asyncio.StreamReader) -> dict[str, Any] | None:
    """The next message; None at the end. Raises ValueError for what is no message."""
    try:
        length: int = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))[0]
        if length > LARGEST:
            raise ValueError("too long")
        message = orjson.loads(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    if not isinstance(message, dict):
        raise ValueError("no message")
    return message


def pack(message: dict[str, Any]) -> bytes:
    data = orjson.dumps(message, default=_plain, option=orjson.OPT_NON_STR_KEYS)
    return _LENGTH.pack(len(data)) + data


def value_of(kind: Any, told: Any) -> Any:
    """The port's value in what was told; raises ValueError when it is not one."""
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind].validate_python(told)


def pack_event(number: int, event: MediaEvent) -> bytes:
    return pack({"event": type(event).__name__, "number": number, "value": event})


def event_of(message: dict[str, Any]) -> MediaEvent | None:
    """None for a kind of event that this program does not know."""
    kind = EVENTS.get(message["event"])
    return value_of(kind, message["value"]) if kind is not None else None


def pack_error(error: errors.DeskError) -> dict[str, Any]:
    return {"kind": type(error).__name__, "words": error.words, "field": getattr(error, "field", None),
            "after": getattr(error, "after", None)}  # fmt: skip


def error_of(told: dict[str, Any]) -> errors.DeskError:
    kind = getattr(errors, told["kind"], errors.Unavailable)
    if issubclass(kind, errors.Invalid):
        return kind(told["words"], field=told["field"])
    if issubclass(kind, errors.TooMany):
        return kind(told["words"], after=told["after"] or 60)
    made: errors.DeskError = kind(told["words"])
    return made


def key_text(key: bytes) -> str:
    return base64.b64encode(key).decode()


def key_bytes(text: str) -> bytes:
    return base64.b64decode(text)


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return key_text(value)
    if isinstance(value, (set, frozenset)):
        return list(value)
    if isinstance(value, UUID):
        # The database's driver has a class of its own for them, which orjson does not know.
        return str(value)
    raise TypeError
