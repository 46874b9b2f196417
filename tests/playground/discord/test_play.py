"""The control of people over HTTP, as another process uses it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import discord
import pytest

from tests.playground.discord.conftest import Bot, World, text_channel


class Remote:
    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session, self.url = session, url

    async def post(self, act: str, **given: Any) -> Any:
        async with self.session.post(f"{self.url}/_play/{act}", json=given) as answer:
            return await answer.json()

    async def get(self, path: str) -> Any:
        async with self.session.get(f"{self.url}/_play/{path}") as answer:
            return await answer.json()


@pytest.fixture
async def remote(world: World) -> AsyncIterator[Remote]:
    async with aiohttp.ClientSession() as session:
        yield Remote(session, world.server.url)


async def test_saying_editing_and_reading(world: World, bot: Bot, remote: Remote) -> None:
    file = {"name": "a.txt", "data": base64.b64encode(b"x").decode()}
    said = await remote.post("say", user="Ada", channel=world.room.id, text="hi", files=[file])
    heard = await bot.hears("message")
    assert (heard.id, await heard.attachments[0].read()) == (int(said["id"]), b"x")
    await remote.post("edit", user="Ada", message=said["id"], text="hello")
    await remote.post("react", user="Bob", message=said["id"], emoji="👍")
    view = await remote.get(f"channels/{world.room.id}?user=Ada")
    assert [one["content"] for one in view["messages"]] == ["hello"]
    assert view["messages"][0]["reactions"][0]["count"] == 1
    refused = await remote.post("edit", user="Bob", message=said["id"], text="mine")
    assert refused["code"] == 50005
    assert "unknown act" in (await remote.post("fly"))["message"]
    assert "TypeError" in (await remote.post("say", user="Ada"))["message"]


async def test_the_world_and_what_changes(world: World, remote: Remote) -> None:
    shown = await remote.get("world?user=Bob")
    assert [one["name"] for one in shown["channels"]] == ["help", "tickets"]
    assert shown["bots"][0]["token"] == world.app.token
    waiting = asyncio.create_task(remote.get(f"changes?after={shown['cursor']}&wait=10"))
    await remote.post("say", user="Ada", channel=world.room.id, text="hi")
    found = await waiting
    assert [one["kind"] for one in found["changes"]] == ["message"]
    assert (await remote.get(f"changes?after={found['cursor']}"))["changes"] == []


async def test_pressing_and_waiting_for_the_answer(world: World, bot: Bot, remote: Remote) -> None:
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label="Claim", custom_id="claim:1"))
    message = await text_channel(bot, world).send("card", view=view)

    async def answer(asked: discord.Interaction) -> None:
        await asked.response.send_message("yours", ephemeral=True)

    bot.on_asked = answer
    done = await remote.post("press", user="Bob", message=str(message.id), custom_id="claim:1", wait=5)
    assert done["settled"]
    assert [(one["content"], one["only_for"]) for one in done["messages"]] == [("yours", world.bob.id)]
    again = await remote.get(f"interactions/{done['id']}")
    assert again["answer"] == 4


async def test_many_at_once(world: World, remote: Remote) -> None:
    acts = [{"act": "say", "user": "Ada", "channel": world.room.id, "text": str(n)} for n in range(1000)]
    made = await remote.post("batch", do=acts)
    assert [one["content"] for one in made] == [str(n) for n in range(1000)]


async def test_faults_gateway_and_settings(world: World, bot: Bot, remote: Remote) -> None:
    rule = await remote.post(
        "faults", kind="429", method="POST", path="/channels/*/messages", times=1, seed=3
    )
    assert (rule["kind"], rule["times"]) == ("429", 1)
    assert len(await remote.get("faults")) == 1
    async with remote.session.delete(f"{remote.url}/_play/faults") as answer:
        assert answer.status == 200
    assert await remote.get("faults") == []
    await remote.post("gateway", do="drop", bot="Deskbot")
    await bot.hears("resumed")
    settings = await remote.post("settings", answer_within=1, rate_limits=True)
    assert (settings["answer_within"], settings["rate_limits"]) == (1.0, True)
    assert world.server.buckets.on


async def test_making_things(world: World, bot: Bot, remote: Remote) -> None:
    user = await remote.post("make", what="user", name="Carl")
    await remote.post("join", user=user["id"], guild=world.guild.id)
    made = await remote.post("make", what="channel", name="new room", guild=world.guild.id)
    assert made["name"] == "new-room"
    assert (await bot.hears("guild_channel_create")).id == int(made["id"])
    app = await remote.post("make", what="bot", name="Second", token="t.t")
    assert app["token"] == "t.t"
    await remote.post("invite", bot="Second", guild=world.guild.id)


async def test_only_json_is_taken(remote: Remote) -> None:
    async with remote.session.post(f"{remote.url}/_play/say", data=b"{}") as answer:
        assert answer.status == 400
