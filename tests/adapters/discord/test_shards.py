"""A bot of several sessions: each hears a part of the servers, and any of them may run anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapters.discord import DiscordChat, connection, ears, known, make, missed, read_marks, shards
from adapters.discord.known import Known
from adapters.discord.shards import Shard
from core.chat import Card, Invoked, Place, Post, RetryAfter, Said
from core.desk import Desk
from core.installations import cursors
from playground.discord.model import Channel, Guild
from playground.discord.rights import Right
from tests.adapters.discord.conftest import COMMANDS, Ears
from tests.adapters.discord.standin import TOKEN, Standin, opened, settings_for, until

TWO = frozenset({"", "#1"})
SHARDS = "DESKBELL_DISCORD_SHARDS"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions begin one right after the other, and what was heard to the end is not looked at again."""
    monkeypatch.setattr(shards, "EVERY", 0.01)
    monkeypatch.setattr(ears, "EVERY", 0.01)
    monkeypatch.setattr(read_marks, "MARGIN", timedelta(0))


class Servers:
    """A server of each of two shards, with a channel in which the bot is called, and a person's direct channel."""

    def __init__(self, standin: Standin) -> None:
        self.standin = standin
        world, ada = standin.server.world, standin.seeded.users[0]
        self.guilds: list[Guild] = []
        self.channels: list[Channel] = []
        for number in range(2):
            guild = world.add_guild(f"Server {number}", ada, shard=(number, 2))
            world.add_member(guild, standin.seeded.app.user)
            self.guilds.append(guild)
            self.channels.append(world.add_channel(guild, f"help-{number}"))

    def say(self, number: int, text: str, channel: Channel | None = None) -> Any:
        bot = self.standin.seeded.app.user.id
        return self.standin.people.say("Ada", channel or self.channels[number], f"<@{bot}> {text}")

    def silent(self, number: int) -> Channel:
        """A channel in which nothing was said so far, so that it has no mark."""
        return self.standin.server.world.add_channel(self.guilds[number], "silent")

    def place(self, number: int) -> Place:
        return Place("discord", self.standin.seeded.app.user.id, self.channels[number].id)

    def histories(self, channel: Channel | str) -> int:
        """How often its history was read."""
        number = channel if isinstance(channel, str) else channel.id
        path = f"/channels/{number}/messages"
        return sum(
            1 for method, called, _status in self.standin.server.calls if (method, called) == ("GET", path)
        )


@pytest.fixture
async def standin(desk: Desk) -> AsyncIterator[Standin]:
    async with opened(desk, **{SHARDS: "2"}) as made:
        yield made


@pytest.fixture
def servers(standin: Standin) -> Servers:
    return Servers(standin)


@asynccontextmanager
async def running(
    adapter: DiscordChat, led: frozenset[str] | None = None, heard: Ears | None = None
) -> AsyncIterator[Ears]:
    """A process with all sessions, or with those that it leads, each of which hears."""
    heard = heard or Ears()
    adapter.offer(COMMANDS)
    if led is not None:
        await adapter.lead(led)
    count = len(led) if led is not None else adapter.settings.shards
    task = asyncio.create_task(adapter.run(heard.deliver))
    try:
        await until(lambda: len(adapter._bots) == count and all(map(_listens, adapter._bots.values())))
        await settled(adapter)
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _listens(bot: Any) -> bool:
    return bool(bot.is_listening)


async def settled(adapter: DiscordChat) -> None:
    for bot in adapter._bots.values():
        await bot.lanes.settled()


def texts(heard: Ears) -> list[str]:
    return sorted(one.text.removeprefix("@Deskbell ") for one in heard.of(Said))


def another(desk: Desk, standin: Standin, count: int = 2) -> DiscordChat:
    """The adapter of another process, or of the same one with another setting."""
    made = make(desk, settings_for(standin.server) | {SHARDS: str(count)})
    assert isinstance(made, DiscordChat)
    return made


async def test_each_is_told_of_its_servers_and_all_is_answered(standin: Standin, servers: Servers) -> None:
    async with running(standin.adapter) as heard:
        sessions = {one.shard: one for one in standin.server.gateway.sessions.values()}
        assert sorted(sessions) == [(0, 2), (1, 2)]
        servers.say(0, "zero")
        servers.say(1, "one")
        await standin.says("direct")
        await heard.hears(Said, 3)
        await settled(standin.adapter)
        assert texts(heard) == ["direct", "one", "zero"]
        for number in range(2):
            place = servers.place(number)
            await standin.adapter.post(place, Post(Card(text="answer")), key=f"k{number}")
            assert (await standin.shows(place))[-1] == "answer"
        await standin.adapter.post(standin.place, Post(Card(text="answer")), key="k")
        assert (await standin.shows(standin.place))[-1] == "answer"
        assert standin.adapter.is_private(standin.place)
        assert not any(standin.adapter.is_private(servers.place(number)) for number in range(2))
        asked = standin.people.command("Ada", servers.channels[1], "desk status", {})
        assert (await heard.hears(Invoked)).place == servers.place(1)
        async with asyncio.timeout(30):
            await asked.answered.wait()
    registered = [
        path for method, path, _status in standin.server.calls if method == "PUT" and "commands" in path
    ]
    assert len(registered) == 1
    assert await _ready_of(standin.adapter) == TWO


async def _ready_of(adapter: DiscordChat) -> set[str]:
    return set(await adapter.shares())


async def test_what_was_missed_is_read_once_by_the_one_whose_it_is(
    desk: Desk, standin: Standin, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missed, "_LISTING", 0.2)
    people = standin.people
    async with running(standin.adapter) as heard:
        servers.say(0, "a")
        servers.say(1, "b")
        thread = people.thread("Ada", servers.channels[1], "a thread")
        people.say("Ada", thread, "c")
        await standin.says("d")
        await heard.hears(Said, 4)
    servers.say(0, "e")
    servers.say(1, "f")
    people.say("Ada", thread, "g")
    people.archive("Ada", thread)
    await standin.says("h")
    standin.server.calls.clear()
    async with running(another(desk, standin)) as heard:
        await heard.hears(Said, 4)
        await asyncio.sleep(0)
        await until(lambda: servers.histories(thread))
        await _looked_everywhere(heard)
        assert texts(heard) == ["e", "f", "g", "h"]
    for channel in (*servers.channels, thread, standin.place.channel):
        assert servers.histories(channel) == 1, channel
    async with desk.db.sessions() as session:
        bot, channel = standin.place.installation, servers.channels[1]
        kept = await cursors.get(session, "discord", bot, channel.id)
        assert kept == f"{channel.last_message_id} {servers.guilds[1].id}"


async def _looked_everywhere(heard: Ears) -> None:
    """Nothing more comes."""
    count = len(heard.heard)
    with pytest.raises(TimeoutError):
        await until(lambda: len(heard.heard) > count, seconds=0.5)


async def test_another_number_of_them_loses_nothing(desk: Desk, standin: Standin, servers: Servers) -> None:
    """Each division of the servers has marks of its own of until when it heard what."""
    silent = servers.silent(1)
    async with running(another(desk, standin, 1)) as heard:
        servers.say(1, "by one")
        await standin.says("to the bot")
        await heard.hears(Said, 2)
    servers.say(1, "before two", silent)
    await standin.says("direct")
    two = another(desk, standin)
    async with running(two, frozenset({""})) as heard:
        await heard.hears(Said)
        await settled(two)
        await two._bots[TOKEN, 0].marks.write(connected=True)
        assert texts(heard) == ["direct"]
    servers.say(0, "to the first")
    async with running(another(desk, standin)) as heard:
        await heard.hears(Said, 2)
        await _looked_everywhere(heard)
        assert texts(heard) == ["before two", "to the first"]
    servers.say(0, "after two")
    servers.say(1, "after two too", servers.silent(1))
    async with running(another(desk, standin, 3)) as heard:
        await heard.hears(Said, 2)
    servers.say(0, "after three", servers.silent(0))
    await standin.says("direct again")
    async with running(another(desk, standin, 1)) as heard:
        await heard.hears(Said, 2)
        await _looked_everywhere(heard)
        assert texts(heard) == ["after three", "direct again"]


async def test_marks_of_a_single_session_are_read_and_told_apart(
    desk: Desk, standin: Standin, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that sleeps is listed nowhere, and its mark of the time with one session names no server."""
    monkeypatch.setattr(missed, "_LISTING", 0.2)
    people = standin.people
    thread = people.thread("Ada", servers.channels[1], "a thread")
    async with running(another(desk, standin, 1)) as heard:
        people.say("Ada", thread, "awake")
        await standin.says("direct")
        await heard.hears(Said, 2)
    people.say("Ada", thread, "missed")
    people.archive("Ada", thread)
    for _start in range(2):
        standin.server.calls.clear()
        async with running(another(desk, standin)) as heard:
            await until(lambda: servers.histories(thread) and servers.histories(standin.place.channel))
            await _looked_everywhere(heard)
        assert servers.histories(thread) == 1
        assert servers.histories(standin.place.channel) == 1
    asked = [path for method, path, _status in standin.server.calls if path == f"/channels/{thread.id}"]
    assert len(asked) == 1, "once its server is written down, only the one whose it is asks"


async def test_a_tickets_channel_is_removed_by_who_does_not_hear_it(
    desk: Desk, standin: Standin, servers: Servers
) -> None:
    """The first speaks for the bot, the other one hears there, in another process."""
    env = settings_for(standin.server) | {SHARDS: "2", "DESKBELL_DISCORD_TICKET_PLACE": "channel"}
    first, other = make(desk, env), another(desk, standin)
    role = next(one for one in servers.guilds[1].roles.values() if one.bot_id)
    role.permissions |= int(Right.manage_channels | Right.manage_roles)
    ada = standin.seeded.users[0]
    async with running(first, frozenset({""})) as heard:
        async with running(other, frozenset({"#1"})) as told:
            made = await first.open_thread(
                servers.place(1), "#7 Printer", Post(Card(text="head")), key="k", member=ada.id
            )
            standin.people.say(ada, made.place.channel, "hello")
            await told.hears(Said)
        standin.people.say(ada, made.place.channel, "unheard")
        with pytest.raises(RetryAfter):
            await first.close_thread(made.place)
        assert made.place.channel in standin.server.world.channels
        async with running(another(desk, standin), frozenset({"#1"})) as told:
            assert (await told.hears(Said)).text == "unheard"
        await first.close_thread(made.place)
        assert made.place.channel not in standin.server.world.channels
        assert not heard.of(Said)


async def test_custom_emoji_where_another_hears(desk: Desk, standin: Standin, servers: Servers) -> None:
    servers.guilds[1].emojis["party"] = "44"
    message = servers.say(1, "done?")
    async with running(standin.adapter, frozenset({""})):
        await standin.adapter.react(servers.place(1), message.id, [":party:", "👍"])
    assert sorted(message.reactions) == ["party:44", "👍"] or sorted(message.reactions) == ["👍", "party:44"]


async def test_rooms_are_asked_for(standin: Standin, servers: Servers) -> None:
    async with running(standin.adapter, frozenset({""})):
        found = await standin.adapter.candidates(standin.place.installation)
    assert {"Server 0 › #help-0", "Server 1 › #help-1"} <= {one.name for one in found}


def test_what_another_hears_of_is_known_for_a_moment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    foreign, own = str(1 << 22), str(2 << 22)
    here = Known("1", shard=Shard(0, 2))
    here.learn({"id": "7", "type": 0, "guild_id": foreign})
    here.learn({"id": "8", "type": 0, "guild_id": own})
    here.learn({"id": "9", "type": 1})
    assert here.room("7") is not None
    assert [one.id for one in here.rooms()] == ["8", "9"]
    monkeypatch.setattr(known, "FRESH", 0.0)
    assert here.room("7") is None
    assert here.room("8") is not None


async def test_sessions_begin_one_after_the_other(
    desk: Desk, standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    standin.server.gateway.between_identifies = 0.8
    monkeypatch.setattr(shards, "EVERY", 1.0)
    async with running(standin.adapter):
        assert standin.server.gateway.refused == 0


async def test_those_of_two_processes_that_begin_at_once_both_do_in_the_end(
    desk: Desk, standin: Standin, servers: Servers
) -> None:
    standin.server.gateway.between_identifies = 0.3
    heard = Ears()
    async with asyncio.TaskGroup() as group:
        done = asyncio.Event()

        async def process(led: str) -> None:
            async with running(another(desk, standin), frozenset({led}), heard):
                await done.wait()

        for led in TWO:
            group.create_task(process(led))
        await until(lambda: len(standin.server.gateway.sessions) == 2)
        assert standin.server.gateway.refused > 0
        servers.say(0, "zero")
        servers.say(1, "one")
        await heard.hears(Said, 2)
        done.set()


async def test_too_few_of_them_are_told_and_not_tried_again_and_again(
    standin: Standin, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, gateway = standin.seeded.app, standin.server.gateway
    app.shards = app.fewest_shards = 3
    with capture_logs() as logs:
        task = asyncio.create_task(standin.adapter.run(Ears().deliver))
        try:
            await until(lambda: gateway.refused == 2)
            with pytest.raises(TimeoutError):
                await until(lambda: gateway.refused > 2, seconds=2.5)
            findings = [one for one in await standin.adapter.check() if one.name == "shards"]
            assert [one.ok for one in findings] == [False]
            assert "DESKBELL_DISCORD_SHARDS to 3" in findings[0].words
            await standin.adapter.post(servers.place(1), Post(Card(text="still said")), key="k")
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    told = [(one["code"], one["shards"], one["setting"]) for one in logs if one["event"] == "shards.refused"]
    assert told == [(4011, 2, SHARDS)] * 2
    monkeypatch.setattr(connection, "REFUSED_PAUSE", 0.1)
    app.fewest_shards = 2
    async with running(standin.adapter):
        assert {one.shard for one in gateway.sessions.values()} == {(0, 2), (1, 2)}
