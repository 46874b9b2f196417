"""A server for tests: in a folder of its own, fast instead of durable, gone at the end."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from adapters.postgres.server import Embedded, start

T = TypeVar("T")
ROOM = 4 * 1024**3
"""Bytes that must be free in memory before a server is put there."""


@contextmanager
def temporary() -> Iterator[Embedded]:
    """Run a block with an empty server. Needs no event loop, and works inside one."""
    folder = Path(tempfile.mkdtemp(prefix="deskbell-test-", dir=_in_memory()))
    try:
        server = _elsewhere(start(folder, durable=False))
        try:
            yield server
        finally:
            _elsewhere(server.stop())
    finally:
        shutil.rmtree(folder)


def _elsewhere(work: Coroutine[Any, Any, T]) -> T:
    # A loop of its own in a thread of its own: the caller's loop, running or not, is left alone.
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, work).result()


def _in_memory() -> Path | None:
    """A folder in memory where the system has one with room: databases are made there in a fifth of the
    time. Containers give theirs a few megabytes unless told otherwise."""
    memory = Path("/dev/shm")  # noqa: S108  the folder in it is made by mkdtemp, of mode 0700
    usable = memory.is_dir() and os.access(memory, os.W_OK)
    return memory if usable and shutil.disk_usage(memory).free > ROOM else None
