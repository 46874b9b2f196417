"""Whose message it was: the platform tells of a deletion without saying so."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from sqlalchemy import select

from adapters.discord.known import Known
from core.chat import Deleted, Place, Sender
from core.conversations.model import Message, MessageCopy
from core.desk import Desk
from core.people import service as people

MOST = 20_000


class Authors:
    """The authors of what was said lately, from memory; of older things from the desk's own copies."""

    def __init__(self, desk: Desk, known: Known) -> None:
        self._desk = desk
        self._known = known
        self._recent: OrderedDict[str, Sender] = OrderedDict()

    def remember(self, native: str, sender: Sender) -> None:
        self._recent[native] = sender
        self._recent.move_to_end(native)
        while len(self._recent) > MOST:
            self._recent.popitem(last=False)

    async def name(self, inbound: Deleted) -> Deleted | None:
        """The deletion with its author. None for what no person said here: that somebody cleared away
        a copy of ours takes nothing back."""
        found = self._recent.get(inbound.native)
        if found is None:
            external = await self._from_the_desk(inbound)
            found = Sender(external) if external else None
        return replace(inbound, sender=found) if found is not None else None

    async def _from_the_desk(self, inbound: Deleted) -> str:
        place = inbound.place
        channel = Place(place.platform, place.installation, place.channel).key
        query = (
            select(Message.author_id)
            .join(MessageCopy, MessageCopy.message_id == Message.id)
            .where(
                MessageCopy.native == inbound.native,
                MessageCopy.origin,
                MessageCopy.place_key.startswith(channel, autoescape=True),
            )
            .limit(1)
        )
        async with self._desk.unit() as uow:
            author = await uow.session.scalar(query)
            if author is None:
                return ""
            return await people.external_at(uow, author, place.platform, place.installation)
