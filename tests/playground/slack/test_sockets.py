"""Socket Mode with the real Bolt: events, acknowledgement, redelivery, reconnection."""

from __future__ import annotations

import asyncio
from typing import Any

from slack_bolt.app.async_app import AsyncApp

from playground.slack import Seeded, SlackServer
from tests.playground.slack.conftest import Connect

Heard = list[dict[str, Any]]


def kinds(heard: Heard) -> list[str]:
    return [body["event"]["type"] for body in heard]


async def test_what_people_say_arrives(
    app: AsyncApp, connect: Connect, heard: Heard, slack: SlackServer, world: Seeded
) -> None:
    await connect(app)
    said = await slack.play.say(world.ada, "bot", "My *printer* & <I> see https://example.com/x")
    assert await slack.delivery.settled()
    (body,) = heard
    event = body["event"]
    assert event["text"] == "My *printer* &amp; &lt;I&gt; see <https://example.com/x>"
    assert (event["channel_type"], event["ts"], event["user"]) == ("im", said["ts"], world.ada)
    assert event["blocks"][0]["type"] == "rich_text"
    assert body["authorizations"][0]["user_id"] == world.bot


async def test_a_mention_comes_twice_under_two_ids(
    app: AsyncApp, connect: Connect, heard: Heard, slack: SlackServer, world: Seeded
) -> None:
    await connect(app)
    said = await slack.play.say(world.ada, "general", "@deskbell help @here")
    assert said["text"] == f"<@{world.bot}> help <!here>"
    assert await slack.delivery.settled()
    assert sorted(kinds(heard)) == ["app_mention", "message"]
    assert len({body["event_id"] for body in heard}) == 2
    assert len({body["event"]["ts"] for body in heard}) == 1


async def test_edits_deletes_reactions_and_threads(
    app: AsyncApp, connect: Connect, heard: Heard, slack: SlackServer, world: Seeded
) -> None:
    await connect(app)
    said = await slack.play.say(world.ada, "general", "first")
    await slack.play.say(world.ben, "general", "under it", thread=said["ts"])
    await slack.play.edit(world.ada, "general", said["ts"], "second")
    await slack.play.react(world.ben, "general", said["ts"], ":eyes:")
    await slack.play.unreact(world.ben, "general", said["ts"], "eyes")
    other = await slack.play.say(world.ada, "general", "gone soon")
    await slack.play.delete(world.ada, "general", other["ts"])
    assert await slack.delivery.settled()
    by_kind = {body["event"].get("subtype") or body["event"]["type"]: body["event"] for body in heard}
    assert by_kind["message_changed"]["message"]["text"] == "second"
    assert by_kind["message_changed"]["message"]["edited"]["user"] == world.ada
    assert by_kind["message_changed"]["previous_message"]["text"] == "first"
    assert by_kind["message_deleted"]["deleted_ts"] == other["ts"]
    assert by_kind["reaction_added"]["item"] == {
        "type": "message",
        "channel": world.general,
        "ts": said["ts"],
    }
    assert by_kind["reaction_added"]["item_user"] == world.ada
    assert "reaction_removed" in by_kind
    reply = next(body["event"] for body in heard if body["event"].get("text") == "under it")
    assert reply["thread_ts"] == said["ts"]


async def test_own_messages_come_back(
    app: AsyncApp, connect: Connect, heard: Heard, slack: SlackServer, world: Seeded
) -> None:
    await connect(app)
    await app.client.chat_postMessage(channel=world.desk, text="I said this")
    assert await slack.delivery.settled()
    (body,) = heard
    assert body["event"]["bot_id"] == slack.world.workspaces[world.team].bot_id
    assert body["event"]["app_id"] == slack.world.app.id


async def test_a_shared_channel_says_so(
    app: AsyncApp, connect: Connect, heard: Heard, slack: SlackServer, world: Seeded
) -> None:
    await connect(app)
    await slack.play.say(world.dan, world.shared, "hello from next door")
    assert await slack.delivery.settled()
    (body,) = heard
    assert body["is_ext_shared_channel"] is True
    assert body["team_id"] == world.team
    assert body["event"]["user_team"] == world.other_team


async def test_where_the_bot_is_not_it_hears_nothing(
    app: AsyncApp, connect: Connect, heard: Heard, slack: SlackServer, world: Seeded
) -> None:
    await connect(app)
    await slack.play.add_channel("elsewhere", world.ada)
    await slack.play.say(world.ada, "elsewhere", "psst")
    assert await slack.delivery.settled()
    assert "message" not in kinds(heard)


async def test_not_acknowledged_comes_again(
    app: AsyncApp, connect: Connect, slack: SlackServer, world: Seeded
) -> None:
    slack.set_knob("ack_seconds", 0.2)
    tries: list[str] = []

    @app.event("message")
    async def stumble(body: dict[str, Any]) -> None:
        tries.append(body["event_id"])
        if len(tries) < 3:
            raise RuntimeError("not yet")

    await connect(app)
    await connect(app)
    await slack.play.say(world.ada, "bot", "hello")
    assert await slack.delivery.settled()
    assert len(tries) == 3
    assert len(set(tries)) == 1
    notes = list(slack.delivery.sent)
    assert [(note["attempt"], note["ok"]) for note in notes] == [(0, False), (1, False), (2, True)]
    assert not slack.delivery.lost


async def test_nobody_there_is_lost_at_last(slack: SlackServer, world: Seeded) -> None:
    await slack.play.say(world.ada, "bot", "anyone?")
    assert await slack.delivery.settled()
    assert [body["event"]["text"] for body in slack.delivery.lost] == ["anyone?"]


async def test_one_that_comes_back_in_time_gets_it(
    app: AsyncApp, connect: Connect, heard: Heard, slack: SlackServer, world: Seeded
) -> None:
    slack.set_knob("retry_delays", [0.0, 0.6])
    await slack.play.say(world.ada, "bot", "anyone?")
    await connect(app)
    assert await slack.delivery.settled()
    assert len(heard) == 1


async def test_it_makes_way_when_asked(
    app: AsyncApp, connect: Connect, heard: Heard, slack: SlackServer, world: Seeded
) -> None:
    handler = await connect(app)
    (old,) = slack.sockets.open
    assert await slack.sockets.disconnect("refresh_requested") == 1
    async with asyncio.timeout(30):
        while old in slack.sockets.open or not slack.sockets.open:
            await asyncio.sleep(0.01)
    await slack.play.say(world.ada, "bot", "still there?")
    assert await slack.delivery.settled()
    assert len(heard) == 1
    assert await handler.client.is_connected()


async def test_a_cut_line_is_dialled_again(
    app: AsyncApp, connect: Connect, heard: Heard, slack: SlackServer, world: Seeded
) -> None:
    slack.set_knob("retry_delays", [0.5, 1.0, 2.0])
    await connect(app)
    slack.faults.add("event:message", "drop_socket", times=1)
    await slack.play.say(world.ada, "bot", "hello")
    assert await slack.delivery.settled()
    assert 1 <= len(heard) <= 2
    assert len({body["event_id"] for body in heard}) == 1
    assert not slack.delivery.lost


async def test_a_ticket_opens_one_connection(app: AsyncApp, slack: SlackServer) -> None:
    import aiohttp

    opened = await app.client.apps_connections_open(app_token=slack.world.app.app_token)
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(opened["url"]) as line:
            hello = await line.receive_json()
            assert (hello["type"], hello["num_connections"]) == ("hello", 1)
        async with session.get(opened["url"]) as again:
            assert again.status == 408
