"""What goes wrong on demand in REST, and the limits of calls."""

from __future__ import annotations

import aiohttp
import discord
import pytest

from playground.discord import DiscordServer
from playground.discord.faults import Faults
from tests.playground.discord.conftest import Bot, World, text_channel

MESSAGES = "/channels/*/messages"


async def test_too_many_calls_are_waited_out(world: World, bot: Bot) -> None:
    fault = world.server.faults.add("429", method="POST", path=MESSAGES, times=1, seconds=0.01)
    await text_channel(bot, world).send("at last")
    assert fault.struck == 1
    assert len(world.room.messages) == 1
    world.server.faults.add("429", method="POST", path=MESSAGES, times=1, seconds=3600)
    with pytest.raises(discord.RateLimited):
        await text_channel(bot, world).send("never")


async def test_a_call_is_dropped_before_it_is_done(world: World, bot: Bot) -> None:
    world.server.faults.add("drop", method="POST", path=MESSAGES, times=1)
    with pytest.raises(aiohttp.ClientError):
        await text_channel(bot, world).send("x", nonce="n1")
    assert not world.room.messages


async def test_work_is_done_and_its_answer_lost(world: World, bot: Bot) -> None:
    world.server.faults.add("commit_drop", method="POST", path=MESSAGES, times=1)
    with pytest.raises(aiohttp.ClientError):
        await text_channel(bot, world).send("x", nonce="n1")
    assert len(world.room.messages) == 1
    again = await text_channel(bot, world).send("x", nonce="n1")
    assert [str(again.id)] == list(world.room.messages)


async def test_work_is_done_and_called_failed(world: World, bot: Bot) -> None:
    world.server.faults.add("commit_500", method="POST", path=MESSAGES, times=1)
    await text_channel(bot, world).send("x")
    assert len(world.room.messages) == 1, "the client gives each message a nonce of its own accord"
    hook = await text_channel(bot, world).create_webhook(name="Desk")
    world.server.faults.add("commit_500", method="POST", path="/webhooks/*/*", times=1)
    await hook.send("y", wait=True)
    assert len(world.room.messages) == 3, "a webhook has none"


async def test_other_answers_and_delays(world: World, bot: Bot) -> None:
    world.server.faults.add("503", method="GET", path=MESSAGES, times=1)
    with pytest.raises(discord.DiscordServerError):
        _found = [one async for one in text_channel(bot, world).history()]
    world.server.faults.add("delay", method="GET", path=MESSAGES, seconds=0.01, skip=1)
    for _time in range(2):
        assert [one async for one in text_channel(bot, world).history()] == []
    shown = world.server.faults.shown()
    assert [(one["kind"], one["struck"]) for one in shown] == [("503", 1), ("delay", 1)]
    world.server.faults.clear()
    assert world.server.faults.shown() == []


def test_chance_comes_from_the_seed() -> None:
    def strikes(seed: int) -> list[bool]:
        faults = Faults()
        faults.seed(seed)
        faults.add("drop", probability=0.5)
        return [bool(list(faults.of_call(("drop",), "GET", "/x", ""))) for _time in range(50)]

    assert strikes(1) == strikes(1) != strikes(2)
    assert 10 < sum(strikes(1)) < 40


def test_an_unknown_fault_is_named() -> None:
    with pytest.raises(ValueError, match="commit_drop"):
        Faults().add("nonsense")


async def test_rate_limits_when_they_are_on(world: World, bot: Bot) -> None:
    world.server.buckets.on = True
    world.server.buckets.routes["POST", "/channels/{channel_id}/messages"] = (2, 0.2)
    for number in range(5):
        await text_channel(bot, world).send(str(number))
    assert len(world.room.messages) == 5
    url = f"{world.server.api_url}/channels/{world.room.id}/messages"
    headers = {"Authorization": f"Bot {world.app.token}"}
    world.server.buckets.routes["POST", "/channels/{channel_id}/messages"] = (2, 60.0)
    world.server.buckets._buckets.clear()
    async with aiohttp.ClientSession(headers=headers) as session:
        statuses = []
        for _number in range(3):
            async with session.post(url, json={"content": "x"}) as answer:
                statuses.append(answer.status)
                body = await answer.json()
        assert statuses == [200, 200, 429]
        assert 0 < body["retry_after"] <= 60
        assert answer.headers["X-RateLimit-Remaining"] == "0"


async def test_calls_are_held_against_the_document(world: World) -> None:
    if not world.server.contract.loaded:
        pytest.skip("needs ../shared/platforms/discord/openapi.json")
    url, headers = world.server.api_url, {"Authorization": f"Bot {world.app.token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        place = f"{url}/channels/{world.room.id}/messages"
        async with session.post(place, json={"content": "x", "colour": 1, "nonce": "n" * 26}) as answer:
            assert answer.status == 400
        wheres = {one.where for one in world.server.questions}
        assert wheres == {"body.colour", "body.nonce"}
        world.server.strict = True
        async with session.post(place, json={"content": 1}) as answer:
            assert answer.status == 400
            assert "content" in (await answer.json())["contract"]
        async with session.get(f"{url}/nothing/here") as answer:
            assert answer.status == 404


async def test_without_the_document_nothing_is_questioned() -> None:
    async with DiscordServer() as server:
        assert not server.contract.loaded
        assert server.contract.check("GET", "/nothing", {}, None) == []


async def test_bodies_of_another_shape_are_invalid(world: World) -> None:
    headers = {"Authorization": f"Bot {world.app.token}"}
    place = f"{world.server.api_url}/channels/{world.room.id}/messages"
    async with aiohttp.ClientSession(headers=headers) as session:
        for body in (
            {"content": 5},
            {"content": "x", "flags": "many"},
            {"components": [5]},
            {"embeds": [[]]},
        ):
            async with session.post(place, json=body) as answer:
                assert answer.status == 400
        async with session.post(place, data=b"{", headers={"Content-Type": "application/json"}) as answer:
            assert (await answer.json())["code"] == 50109
    assert not world.room.messages
