"""Live updates between processes, over one channel of Redis.

What travels is sealed under the desk's key: Redis sees sizes and times, and what it, or somebody else
on it, makes up is dropped. While Redis is away signals stay in this process, and `connected` says so;
when it is back, everybody is told to look anew.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

import structlog

from core import metrics, tasks
from core.crypto.fields import Unreadable, seal_json, unseal_json
from core.ids import new_id
from core.ports.bus import Bus, Signal

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import PubSub

log = structlog.get_logger("redis.bus")
MOST_WAITING = 5_000
BATCH = 200
BEAT_SECONDS = 2.0
"""Each process says so often that it is there; hearing itself shows that both ways are open."""
SILENT_SECONDS = 6.0
_LONGEST_PAUSE = 5.0


class RedisBus:
    """`here` carries the signals within this process, whatever becomes of Redis."""

    def __init__(self, url: str, key: bytes, here: Bus) -> None:
        self.connected = False
        self._url, self._key, self._here = url, key, here
        self._channel = "deskbell:" + hashlib.blake2b(b"signals", key=key, digest_size=12).hexdigest()
        self._me = str(new_id())
        self._waiting: deque[Signal] = deque(maxlen=MOST_WAITING)
        self._there = asyncio.Event()

    def publish(self, signal: Signal) -> None:
        self._here.publish(signal)
        if self.connected:
            self._hand_on(signal)

    def subscribe(self) -> AbstractAsyncContextManager[AsyncIterator[Signal]]:
        return self._here.subscribe()

    async def run(self) -> None:
        """Keep the connection, until cancelled."""
        # Loaded here: a desk without Redis does not wait for the library.
        from redis.asyncio import Redis
        from redis.exceptions import RedisError

        pause = 0.1
        while True:
            client: Redis = Redis.from_url(self._url, socket_connect_timeout=2, socket_timeout=10)
            try:
                await self._speak_and_hear(client)
            except (RedisError, OSError, TimeoutError) as error:
                pause = 0.1 if self.connected else min(pause * 2, _LONGEST_PAUSE)
                log.warning("redis.away", error=type(error).__name__, seconds=pause)
            finally:
                self._lost()
                await asyncio.shield(client.aclose())
            await asyncio.sleep(pause)

    async def _speak_and_hear(self, client: Redis) -> None:
        async with client.pubsub() as pubsub:
            await pubsub.subscribe(self._channel)
            speaking = asyncio.create_task(self._speak(client))
            hearing = asyncio.create_task(self._hear(pubsub))
            try:
                done, _ = await asyncio.wait({speaking, hearing}, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                await tasks.end([speaking, hearing])

    async def _speak(self, client: Redis) -> None:
        while True:
            some = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            await client.publish(self._channel, self._sealed(some))
            if self._waiting:
                continue
            self._there.clear()
            try:
                async with asyncio.timeout(BEAT_SECONDS):
                    await self._there.wait()
            except TimeoutError:
                pass

    async def _hear(self, pubsub: PubSub) -> None:
        """`TimeoutError` once nothing has come, not even our own beat, for too long."""
        while True:
            async with asyncio.timeout(SILENT_SECONDS):
                message = await pubsub.get_message(timeout=None)
            if message is not None and message["type"] == "message":
                self._heard(message["data"])

    def _heard(self, message: bytes) -> None:
        try:
            said = unseal_json(self._key, message, "bus.signals", self._channel)
        except Unreadable:
            log.warning("redis.signal_foreign")
            return
        if said["by"] != self._me:
            for topic, data in said["signals"]:
                self._here.publish(Signal(topic, data))
        elif not self.connected:
            self.connected = True
            metrics.set_redis(True)
            log.info("redis.connected")
            self._here.publish(Signal("lost"))

    def _hand_on(self, signal: Signal) -> None:
        if len(self._waiting) == MOST_WAITING:
            self._waiting.clear()
            signal = Signal("lost")
        self._waiting.append(signal)
        self._there.set()

    def _lost(self) -> None:
        """What was said since the connection broke was heard by nobody else."""
        was, self.connected = self.connected, False
        metrics.set_redis(False)
        self._waiting.clear()
        if was:
            self._here.publish(Signal("lost"))

    def _sealed(self, signals: list[Signal]) -> bytes:
        said = {"by": self._me, "signals": [(one.topic, one.data) for one in signals]}
        return seal_json(self._key, said, "bus.signals", self._channel)
