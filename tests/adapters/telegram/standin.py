"""The adapter against the local stand-in, for these tests and for the suite that runs over all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from adapters.telegram import Telegram
from adapters.telegram.settings import Settings
from core.chat import Place
from core.desk import Desk
from playground.telegram import TelegramServer
from playground.telegram.seed import Seeded, seeded


@dataclass
class Standin:
    """`place` is the requester's chat with the bot, `room` a forum in which agents could work."""

    adapter: Telegram
    place: Place
    room: Place
    server: TelegramServer
    world: Seeded
    env: Mapping[str, str]

    async def ready(self) -> None:
        """Nothing to wait for: what is said earlier lies there until it is fetched."""

    async def shows(self, place: Place) -> list[str]:
        """The texts that stand at a place, oldest first."""
        return [one["text"] for one in self.messages(place) if one["text"]]

    async def says(self, text: str) -> None:
        """The requester says something at `place`."""
        self.server.people.say(self.world.requester, self.world.private, text)

    def messages(self, place: Place) -> list[dict[str, Any]]:
        chat = self.server.world.chat(place.channel, self.world.bot.id)
        thread = int(place.thread) if place.thread.isdecimal() else None
        return self.server.shows(chat, thread)


@asynccontextmanager
async def opened(
    desk: Desk, *, topics: bool = False, env: Mapping[str, str] | None = None
) -> AsyncIterator[Standin]:
    async with TelegramServer() as server:
        world = seeded(server, topics=topics)
        world.bot.queue.clear()
        settings = {
            "DESKBELL_TELEGRAM_API_BASE_URL": server.base_url,
            "DESKBELL_TELEGRAM_FILE_BASE_URL": server.base_file_url,
            "DESKBELL_TELEGRAM_BOT_TOKEN": world.bot.token,
            **(env or {}),
        }
        adapter = Telegram(desk, replace(Settings.of(settings), paced=False))
        number = str(world.bot.id)
        place = Place("telegram", number, str(world.private.id))
        room = Place("telegram", number, str(world.room.id))
        try:
            yield Standin(adapter, place, room, server, world, settings)
        finally:
            await adapter.answering.close()
            await adapter.lines.close()
