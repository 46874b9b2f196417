"""Keys while others write: rotation under way, two processes, and what an erasure leaves in caches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import func, select

from adapters.files.memory import MemoryStore
from adapters.local.bus import LocalBus
from bot.loops import Loops
from bot.post import Posting
from bot.router import Router
from bot.tell import Tell
from core.admin import erase
from core.crypto import keys as key_store
from core.crypto.fields import Unreadable, new_key
from core.crypto.keys import MasterKey
from core.crypto.model import DeskKey, IntermediateKey, PersonKey
from core.db import Database
from core.desk import Desk
from core.tickets import access, timeline
from core.tickets.lines import MessageLine
from tests.core.reading import Cast, cast


@pytest.fixture
async def processes(fresh_url: str) -> AsyncIterator[list[Desk]]:
    """Two processes of one desk; what one says on the bus the other hears."""
    master, bus, files = MasterKey(new_key()), LocalBus(), MemoryStore()
    databases = [Database(fresh_url, pool=5) for _each in range(2)]
    yield [await Desk.open(db, files, bus, [master]) for db in databases]
    for db in databases:
        await db.close()


async def texts(desk: Desk, number: int) -> list[str]:
    async with desk.unit() as uow:
        lines = (await timeline.timeline(uow, uow.actor, await access.get(uow, uow.actor, number))).lines
        return [line.text for line in lines if isinstance(line, MessageLine)]


async def test_keys_rotate_while_both_processes_write(processes: list[Desk]) -> None:
    one, two = processes
    both = [await cast(one), await cast(two)]
    done = asyncio.Event()

    async def write(they: Cast, name: str) -> list[int]:
        numbers: list[int] = []
        while len(numbers) < 12 or not done.is_set():
            who = f"{name}{len(numbers) % 6}"
            numbers.append(await they.says(who, f"words of {who}"))
            if len(numbers) > 400:
                break
        return numbers

    async def rotate() -> None:
        try:
            for _time in range(2):
                async with one.db.sessions() as session:
                    await key_store.rotate(session, one.means.keys, one.masters)
        finally:
            done.set()

    first, second, _nothing = await asyncio.gather(write(both[0], "a"), write(both[1], "b"), rotate())
    # Whoever was new while it happened may lie under the key before: once more, and none does.
    async with one.db.sessions() as session:
        await key_store.rotate(session, one.means.keys, one.masters)
        current = await session.scalar(select(IntermediateKey.id).where(IntermediateKey.retired_at.is_(None)))
        for model in (PersonKey, DeskKey):
            assert await session.scalar(select(func.count()).where(model.intermediate_id != current)) == 0
    afresh = await Desk.open(two.db, two.means.files, two.bus, two.masters)
    for desk in (one, two, afresh):
        desk.means.keys.forget()
        for number in {*first, *second}:
            found = await texts(desk, number)
            assert found
            assert all(text.startswith("words of") for text in found)


async def test_an_erasure_elsewhere_leaves_no_key_in_this_process(processes: list[Desk]) -> None:
    one, two = processes
    they = await cast(one)
    number = await they.says("ada", "My secret")
    ada = await they.actor("ada")
    assert ada.id
    assert await texts(two, number) == ["My secret"]
    loops = Loops(two, Router(two), Tell(two), Posting(two, {}))
    listening = asyncio.create_task(loops._refresh())
    try:
        await asyncio.sleep(0)
        async with one.unit(they.admin) as uow:
            await erase.erase(uow, they.admin, ada.id)
        async with asyncio.timeout(30):
            while two.means.keys._cached(ada.id) is not None:
                await asyncio.sleep(0.01)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    async with two.unit() as uow:
        with pytest.raises(Unreadable):
            await uow.keys.of_person(uow.session, ada.id)
    assert await texts(two, number) == [""]
