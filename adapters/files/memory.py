"""The file store in memory, with switches for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

from core.ports.files import StoreDown, StoreFull, check_name, missing

_PIECE = 65_536


class MemoryStore:
    """A `FileStore` that forgets everything at the end.

    `room` is the number of bytes it can hold (None: no end), `down` makes every call fail, and
    `files` may be looked at and spoilt.
    """

    def __init__(self, *, room: int | None = None, piece: int = _PIECE) -> None:
        self.files: dict[str, bytes] = {}
        self.room = room
        self.down = False
        self._piece = piece

    async def put(self, name: str, chunks: AsyncIterator[bytes]) -> int:
        self._check(name)
        held, data = sum(map(len, self.files.values())), bytearray()
        async for chunk in chunks:
            self._check(name)
            data += chunk
            if self.room is not None and held + len(data) > self.room:
                raise StoreFull
        self.files[name] = bytes(data)
        return len(data)

    async def read(self, name: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        data = self._found(name)[start:stop]
        for offset in range(0, len(data), self._piece):
            self._check(name)
            yield data[offset : offset + self._piece]

    async def size(self, name: str) -> int:
        return len(self._found(name))

    async def delete(self, name: str) -> None:
        self._check(name)
        self.files.pop(name, None)

    async def names(self) -> AsyncIterator[str]:
        for name in sorted(self.files):
            self._check(name)
            yield name

    def _check(self, name: str) -> None:
        check_name(name)
        if self.down:
            raise StoreDown

    def _found(self, name: str) -> bytes:
        self._check(name)
        if name not in self.files:
            raise missing()
        return self.files[name]
