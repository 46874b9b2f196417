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
from core.crypto.fields import new_key
from core.db import UnitOfWork
from core.desk import Desk

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

    async def work(name: str) -> None:
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
    handed = RedisJobs(redis_server.url, KEY, lambda name: jobs.run_one(desk, table[0]))
    assert await jobs.run_due(desk, table, handed.hand) == {}
    redis_server.kill()
    assert await jobs.run_due(desk, table, handed.hand) == {"one": 1}
    await handed.close()
