"""The web chat as an adapter: what the desk posts is told to the visitor's open pages."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from starlette.types import ASGIApp

from adapters.webchat import render
from adapters.webchat.hub import Hub
from adapters.webchat.settings import Settings
from adapters.webchat.tokens import PLATFORM
from core.chat import Answer, Deliver, Inbound, Limits, Place, Post
from core.desk import Desk
from core.errors import Unavailable
from core.guard import Guard
from core.i18n import _
from core.ports.bus import Signal


class WebChat:
    """Pages read messages from the desk's own timeline, so a post only says that there is
    something to read; every process hears it and tells the pages that hang on it."""

    name = PLATFORM
    page = "/"
    limits = Limits(text=50_000, file_bytes=25 * 1024 * 1024, forms=False, live=True, timeline=True)

    def __init__(self, desk: Desk, settings: Settings) -> None:
        from adapters.webchat.http import make_app

        self.desk = desk
        self.settings = settings
        self.guard = Guard()
        self.hub = Hub(desk, settings)
        self._deliver: Deliver | None = None
        self.http: ASGIApp | None = make_app(self)

    async def run(self, deliver: Deliver) -> None:
        """Take requests until cancelled."""
        self._deliver = deliver
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.hub.listen())
                group.create_task(self.hub.tell_places())
        finally:
            self._deliver = None

    async def deliver(self, inbound: Inbound) -> Answer:
        if self._deliver is None:
            raise Unavailable(_("The desk cannot be reached right now. Please try again in a moment."))
        return await self._deliver(inbound)

    # --- Poster

    async def post(self, place: Place, part: Post, *, key: str) -> str:
        if part.message_id:
            self._changed(place, part.message_id)
            return part.message_id
        # A card that is no message is shown to whoever looks now; it lies nowhere else.
        shown = {"visitor": place.channel, "thread": place.thread, "card": render.card(part.card)}
        self.desk.bus.publish(Signal("webchat.card", shown))
        return key

    async def edit(self, place: Place, native: str, part: Post) -> None:
        self._changed(place)

    async def delete(self, place: Place, native: str) -> None:
        self._changed(place)

    # --- Discreet

    def is_private(self, place: Place) -> bool:
        return True

    # --- Reacts, Types

    async def react(self, place: Place, native: str, emoji: Sequence[str]) -> None:
        self._changed(place)

    async def typing(self, place: Place, on: bool) -> None:
        self.desk.bus.publish(Signal("typing", {"place": place.key, "on": on, "side": "staff"}))

    def _changed(self, place: Place, said: str = "") -> None:
        told = {"visitor": place.channel, "thread": place.thread, "said": said}
        self.desk.bus.publish(Signal("webchat", told))
