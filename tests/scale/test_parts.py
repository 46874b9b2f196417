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

from core.access import SYSTEM, Actor
from core.desk import Desk
from core.installations import service as installations
from core.lease import Lease
from core.outbox_model import Delivery, ScheduledJob
from core.tickets import service as tickets
from core.tickets.model import Ticket
from playground.telegram import TelegramServer
from playground.telegram.seed import Seeded, seeded
from playground.telegram.world import Chat
from tests.cli.program import complaint, deskbell
from tests.fakes.otlp import Collector, collector
from tests.postgres.processes import is_alive

from .parts import Part, Parts, standing

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

    def says(self, text: str, to: Chat | None = None) -> None:
        self.server.people.say(self.world.requester, to or self.world.private, text)

    def shown(self, text: str, to: Chat | None = None) -> int:
        return sum(text in one["text"] for one in self.server.shows(to or self.world.private, None))

    async def connects_another(self) -> tuple[str, Chat]:
        """As an admin does it while the desk runs: the name of its lease, and where people talk to it."""
        bot = self.server.world.add_bot("Second desk", "second_desk_bot")
        self.server.people.start(self.world.requester, bot)
        bot.queue.clear()
        number = bot.token.partition(":")[0]
        async with self.desk.unit() as uow:
            made = {"platform": "telegram", "external": number, "secrets": {"bot_token": bot.token}}
            await installations.connect(uow, SYSTEM, name="Second desk", **made)
        return f"telegram/{number}", self.server.world.private(self.world.requester, bot)

    async def spread(self, *names: str) -> None:
        """Each is led by one gateway, and each gateway leads something."""
        await until(lambda: sorted(self._led()) == sorted(names) and all(self._leading()))

    def _led(self) -> list[str]:
        return [name for led in self._leading() for name in led]

    def _leading(self) -> list[set[str]]:
        return [one.leads() for one in self.parts.of("gateway")]

    async def answers(self, text: str, to: Chat | None = None) -> None:
        """The agent's answer to the first ticket, or to that of the other chat, reaches the requester."""
        async with self.desk.unit(self.bob) as uow:
            numbers = list(await uow.session.scalars(select(Ticket.number).order_by(Ticket.number)))
            await tickets.reply(uow, self.bob, numbers[-1 if to else 0], text, hold=0)
        await until(lambda: self.shown(text, to))
        await until_so(self._written_down)

    async def _written_down(self) -> bool:
        """That it was sent is committed too: between the two lies the window that docs/delivery.md names."""
        async with self.desk.db.sessions() as session:
            waits = select(Delivery.id).where(Delivery.state == "due", Delivery.attempts > 0).limit(1)
            return await session.scalar(waits) is None

    async def epochs(self) -> dict[str, int]:
        async with self.desk.db.sessions() as session:
            return dict((await session.execute(select(Lease.name, Lease.epoch))).all())

    async def leader(self, name: str = "telegram") -> Part:
        """The one that leads that, once one does."""
        await until(lambda: name in self._led())
        return next(one for one in self.parts.of("gateway") if name in one.leads())


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
        async with standing(parts, tmp_path) as (desk, bob):
            yield Scale(desk, bob, server, world, parts, kept)


async def test_each_part_dies_once_and_everything_arrives_once(scale: Scale) -> None:
    scale.says("The printer is on fire")
    await until(lambda: scale.shown("We have your request as"))
    await scale.answers("With the bell")
    # What a part that is killed has not sent yet, nobody hears of.
    await until(lambda: _traces(scale.kept, "inbound") & _traces(scale.kept, "platform.call"))
    await until(lambda: _traces(scale.kept, "job.handed") & _traces(scale.kept, "job"))

    name, second_chat = await scale.connects_another()
    await scale.spread("gateway", "telegram", name)
    scale.says("The second bot hears me", second_chat)
    await until(lambda: scale.shown("We have your request as", second_chat))
    await scale.answers("And you hear it", second_chat)

    leader, before = await scale.leader(), await scale.epochs()
    theirs = leader.leads()
    began = time.monotonic()
    leader.kill()

    async def taken_over() -> bool:
        now = await scale.epochs()
        return all(now[one] > before[one] for one in theirs)

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
    frozen = leader.leads()
    await scale.answers("While it is frozen")
    leader.freeze(False)
    await until(lambda: first.answers("/chat/webchat/") == 200)
    await until(lambda: {("lost", one) for one in frozen} <= set(leader.of_leases()))
    await scale.answers("After it woke")
    await scale.spread("gateway", "telegram", name)
    await scale.answers("After they shared again")
    await scale.answers("Also there", second_chat)
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
    "After they shared again",
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
