"""The desk and its adapters for `deskbell connect`: they are asked, but hear nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot import wiring
from bot.app import find_chats
from bot.cli.reach import reached
from core.chat import Closes, Connects, Menus
from core.desk import Desk
from core.errors import StartError
from core.installations import connecting as work
from core.installations import service
from core.installations.model import Installation
from core.settings import Settings


@dataclass(frozen=True, slots=True)
class Connecting:
    """`running`: whether a desk is there that takes up what is changed."""

    desk: Desk
    offers: Mapping[str, Connects]
    running: bool

    def offer(self, platform: str) -> Connects:
        found = self.offers.get(platform)
        if found is None:
            names = ", ".join(sorted(self.offers)) or "none"
            raise StartError(
                f"There is no platform {platform[:40]} that could be connected; there is: {names}."
            )
        return found

    async def listed(self) -> Sequence[Installation]:
        async with self.desk.db.sessions() as session:
            return await service.listed(session)


@asynccontextmanager
async def connecting(settings: Settings) -> AsyncIterator[Connecting]:
    async with reached(settings) as there:
        desk = await there.desk()
        chats = find_chats(desk)
        for chat in chats.values():
            if isinstance(chat, Menus):
                chat.offer(wiring.menu())
        running = there.running or bool(settings.sqlalchemy_url)
        try:
            yield Connecting(desk, work.offering(chats), running)
        finally:
            for chat in chats.values():
                if isinstance(chat, Closes):
                    await chat.close()
