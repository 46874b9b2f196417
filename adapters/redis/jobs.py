"""Jobs handed to whichever worker is free, over arq. What is due stands in the database: a name is all
that travels, and where it is traced the step that handed it on; what Redis loses is handed on again."""

from __future__ import annotations

import asyncio
import hashlib
import signal
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, cast

import orjson
import structlog

from core import tracing

if TYPE_CHECKING:
    from arq.connections import ArqRedis
    from arq.typing import WorkerCoroutine

log = structlog.get_logger("redis.jobs")
AT_ONCE = 4
SECONDS = 300
_PAUSE = 2.0
Work = Callable[[str, str | None], Awaitable[Any]]
"""Does the job of a name; the other is the step that handed it on (W3C's traceparent)."""


class RedisJobs:
    """`work` does the job of a name; it finds out by itself whether it is due."""

    def __init__(self, url: str, key: bytes, work: Work) -> None:
        self._url, self._work = url, work
        self._queue = "deskbell:jobs:" + hashlib.blake2b(b"jobs", key=key, digest_size=12).hexdigest()
        self._client: ArqRedis | None = None

    async def hand(self, name: str) -> bool:
        """Hand a job on; once, until it was run. False when Redis is away."""
        from redis.exceptions import RedisError

        if self._client is None:
            self._client = self._connect()
        trace = tracing.current()
        # Nothing where nothing is traced: a worker of an older version takes a name alone.
        given = (name, trace) if trace else (name,)
        try:
            await self._client.enqueue_job("job", *given, _job_id=f"{self._queue}:{name}")
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("redis.away", error=type(error).__name__)
            return False
        return True

    async def run(self) -> None:
        """Work off what is handed on, by this process and others, until cancelled."""
        from arq.worker import Worker, func
        from redis.exceptions import RedisError

        async def job(_context: dict[Any, Any], name: str, trace: str | None = None) -> None:
            await self._work(name, trace)

        while True:
            pool = self._connect()
            worker = Worker(
                functions=[func(cast("WorkerCoroutine", job), name="job", max_tries=2)],
                redis_pool=pool,
                queue_name=self._queue,
                handle_signals=False,
                max_jobs=AT_ONCE,
                job_timeout=SECONDS,
                keep_result=0,
                job_serializer=orjson.dumps,
                job_deserializer=orjson.loads,
            )
            try:
                await worker.async_run()
            except (RedisError, OSError, TimeoutError) as error:
                log.warning("redis.away", error=type(error).__name__, seconds=_PAUSE)
            finally:
                await asyncio.shield(_closed(worker, pool))
            await asyncio.sleep(_PAUSE)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose(close_connection_pool=True)

    def _connect(self) -> ArqRedis:
        from arq.connections import ArqRedis
        from redis.asyncio import ConnectionPool

        pool = ConnectionPool.from_url(self._url, socket_connect_timeout=1, socket_timeout=5)
        # Not pickle, which arq takes by default: whoever writes into Redis must not run code here.
        return ArqRedis(
            pool,
            job_serializer=orjson.dumps,
            job_deserializer=orjson.loads,
            default_queue_name=self._queue,
        )


async def _closed(worker: Any, pool: ArqRedis) -> None:
    """End a worker. Its own `close` asks Redis first, which may be away, and then leaves connections open."""
    worker.handle_sig(signal.SIGUSR1)
    await asyncio.gather(*worker.tasks.values(), worker.main_task, return_exceptions=True)
    await pool.aclose(close_connection_pool=True)
