"""A forum's own tags say how the tickets of its posts stand. Tags that people put there stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog

from adapters.discord.known import Known, Room
from adapters.discord.rest import Json, Rest
from adapters.discord.rooms import room_of
from adapters.discord.trouble import MISSING_ACCESS, MISSING_PERMISSION, Refused
from core.chat import Card, Place

log = structlog.get_logger("discord.labels")
MOST_OF_A_FORUM, MOST_OF_A_POST, LONGEST = 20, 5, 20
_CHANNEL = "/channels/{channel_id}"
_NOT_OURS_TO_CHANGE = (MISSING_ACCESS, MISSING_PERMISSION)


class Labels:
    """The tags of one bot's forums. What it may not make, it does not ask for again."""

    def __init__(self, rest: Rest, known: Known) -> None:
        self._rest = rest
        self._known = known
        self._given_up: set[str] = set()

    async def for_new(self, forum: Room, card: Card) -> Sequence[str]:
        """The tags of a post that is to be made."""
        wanted = await self._tag(forum, card)
        return [wanted] if wanted else list(forum.tags[:1]) if forum.needs_tag else []

    async def show(self, place: Place, native: str, card: Card) -> None:
        """See to it that a post carries the tag of its card, one call where it does not."""
        if not card.label or not place.thread or native != place.thread:
            return
        forum = await room_of(self._known, self._rest, place.channel)
        if not forum.is_forum or (wanted := await self._tag(forum, card)) == "":
            return
        post = await room_of(self._known, self._rest, place.thread)
        ours = {tag for tag, name in forum.named if name.casefold() in _folded(card.labels)}
        kept = [tag for tag in post.applied if tag not in ours]
        tags = [wanted, *kept][:MOST_OF_A_POST]
        if set(tags) == set(post.applied):
            return
        try:
            await self._change(place.thread, {"applied_tags": tags})
        except Refused as error:
            if error.code not in _NOT_OURS_TO_CHANGE:
                raise
            log.warning("labels.refused")

    async def _tag(self, forum: Room, card: Card) -> str:
        """The forum's tag of that name, made where there is none; empty where it may not be."""
        if not card.label:
            return ""
        forum = self._known.room(forum.id) or forum
        if not _id_of(forum, card.label) and forum.id not in self._given_up:
            forum = await self._make(forum, card.labels)
        return _id_of(forum, card.label)

    async def _make(self, forum: Room, labels: Sequence[str]) -> Room:
        """All tags that are missing, by one call: forums change rarely."""
        shape = await self._rest.get(_CHANNEL, channel_id=forum.id)
        standing: list[Json] = [dict(tag) for tag in shape.get("available_tags") or ()]
        known = {str(tag.get("name", "")).casefold() for tag in standing}
        missing = [{"name": name[:LONGEST]} for name in labels if name[:LONGEST].casefold() not in known]
        if missing and len(standing) + len(missing) <= MOST_OF_A_FORUM:
            try:
                return self._known.learn(
                    await self._change(forum.id, {"available_tags": [*standing, *missing]}), forum.guild
                )
            except Refused as error:
                if error.code not in _NOT_OURS_TO_CHANGE:
                    raise
                log.warning("labels.not_made")
        self._given_up.add(forum.id)
        return self._known.learn(shape, forum.guild)

    async def _change(self, channel: str, body: Json) -> Any:
        shape = await self._rest.call("PATCH", _CHANNEL, body, channel_id=channel)
        known = self._known.room(channel)
        self._known.learn(shape, known.guild if known is not None else "")
        return shape


def _folded(labels: Sequence[str]) -> set[str]:
    return {label[:LONGEST].casefold() for label in labels}


def _id_of(forum: Room, label: str) -> str:
    wanted = label[:LONGEST].casefold()
    return next((tag for tag, name in forum.named if name.casefold() == wanted), "")
