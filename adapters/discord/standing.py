"""Look before you say it again: what an earlier try may have left at a place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from adapters.discord.reading import id_at, items, order, string, table
from adapters.discord.rest import Json, Rest
from core import clock
from core.chat import FileRef, Place
from core.conversations.model import MessageCopy
from core.desk import Desk
from core.outbox_model import Delivery

LOOK_FROM = timedelta(seconds=30)
PAGE, MOST_PAGES = 100, 5


class Standing:
    """Finds what stands at a place by its author, its words and its file."""

    def __init__(self, desk: Desk, rest: Rest) -> None:
        self._desk = desk
        self._rest = rest

    async def find(
        self, place: Place, body: Json, since: datetime | None, file: FileRef | None, author: str
    ) -> str:
        """The id of a message that an earlier try left at a place; empty when there is none. What other
        deliveries have said is not ours, however alike it is."""
        found: list[str] = []
        async for shape in self._since(place, since):
            if string(table(shape, "author"), "id") == author and _is_same(shape, body, file):
                found.append(string(shape, "id"))
        taken = await self._taken(place, found)
        return next((native for native in found if native not in taken), "")

    async def _since(self, place: Place, since: datetime | None) -> AsyncIterator[Mapping[str, Any]]:
        """What stands at a place from a moment on, the oldest first; bounded."""
        after = id_at((since or clock.now() - timedelta(hours=1)) - LOOK_FROM)
        for _page in range(MOST_PAGES):
            page = await self._rest.get(
                "/channels/{channel_id}/messages",
                query={"after": after, "limit": PAGE},
                channel_id=target(place),
            )
            shapes = sorted(page, key=lambda shape: order(string(shape, "id")))
            for shape in shapes:
                yield shape
            if len(shapes) < PAGE:
                return
            after = string(shapes[-1], "id")

    async def _taken(self, place: Place, natives: Sequence[str]) -> set[str]:
        """Which of these ids belong to deliveries that are known to have succeeded."""
        if not natives:
            return set()
        deliveries = select(Delivery.native).where(
            Delivery.place_key == place.key, Delivery.native.in_(natives)
        )
        copies = select(MessageCopy.native).where(
            MessageCopy.place_key == place.key, MessageCopy.native.in_(natives)
        )
        async with self._desk.db.sessions() as session:
            found = {*await session.scalars(deliveries), *await session.scalars(copies)}
        return {native for native in found if native}


def target(place: Place) -> str:
    """The channel that a call names: the thread, where there is one."""
    return place.thread or place.channel


def _is_same(shape: Mapping[str, Any], body: Json, file: FileRef | None) -> bool:
    """Whether a message says what a call would say: the same words, embeds and file."""
    if string(shape, "content") != body["content"]:
        return False
    names = [(string(one, "filename"), one.get("size")) for one in items(shape, "attachments")]
    wanted = [(name, file.size) for name in (body["attachments"][0]["filename"],)] if file else []
    if len(names) != len(wanted) or (file and file.size is not None and names[0][1] != file.size):
        return False
    return _words(shape.get("embeds")) == _words(body["embeds"])


def _words(embeds: Any) -> list[tuple[str, str]]:
    shapes = [one for one in embeds if isinstance(one, Mapping)] if isinstance(embeds, list) else []
    return [
        (string(one, "title"), string(one, "description"))
        for one in shapes
        if string(one, "type") in ("", "rich")
    ]
