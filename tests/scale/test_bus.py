"""Live updates between processes: by Redis, and without it by the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import redis.asyncio

from adapters.files.disk import DiskStore
from adapters.local.bus import LocalBus
from adapters.redis import bus as redis_bus
from adapters.redis.bus import RedisBus
from bot.following import follow
from core.crypto.fields import new_key
from core.db import Database
from core.desk import Desk
from core.ids import new_id
from core.people.events import PersonChanged
from core.ports.bus import Signal

from .redis_server import RedisServer

KEY = new_key()


@asynccontextmanager
async def running(url: str, key: bytes = KEY) -> AsyncIterator[RedisBus]:
    """A bus as one process has it, connected."""
    bus = RedisBus(url, key, LocalBus())
    task = asyncio.create_task(bus.run())
    try:
        await until(lambda: bus.connected)
        yield bus
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


async def heard(signals: AsyncIterator[Signal], topic: str) -> Signal:
    async with asyncio.timeout(20):
        async for signal in signals:
            if signal.topic == topic:
                return signal
    raise AssertionError


async def test_what_one_process_says_all_others_hear(redis_server: RedisServer) -> None:
    async with (
        running(redis_server.url) as one,
        running(redis_server.url) as two,
        one.subscribe() as at_one,
        two.subscribe() as at_two,
    ):
        for number in range(1_000):
            one.publish(Signal("typing", {"number": number}))
        numbers = [(await heard(at_two, "typing")).data["number"] for _ in range(1_000)]
        own = [(await heard(at_one, "typing")).data["number"] for _ in range(1_000)]
    assert numbers == own == list(range(1_000)), "in order, none twice"


async def test_redis_reads_nothing_and_is_not_believed(redis_server: RedisServer) -> None:
    client = redis.asyncio.Redis.from_url(redis_server.url)
    async with running(redis_server.url) as one, running(redis_server.url) as two, client.pubsub() as spy:
        await spy.psubscribe("*")
        async with two.subscribe() as signals:
            one.publish(Signal("typing", {"place": "canary-4711"}))
            assert (await heard(signals, "typing")).data == {"place": "canary-4711"}
            [channel] = await client.pubsub_channels()
            await client.publish(channel, b'{"by":"x","signals":[["typing",{"place":"made up"}]]}')
            one.publish(Signal("typing", {"place": "after"}))
            assert (await heard(signals, "typing")).data == {"place": "after"}
        seen = []
        while (message := await spy.get_message(timeout=0.2)) is not None and len(seen) < 50:
            seen.append(str(message))
    await client.aclose()
    assert seen
    assert not [one for one in seen if "canary" in one]


async def test_two_desks_on_one_redis_do_not_hear_each_other(redis_server: RedisServer) -> None:
    async with (
        running(redis_server.url) as one,
        running(redis_server.url, new_key()) as other,
        other.subscribe() as signals,
    ):
        one.publish(Signal("typing", {"of": "one"}))
        other.publish(Signal("typing", {"of": "other"}))
        assert (await heard(signals, "typing")).data == {"of": "other"}


async def test_redis_may_die_and_come_back(redis_server: RedisServer) -> None:
    async with (
        running(redis_server.url) as one,
        running(redis_server.url) as two,
        two.subscribe() as signals,
    ):
        redis_server.kill()
        await until(lambda: not (one.connected or two.connected))
        assert (await heard(signals, "lost")).data == {}
        two.publish(Signal("typing", {"here": True}))
        assert (await heard(signals, "typing")).data == {"here": True}, "this process goes on"
        redis_server.start()
        await until(lambda: one.connected and two.connected)
        await heard(signals, "lost")
        one.publish(Signal("typing", {"again": True}))
        assert (await heard(signals, "typing")).data == {"again": True}


async def test_a_redis_that_only_hangs_is_noticed(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_bus, "SILENT_SECONDS", 1.0)
    monkeypatch.setattr(redis_bus, "BEAT_SECONDS", 0.2)
    async with running(redis_server.url) as one:
        redis_server.freeze(True)
        await until(lambda: not one.connected)
        redis_server.freeze(False)
        await until(lambda: one.connected)


@pytest.fixture
async def beside(desk: Desk, fresh_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """The same desk, as a second process has it."""
    db = Database(fresh_url, pool=5)
    yield await Desk.open(db, DiskStore(tmp_path / "files"), LocalBus(), desk.masters)
    await db.close()


async def test_without_a_bus_the_database_tells(desk: Desk, beside: Desk) -> None:
    told = False
    following = asyncio.create_task(follow(beside, lambda: told, every=0.05))
    async with beside.bus.subscribe() as signals:
        await heard(signals, "lost")
        subjects = [await happened(desk) for _ in range(3)]
        assert [(await heard(signals, "event")).data["subject"] for _ in range(3)] == subjects
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def happened(desk: Desk) -> str:
    subject = new_id()
    async with desk.unit() as uow:
        uow.emit(PersonChanged(subject=subject))
    return str(subject)
