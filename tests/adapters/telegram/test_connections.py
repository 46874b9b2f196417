"""Bots that come, go and are refused while the desk runs."""

from __future__ import annotations

import asyncio

import pytest

from adapters.telegram import Telegram, make
from adapters.telegram.settings import Settings, bot_id
from core.access import SYSTEM
from core.chat import Card, Place, Post, Revoked, Said
from core.desk import Desk
from core.errors import Invalid
from core.installations import service as installations
from core.rooms import service as rooms
from tests.adapters.telegram.conftest import Door, eventually, running
from tests.adapters.telegram.standin import Standin


def bare(standin: Standin, desk: Desk) -> Telegram:
    """The adapter without a bot from the environment."""
    env = {name: value for name, value in standin.env.items() if not name.endswith("TOKEN")}
    return make(desk, env)


async def connect(desk: Desk, adapter: Telegram, token: str) -> str:
    tried = await adapter.try_out({"bot_token": token})
    async with desk.unit() as uow:
        row = await installations.connect(
            uow, SYSTEM, platform="telegram", external=tried.external, name=tried.name, secrets=tried.secrets
        )
    return str(row.id)


async def test_a_bot_is_connected_and_disconnected_while_running(
    standin: Standin, desk: Desk, door: Door
) -> None:
    adapter = bare(standin, desk)
    async with running(adapter, door):
        with pytest.raises(Revoked):
            await adapter.post(standin.place, Post(Card(text="x")), key="k")
        await connect(desk, adapter, standin.world.bot.token)
        await standin.says("hello")
        (said,) = await door.until(1)
        assert said.place == standin.place
        await adapter.post(standin.place, Post(Card(text="hi")), key="k")
        async with desk.unit() as uow:
            row = await installations.by_external(uow.session, "telegram", standin.place.installation)
            assert row is not None
            await installations.disconnect(uow, SYSTEM, row.id)
        await eventually(lambda: standin.place.installation not in adapter.lines._open)


async def test_two_bots_at_once(standin: Standin, desk: Desk, door: Door) -> None:
    other = standin.server.world.add_bot("Second", "second_bot")
    await connect(desk, standin.adapter, other.token)
    async with running(standin.adapter, door):
        await standin.says("to the first")
        standin.server.people.start(standin.world.requester, other, "payload")
        heard = await door.until(2)
    assert {one.place.installation for one in heard} == {str(standin.world.bot.id), str(other.id)}


async def test_a_refused_token_is_noted_and_a_new_one_taken(standin: Standin, desk: Desk, door: Door) -> None:
    adapter, bot = bare(standin, desk), standin.world.bot
    await connect(desk, adapter, bot.token)
    async with running(adapter, door):
        await standin.says("one")
        await door.until(1)
        standin.server.revoke(bot)

        async def state() -> str:
            async with desk.db.sessions() as session:
                row = await installations.by_external(session, "telegram", str(bot.id))
                return row.state if row else ""

        async with asyncio.timeout(20):
            while await state() != "broken":
                await standin.server.world.bell.wait(0.05)
        standin.server.revoke(bot, False)
        await connect(desk, adapter, bot.token)
        await standin.says("two")
        await eventually(lambda: [one.text for one in door.heard if isinstance(one, Said)] == ["one", "two"])


async def test_a_token_is_tried_out(standin: Standin) -> None:
    tried = await standin.adapter.try_out({"bot_token": f" {standin.world.bot.token} "})
    assert (tried.external, tried.name) == (str(standin.world.bot.id), "@help_desk_bot")
    assert all(finding.ok for finding in tried.findings)
    for wrong in ("", "nonsense", "12:short", "123:wrong-but-long-enough"):
        with pytest.raises(Invalid):
            await standin.adapter.try_out({"bot_token": wrong})


async def test_checks_and_rooms_to_choose_from(standin: Standin, door: Door) -> None:
    people, world = standin.server.people, standin.world
    assert all(finding.ok for finding in await standin.adapter.check())
    async with running(standin.adapter, door):
        forum = people.create_group(world.agent, "Forum two", world.bot, forum=True)
        people.create_group(world.agent, "No topics", world.bot)
        await door.until(2)
        found = await standin.adapter.candidates(standin.place.installation)
    assert [(one.place.channel, one.name) for one in found] == [(str(forum.id), "Forum two")]
    standin.server.revoke(world.bot)
    assert not any(finding.ok for finding in await standin.adapter.check())


def test_the_guide_names_every_step() -> None:
    adapter = object.__new__(Telegram)
    adapter._offered = ()
    guide = adapter.guide("https://desk.example")
    assert "BotFather" in guide.steps[0]
    assert [field.name for field in guide.fields] == ["bot_token"]


def test_settings() -> None:
    empty = Settings.of({})
    assert empty.api_url == "https://api.telegram.org/bot"
    own = Settings.of({"DESKBELL_TELEGRAM_API_BASE_URL": "http://bots:8081/bot"})
    assert own.file_url == "http://bots:8081/file/bot"
    assert "secret" not in repr(Settings(token="1:secret"))
    assert bot_id("123:abcdefgh") == "123"
    assert bot_id("abc:abcdefgh") == bot_id("123") == ""


def test_a_place_of_another_kind_names_nothing() -> None:
    from adapters.telegram.line import chat_id
    from core.chat import Gone

    for junk in ("", "x", "1e5", "٣"):
        with pytest.raises(Gone):
            chat_id(junk)
    assert Place("telegram", "1", "-5").channel == "-5"


async def test_what_a_desk_room_lacks_is_named(standin: Standin, desk: Desk) -> None:
    async with desk.unit() as uow:
        await rooms.add(uow, SYSTEM, standin.room, name="Room")
    assert all(finding.ok for finding in await standin.adapter.check())
    standin.server.people.demote(standin.world.agent, standin.world.room, standin.world.bot)
    lacking = [finding.name for finding in await standin.adapter.check() if not finding.ok]
    assert lacking == ["can_manage_topics", "can_delete_messages"]
