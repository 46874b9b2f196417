"""Bad days: the database gone under load, the disk full, the clock set back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy import func, select

from adapters.files.memory import MemoryStore
from adapters.postgres import Embedded
from bot.loops import Loops
from bot.post import Posting
from bot.router import Router
from bot.tell import Tell
from core import clock
from core.chat import Answer, Place, Said, Sender
from core.conversations import attachments
from core.conversations.model import Attachment, Message
from core.desk import Desk
from core.errors import DeskError, Unavailable
from core.outbox_model import Inbound
from core.people import service as people
from core.ports.files import StoreFull
from core.tickets import service as tickets
from tests.fakes.chat import FakeChat

VISITORS, EACH = 8, 12


def said(visitor: int, number: int) -> Said:
    place = Place("fake", "main", f"visitor {visitor}")
    return Said(
        place=place,
        sender=Sender(external=f"visitor {visitor}"),
        native=f"m{number}",
        at=clock.now(),
        text=f"line {number}",
    )


async def test_the_database_goes_away_under_load_and_nothing_is_lost_or_doubled(
    desk: Desk, server: Embedded
) -> None:
    """Every visitor repeats what was not acknowledged, as the page does."""
    router = Router(desk)
    loops = asyncio.create_task(Loops(desk, router, Tell(desk), Posting(desk, {"fake": FakeChat()})).run())
    refused = asyncio.Event()
    talk = [asyncio.create_task(_talk(router, visitor, refused)) for visitor in range(VISITORS)]
    name = str(desk.db.engine.url.database)
    admin = await asyncpg.connect(server.dsn_of("postgres"))
    await admin.execute(f'alter database "{name}" allow_connections false')
    await admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name)
    # Away until it was noticed, and for some tries more.
    await asyncio.wait_for(refused.wait(), 30)
    await admin.execute(f'alter database "{name}" allow_connections true')
    await admin.close()
    await asyncio.gather(*talk)
    await _worked_off(desk)
    async with desk.db.sessions() as session:
        assert await session.scalar(select(func.count()).select_from(Message)) == VISITORS * EACH
        rows = await session.execute(
            select(Message.conversation_id, func.count()).group_by(Message.conversation_id)
        )
        assert [count for _conversation, count in rows] == [EACH] * VISITORS
    assert not loops.done()
    loops.cancel()
    await asyncio.gather(loops, return_exceptions=True)


async def test_a_full_disk_is_told_and_leaves_nothing(desk: Desk) -> None:
    desk.means.files = store = MemoryStore(room=10_000)
    async with desk.unit() as uow:
        person = await people.add(uow, name="Ada")
    with pytest.raises(StoreFull) as refused:
        async with desk.unit() as uow:
            await attachments.upload(uow, person.id, "big.bin", _bytes(100_000))
    assert str(refused.value)
    assert not store.files
    async with desk.db.sessions() as session:
        assert await session.scalar(select(func.count()).select_from(Attachment)) == 0
    store.room = None
    async with desk.unit() as uow:
        await attachments.upload(uow, person.id, "big.bin", _bytes(100_000))


async def test_a_clock_that_is_set_back_delays_nothing_and_mixes_nothing_up(desk: Desk) -> None:
    chat, router = FakeChat(), Router(desk)
    tell, posting = Tell(desk), Posting(desk, {"fake": chat})
    answer = await router.deliver(said(1, 1))
    async with desk.unit() as uow:
        bob = await people.actor_of(uow, await people.add(uow, name="Bob", role="agent"))
    ahead = clock.now() + timedelta(hours=1)
    with clock.fixed(lambda: ahead):
        async with desk.unit(bob) as uow:
            await tickets.reply(uow, bob, answer.ticket or 0, "before the clock went back", hold=5)
    async with desk.unit(bob) as uow:
        await tickets.reply(uow, bob, answer.ticket or 0, "after it", hold=0)
    while await tell.read():
        pass
    while await posting.send_due():
        pass
    assert chat.texts() == ["before the clock went back", "after it"]


async def _talk(router: Router, visitor: int, refused: asyncio.Event) -> None:
    for number in range(EACH):
        await _until_kept(router, said(visitor, number), refused)


async def _until_kept(router: Router, inbound: Said, refused: asyncio.Event) -> Answer:
    for attempt in range(400):
        try:
            return await router.deliver(inbound)
        except Unavailable:
            if attempt > 5:
                refused.set()
            await asyncio.sleep(0.02)
        except DeskError as error:
            raise AssertionError(str(error)) from error
    raise AssertionError("it never came back")


async def _worked_off(desk: Desk) -> None:
    """Until nothing that was kept waits for its work any more."""
    async with asyncio.timeout(60):
        while True:
            async with desk.db.sessions() as session:
                waiting = select(func.count()).select_from(Inbound).where(Inbound.state != "done")
                if not await session.scalar(waiting):
                    return
            await asyncio.sleep(0.05)


async def _bytes(count: int) -> AsyncIterator[bytes]:
    for start in range(0, count, 10_000):
        yield bytes(min(10_000, count - start))
