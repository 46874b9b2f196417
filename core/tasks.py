"""Tasks that are told to end."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from typing import Any

AGAIN = 5.0
"""Seconds that a task has to end, its own tidying included, before it is told once more."""


async def end(tasks: Iterable[asyncio.Task[Any]], *, again: float = AGAIN) -> None:
    """Cancel all, and wait until each has ended; what falls over while it ends is of no interest.

    They are told `again` after so many seconds: before Python 3.12 a cancellation was lost where it met the end of what
    `asyncio.wait_for` waited for (https://github.com/python/cpython/issues/86296), and the libraries of the platforms
    and of Redis wait so. Such a task went on as if nobody had told it.
    """
    left: Collection[asyncio.Task[Any]] = set(tasks)
    while left:
        left = await ended(left, again)


async def ended(tasks: Collection[asyncio.Task[Any]], seconds: float) -> Collection[asyncio.Task[Any]]:
    """Tell all to end, and wait so long; returns what hangs. What falls over while it ends is of no interest."""
    for task in tasks:
        task.cancel()
    done, left = await asyncio.wait(tasks, timeout=seconds)
    for task in done:
        _ = task.cancelled() or task.exception()
    return left
