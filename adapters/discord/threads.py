"""Threads, forum posts and channels that hold one ticket each: opened once, put to sleep, woken."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from adapters.discord import render
from adapters.discord.growing import ARCHIVE_AFTER
from adapters.discord.known import Known, Room
from adapters.discord.labels import Labels
from adapters.discord.posting import Posting
from adapters.discord.reading import id_at, items, number, order, string
from adapters.discord.rest import Json, Rest
from adapters.discord.rooms import room_of
from adapters.discord.settings import PLATFORM, Settings
from adapters.discord.trouble import HAS_THREAD, UNKNOWN_CHANNEL, Refused, in_our_words
from core import clock
from core.chat import NotSupported, OpenedThread, Place, Post, RetryAfter
from core.fit import shorten
from core.i18n import _

_PRIVATE_THREAD, _TEXT_CHANNEL = 12, 0
_VIEW, _SEND, _HISTORY, _FILES, _REACT = 1 << 10, 1 << 11, 1 << 16, 1 << 15, 1 << 6
_MAY_TALK = _VIEW | _SEND | _HISTORY | _FILES | _REACT
_CHANNEL = "/channels/{channel_id}"
_THREADS = "/channels/{channel_id}/threads"
_MARKED = re.compile(r" · [0-9a-f]{12}$")
LOOK_FROM = timedelta(seconds=30)
UNHEARD_PAUSE = 3_600.0
"""Seconds until a channel is looked at again in which something stands that the desk has not heard."""


class Threads:
    """Opens and closes the places of tickets."""

    def __init__(
        self,
        rest: Rest,
        known: Known,
        posting: Posting,
        labels: Labels,
        settings: Settings,
        has_heard: Callable[[str, str, str], Awaitable[bool]],
    ) -> None:
        self._rest = rest
        self._known = known
        self._posting = posting
        self._labels = labels
        self._settings = settings
        self._has_heard = has_heard

    async def open(self, place: Place, title: str, head: Post, key: str, member: str) -> OpenedThread:
        """A thread for a ticket: a post in a forum, a thread from the head card in a text channel, a
        private thread or a channel where it is for one requester."""
        title = shorten(" ".join(title.split()), 100) or "…"
        room = await self._room(place)
        if not room.guild or room.is_thread:
            raise NotSupported("no threads here")
        try:
            if member and self._settings.ticket_place == "channel":
                return await self._channel(room, title, head, key, member)
            if member:
                return await self._private(room, title, head, key, member)
            if room.is_forum:
                return await self._forum_post(room, title, head)
            return await self._from_head(place, title, head, key)
        except Refused as error:
            raise await self._posting.words_for(error, place) from error

    async def post(self, place: Place, part: Post, key: str) -> str:
        """Say something; to a forum itself, which takes no messages, by a post of its own."""
        if not place.thread and (await self._room(place)).is_forum:
            title = part.card.title or _("Overview")
            return (await self.open(place, title, part, key, "")).head
        return await self._posting.post(place, part, key)

    async def edit(self, place: Place, native: str, part: Post) -> None:
        """Bring a message to what it says now; of the first one of a forum's post also its tag."""
        try:
            await self._labels.show(place, native, part.card)
        except Refused as error:
            raise await self._posting.words_for(error, place) from error
        await self._posting.edit(place, native, part)

    async def close(self, place: Place) -> None:
        """A thread goes to sleep, and wakes when somebody writes in it. A channel that was made for one
        ticket is removed: what was said in it stands in the ticket. Any other stays as it is."""
        if place.thread:
            await self._change(place, {"archived": True})
            return
        try:
            shape = await self._rest.get(_CHANNEL, channel_id=place.channel)
            if self._is_own(shape):
                last, guild = string(shape, "last_message_id"), string(shape, "guild_id")
                if not await self._has_heard(place.channel, last, guild):
                    raise RetryAfter(UNHEARD_PAUSE)
                await self._rest.call("DELETE", _CHANNEL, channel_id=place.channel)
        except Refused as error:
            if error.code != UNKNOWN_CHANNEL:
                raise await self._posting.words_for(error, place) from error

    async def restore(self, place: Place) -> None:
        if place.thread:
            await self._change(place, {"archived": False, "locked": False})

    async def _room(self, place: Place) -> Room:
        try:
            return await room_of(self._known, self._rest, place.channel)
        except Refused as error:
            raise in_our_words(error) from error

    async def _forum_post(self, forum: Room, title: str, head: Post) -> OpenedThread:
        thread = await self._standing(forum, title, head)
        if not thread:
            body: Json = {
                "name": title,
                "auto_archive_duration": ARCHIVE_AFTER,
                "message": render.message(head),
            }
            if tags := await self._labels.for_new(forum, head.card):
                body["applied_tags"] = tags
            shape = await self._rest.call("POST", _THREADS, body, once=True, channel_id=forum.id)
            thread = self._known.learn(shape, forum.guild).id
        return OpenedThread(self._place(forum, thread), head=thread)

    async def _from_head(self, place: Place, title: str, head: Post, key: str) -> OpenedThread:
        native = await self._posting.post(place, head, f"{key}/head")
        body = {"name": title, "auto_archive_duration": ARCHIVE_AFTER}
        path = "/channels/{channel_id}/messages/{message_id}/threads"
        try:
            shape = await self._rest.call(
                "POST", path, body, once=True, channel_id=place.channel, message_id=native
            )
            self._known.learn(shape)
        except Refused as error:
            if error.code != HAS_THREAD:
                raise
        return OpenedThread(Place(PLATFORM, self._known.bot, place.channel, native), head=native)

    async def _private(self, room: Room, title: str, head: Post, key: str, member: str) -> OpenedThread:
        thread = await self._standing(room, title, head, kind=_PRIVATE_THREAD)
        if not thread:
            body = {
                "name": title,
                "type": _PRIVATE_THREAD,
                "invitable": False,
                "auto_archive_duration": ARCHIVE_AFTER,
            }
            shape = await self._rest.call("POST", _THREADS, body, once=True, channel_id=room.id)
            thread = self._known.learn(shape, room.guild).id
        await self._rest.call(
            "PUT", "/channels/{channel_id}/thread-members/{user_id}", channel_id=thread, user_id=member
        )
        opened = self._place(room, thread)
        return OpenedThread(opened, head=await self._posting.post(opened, head, f"{key}/head"))

    async def _channel(self, room: Room, title: str, head: Post, key: str, member: str) -> OpenedThread:
        """A channel of its own, beside the one where it was asked for. Its topic carries the key."""
        mark = f"{title} · {hashlib.sha256(key.encode()).hexdigest()[:12]}"
        channel = await self._channel_with(room.guild, mark) if head.again else ""
        if not channel:
            body = {
                "name": title,
                "type": _TEXT_CHANNEL,
                "topic": mark,
                "parent_id": room.parent or None,
                "permission_overwrites": self._overwrites(room.guild, member),
            }
            shape = await self._rest.call(
                "POST", "/guilds/{guild_id}/channels", body, once=True, guild_id=room.guild
            )
            channel = self._known.learn(shape, room.guild).id
        opened = Place(PLATFORM, self._known.bot, channel)
        return OpenedThread(opened, head=await self._posting.post(opened, head, f"{key}/head"))

    def _is_own(self, shape: Mapping[str, Any]) -> bool:
        """Whether a channel was made here for one requester: it bears our mark, and is hidden from all
        others. One that people made their own by another topic or rights stays."""
        is_hidden = any(
            string(one, "id") == string(shape, "guild_id") and int(string(one, "deny") or 0) & _VIEW
            for one in items(shape, "permission_overwrites")
        )
        return (
            number(shape, "type", -1) == _TEXT_CHANNEL
            and is_hidden
            and _MARKED.search(string(shape, "topic")) is not None
        )

    def _overwrites(self, guild: str, member: str) -> Sequence[Json]:
        """Seen by the requester, the bot, and those who see everything; not by everyone."""
        return [
            {"id": guild, "type": 0, "allow": "0", "deny": str(_VIEW)},
            {"id": member, "type": 1, "allow": str(_MAY_TALK), "deny": "0"},
            {"id": self._known.bot, "type": 1, "allow": str(_MAY_TALK), "deny": "0"},
        ]

    async def _standing(self, parent: Room, title: str, head: Post, *, kind: int | None = None) -> str:
        """The thread that an earlier try left: ours, of that title, begun since; empty when there is none."""
        if not head.again:
            return ""
        found = await self._rest.get("/guilds/{guild_id}/threads/active", guild_id=parent.guild)
        since = id_at((head.since or clock.now() - timedelta(hours=1)) - LOOK_FROM)
        for shape in items(found if isinstance(found, Mapping) else {}, "threads"):
            room = Room.of(shape, parent.guild)
            if room.parent != parent.id or room.owner != self._known.bot or room.name != title:
                continue
            if order(room.id) >= order(since) and kind in (None, room.kind):
                self._known.learn(shape, parent.guild)
                return room.id
        return ""

    async def _channel_with(self, guild: str, topic: str) -> str:
        listed: Any = await self._rest.get("/guilds/{guild_id}/channels", guild_id=guild)
        shapes = items({"list": listed}, "list")
        return next((string(one, "id") for one in shapes if string(one, "topic") == topic), "")

    async def _change(self, place: Place, body: Json) -> None:
        try:
            await self._rest.call("PATCH", _CHANNEL, body, channel_id=place.thread)
        except Refused as error:
            if error.code == UNKNOWN_CHANNEL and body.get("archived"):
                return
            raise await self._posting.words_for(error, place) from error

    def _place(self, parent: Room, thread: str) -> Place:
        return Place(PLATFORM, self._known.bot, parent.id, thread)
