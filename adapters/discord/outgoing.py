"""A file on its way up, as a stream that is never whole in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import payload

from adapters.discord.rest import Json
from core.chat import FileRef


@dataclass(slots=True)
class Outgoing:
    """A file on its way up."""

    ref: FileRef
    chunks: AsyncIterator[bytes]

    @property
    def name(self) -> str:
        return self.ref.name[:200] or "file"

    def part(self) -> Json:
        """The part of the call that carries it. With its size known, the call tells its own."""
        body: payload.Payload
        if self.ref.size is None:
            body = payload.AsyncIterablePayload(self.chunks)
        else:
            body = _Sized(self.chunks, self.ref.size)
        return {
            "name": "files[0]",
            "value": body,
            "filename": self.name,
            "content_type": self.ref.mime or "application/octet-stream",
        }


class _Sized(payload.AsyncIterablePayload):
    def __init__(self, chunks: AsyncIterator[bytes], size: int) -> None:
        super().__init__(chunks)
        self._size = size
