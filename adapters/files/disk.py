"""The file store in a folder: one file an object, 0600, in folders of 0700.

Waiting for the disk happens in threads. An object is written to `.tmp`, synced and renamed, so
that a name is either absent or whole, also after a power cut.
"""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from threading import Lock
from typing import ParamSpec, TypeVar

from core.errors import Invalid
from core.ids import new_id
from core.ports.files import StoreDown, StoreFull, check_name, missing

_P = ParamSpec("_P")
_T = TypeVar("_T")

_PIECE = 262_144  # bytes a thread reads at once: a thread costs as much as 64 KiB do
_WRITTEN = 1_048_576  # bytes that wait until a thread writes them
_MOST_WRITES = 32
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class DiskStore:
    """A `FileStore` in the folder `root`, which is made when it is absent."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._temporary = root / ".tmp"

    async def put(self, name: str, chunks: AsyncIterator[bytes]) -> int:
        path = self._path(name)
        writing = _Writing(self._temporary)
        size, held, waiting = 0, 0, list[bytes]()
        try:
            async for data in chunks:
                size += len(data)
                held += len(data)
                waiting.append(data)
                if held >= _WRITTEN:
                    await _thread(writing.write, waiting)
                    held, waiting = 0, []
            await _thread(writing.publish, waiting, path)
        finally:
            # Also when cancelled: a thread may still be writing, and discard waits for it.
            await asyncio.shield(_thread(writing.discard))
        return size

    async def read(self, name: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        reading = _Reading(self._path(name), start, stop)
        try:
            while data := await _thread(reading.next):
                yield data
        finally:
            reading.close()

    async def size(self, name: str) -> int:
        return (await _thread(self._path(name).stat)).st_size

    async def delete(self, name: str) -> None:
        await _thread(self._path(name).unlink, missing_ok=True)

    async def names(self) -> AsyncIterator[str]:
        for outer in await _thread(_listed, self._root):
            for inner in await _thread(_listed, self._root / outer):
                for leaf in await _thread(_listed, self._root / outer / inner):
                    with suppress(Invalid):
                        yield check_name(f"{outer}/{inner}/{leaf}")

    async def tidy(self, older: float = 86_400) -> int:
        """Remove what killed processes left unfinished `older` seconds ago; returns how many."""
        return await _thread(_tidy, self._temporary, older)

    def _path(self, name: str) -> Path:
        return self._root / check_name(name)


class _Writing:
    """One object on its way: a temporary file that is published or discarded.

    Opened by the first thread that writes: a task cancelled while a thread opens a file would
    lose that file. The lock lets `discard` wait for a thread that still writes.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / str(new_id())
        self._lock = Lock()
        self._descriptor: int | None = None
        self._over = False

    def write(self, data: list[bytes]) -> None:
        with self._lock:
            self._write(data)

    def publish(self, data: list[bytes], path: Path) -> None:
        """Write the rest, and give the file its name once all of it is on the disk."""
        with self._lock:
            os.fsync(self._write(data))
            self._close()
            _make_folder(path.parent)
            self._path.replace(path)
            _sync_folder(path.parent)

    def discard(self) -> None:
        """Close and remove what is not published; does nothing afterwards."""
        with self._lock:
            self._close()
            self._path.unlink(missing_ok=True)

    def _write(self, data: list[bytes]) -> int:
        if self._over:
            raise StoreDown
        if self._descriptor is None:
            self._descriptor = _create(self._path)
        # Many small ones are one for the system; large ones are not copied.
        for part in data if len(data) <= _MOST_WRITES else (b"".join(data),):
            view = memoryview(part)
            while view:
                view = view[os.write(self._descriptor, view) :]
        return self._descriptor

    def _close(self) -> None:
        self._over = True
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)


class _Reading:
    """An object being read, opened by the first thread that reads."""

    def __init__(self, path: Path, start: int, stop: int | None) -> None:
        self._path = path
        self._start = start
        self._left = None if stop is None else max(0, stop - start)
        self._file: FileIO | None = None
        self._over = False
        self._lock = Lock()

    def next(self) -> bytes:
        with self._lock:
            data = self._opened().read(_PIECE if self._left is None else min(_PIECE, self._left))
            if self._left is not None:
                self._left -= len(data)
            return data

    def close(self) -> None:
        with self._lock:
            self._over = True
            if self._file is not None:
                self._file.close()

    def _opened(self) -> FileIO:
        if self._over:
            raise StoreDown
        if self._file is None:
            self._file = self._path.open("rb", buffering=0)
            self._file.seek(self._start)
        return self._file


async def _thread(work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Run disk work in a thread, its errors in the words of the port."""
    with _told():
        return await asyncio.to_thread(work, *args, **kwargs)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise missing() from None
    except OSError as error:
        raise (StoreFull() if error.errno in _FULL else StoreDown()) from error


def _create(path: Path) -> int:
    _make_folder(path.parent)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return os.open(path, flags, 0o600)


def _make_folder(folder: Path) -> None:
    """The folder and its parents, each for the owner alone (`mkdir(parents=True)` gives the
    mode to the last one only), and lasting.
    """
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    """Make a new name last; Windows cannot open a folder and needs no such step."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _listed(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _tidy(folder: Path, older: float) -> int:
    removed = 0
    for leaf in _listed(folder):
        path = folder / leaf
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime >= older:
                path.unlink()
                removed += 1
    return removed
