"""Bad days on demand, as the real SDK meets them."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from playground.slack import Seeded, SlackServer
from tests.playground.slack.conftest import CONTRACT, Connect


async def texts(slack: SlackServer, channel: str) -> list[str]:
    return [message["text"] for message in (await slack.play.channel(channel))["messages"]]


async def test_done_but_never_told(client: AsyncWebClient, slack: SlackServer, world: Seeded) -> None:
    slack.faults.add("chat.postMessage", "commit_drop", times=1)
    note = {"event_type": "delivery", "event_payload": {"id": "d1"}}
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel=world.desk, text="once", metadata=note)
    assert await texts(slack, world.desk) == ["once"]
    found = await client.conversations_history(channel=world.desk, include_all_metadata=True)
    assert found["messages"][0]["metadata"] == note


async def test_the_sdk_says_it_twice_unless_told_not_to(slack: SlackServer, world: Seeded) -> None:
    """Its own retry handler repeats a call whose answer was lost."""
    eager = AsyncWebClient(token=world.token, base_url=slack.api_url)
    slack.faults.add("chat.postMessage", "commit_drop", times=1)
    await eager.chat_postMessage(channel=world.desk, text="twice")
    assert await texts(slack, world.desk) == ["twice", "twice"]


async def test_never_done(client: AsyncWebClient, slack: SlackServer, world: Seeded) -> None:
    slack.faults.add("chat.*", "drop", times=1)
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel=world.desk, text="lost")
    slack.faults.add("chat.*", "ratelimited", times=1, retry_after=7)
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=world.desk, text="lost")
    assert caught.value.response.headers["Retry-After"] == "7"
    slack.faults.add("chat.*", "error", times=1, error="fatal_error")
    with pytest.raises(SlackApiError, match="fatal_error"):
        await client.chat_postMessage(channel=world.desk, text="lost")
    slack.faults.add("chat.*", "status", times=1, status=503)
    with pytest.raises(SlackApiError):
        await client.chat_postMessage(channel=world.desk, text="lost")
    assert await texts(slack, world.desk) == []


async def test_a_lost_answer_of_an_upload(client: AsyncWebClient, slack: SlackServer, world: Seeded) -> None:
    slack.faults.add("files.completeUploadExternal", "commit_drop", times=1)
    with pytest.raises(aiohttp.ClientError):
        await client.files_upload_v2(channel=world.desk, filename="a.txt", content="x")
    assert await slack.delivery.settled()
    shown = (await slack.play.channel(world.desk))["messages"]
    assert [message["files"][0]["name"] for message in shown] == ["a.txt"]


async def test_events_doubled_and_unordered(
    app: AsyncApp, connect: Connect, heard: list[dict[str, Any]], slack: SlackServer, world: Seeded
) -> None:
    await connect(app)
    slack.faults.add("event:message", "duplicate")
    slack.faults.add("event:message", "reorder", seconds=0.1)
    for number in range(5):
        await slack.play.say(world.ada, "bot", str(number))
    assert await slack.delivery.settled()
    assert len(heard) == 10
    assert len({body["event_id"] for body in heard}) == 5


async def test_acknowledged_and_yet_sent_again(
    app: AsyncApp, connect: Connect, heard: list[dict[str, Any]], slack: SlackServer, world: Seeded
) -> None:
    await connect(app)
    slack.faults.add("event:message", "redeliver", times=1)
    slack.faults.add("event:message", "lose", times=1)
    await slack.play.say(world.ada, "bot", "lost")
    await slack.play.say(world.ada, "bot", "again")
    assert await slack.delivery.settled()
    assert [body["event"]["text"] for body in heard].count("again") in (1, 2)
    assert len(slack.delivery.lost) == 1


async def test_a_seed_repeats_a_day(slack: SlackServer) -> None:
    rule = {"on": "*", "kind": "drop", "probability": 0.5}

    def day() -> list[bool]:
        slack.faults.replace([rule], seed=3)
        return [slack.faults.draw("chat.postMessage") is not None for _ in range(40)]

    first = day()
    assert first == day()
    assert 5 < sum(first) < 35


async def test_over_plain_http(slack: SlackServer, world: Seeded) -> None:
    async with aiohttp.ClientSession(slack.base) as session:
        rules = [{"on": "chat.*", "kind": "status", "status": 502, "times": 1}]
        async with session.post("/_play/faults", json={"rules": rules, "seed": 1}) as answer:
            assert (await answer.json())["rules"][0]["status"] == 502
        async with session.post("/_play/faults", json={"rules": [{"kind": "nonsense"}]}) as answer:
            assert answer.status == 400
        said = {"user": world.ada, "channel": "bot", "text": "by hand"}
        async with session.post("/_play/say", json=said) as answer:
            ts = (await answer.json())["ts"]
        look = {"channel": "bot", "user": world.ada}
        async with session.get("/_play/channel", params=look) as answer:
            assert [one["ts"] for one in (await answer.json())["messages"]] == [ts]
        async with session.post("/_play/say", json={"user": world.ada, "nonsense": 1}) as answer:
            assert answer.status == 400
        async with session.get("/_play/changes", params={"after": 0, "timeout": 1}) as answer:
            assert (await answer.json())["changes"][-1]["kind"] == "message"
        async with session.get("/_play") as answer:
            assert "say" in (await answer.json())["verbs"]
        async with session.get("/") as answer:
            assert answer.status == 200


async def test_questions_of_the_document(client: AsyncWebClient, slack: SlackServer, world: Seeded) -> None:
    if not CONTRACT.is_dir():
        pytest.skip("the platforms' documents are not beside this checkout")
    await client.chat_postMessage(channel=world.desk, text="x", colour="red")
    assert list(slack.questions) == ["chat.postMessage: unknown argument colour"]
