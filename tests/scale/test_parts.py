"""A desk in parts as `make scale` starts it, with a stand-in platform: each part is killed once, a leader is
frozen and woken, Redis goes and comes, and everything arrives once."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from adapters.files.disk import DiskStore
from adapters.local.bus import LocalBus
from adapters.postgres import attach
from bot.secrets import read_file
from core.access import Actor
from core.db import Database
from core.desk import Desk
from core.lease import Lease
from core.outbox_model import Delivery, ScheduledJob
from core.people import service as people
from core.tickets import service as tickets
from core.tickets.model import Ticket
from playground.telegram import TelegramServer
from playground.telegram.seed import Seeded, seeded
from tests.cli.program import complaint, deskbell
from tests.fakes.otlp import Collector, collector
from tests.postgres.processes import is_alive

from .parts import Part, Parts

SECONDS = 90.0
"""Wide: several processes start at once, on a machine that may have other things to do."""


TAKEN_OVER_SECONDS = 5.0
"""What docs/operations.md promises, from the leader's death to its successor's lease."""


@dataclass
class Scale:
    """The parts, the platform, and the desk as the test looks at it."""

    desk: Desk
    bob: Actor
    server: TelegramServer
    world: Seeded
    parts: Parts
    kept: Collector

    def says(self, text: str) -> None:
        self.server.people.say(self.world.requester, self.world.private, text)

    def shown(self, text: str) -> int:
        return sum(text in one["text"] for one in self.server.shows(self.world.private, None))

    async def answers(self, text: str) -> None:
        """The agent's answer to the newest ticket reaches the requester."""
        async with self.desk.unit(self.bob) as uow:
            number = await uow.session.scalar(select(Ticket.number).order_by(Ticket.number.desc()).limit(1))
            await tickets.reply(uow, self.bob, int(number or 0), text, hold=0)
        await until(lambda: self.shown(text))
        await until_so(self._written_down)

    async def _written_down(self) -> bool:
        """That it was sent is committed too: between the two lies the window that docs/delivery.md names."""
        async with self.desk.db.sessions() as session:
            waits = select(Delivery.id).where(Delivery.state == "due", Delivery.attempts > 0).limit(1)
            return await session.scalar(waits) is None

    async def epoch(self) -> int:
        async with self.desk.db.sessions() as session:
            return int(await session.scalar(select(Lease.epoch)) or 0)

    async def leader(self) -> Part:
        """The one that leads, once one does."""
        await until(lambda: any(one.leads() for one in self.parts.of("gateway")))
        return next(one for one in self.parts.of("gateway") if one.leads())


async def until(true: Callable[[], object], seconds: float = SECONDS) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.05)


async def until_so(true: Callable[[], Awaitable[bool]], seconds: float = SECONDS) -> None:
    async with asyncio.timeout(seconds):
        while not await true():
            await asyncio.sleep(0.05)


@asynccontextmanager
async def collected() -> AsyncIterator[Collector]:
    """Somewhere for the parts' traces to go."""
    with collector() as kept:
        yield kept


@pytest.fixture
async def scale(redis_program: str, tmp_path: Path) -> AsyncIterator[Scale]:
    async with TelegramServer() as server, collected() as kept:
        world = seeded(server)
        world.bot.queue.clear()
        parts = Parts(
            tmp_path,
            redis_program,
            DESKBELL_TELEGRAM_API_BASE_URL=server.base_url,
            DESKBELL_TELEGRAM_FILE_BASE_URL=server.base_file_url,
            DESKBELL_TELEGRAM_BOT_TOKEN=world.bot.token,
            OTEL_EXPORTER_OTLP_ENDPOINT=kept.url,
        )
        try:
            await asyncio.to_thread(parts.up)
            address = await attach(tmp_path / "engine")
            assert address is not None
            db = Database(address.url, pool=5)
            masters = read_file(tmp_path / "master.key")
            desk = await Desk.open(db, DiskStore(tmp_path / "files"), LocalBus(), masters)
            async with desk.unit() as uow:
                bob = await people.actor_of(uow, await people.add(uow, name="Bob", role="agent"))
            yield Scale(desk, bob, server, world, parts, kept)
            await db.close()
        finally:
            # Shown by pytest where the test fails.
            for log in sorted((tmp_path / "log").glob("*.log")):
                sys.stderr.write(f"--- {log.name}\n{log.read_text('utf-8', 'replace')}")
            sys.stderr.write(f"--- the tool\n{parts.said}")
            await asyncio.to_thread(parts.close)


async def test_each_part_dies_once_and_everything_arrives_once(scale: Scale) -> None:
    scale.says("The printer is on fire")
    await until(lambda: scale.shown("We have your request as"))
    await scale.answers("With the bell")
    # What a part that is killed has not sent yet, nobody hears of.
    await until(lambda: _traces(scale.kept, "inbound") & _traces(scale.kept, "platform.call"))
    await until(lambda: _traces(scale.kept, "job.handed") & _traces(scale.kept, "job"))

    leader, before = await scale.leader(), await scale.epoch()
    began = time.monotonic()
    leader.kill()

    async def taken_over() -> bool:
        return await scale.epoch() > before

    await until_so(taken_over)
    seconds = time.monotonic() - began
    await scale.answers("After the kill")
    sys.stderr.write(f"taken over in {seconds:.2f} s\n")
    assert seconds < TAKEN_OVER_SECONDS

    [first, second], [worker] = scale.parts.of("web"), scale.parts.of("worker")
    first.kill()
    worker.kill()
    before_worker = await ran(scale.desk)
    await until(lambda: second.answers("/chat/webchat/") == 200)
    await until(lambda: all(one.answers() == 200 for one in scale.parts.all() if one.port))

    leader = await scale.leader()
    leader.freeze(True)
    second.kill()
    await scale.answers("While it is frozen")
    leader.freeze(False)
    await until(lambda: first.answers("/chat/webchat/") == 200)
    await until(lambda: not leader.leads())
    await scale.answers("After it woke")
    assert (await scale.leader()).pid != leader.pid
    await until_so(ran_since(before_worker, scale.desk))
    await until(lambda: all(one.answers() == 200 for one in scale.parts.of("web")))

    [redis] = scale.parts.of("redis")
    redis.freeze(True)
    await scale.answers("Without Redis")
    await until_so(ran_since(await ran(scale.desk), scale.desk))
    await asyncio.to_thread(scale.parts.kill, redis)
    await scale.answers("With Redis again")
    for words in SAID:
        assert scale.shown(words) == 1, words

    await until(lambda: {one.part for one in scale.kept.spans} >= {"web", "gateway", "worker"})
    last = scale.parts.all()
    assert await asyncio.to_thread(scale.parts.end) == 0
    assert not [one.name for one in last if is_alive(one.pid)]
    for part in last:
        # What the frozen one had in its hands when it woke is told with its way.
        said = part.log.read_text("utf-8", "replace")
        assert part.log == leader.log or "Traceback" not in said, said


def _traces(kept: Collector, name: str) -> set[str]:
    return {one.trace for one in kept.named(name)}


SAID = (
    "With the bell",
    "After the kill",
    "While it is frozen",
    "After it woke",
    "Without Redis",
    "With Redis again",
)


def ran_since(before: float, desk: Desk) -> Callable[[], Awaitable[bool]]:
    async def again() -> bool:
        return await ran(desk) > before

    return again


async def ran(desk: Desk) -> float:
    """When the quickest job ran last."""
    async with desk.db.sessions() as session:
        at = await session.scalar(select(ScheduledJob.last_run_at).where(ScheduledJob.name == "offer_chats"))
    return at.timestamp() if at else 0.0


def test_a_part_without_a_server_says_what_it_needs(tmp_path: Path) -> None:
    ended = deskbell(tmp_path, "gateway")
    assert "set DATABASE_URL" in complaint(ended)
