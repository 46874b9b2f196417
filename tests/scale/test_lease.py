"""One leads; who was paused while another took over does no harm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from bot.leading import Leading, NotLetGo
from core import lease
from core.db import Database
from core.desk import Desk
from core.ids import new_id
from core.lease import Lease, Replaced
from core.outage import MAY_BE_AWAY
from core.people.events import PersonChanged

from .test_bus import until


async def over(desk: Desk) -> None:
    """As if the holder had not been heard of for four seconds."""
    async with desk.db.sessions() as session:
        await session.execute(update(Lease).values(until=Lease.until - timedelta(seconds=10)))
        await session.commit()


async def taken(desk: Desk) -> int:
    async with desk.db.sessions() as session:
        epoch = await lease.take(session, "gateway", new_id())
        await session.commit()
        return epoch


async def write(desk: Desk) -> None:
    async with desk.unit() as uow:
        uow.emit(PersonChanged(subject=new_id()))


@pytest.fixture
async def leading(desk: Desk, fresh_url: str) -> AsyncIterator[Leading]:
    """Strives by connections of its own, as another process would; the desk's units are fenced by it."""
    made = Leading(desk.db, "gateway")
    desk.db.fence = made.fence
    yield made
    desk.db.fence = None


async def test_only_one_takes_it_and_each_counts_one_up(desk: Desk) -> None:
    first = await asyncio.gather(*(taken(desk) for _ in range(8)))
    assert sorted(first) == [0] * 7 + [1]
    await over(desk)
    assert sorted(await asyncio.gather(*(taken(desk) for _ in range(8)))) == [0] * 7 + [2]


async def test_only_the_leader_writes(desk: Desk, leading: Leading) -> None:
    with pytest.raises(Replaced):
        await write(desk)
    began = asyncio.Event()

    async def lead() -> None:
        began.set()
        await asyncio.Event().wait()

    running = asyncio.create_task(leading.run(lead))
    await began.wait()
    await write(desk)
    await over(desk)
    assert await taken(desk) == 2
    with pytest.raises(Replaced):
        await write(desk)
    await until(lambda: not leading.holds)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_who_stumbles_because_it_was_replaced_stands_by_again(desk: Desk, leading: Leading) -> None:
    woken, led = asyncio.Event(), 0

    async def lead() -> None:
        nonlocal led
        led += 1
        await woken.wait()
        if led == 1:
            leading._until = 0  # as the clock says after a long pause
            await write(desk)
        await asyncio.Event().wait()

    running = asyncio.create_task(leading.run(lead))
    await until(lambda: led == 1)
    await over(desk)
    assert await taken(desk) == 2
    woken.set()
    await until(lambda: not leading.holds)
    await over(desk)
    await until(lambda: led == 2)
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_leader_that_does_not_let_go_ends_instead_of_standing_by(
    desk: Desk, leading: Leading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else two pairs of hands would be at the same connections, or nobody would ever lead again."""
    monkeypatch.setattr("bot.leading.LET_GO_SECONDS", 0.1)
    began, released = asyncio.Event(), asyncio.Event()

    async def lead() -> None:
        began.set()
        while not released.is_set():
            with suppress(asyncio.CancelledError):
                await released.wait()

    running = asyncio.create_task(leading.run(lead))
    await began.wait()
    await over(desk)
    assert await taken(desk) == 2
    with pytest.raises(NotLetGo):
        await running
    released.set()


async def test_a_leader_that_fails_while_it_leads_has_failed(desk: Desk, leading: Leading) -> None:
    async def lead() -> None:
        raise RuntimeError("a fault")

    with pytest.raises(RuntimeError, match="a fault"):
        await leading.run(lead)


async def test_what_an_old_leader_had_begun_is_finished_or_gone_before_the_next_begins(
    desk: Desk, leading: Leading, fresh_url: str
) -> None:
    """It stands still between its check and its commit: the next one waits until the server ends it."""
    leading.epoch = await taken(desk)
    slow = Database(fresh_url, pool=1, idle_seconds=0.5)
    slow.fence = leading.fence
    epochs: list[int] = []

    async def stands_still() -> None:
        async with slow.unit(desk.means) as uow:
            uow.emit(PersonChanged(subject=new_id()))
            await uow.session.flush()
            await leading.fence(uow.session)
            await over_by(desk)
            epochs.append(await taken(desk))

    with pytest.raises(MAY_BE_AWAY):
        await stands_still()
    assert epochs == [2]
    await slow.close()


async def over_by(desk: Desk) -> None:
    """Renewing, or letting it run out, conflicts with no unit that holds the epoch."""
    async with asyncio.timeout(5):
        await over(desk)
        async with desk.db.sessions() as session:
            assert (await session.scalar(select(Lease.epoch))) == 1
