"""An app that is killed in the middle of its work hears the same event again from its successor."""

from __future__ import annotations

import asyncio
import sys

import aiohttp

from playground.slack import Seeded, SlackServer

PROGRAM = """
import asyncio, sys
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

base, bot, key, way = sys.argv[1:]
app = AsyncApp(client=AsyncWebClient(token=bot, base_url=base), process_before_response=True)

@app.event("message")
async def heard(body):
    print(body["event_id"], flush=True)
    if way == "hang":
        await asyncio.sleep(60)

async def main():
    await AsyncSocketModeHandler(app, key).start_async()

asyncio.run(main())
"""


async def test_killed_in_the_middle(slack: SlackServer, world: Seeded) -> None:
    slack.set_knob("ack_seconds", 30)
    slack.set_knob("retry_delays", [0.0, *[0.3] * 60])

    async def start(way: str) -> asyncio.subprocess.Process:
        given = (slack.api_url, world.token, slack.world.app.app_token, way)
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PROGRAM, *given), stdout=asyncio.subprocess.PIPE
        )

    first = await start("hang")
    second = None
    try:
        async with aiohttp.ClientSession(slack.base) as session:
            async with session.post("/_play/connected", json={"timeout": 20}) as answer:
                assert (await answer.json())["connected"]
            said = {"user": world.ada, "channel": "bot", "text": "hello"}
            async with session.post("/_play/say", json=said) as answer:
                assert answer.status == 200
        assert first.stdout
        event = await asyncio.wait_for(first.stdout.readline(), 20)
        first.kill()
        await first.wait()
        second = await start("answer")
        assert second.stdout
        assert await asyncio.wait_for(second.stdout.readline(), 20) == event
        assert await slack.delivery.settled()
        assert not slack.delivery.lost
    finally:
        for process in (first, second):
            if process is not None and process.returncode is None:
                process.kill()
                await process.wait()
