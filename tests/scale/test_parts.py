"""A desk in parts, as processes, with a real PostgreSQL, a real Redis and a stand-in platform: each part
is killed once, a leader is frozen and woken, Redis goes and comes, and everything arrives once."""

from __future__ import annotations

import asyncio
import base64
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select

from adapters.files.disk import DiskStore
from adapters.local.bus import LocalBus
from core.access import Actor
from core.crypto.fields import new_key
from core.crypto.keys import MasterKey
from core.db import Database
from core.desk import Desk
from core.outbox_model import Delivery, ScheduledJob
from core.people import service as people
from core.tickets import service as tickets
from core.tickets.model import Ticket
from playground.telegram import TelegramServer
from playground.telegram.seed import Seeded, seeded
from tests.cli.program import complaint, deskbell

from .parts import Part
from .redis_server import RedisServer

SECONDS = 90.0
"""Wide: several processes start at once, on a machine that may have other things to do."""


@dataclass
class Scale:
    """The parts, the platform, and the desk as the test looks at it."""

    desk: Desk
    bob: Actor
    server: TelegramServer
    world: Seeded
    redis: RedisServer
    data: Path
    settings: dict[str, str]
    parts: list[Part] = field(default_factory=list)

    async def start(self, *kinds: str) -> list[Part]:
        made = [Part(kind, self.data, **self.settings) for kind in kinds]
        self.parts += made
        return [await asyncio.to_thread(part.up) for part in made]

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

    async def leader(self, *gateways: Part) -> Part:
        """The one that leads, once one does."""
        await until(lambda: any(one.leads() for one in gateways))
        return next(one for one in gateways if one.leads())


async def until(true: Callable[[], object], seconds: float = SECONDS) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.05)


async def until_so(true: Callable[[], Awaitable[bool]], seconds: float = SECONDS) -> None:
    async with asyncio.timeout(seconds):
        while not await true():
            await asyncio.sleep(0.05)


@pytest.fixture
async def scale(fresh_url: str, redis_server: RedisServer, tmp_path: Path) -> AsyncIterator[Scale]:
    key = new_key()
    db = Database(fresh_url, pool=5)
    desk = await Desk.open(db, DiskStore(tmp_path / "files"), LocalBus(), [MasterKey(key)])
    async with desk.unit() as uow:
        bob = await people.actor_of(uow, await people.add(uow, name="Bob", role="agent"))
    async with TelegramServer() as server:
        world = seeded(server)
        world.bot.queue.clear()
        settings = {
            "DATABASE_URL": fresh_url,
            "REDIS_URL": redis_server.url,
            "DESKBELL_MASTER_KEY": base64.b64encode(key).decode(),
            "DESKBELL_TELEGRAM_API_BASE_URL": server.base_url,
            "DESKBELL_TELEGRAM_FILE_BASE_URL": server.base_file_url,
            "DESKBELL_TELEGRAM_BOT_TOKEN": world.bot.token,
        }
        made = Scale(desk, bob, server, world, redis_server, tmp_path, settings)
        yield made
        for part in made.parts:
            # Shown by pytest where the test fails.
            sys.stderr.write(f"--- {part.kind} {part.port}\n{part.said}")
            await asyncio.to_thread(part.close)
    await db.close()


async def test_each_part_dies_once_and_everything_arrives_once(scale: Scale) -> None:
    first, second = await scale.start("gateway", "gateway")
    one, two, worker = await scale.start("web", "web", "worker")
    scale.says("The printer is on fire")
    await until(lambda: scale.shown("We have your request as"))
    await scale.answers("With the bell")

    leader = await scale.leader(first, second)
    leader.kill()
    await scale.answers("After the kill")
    standby = second if leader is first else first
    assert standby.leads()

    [third] = await scale.start("gateway")
    standby.freeze(True)
    await scale.answers("While it is frozen")
    assert third.leads()
    standby.freeze(False)
    await until(lambda: not standby.leads())
    await scale.answers("After it woke")
    assert third.leads()

    one.kill()
    assert two.get("/healthz") == 200
    assert two.get("/chat/webchat/") == 200
    worker.kill()
    [other] = await scale.start("worker")
    before = await ran(scale.desk)

    async def ran_again() -> bool:
        return await ran(scale.desk) > before

    await until_so(ran_again)

    scale.redis.kill()
    await scale.answers("Without Redis")
    before = await ran(scale.desk)
    await until_so(ran_again)
    scale.redis.start()
    await scale.answers("With Redis again")
    for words in ("With the bell", "After the kill", "While it is frozen", "After it woke", "Without Redis"):
        assert scale.shown(words) == 1, words
    for part in (third, two, other):
        assert await asyncio.to_thread(part.end) == 0, part.said
        assert "Traceback" not in part.said, part.said


async def ran(desk: Desk) -> float:
    """When the quickest job ran last."""
    async with desk.db.sessions() as session:
        at = await session.scalar(select(ScheduledJob.last_run_at).where(ScheduledJob.name == "offer_chats"))
    return at.timestamp() if at else 0.0


def test_a_part_without_a_server_says_what_it_needs(tmp_path: Path) -> None:
    ended = deskbell(tmp_path, "gateway")
    assert "set DATABASE_URL" in complaint(ended)
