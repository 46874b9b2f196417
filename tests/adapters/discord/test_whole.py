"""The whole way: a requester in a direct channel, an agent in a forum, the real desk between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot import wiring
from bot.loops import Loops
from bot.post import Posting
from bot.router import Router
from bot.tell import Tell
from core.chat import CommandSpec, ParameterSpec, Place
from core.desk import Desk
from core.people import service as people
from core.people.model import Identity
from core.rooms import service as rooms
from core.rooms.model import RoomRule
from core.settings import Settings
from playground.discord.model import Message
from tests.adapters.discord.conftest import World, running
from tests.adapters.discord.standin import Standin, until

CLAIM = CommandSpec("claim", "Take a ticket", (ParameterSpec("ticket", "number", False),), staff=True)


@asynccontextmanager
async def house(desk: Desk, standin: Standin) -> AsyncIterator[World]:
    """A desk whose room is the forum of the stand-in; Deniz is an agent."""
    chats = {"discord": standin.adapter}
    deniz = next(one for one in standin.seeded.users if one.name == "Deniz")
    async with desk.unit() as uow:
        admin = await people.actor_of(uow, await people.add(uow, name="Root", role="admin"))
        await rooms.add(uow, admin, standin.room, name="Desk", rule=RoomRule.assignee)
        agent = await people.add(uow, name="Deniz", role="agent", email="d@desk.example", verified=True)
        place = standin.room
        digest = people.digest_of_identity(uow, place.platform, place.installation, deniz.id)
        uow.session.add(Identity(person_id=agent.id, platform="discord", digest=digest))
    router = Router(desk, limits={"discord": standin.adapter.limits})
    posting = Posting(desk, chats, wiring.makers(Settings(), chats), public_url="http://desk.example")
    loops = Loops(desk, router, Tell(desk, wiring.tellers(desk, chats), chats), posting)
    working = asyncio.create_task(loops.run())
    try:
        async with running(desk, standin, deliver=router.deliver, commands=(CLAIM,)) as world:
            yield world
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


def standing(world: World, place: Place) -> list[Message]:
    return list(world.server.world.channels[place.thread or place.channel].messages.values())


@pytest.fixture
async def whole(desk: Desk, standin: Standin) -> AsyncIterator[World]:
    async with house(desk, standin) as made:
        yield made


async def test_a_ticket_from_the_first_word_to_the_answer(whole: World) -> None:
    world, direct = whole, whole.standin.place
    first = world.people.say("Ada", direct.channel, "My **screen** is black", files=[("a.png", b"x" * 5_000)])
    threads = world.server.world.channels
    await until(lambda: any(one.name.startswith("#1") for one in threads.values()), 20)
    thread = next(one for one in threads.values() if one.is_thread and one.name.startswith("#"))
    post = world.place(world.channel("desk"), thread)
    await until(lambda: any("My **screen** is black" in one.content for one in standing(world, post)), 20)
    await until(lambda: any(one.files for one in standing(world, post)), 20)
    asked = world.people.command("Deniz", thread, "desk claim", {})
    async with asyncio.timeout(30):
        await asked.settled.wait()
    reply = world.people.say("Deniz", thread, "Is it plugged in?")
    await until(lambda: any("Is it plugged in?" in one.content for one in standing(world, direct)), 30)
    await until(lambda: "✅" in reply.reactions, 20)
    world.people.edit("Deniz", reply, "Is it plugged in, and on?")
    world.people.edit("Ada", first, "My **screen** is dark")
    await until(lambda: any("and on?" in one.content for one in standing(world, direct)), 20)
    await until(lambda: any("is dark" in one.content for one in standing(world, post)), 20)
    answer = next(one for one in standing(world, direct) if "and on?" in one.content)
    world.people.react("Ada", answer, "👍")
    await until(lambda: "👍" in reply.reactions, 20)
    world.people.delete("Ada", first)
    await until(lambda: not any("is dark" in one.content for one in standing(world, post)), 20)
    await until(lambda: any(one.name == "Overview" for one in threads.values()), 30)
    async with world.desk.db.sessions() as session:
        assert await rooms.of_team(session, None), "the room is still in use"
