"""The stand-in with its small world, and the real SDK in front of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from playground.slack import Seeded, SlackServer, play_app, seed

CONTRACT = Path(__file__).parents[4] / "shared" / "platforms" / "slack"
Connect = Callable[[AsyncApp], Awaitable[AsyncSocketModeHandler]]


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    document = CONTRACT / "web_openapi_2020.json"
    async with SlackServer(app=play_app(), seed=7, contract=document) as server:
        server.set_knob("ack_seconds", 1.0)
        server.set_knob("retry_delays", [0.0, 0.05, 0.1])
        yield server


@pytest.fixture
def world(slack: SlackServer) -> Seeded:
    return seed(slack.world)


@pytest.fixture
def client(slack: SlackServer, world: Seeded) -> AsyncWebClient:
    return AsyncWebClient(token=world.token, base_url=slack.api_url, retry_handlers=[])


@pytest.fixture
def app(slack: SlackServer, client: AsyncWebClient) -> AsyncApp:
    """Acknowledges only once the listener is done."""
    return AsyncApp(
        client=client,
        token=client.token,
        signing_secret=slack.world.app.signing_secret,
        process_before_response=True,
        ignoring_self_events_enabled=False,
    )


@pytest.fixture
async def connect(slack: SlackServer) -> AsyncIterator[Connect]:
    """Brings an app to the stand-in over Socket Mode."""
    handlers: list[AsyncSocketModeHandler] = []

    async def start(app: AsyncApp) -> AsyncSocketModeHandler:
        handler = AsyncSocketModeHandler(app, slack.world.app.app_token, ping_interval=0.2)
        handlers.append(handler)
        await handler.connect_async()
        assert await slack.sockets.connected(5)
        return handler

    yield start
    for handler in handlers:
        await handler.close_async()


@pytest.fixture
def heard(app: AsyncApp) -> list[dict[str, Any]]:
    """Every event that the app gets to hear, as its whole body."""
    bodies: list[dict[str, Any]] = []

    async def listen(body: dict[str, Any]) -> None:
        bodies.append(body)

    for kind in ("message", "app_mention", "reaction_added", "reaction_removed", "file_shared"):
        app.event(kind)(listen)
    for kind in (
        "app_home_opened",
        "member_joined_channel",
        "tokens_revoked",
        "user_change",
        "channel_created",
    ):
        app.event(kind)(listen)
    return bodies
