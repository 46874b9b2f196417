"""Whoever is told to end ends, also who did not hear it the first time."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from core import tasks


async def test_who_did_not_hear_it_is_told_again() -> None:
    begun = asyncio.Event()

    async def deaf() -> None:
        with suppress(asyncio.CancelledError):
            begun.set()
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    task = asyncio.create_task(deaf())
    await begun.wait()
    async with asyncio.timeout(30):
        await tasks.end([task], again=0.01)
    assert task.cancelled()


async def test_how_they_end_is_of_no_interest() -> None:
    begun = asyncio.Event()

    async def falls_over() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            raise ValueError

    async def done() -> None:
        return None

    ended, falling = asyncio.create_task(done()), asyncio.create_task(falls_over())
    await ended
    await begun.wait()
    await tasks.end([ended, falling])
    assert isinstance(falling.exception(), ValueError)
    await tasks.end([])


async def test_who_waits_for_them_may_be_told_to_end_as_well() -> None:
    begun, tidied = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            await tidied.wait()

    task = asyncio.create_task(slow())
    await begun.wait()
    waiting = asyncio.create_task(tasks.end([task]))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    tidied.set()
    await asyncio.wait({task})
    assert task.cancelled()
