"""Where the newest pieces of recordings lie: a folder of the engine's machine, sealed.

A piece every two seconds would cost a store, and even a file of its own, more than the call costs
the engine. So each recording has two files here that are written over and over, block by block in
turn, without waiting for the disk; that outlives the engine's death, though not the machine's.
Blocks go to the store by the minute. What a dead engine left is brought there by the next.

    entry = DBSP | block (4 bytes) | piece (4) | length (4) | sealed piece

Numbers are big-endian. An entry's head is written after its piece, and counts when it names the
block of the first entry and the next number: what lies behind it is older, and counts no more.
"""

from __future__ import annotations

import asyncio
import errno
import os
import struct
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from uuid import UUID
from weakref import finalize

import structlog

from adapters.media.pieces import block_name, piece_name
from core.crypto.stream import Sealer
from core.errors import DeskError, NotFound
from core.ports.files import FileStore, StoreDown, StoreFull, missing

log = structlog.get_logger("media.spool")

_HEAD = struct.Struct(">4sIII")
_MAGIC = b"DBSP"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_TURNS = 2
_MOST_PARTS = 1_000
"""pwritev(2) takes 1,024."""


class Shelf:
    """Where one recording's recorder puts its pieces."""

    def __init__(self, folder: Path, recording: UUID, writing: _Together) -> None:
        self._folder, self._recording, self._writing = folder, recording, writing
        self._files: dict[int, int] = {}
        self._block, self._at = -1, 0

    async def put(self, block: int, piece: int, chunks: Iterable[bytes], key: bytes) -> None:
        """Seal and keep. Raises `StoreFull` or `StoreDown`."""
        sealer = Sealer(key, bound=piece_name(self._recording, block, piece).encode())
        sealed = sealer.all_of(chunks)
        with _told():
            await self._writing.do(partial(self._write, block, piece, sealed))

    def close(self, *, keep: bool) -> None:
        """Done; the files go unless something in them is still to be brought to the store."""
        for descriptor in self._files.values():
            os.close(descriptor)
        self._files.clear()
        if not keep:
            for turn in range(_TURNS):
                _path(self._folder, self._recording, turn).unlink(missing_ok=True)

    def _write(self, block: int, piece: int, sealed: list[bytes]) -> None:
        if block != self._block:
            self._block, self._at = block, 0
        file = self._file(block % _TURNS)
        size, at = sum(map(len, sealed)), self._at + _HEAD.size
        written = os.pwritev(file, sealed, at) if len(sealed) <= _MOST_PARTS else 0
        rest = memoryview(b"".join(sealed) if written < size else b"")[written:]
        while rest:
            more = os.pwrite(file, rest, at + written)
            rest, written = rest[more:], written + more
        os.pwrite(file, _HEAD.pack(_MAGIC, block, piece, size), self._at)
        self._at = at + size

    def _file(self, turn: int) -> int:
        if turn not in self._files:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = _path(self._folder, self._recording, turn)
            self._files[turn] = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        return self._files[turn]


class _Together:
    """Writes in a thread, all that comes at the same moment in one go: waking a thread costs more
    than the writing. The thread is its own: one of the pool's costs three times as much to wake."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Job, asyncio.Future[None]]] = []
        self._working: asyncio.Task[None] | None = None
        self._batches: SimpleQueue[_Batch | None] | None = None

    async def do(self, job: Job) -> None:
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((job, done))
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        await done

    async def _work(self) -> None:
        try:
            while self._waiting:
                jobs, self._waiting = self._waiting, []
                self._told([done for _job, done in jobs], await self._tried([job for job, _done in jobs]))
        finally:
            self._working = None

    async def _tried(self, jobs: list[Job]) -> list[Exception | None]:
        loop = asyncio.get_running_loop()
        results: asyncio.Future[list[Exception | None]] = loop.create_future()
        if self._batches is None:
            self._batches = SimpleQueue()
            Thread(target=_write_all, args=(self._batches,), name="spool", daemon=True).start()
            finalize(self, self._batches.put, None)
        self._batches.put((loop, jobs, results))
        return await results

    def _told(self, waiting: list[asyncio.Future[None]], results: list[Exception | None]) -> None:
        for done, error in zip(waiting, results, strict=True):
            if done.done():
                continue
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)


Job = Callable[[], None]
_Batch = tuple[asyncio.AbstractEventLoop, list[Job], "asyncio.Future[list[Exception | None]]"]


def _write_all(batches: SimpleQueue[_Batch | None]) -> None:
    """What the thread does, until nobody needs it any more."""
    while (batch := batches.get()) is not None:
        loop, jobs, results = batch
        tried = [_tried(job) for job in jobs]
        with suppress(RuntimeError):  # the loop is closed, and nobody waits
            loop.call_soon_threadsafe(_tell, results, tried)


def _tell(results: asyncio.Future[list[Exception | None]], tried: list[Exception | None]) -> None:
    if not results.done():
        results.set_result(tried)


def _tried(job: Job) -> Exception | None:
    try:
        job()
    except Exception as error:  # noqa: BLE001  raised where the job was asked for
        return error
    return None


@dataclass(frozen=True, slots=True)
class Entry:
    """A sealed piece in one of the files."""

    block: int
    piece: int
    path: Path
    start: int
    length: int


class Spool:
    """The folder with the files of all recordings."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writing = _Together()

    def shelf(self, recording: UUID) -> Shelf:
        return Shelf(self._folder, recording, self._writing)

    def entries(self, recording: UUID) -> dict[str, Entry]:
        """What lies here of a recording, by the name that it has in the store."""
        return {
            piece_name(recording, entry.block, entry.piece): entry
            for turn in range(_TURNS)
            for entry in _entries(_path(self._folder, recording, turn))
        }

    def recordings(self, older: float = 0.0) -> list[UUID]:
        """Of which recordings something lies here that was not touched for so many seconds."""
        if not self._folder.is_dir():
            return []
        until = time.time() - older
        return list(
            {
                found
                for path in self._folder.iterdir()
                if (found := _recording(path)) and _touched(path) <= until
            }
        )

    def drop(self, recording: UUID) -> None:
        self.shelf(recording).close(keep=False)

    async def bring(self, recording: UUID, store: FileStore) -> bool:
        """Bring to the store what is not in a block there; whether that worked."""
        try:
            for name, entry in self.entries(recording).items():
                if not await _is_there(store, block_name(recording, entry.block)):
                    await store.put(name, _once(_read(entry, 0, None)))
        except DeskError as error:
            log.warning("media.spool_kept", error=type(error).__name__)
            return False
        self.drop(recording)
        return True


class SpooledStore:
    """A store as a reader of one recording sees it: what is not there yet lies in the spool."""

    def __init__(self, store: FileStore, spool: Spool, recording: UUID) -> None:
        self._store, self._spool, self._recording = store, spool, recording
        self._entries = spool.entries(recording)

    async def put(self, name: str, chunks: AsyncIterator[bytes]) -> int:
        return await self._store.put(name, chunks)

    async def read(self, name: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        entry = self._entries.get(name)
        if entry is None:
            async for data in self._store.read(name, start, stop):
                yield data
        else:
            yield await asyncio.to_thread(_read, entry, start, stop)

    async def size(self, name: str) -> int:
        entry = self._entries.get(name)
        return entry.length if entry is not None else await self._store.size(name)

    async def delete(self, name: str) -> None:
        self._entries.pop(name, None)
        await self._store.delete(name)

    def names(self) -> AsyncIterator[str]:
        return self._store.names()


def _entries(path: Path) -> list[Entry]:
    found: list[Entry] = []
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            at = 0
            while at + _HEAD.size <= size:
                magic, block, piece, length = _HEAD.unpack(file.read(_HEAD.size))
                follows = piece == len(found) and (not found or block == found[0].block)
                if magic != _MAGIC or not follows or at + _HEAD.size + length > size:
                    break
                found.append(Entry(block, piece, path, at + _HEAD.size, length))
                at = file.seek(at + _HEAD.size + length)
    except FileNotFoundError:
        return []
    return found


def _read(entry: Entry, start: int, stop: int | None) -> bytes:
    end = entry.length if stop is None else min(stop, entry.length)
    with _told(), entry.path.open("rb") as file:
        file.seek(entry.start + start)
        return file.read(max(0, end - start))


async def _is_there(store: FileStore, name: str) -> bool:
    try:
        await store.size(name)
    except NotFound:
        return False
    return True


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _path(folder: Path, recording: UUID, turn: int) -> Path:
    return folder / f"{recording}.{turn}"


def _recording(path: Path) -> UUID | None:
    try:
        return UUID(path.stem)
    except ValueError:
        return None


def _touched(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # it has just been finished
        return float("inf")


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise missing() from None
    except OSError as error:
        raise (StoreFull() if error.errno in _FULL else StoreDown()) from error
