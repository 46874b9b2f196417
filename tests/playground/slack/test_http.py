"""Events, commands and clicks over HTTP, with signatures, to the real Bolt behind a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.app.async_app import AsyncApp

from playground.slack import Seeded, SlackServer


@dataclass
class Desk:
    """The app's own server; `refusals` are answers that it gives first."""

    app: AsyncApp
    url: str = ""
    headers: list[dict[str, str]] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        self.headers.append(dict(request.headers))
        if self.refusals:
            return web.Response(status=self.refusals.pop(0))
        return await to_aiohttp_response(await self.app.async_dispatch(await to_bolt_request(request)))


@pytest.fixture
async def desk(app: AsyncApp, slack: SlackServer) -> AsyncIterator[Desk]:
    desk = Desk(app)
    served = web.Application()
    served.add_routes([web.post("/slack/events", desk.handle)])
    runner = web.AppRunner(served, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    desk.url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    await slack.play.set_app(request_url=desk.url, socket_mode=False)
    yield desk
    await runner.cleanup()


async def test_the_address_is_verified(desk: Desk, slack: SlackServer) -> None:
    assert await slack.play.set_app(request_url=desk.url, verify=True) == {"verified": True}
    assert await slack.play.set_app(request_url=desk.url + "/no", verify=True) == {"verified": False}


async def test_events_are_signed(
    desk: Desk, heard: list[dict[str, Any]], slack: SlackServer, world: Seeded
) -> None:
    await slack.play.say(world.ada, "bot", "hello")
    assert await slack.delivery.settled()
    assert len(heard) == 1
    assert desk.headers[0]["X-Slack-Signature"].startswith("v0=")
    slack.webhooks.secret = "somebody else's"
    await slack.play.say(world.ada, "bot", "forged")
    assert await slack.delivery.settled()
    assert len(heard) == 1
    assert len(slack.delivery.lost) == 1


async def test_refused_events_come_again(
    desk: Desk, heard: list[dict[str, Any]], slack: SlackServer, world: Seeded
) -> None:
    desk.refusals = [500, 503]
    await slack.play.say(world.ada, "bot", "hello")
    assert await slack.delivery.settled()
    assert len(heard) == 1
    retries = [(one.get("x-slack-retry-num"), one.get("x-slack-retry-reason")) for one in desk.headers]
    assert retries == [(None, None), ("1", "http_error"), ("2", "http_error")]


async def test_commands_and_buttons(desk: Desk, slack: SlackServer, world: Seeded) -> None:
    pressed: list[dict[str, Any]] = []

    @desk.app.command("/desk")
    async def command(ack: Any, command: dict[str, Any]) -> None:
        await ack(f"you said {command['text']}")

    @desk.app.action("claim")
    async def claim(ack: Any, body: dict[str, Any]) -> None:
        pressed.append(body)
        await ack()

    assert (await slack.play.command(world.ben, "desk", "/desk list mine"))["ok"]
    (whispered,) = (await slack.play.ephemerals(world.ben))["ephemerals"]
    assert whispered["text"] == "you said list mine"
    button = {
        "type": "button",
        "text": {"type": "plain_text", "text": "Claim"},
        "action_id": "claim",
        "value": "7",
    }
    blocks = [{"type": "actions", "block_id": "do", "elements": [button]}]
    posted = await desk.app.client.chat_postMessage(channel=world.desk, text="A ticket", blocks=blocks)
    assert (await slack.play.click(world.ben, "claim", world.desk, posted["ts"]))["ok"]
    (body,) = pressed
    assert body["actions"][0]["value"] == "7"
    assert body["container"]["message_ts"] == posted["ts"]
    assert body["user"]["id"] == world.ben


async def test_nobody_answers(slack: SlackServer, world: Seeded) -> None:
    await slack.play.set_app(request_url="http://127.0.0.1:9/none", socket_mode=False)
    answer = await slack.play.command(world.ben, "desk", "/desk list")
    assert (answer["ok"], answer["error"]) == (False, "dispatch_failed")
    (whispered,) = (await slack.play.ephemerals(world.ben))["ephemerals"]
    assert "dispatch_failed" in whispered["text"]
