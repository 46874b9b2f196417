"""The adapter before the stand-in platform: what the contract asks of every platform."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from adapters.slack import Slack, make
from core.chat import Place
from core.desk import Desk
from playground.slack import Seeded, SlackServer, play_app, seed


@dataclass(slots=True)
class Standin:
    """`adapter` is made for the stand-in and not yet run."""

    adapter: Slack
    place: Place
    """Where a requester is."""
    room: Place
    """What could be a desk room."""
    server: SlackServer
    world: Seeded

    async def ready(self) -> None:
        """Until a socket is open: what was said before is found by the history of known places."""
        await self.server.sockets.connected(30)

    async def shows(self, place: Place) -> list[str]:
        """The texts that stand at a place, oldest first."""
        if place.thread:
            found = await self.server.play.thread(place.channel, place.thread)
        else:
            found = await self.server.play.channel(place.channel)
        return [str(message["text"]) for message in found["messages"]]

    async def says(self, text: str) -> None:
        """The requester says something."""
        await self.server.play.say(self.world.ada, "bot", text)


def env_of(server: SlackServer, world: Seeded, **more: str) -> dict[str, str]:
    return {
        "DESKBELL_SLACK_API_BASE_URL": server.api_url,
        "DESKBELL_SLACK_BOT_TOKEN": world.token,
        "DESKBELL_SLACK_APP_TOKEN": server.world.app.app_token,
        "DESKBELL_SLACK_SIGNING_SECRET": server.world.app.signing_secret,
        **more,
    }


@asynccontextmanager
async def opened(desk: Desk, **more: str) -> AsyncIterator[Standin]:
    """A stand-in with its small world, and the adapter for it."""
    async with SlackServer(app=play_app(), seed=7) as server:
        server.set_knob("ack_seconds", 3.0)
        server.set_knob("retry_delays", [0.0, 0.05, 0.2])
        world = seed(server.world)
        adapter = make(desk, env_of(server, world, **more))
        direct: Any = server.world.direct(world.team, [world.bot, world.ada])
        try:
            yield Standin(
                adapter,
                Place("slack", world.team, direct.id),
                Place("slack", world.team, world.desk),
                server,
                world,
            )
        finally:
            await adapter.workspaces.close()
