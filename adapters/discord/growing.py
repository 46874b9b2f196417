"""A thread that grows from a message by which somebody called the bot in a channel."""

from __future__ import annotations

from typing import Any

from adapters.discord.known import WITH_THREADS, Known
from adapters.discord.reading import flag_set, string, table
from adapters.discord.rest import Rest
from adapters.discord.rooms import room_of
from adapters.discord.trouble import HAS_THREAD, UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, Refused, in_our_words
from core.chat import Place, ThreadGone
from core.fit import shorten
from core.i18n import _

ARCHIVE_AFTER = 10_080
_HAD_THREAD = 1 << 5
_MENTION = 60


class Growing:
    """Sees to it that the thread of a place is there, where it is still to grow."""

    def __init__(self, rest: Rest, known: Known) -> None:
        self._rest = rest
        self._known = known

    async def grown(self, place: Place) -> Place:
        """The place, with its thread begun if nothing stood in it so far. A thread that was there and
        was deleted is not made again behind people's backs."""
        if not place.thread:
            return place
        try:
            await room_of(self._known, self._rest, place.thread)
        except Refused as error:
            if error.code != UNKNOWN_CHANNEL:
                raise in_our_words(error, in_thread=True) from error
            await self._grow(place)
        return place

    async def _grow(self, place: Place) -> None:
        ids: dict[str, Any] = {"channel_id": place.channel, "message_id": place.thread}
        try:
            parent = await room_of(self._known, self._rest, place.channel)
            if parent.kind not in WITH_THREADS:
                raise ThreadGone("the thread is gone")
            message = await self._rest.get("/channels/{channel_id}/messages/{message_id}", **ids)
        except Refused as error:
            if error.code == UNKNOWN_MESSAGE:
                raise ThreadGone("the message of the thread is gone") from error
            raise in_our_words(error) from error
        author = table(message, "author")
        if string(author, "id") == self._known.bot or flag_set(message, "flags", _HAD_THREAD):
            raise ThreadGone("the thread is gone")
        name = shorten(" ".join(string(message, "content").split()), _MENTION)
        await self._begin(place, self._without_mention(name) or _("Ticket"))

    async def _begin(self, place: Place, name: str) -> None:
        body = {"name": name[:100], "auto_archive_duration": ARCHIVE_AFTER}
        try:
            shape = await self._rest.call(
                "POST",
                "/channels/{channel_id}/messages/{message_id}/threads",
                body,
                once=True,
                channel_id=place.channel,
                message_id=place.thread,
            )
            self._known.learn(shape)
        except Refused as error:
            if error.code != HAS_THREAD:
                raise in_our_words(error) from error

    def _without_mention(self, name: str) -> str:
        for mention in (f"<@{self._known.bot}>", f"<@!{self._known.bot}>"):
            name = name.replace(mention, "")
        return name.strip(" ,:")
