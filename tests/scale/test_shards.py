"""Three gateways and a Discord bot of two shards: each gateway leads one thing. Those that hear and speak die, the
others take over, and everything arrives once."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import func, select

from core.access import Actor
from core.conversations.model import Message
from core.desk import Desk
from core.lease import DESK, Lease
from core.people import service as people
from core.tickets import service as tickets
from core.tickets.model import Ticket
from playground.discord import DiscordServer
from playground.discord.model import App, Channel, Guild, User
from playground.discord.model import Message as Spoken

from .parts import Part, Parts, standing
from .test_parts import TAKEN_OVER_SECONDS, until, until_so

LEASES = (DESK, "discord", "discord/#1")


@dataclass
class Servers:
    """A server of each shard, and people of whom each speaks once."""

    server: DiscordServer
    app: App
    guilds: list[Guild]
    channels: list[Channel]
    said: list[Spoken] = field(default_factory=list)

    def say(self, number: int) -> Spoken:
        """Somebody calls the bot on the server of this shard."""
        person = self.server.world.add_user(f"Person {len(self.said)}")
        self.server.world.add_member(self.guilds[number], person)
        return self._said(
            self.server.people.say(person, self.channels[number], f"<@{self.app.id}> The bell rings")
        )

    def write(self, by: User | None = None) -> Spoken:
        """Somebody writes to the bot itself, for the first time or once more."""
        person = by or self.server.world.add_user(f"Person {len(self.said)}")
        self.server.world.add_member(self.guilds[1], person)
        direct = self.server.people.dm(person, self.app)
        return self._said(self.server.people.say(person, direct, "The bell rings"))

    def shown(self, of: Spoken, text: str) -> int:
        """How often the bot says it there: in the thread that grew from what was said, or in the direct channel."""
        place = of.channel if of.channel.is_dm else self.server.world.channels.get(of.id)
        spoken = place.messages.values() if place is not None else ()
        return sum(text in f"{one.content} {one.embeds}" for one in spoken)

    def _said(self, message: Spoken) -> Spoken:
        self.said.append(message)
        return message


@dataclass
class Scale:
    desk: Desk
    bob: Actor
    servers: Servers
    parts: Parts

    async def spread(self) -> None:
        """Each of them leads one thing, and both shards are connected."""
        await until(lambda: sorted(map(sorted, self._leading())) == [[name] for name in sorted(LEASES)])
        await until(lambda: self._connected() == [(0, 2), (1, 2)])

    def leader(self, name: str) -> Part:
        return next(one for one in self.parts.of("gateway") if name in one.leads())

    async def epochs(self) -> dict[str, int]:
        async with self.desk.db.sessions() as session:
            return dict((await session.execute(select(Lease.name, Lease.epoch))).all())

    async def dies(self, name: str, direct: Spoken) -> None:
        """The gateway that leads it: what is said right after, is heard by another one. Somebody writes to the bot
        again, since the platform tells nobody of the first words that were said in its absence."""
        before = (await self.epochs())[name]
        began = time.monotonic()
        self.leader(name).kill()

        async def taken_over() -> bool:
            return (await self.epochs())[name] > before

        said = [self.servers.say(0), self.servers.say(1)]
        self.servers.write(direct.author)
        await until_so(taken_over)
        seconds = time.monotonic() - began
        sys.stderr.write(f"{name} taken over in {seconds:.2f} s\n")
        assert seconds < TAKEN_OVER_SECONDS
        await self.confirmed(*said)

        async def all_heard() -> bool:
            return await self.heard() >= len(self.servers.said)

        await until_so(all_heard)

    async def confirmed(self, *said: Spoken) -> None:
        await until(lambda: all(self.servers.shown(one, "We have your request as") for one in said))

    async def heard(self) -> int:
        """What people have said in tickets."""
        theirs = Message.author_id.is_not(None), Message.author_id != self.bob.id
        async with self.desk.db.sessions() as session:
            return await session.scalar(select(func.count()).select_from(Message).where(*theirs)) or 0

    async def answers(self, spoken: Spoken, text: str) -> None:
        """An agent's answer to that."""
        index = self.servers.said.index(spoken)
        async with self.desk.unit(self.bob) as uow:
            person = await people.by_identity(
                uow, people.digest_of_identity(uow, "discord", self.servers.app.id, spoken.author.id)
            )
            assert person is not None, index
            number = await uow.session.scalar(select(Ticket.number).where(Ticket.requester_id == person.id))
            assert number is not None, index
            await tickets.reply(uow, self.bob, number, text, hold=0)
        await until(lambda: self.servers.shown(spoken, text))

    def _leading(self) -> list[set[str]]:
        return [one.leads() for one in self.parts.of("gateway")]

    def _connected(self) -> list[tuple[int, int]]:
        sessions = self.servers.server.gateway.sessions.values()
        return sorted(one.shard for one in sessions if one.socket is not None)


@asynccontextmanager
async def two_servers() -> AsyncIterator[Servers]:
    async with DiscordServer() as server:
        server.gateway.between_identifies = 5.0
        owner, app = server.world.add_user("Olga"), server.world.add_app("Deskbell")
        guilds = [server.world.add_guild(f"Server {one}", owner, shard=(one, 2)) for one in range(2)]
        for guild in guilds:
            server.world.add_member(guild, app.user)
        channels = [server.world.add_channel(guild, "help") for guild in guilds]
        yield Servers(server, app, guilds, channels)


@pytest.fixture
async def scale(redis_program: str, tmp_path: Path) -> AsyncIterator[Scale]:
    async with AsyncExitStack() as stack:
        servers = await stack.enter_async_context(two_servers())
        parts = Parts(
            tmp_path,
            redis_program,
            gateways=3,
            DESKBELL_DISCORD_API_BASE_URL=servers.server.api_url,
            DESKBELL_DISCORD_BOT_TOKEN=servers.app.token,
            DESKBELL_DISCORD_SHARDS="2",
        )
        async with standing(parts, tmp_path) as (desk, bob):
            yield Scale(desk, bob, servers, parts)


async def test_shards_are_spread_and_taken_over(scale: Scale) -> None:
    servers = scale.servers
    await scale.spread()
    first, second, direct = servers.say(0), servers.say(1), servers.write()
    await scale.confirmed(first, second, direct)
    for spoken in (first, second, direct):
        await scale.answers(spoken, "With the bell")

    await scale.dies("discord/#1", direct)
    await scale.answers(second, "After the ears died")
    await scale.spread()
    await scale.dies("discord", direct)
    await scale.answers(second, "After the mouth died")
    await scale.spread()
    await scale.dies(DESK, direct)
    await scale.spread()
    await scale.confirmed(servers.say(0), servers.say(1), servers.write())

    for spoken in servers.said:
        assert servers.shown(spoken, "We have your request as") == 1
    for words in ("With the bell", "After the ears died", "After the mouth died"):
        assert servers.shown(second, words) == 1, words
    async with scale.desk.db.sessions() as session:
        made = await session.scalar(select(func.count()).select_from(Ticket))
    assert made == len({spoken.author.id for spoken in servers.said})
    assert await scale.heard() == len(servers.said)
    assert await asyncio.to_thread(scale.parts.end) == 0
