"""Reactions of people: the platform tells what changed, the desk wants to know what stands."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import structlog
from sqlalchemy import select

from adapters.discord.known import Known
from adapters.discord.people import sender
from adapters.discord.reading import items, order, string, table
from adapters.discord.rest import Rest
from adapters.discord.settings import PLATFORM
from core import clock
from core.chat import Place, PostFailed, Reacted, Sender
from core.conversations.model import MessageCopy, Reaction
from core.desk import Desk
from core.people import service as people

log = structlog.get_logger("discord.reacted")
MOST_EMOJI = 12
MOST_PEOPLE = 20


class Reactions:
    """Asks the platform for the reactions of a person, of messages that stand in a ticket only."""

    def __init__(self, desk: Desk, rest: Rest, known: Known) -> None:
        self._desk = desk
        self._rest = rest
        self._known = known

    async def of(self, event: str, data: Mapping[str, Any]) -> AsyncIterator[Reacted]:
        """What stands now, for each person whom the event concerns."""
        channel, native = string(data, "channel_id"), string(data, "message_id")
        user = string(data, "user_id")
        account = table(table(data, "member"), "user")
        if not channel or not native or user == self._known.bot or account.get("bot") is True:
            return
        place = self._known.place(channel, PLATFORM)
        if not await self._stands(place, native):
            return
        who = [sender(account or {"id": user}, table(data, "member"))] if user else []
        for one in who or await self._reacted_before(place, native):
            try:
                emoji = await self._standing(channel, native, one.external)
            except PostFailed as error:
                log.warning("reactions.not_read", reason=str(error))
                continue
            yield Reacted(
                place=place, sender=one, native=native, at=clock.now(), direct=False, emoji=tuple(emoji)
            )

    async def _standing(self, channel: str, native: str, user: str) -> list[str]:
        """The emoji that a person has put on a message."""
        parts: dict[str, Any] = {"channel_id": channel, "message_id": native}
        message = await self._rest.get("/channels/{channel_id}/messages/{message_id}", **parts)
        found: list[str] = []
        for reaction in items(message, "reactions")[:MOST_EMOJI]:
            emoji = table(reaction, "emoji")
            people_there = await self._rest.get(
                "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}",
                query={"limit": 1, "after": str(max(order(user) - 1, 0))},
                emoji=as_in_call(emoji),
                **parts,
            )
            if isinstance(people_there, list) and any(string(one, "id") == user for one in people_there):
                found.append(as_word(emoji))
        return found

    async def _stands(self, place: Place, native: str) -> bool:
        channel = Place(place.platform, place.installation, place.channel).key
        query = select(MessageCopy.id).where(
            MessageCopy.native == native, MessageCopy.place_key.startswith(channel, autoescape=True)
        )
        async with self._desk.db.sessions() as session:
            return await session.scalar(query.limit(1)) is not None

    async def _reacted_before(self, place: Place, native: str) -> list[Sender]:
        """The people whose reactions we know of, where all of a message were cleared away."""
        query = (
            select(Reaction.person_id)
            .join(MessageCopy, MessageCopy.message_id == Reaction.message_id)
            .where(MessageCopy.native == native)
            .distinct()
            .limit(MOST_PEOPLE)
        )
        async with self._desk.unit() as uow:
            found = [
                await people.external_at(uow, one, place.platform, place.installation)
                for one in list(await uow.session.scalars(query))
            ]
        return [Sender(external) for external in found if external]


def as_word(emoji: Mapping[str, Any]) -> str:
    """An emoji as the desk keeps it: the sign itself, or a custom one by name."""
    name = string(emoji, "name")
    return f":{name}:" if string(emoji, "id") else name


def as_in_call(emoji: Mapping[str, Any]) -> str:
    """An emoji as an address of a call names it."""
    number = string(emoji, "id")
    return f"{string(emoji, 'name')}:{number}" if number else string(emoji, "name")
