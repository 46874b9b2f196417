"""The arguments of one call, however they came: query, form, multipart or JSON."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import BodyPartReader, web

from playground.telegram.errors import ApiError, bad
from playground.telegram.files import FileStore, StoredFile

FIELD = 1024 * 1024
"""The most that one argument may take."""
_TRUE = (True, 1, "true", "True", "1")


class Arguments:
    """Values by name, as text or as JSON; files by field name."""

    def __init__(self, values: dict[str, Any], uploads: dict[str, StoredFile]) -> None:
        self.values = values
        self.uploads = uploads

    @property
    def names(self) -> set[str]:
        """Fields that only carry the bytes of `attach://` are no arguments."""
        return self.values.keys() | {name for name in self.uploads if f"attach://{name}" not in self._written}

    def has(self, name: str) -> bool:
        return self.values.get(name) not in (None, "")

    def text(self, name: str) -> str:
        value = self.values.get(name)
        return "" if value is None else str(value)

    def whole(self, name: str) -> int | None:
        if not self.has(name):
            return None
        try:
            return int(self.values[name])
        except (TypeError, ValueError):
            raise bad(f"{name} must be a number") from None

    def needed(self, name: str) -> int:
        number = self.whole(name)
        if number is None:
            raise bad(f"{name} is not specified")
        return number

    def decimal(self, name: str) -> float:
        try:
            return float(self.values[name])
        except (KeyError, TypeError, ValueError):
            raise bad(f"{name} must be a number") from None

    def flag(self, name: str) -> bool:
        return self.values.get(name) in _TRUE

    def object(self, name: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self._parsed(name, dict)
        return found

    def listed(self, name: str) -> list[Any] | None:
        found: list[Any] | None = self._parsed(name, list)
        return found

    def objects(self, name: str) -> list[dict[str, Any]]:
        found = self._parsed(name, list) or []
        if not all(isinstance(one, dict) for one in found):
            raise bad(f"can't parse {name}: a list of objects was expected")
        return list(found)

    def _parsed(self, name: str, kind: type) -> Any:
        if not self.has(name):
            return None
        value = self.values[name]
        if isinstance(value, str):
            value = _json(name, value)
        if not isinstance(value, kind):
            raise bad(f"can't parse {name}: a JSON {kind.__name__} was expected")
        return value

    @property
    def _written(self) -> str:
        return " ".join(str(value) for value in self.values.values()) if self.uploads else ""


async def read(request: web.Request, files: FileStore) -> Arguments:
    """All arguments of a request; files are stored while they arrive."""
    values: dict[str, Any] = dict(request.query)
    uploads: dict[str, StoredFile] = {}
    if request.content_type == "application/json" and request.can_read_body:
        values |= _object(_json("the body", await request.text()))
    elif request.content_type == "multipart/form-data":
        await _read_parts(request, files, values, uploads)
    elif request.can_read_body:
        values |= {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    return Arguments(values, uploads)


async def _read_parts(
    request: web.Request, files: FileStore, values: dict[str, Any], uploads: dict[str, StoredFile]
) -> None:
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name is None:
            raise bad("can't parse the multipart body")
        if part.filename is None:
            values[part.name] = await _text(part)
        else:
            mime = part.headers.get("Content-Type", "")
            uploads[part.name] = await files.take(_chunks(part), part.filename, mime)


async def _chunks(part: BodyPartReader) -> AsyncIterator[bytes]:
    while chunk := await part.read_chunk(64 * 1024):
        yield chunk


async def _text(part: BodyPartReader) -> str:
    read = bytearray()
    async for chunk in _chunks(part):
        read += chunk
        if len(read) > FIELD:
            raise ApiError(413, "Request Entity Too Large")
    return read.decode("utf-8", "replace")


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise bad(f"can't parse {name} as JSON") from None


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise bad("the body must be a JSON object")
    return value
