"""Reactions that the bot puts on messages: those of the other side, and the marks of delivery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from adapters.discord.known import Known
from adapters.discord.posting import Posting
from adapters.discord.reacted import as_in_call
from adapters.discord.reading import items, table
from adapters.discord.rest import Rest
from adapters.discord.rooms import emoji_at
from adapters.discord.standing import target
from adapters.discord.trouble import UNKNOWN_EMOJI, UNKNOWN_MESSAGE, Refused
from core.chat import Place

MARKS = {"sent": "✅", "failed": "⚠️"}
MOST = 20
_OWN = "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/@me"


class Reacting:
    """The bot's own reactions, brought to what they should be."""

    def __init__(self, rest: Rest, known: Known, posting: Posting) -> None:
        self._rest = rest
        self._known = known
        self._posting = posting

    async def react(self, place: Place, native: str, emoji: Sequence[str]) -> None:
        """Exactly these, beside the marks. Custom emoji that the server does not have are left out."""
        try:
            channel = target(await self._posting.around(place, native))
            wanted = {code for one in emoji[:MOST] if (code := await self._in_call(channel, one))}
            standing = await self._own(channel, native)
            for code in sorted(standing - wanted - set(MARKS.values())):
                await self._call("DELETE", channel, native, code)
            for code in sorted(wanted - standing):
                await self._call("PUT", channel, native, code)
        except Refused as error:
            raise await self._posting.words_for(error, place) from error

    async def mark(self, place: Place, native: str, state: Literal["sent", "failed"]) -> None:
        """The mark of an agent's message; it replaces the one before."""
        other = MARKS["failed" if state == "sent" else "sent"]
        try:
            channel = target(await self._posting.around(place, native))
            await self._call("PUT", channel, native, MARKS[state])
            if other in await self._own(channel, native):
                await self._call("DELETE", channel, native, other)
        except Refused as error:
            if error.code != UNKNOWN_MESSAGE:
                raise await self._posting.words_for(error, place) from error

    async def _own(self, channel: str, native: str) -> set[str]:
        message: Any = await self._rest.get(
            "/channels/{channel_id}/messages/{message_id}", channel_id=channel, message_id=native
        )
        shape = message if isinstance(message, Mapping) else {}
        return {as_in_call(table(one, "emoji")) for one in items(shape, "reactions") if one.get("me") is True}

    async def _call(self, method: str, channel: str, native: str, emoji: str) -> None:
        try:
            await self._rest.call(method, _OWN, channel_id=channel, message_id=native, emoji=emoji)
        except Refused as error:
            if error.code != UNKNOWN_EMOJI:
                raise

    async def _in_call(self, channel: str, emoji: str) -> str:
        if emoji.startswith(":") and emoji.endswith(":") and len(emoji) > 2:
            return await emoji_at(self._known, self._rest, channel, emoji[1:-1])
        return emoji
