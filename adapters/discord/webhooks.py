"""Messages under an agent's own name and picture, by a webhook of the channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from adapters.discord import render
from adapters.discord.known import Known
from adapters.discord.reading import items, string
from adapters.discord.rest import Json, Rest
from adapters.discord.rooms import room_of
from adapters.discord.trouble import (
    BAD_WEBHOOK_TOKEN,
    MISSING_ACCESS,
    MISSING_PERMISSION,
    UNKNOWN_WEBHOOK,
    Refused,
    in_our_words,
)
from core.chat import Card, Place
from core.i18n import _

log = structlog.get_logger("discord.webhooks")
NAME = "Deskbell"
_FORBIDDEN = ("discord", "clyde", "everyone", "here")
"""Words that the platform takes in no name of a webhook."""
_STALE = (UNKNOWN_WEBHOOK, BAD_WEBHOOK_TOKEN)
_SAY = "/webhooks/{webhook_id}/{webhook_token}"
_ONE = "/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}"


@dataclass(frozen=True, slots=True)
class Hook:
    id: str
    token: str


class Webhooks:
    """One webhook for each channel, found or made when first needed."""

    def __init__(self, rest: Rest, known: Known) -> None:
        self._rest = rest
        self._known = known
        self._hooks: dict[str, Hook | None] = {}

    async def serve(self, place: Place) -> bool:
        """Whether messages at this place can go by webhook: not in direct channels, and not where the
        bot may make none."""
        try:
            room = await room_of(self._known, self._rest, place.thread or place.channel)
        except Refused as error:
            raise in_our_words(error, in_thread=bool(place.thread)) from error
        if not room.guild:
            return False
        if place.channel not in self._hooks:
            try:
                self._hooks[place.channel] = await self._found(place.channel)
            except Refused as error:
                if error.code not in (MISSING_PERMISSION, MISSING_ACCESS):
                    raise in_our_words(error) from error
                log.warning("webhook.not_allowed", channel=place.channel)
                self._hooks[place.channel] = None
        return self._hooks[place.channel] is not None

    async def of(self, place: Place) -> Hook:
        hook = self._hooks.get(place.channel)
        if hook is None:
            hook = self._hooks[place.channel] = await self._found(place.channel)
        return hook

    async def say(self, place: Place, body: Json, files: Sequence[Json]) -> str:
        """One message; a webhook that somebody removed is made anew."""
        try:
            return await self._say(place, body, files)
        except Refused as error:
            if error.code not in _STALE or files:
                raise
        del self._hooks[place.channel]
        return await self._say(place, body, files)

    async def edit(self, place: Place, native: str, body: Json) -> None:
        hook = await self.of(place)
        try:
            await self._rest.call(
                "PATCH",
                _ONE,
                body,
                query=_in_thread(place),
                webhook_id=hook.id,
                webhook_token=hook.token,
                message_id=native,
            )
        except Refused as error:
            raise in_our_words(error, in_thread=bool(place.thread)) from error

    def name_for(self, card: Card) -> str:
        """The author's name, as far as the platform takes it."""
        name = render.name_of_author(card)
        for word in _FORBIDDEN:
            at = name.lower().find(word)
            while at >= 0:
                name = name[: at + 1] + "." + name[at + 1 :]
                at = name.lower().find(word)
        return name[:80] or _("Support")

    async def _say(self, place: Place, body: Json, files: Sequence[Json]) -> str:
        hook = await self.of(place)
        query = {"wait": "true"} | _in_thread(place)
        ids: dict[str, Any] = {"webhook_id": hook.id, "webhook_token": hook.token}
        if files:
            shape = await self._rest.upload(_SAY, body, files, query=query, **ids)
        else:
            shape = await self._rest.call("POST", _SAY, body, query=query, once=True, **ids)
        return string(shape, "id")

    async def _found(self, channel: str) -> Hook:
        listed = {"list": await self._rest.get("/channels/{channel_id}/webhooks", channel_id=channel)}
        for shape in items(listed, "list"):
            if string(shape, "application_id") == self._known.application and string(shape, "token"):
                return Hook(string(shape, "id"), string(shape, "token"))
        made = await self._rest.call(
            "POST", "/channels/{channel_id}/webhooks", {"name": NAME}, once=True, channel_id=channel
        )
        return Hook(string(made, "id"), string(made, "token"))


def _in_thread(place: Place) -> dict[str, str]:
    return {"thread_id": place.thread} if place.thread else {}
