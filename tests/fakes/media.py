"""A media engine that carries nothing and says yes, and recordings that hold one sound."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from uuid import UUID

from core.files.sealed import put_sealed
from core.ports.files import FileStore
from core.ports.media import (
    Answer,
    IceServer,
    Limits,
    Manifest,
    MediaEngine,
    MediaEvent,
    Quality,
    Recording,
    Running,
    Source,
    Track,
)


class SilentEngine:
    """A `MediaEngine`."""

    async def open(self, call: UUID, limits: Limits | None = None) -> None: ...

    async def join(
        self, call: UUID, person: UUID, offer: str, sources: Mapping[str, Source] | None = None
    ) -> Answer:
        return Answer("v=0")

    async def candidate(self, call: UUID, person: UUID, candidate: str) -> None: ...

    async def leave(self, call: UUID, person: UUID) -> None: ...

    async def end(self, call: UUID) -> None: ...

    async def mute(self, call: UUID, person: UUID, source: Source, on: bool) -> None: ...

    async def hold(self, call: UUID, on: bool) -> None: ...

    async def record(self, call: UUID, recordings: tuple[Recording, ...]) -> None: ...

    async def stop_recording(self, call: UUID, person: UUID | None = None) -> None: ...

    async def running(self) -> tuple[Running, ...]:
        return ()

    async def stats(self, call: UUID) -> Mapping[UUID, Quality]:
        return {}

    def ice_servers(self, person: UUID) -> tuple[IceServer, ...]:
        return ()

    async def events(self) -> AsyncIterator[MediaEvent]:
        for nothing in ():
            yield nothing


class OneSound:
    """`Recordings` of which each holds a second of somebody's voice."""

    async def manifest(self, recording: UUID, key: bytes) -> Manifest:
        return Manifest(recording, 1_000.0, 1_000, (Track(Source.mic, 0, 1_000, 4),))

    async def read(
        self, recording: UUID, key: bytes, source: Source, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[bytes]:
        yield b"webm"[start:stop]

    async def delete(self, recording: UUID) -> None: ...

    async def merge(self, parts: tuple[tuple[UUID, bytes], ...], name: str, key: bytes) -> int:
        return 0


class OneFile(OneSound):
    """The same, and every call made into a file says so."""

    def __init__(self, store: FileStore) -> None:
        self.store = store

    async def merge(self, parts: tuple[tuple[UUID, bytes], ...], name: str, key: bytes) -> int:
        async def words() -> AsyncIterator[bytes]:
            yield b"a whole call"

        return await put_sealed(self.store, name, words(), key)


async def silent() -> MediaEngine:
    return SilentEngine()


async def nothing_to_record(call: UUID) -> None: ...
