"""Jobs handed to workers over Redis: once, by one of them; and run at once where Redis is away."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import redis.asyncio

from adapters.redis.jobs import RedisJobs
from bot import jobs
from core import clock
from core.crypto.fields import new_key
from core.db import UnitOfWork
from core.desk import Desk
from core.tickets import service as tickets
from tests.fakes.otlp import collector
from tests.flows import house
from tests.flows.test_tracing import process

from .redis_server import RedisServer
from .test_bus import until

KEY = new_key()


@asynccontextmanager
async def workers(*some: RedisJobs) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(one.run()) for one in some]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for one in some:
            await one.close()


async def test_a_job_is_run_once_by_one_of_them(redis_server: RedisServer) -> None:
    ran: Counter[str] = Counter()

    async def work(name: str, _trace: str | None) -> None:
        ran[name] += 1

    one, two = (RedisJobs(redis_server.url, KEY, work) for _ in range(2))
    for _again in range(5):
        assert await one.hand("sweep")
    async with workers(one, two):
        await until(lambda: ran["sweep"])
        await one.hand("drop")
        await until(lambda: ran["drop"])
        assert ran == {"sweep": 1, "drop": 1}
        client = redis.asyncio.Redis.from_url(redis_server.url)
        await client.flushall()
        await client.aclose()
        await two.hand("sweep")
        await until(lambda: ran["sweep"] == 2)


async def test_without_redis_what_is_due_runs_here(desk: Desk, redis_server: RedisServer) -> None:
    async def step(uow: UnitOfWork) -> int:
        return 1

    table = (jobs.Job("one", timedelta(0), step),)
    handed = RedisJobs(redis_server.url, KEY, lambda _name, trace: jobs.run_one(desk, table[0], trace))
    assert await jobs.run_due(desk, table, handed.hand) == {}
    redis_server.kill()
    assert await jobs.run_due(desk, table, handed.hand) == {"one": 1}
    await handed.close()


async def test_what_a_job_does_is_of_the_trace_of_whoever_handed_it_on(
    desk: Desk, redis_server: RedisServer
) -> None:
    world = await house.build(desk)
    await world.says("ada", "My bell does not ring")
    bob = await world.agent("bob")
    async with desk.unit(actor=bob) as uow:
        await tickets.snooze(uow, bob, 1, clock.now() + timedelta(minutes=1))
    await world.work()
    wakes = tuple(job for job in jobs.schedule() if job.name == "wake_snoozed")

    async def work(name: str, trace: str | None) -> None:
        with house.moved(120), process(kept, "the one that runs it"):
            await jobs.run_one(desk, wakes[0], trace)
        ran.set()

    ran = asyncio.Event()
    one, two = (RedisJobs(redis_server.url, KEY, work) for _ in range(2))
    with collector() as kept:
        with process(kept, "the one that hands it on"):
            assert await jobs.run_due(desk, wakes, one.hand) == {}
        async with workers(two), asyncio.timeout(20):
            await ran.wait()
        await one.close()
        with process(kept, "the gateway"):
            await world.work(after=120)
        (handed,), (job,) = kept.named("job.handed"), kept.named("job")
        whole = {span.id: span for span in kept.spans}
    assert job.parent == handed.id
    calls = [span for span in whole.values() if (span.name, span.trace) == ("platform.call", job.trace)]
    assert calls
    for call in calls:
        way = [call]
        while way[-1].parent:
            way.append(whole[way[-1].parent])
        assert [span.name for span in way] == ["platform.call", "delivery", "event.told", "job", "job.handed"]
        assert [span.part for span in way[2:]] == [
            "the gateway",
            "the one that runs it",
            "the one that hands it on",
        ]
