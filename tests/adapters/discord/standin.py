"""The adapter before the stand-in: opened for the suite of all platforms, and for the tests here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from adapters.discord import DiscordChat, make, sdk
from core.chat import Place
from core.desk import Desk
from playground.discord import DiscordServer
from playground.discord.demo import Seeded, seed

TOKEN = "test-token"


@dataclass
class Standin:
    """The adapter, made and not yet run; where a requester is, where agents are, and who speaks."""

    adapter: DiscordChat
    place: Place
    room: Place
    server: DiscordServer
    seeded: Seeded

    @property
    def people(self) -> Any:
        return self.server.people

    async def ready(self) -> None:
        """Until the bot hears: what is said before its first login is never told to it."""
        await until(lambda: self.server.gateway.identified > 0)

    async def shows(self, place: Place) -> list[str]:
        """The texts that stand at a place, the oldest first."""
        shown = self.people.view(place.thread or place.channel)
        return [_words(message) for message in shown["messages"]]

    async def says(self, text: str) -> None:
        self.people.say("Ada", self.place.channel, text)


@asynccontextmanager
async def opened(desk: Desk, **env: str) -> AsyncIterator[Standin]:
    """A server of its own for each; the library's addresses are put back afterwards."""
    before = (sdk.Route.BASE, sdk.discord.Asset.BASE, sdk.DiscordWebSocket.DEFAULT_GATEWAY)
    async with DiscordServer() as server:
        seeded = seed(server.world, TOKEN)
        adapter = make(desk, settings_for(server) | env)
        bot = seeded.app.user.id
        direct = server.people.dm("Ada", seeded.app)
        forum = next(one for one in seeded.channels if one.name == "desk")
        try:
            yield Standin(
                adapter, Place("discord", bot, direct.id), Place("discord", bot, forum.id), server, seeded
            )
        finally:
            sdk.Route.BASE, sdk.discord.Asset.BASE, sdk.DiscordWebSocket.DEFAULT_GATEWAY = before


def settings_for(server: DiscordServer) -> dict[str, str]:
    return {"DESKBELL_DISCORD_API_BASE_URL": server.api_url, "DESKBELL_DISCORD_BOT_TOKEN": TOKEN}


async def until(true: Any, seconds: float = 30.0) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


def _words(message: dict[str, Any]) -> str:
    embeds = [
        part for one in message["embeds"] for part in (one.get("title"), one.get("description")) if part
    ]
    files = [one["filename"] for one in message["attachments"]]
    return "\n".join(part for part in (message["content"], *embeds, *files) if part)
