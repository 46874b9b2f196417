"""The gateway with the real client: resumed, invalid, silent, doubled, out of order."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
import pytest
import yarl
from discord import gateway

from playground.discord.compress import packer
from tests.playground.discord.conftest import Bot, World, running, text_channel


def contents(bot: Bot) -> list[str]:
    return [what.content for name, what in bot.heard if name == "message"]


async def test_a_dropped_socket_is_resumed_and_nothing_is_missed(world: World, bot: Bot) -> None:
    world.people.say("Ada", world.room, "one")
    await bot.hears("message")
    world.server.gateway.drop()
    for text in ("two", "three"):
        world.people.say("Ada", world.room, text)
    await bot.hears("resumed")
    world.people.say("Ada", world.room, "four")
    await bot.hears("message", lambda one: one.content == "four")
    assert contents(bot) == ["one", "two", "three", "four"]
    assert (world.server.gateway.identified, world.server.gateway.resumed) == (1, 1)


async def test_a_wish_to_reconnect(world: World, bot: Bot) -> None:
    world.server.gateway.ask_reconnect()
    await bot.hears("resumed")


async def test_an_invalid_session_starts_anew_and_replays_nothing(
    world: World, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.server.gateway.drop()
    world.server.gateway.forget()
    world.people.say("Ada", world.room, "missed")
    async with asyncio.timeout(30):
        while bot.count("ready") < 2:
            bot._more.clear()
            await bot._more.wait()
    assert world.server.gateway.identified == 2
    assert contents(bot) == []
    channel = text_channel(bot, world)
    assert [one.content async for one in channel.history()] == ["missed"]


async def test_a_revoked_token_ends_the_client(world: World) -> None:
    async with running(world) as bot:
        world.people.revoke(world.app)
        await bot.hears("disconnect")
        async with asyncio.timeout(30):
            while not bot.is_closed():
                await asyncio.sleep(0)
    with pytest.raises(discord.LoginFailure):
        async with running(world):
            pass
    world.people.restore(world.app)
    async with running(world):
        pass


async def test_intents_that_are_not_granted(world: World) -> None:
    world.app.privileged = 0
    with pytest.raises(discord.PrivilegedIntentsRequired):
        async with running(world):
            pass


async def test_events_twice_and_out_of_order(world: World, bot: Bot) -> None:
    other = world.server.world.add_channel(world.guild, "other")
    world.server.faults.add("duplicate", event="MESSAGE_CREATE", times=1)
    world.people.say("Ada", world.room, "twice")
    world.server.faults.add("reorder", event="MESSAGE_CREATE", times=1, seconds=60)
    for place, text in ((world.room, "first"), (other, "second"), (world.room, "third")):
        world.people.say("Ada", place, text)
    await bot.hears("message", lambda one: one.content == "third")
    assert contents(bot) == ["twice", "twice", "second", "first", "third"]


async def test_the_order_of_one_channel_is_kept_unless_told_otherwise(world: World, bot: Bot) -> None:
    world.server.faults.add("reorder", event="MESSAGE_CREATE", times=1, seconds=60)
    for text in ("first", "second"):
        world.people.say("Ada", world.room, text)
    world.server.faults.add("reorder", event="MESSAGE_CREATE", times=1, seconds=60, within_channel=True)
    for text in ("third", "fourth"):
        world.people.say("Ada", world.room, text)
    await bot.hears("message", lambda one: one.content == "third")
    assert contents(bot) == ["first", "second", "fourth", "third"]


async def test_an_event_that_is_kept_back_comes_by_itself(world: World, bot: Bot) -> None:
    world.server.faults.add("reorder", event="MESSAGE_CREATE", times=1, seconds=0.01)
    world.people.say("Ada", world.room, "late")
    await bot.hears("message")


async def test_a_socket_that_falls_silent(world: World) -> None:
    world.server.gateway.heartbeat = 100
    async with running(world, heartbeat_timeout=0.3) as bot:
        world.server.gateway.silence()
        world.people.say("Ada", world.room, "unheard")
        await bot.hears("resumed")
        await bot.hears("message", lambda one: one.content == "unheard")


async def test_sockets_drop_by_a_rule(world: World, bot: Bot) -> None:
    world.server.faults.seed(7)
    world.server.faults.add("drop_socket", event="MESSAGE_CREATE", times=1)
    world.people.say("Ada", world.room, "one")
    await bot.hears("message")
    await bot.hears("resumed")
    assert contents(bot) == ["one"]


async def test_several_bots_hear_their_own(world: World, bot: Bot) -> None:
    other = world.server.world.add_app("Other")
    guild = world.server.world.add_guild("Elsewhere", world.bob)
    world.server.world.add_member(guild, other.user)
    room = world.server.world.add_channel(guild, "general")
    app, world.app = world.app, other
    async with running(world) as second:
        world.app = app
        world.people.say("Bob", room, "there")
        world.people.say("Bob", world.room, "here")
        await second.hears("message")
        await bot.hears("message")
        assert (contents(second), contents(bot)) == (["there"], ["here"])


async def test_members_are_asked_for(world: World, bot: Bot) -> None:
    guild = bot.get_guild(int(world.guild.id))
    found = await guild.query_members("ada")
    assert [one.name for one in found] == ["ada"]
    world.people.join(world.server.world.add_user("Carl"), world.guild)
    assert (await bot.hears("member_join")).name == "carl"


async def test_shards(world: World) -> None:
    class Sharded(discord.AutoShardedClient):
        pass

    client = Sharded(intents=discord.Intents.all(), guild_ready_timeout=0.05)
    heard: asyncio.Queue[Any] = asyncio.Queue()
    client.on_message = heard.put  # type: ignore[attr-defined]
    ready = asyncio.Event()

    async def on_ready() -> None:
        ready.set()

    client.on_ready = on_ready  # type: ignore[attr-defined]
    task = asyncio.create_task(client.start(world.app.token))
    async with asyncio.timeout(30):
        await ready.wait()
        world.people.say("Ada", world.room, "hello")
        assert (await heard.get()).content == "hello"
    await client.close()
    await asyncio.gather(task, return_exceptions=True)


def test_a_zstandard_stream_is_stored_in_frames() -> None:
    packed = packer("zstd-stream")
    first, second = packed.pack("hello"), packed.pack("x" * 200_000)
    assert first == b"\x28\xb5\x2f\xfd\x00\x50" + b"\x28\x00\x00hello"
    assert isinstance(second, bytes)
    assert len(second) == 200_000 + 2 * 3


def test_the_address_is_the_one_the_client_was_given(world: World) -> None:
    assert yarl.URL(world.server.gateway_url) == gateway.DiscordWebSocket.DEFAULT_GATEWAY
