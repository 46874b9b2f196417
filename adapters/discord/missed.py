"""What was said while the bot was away: history after the last message read, then edits and deletions.

Each look is a turn in the lane of its channel, put there before anything live, so that the order in
a channel holds. A server tells of the last message of each channel: only where that is new is asked.
Where a bot has several sessions, each looks at the channels of which it is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import select

from adapters.discord.known import DM, Known, Room, put
from adapters.discord.reading import items, moment, order, string, time_of
from adapters.discord.rest import Rest
from adapters.discord.settings import PLATFORM
from adapters.discord.spoken import deleted, edited, said
from adapters.discord.trouble import MISSING_ACCESS, UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, Refused
from core import clock
from core.chat import Place, PostFailed
from core.conversations.model import Message, MessageCopy, Seat
from core.desk import Desk

if TYPE_CHECKING:
    from adapters.discord.hearing import Hearing
    from adapters.discord.read_marks import ReadMarks

log = structlog.get_logger("discord.missed")
PAGE = 100
LOOKED_BACK = 100
"""Messages of a ticket's place in which edits and deletions are looked for."""
MOST_PLACES = 300
MOST_CHECKED = 50_000
"""Channels of a session of which is known that they were looked at; one that is forgotten is looked at once more."""
LONGEST_PAUSE = 30.0
_SILENT = (4, 13, 14, 15, 16)
"""Kinds of channels without messages of their own: categories, stages, directories, forums."""


class Missed:
    """Looks for what happened in the absence of one session of a bot."""

    def __init__(self, desk: Desk, rest: Rest, known: Known, marks: ReadMarks, hearing: Hearing) -> None:
        self._desk = desk
        self._rest = rest
        self._known = known
        self._marks = marks
        self._hearing = hearing
        self._checked: dict[str, None] = {}
        """Channels that were looked at, or had nothing new, in this session, the latest last."""
        self._began = clock.now()
        self._found = 0

    def hear(self, event: str, data: Mapping[str, Any]) -> None:
        """A new session has begun, or a server has come (back): see what is new there."""
        match event:
            case "READY":
                self._checked.clear()
                self._began = clock.now()
                self._hearing.lanes.put(_ELSEWHERE, self._elsewhere)
            case "GUILD_CREATE":
                for shape in (*items(data, "channels"), *items(data, "threads")):
                    self._see(Room.of(shape, string(data, "id")))
            case "THREAD_CREATE" if data.get("newly_created") is True:
                self._check(string(data, "id"))
            case "CHANNEL_DELETE" | "THREAD_DELETE":
                self._checked.pop(string(data, "id"), None)
            case "THREAD_LIST_SYNC":
                for shape in items(data, "threads"):
                    self._see(Room.of(shape, string(data, "guild_id")))
            case _:
                pass

    def before_live(self, channel: str) -> None:
        """Something is said in a channel that nothing told of so far, as the platform lists no direct
        channels: what was said there before comes first."""
        if channel not in self._checked:
            self.look_later(channel)

    def look_later(self, channel: str) -> None:
        """Look at a channel in its turn."""
        self._check(channel)
        self._hearing.lanes.put(channel, lambda: self.catch_up_in(channel))

    async def catch_up(self) -> int:
        """Look everywhere now; how many things were handed over."""
        before = self._found
        for channel in {*self._marks.known(), *(room.id for room in self._known.rooms())}:
            self.look_later(channel)
        self._hearing.lanes.put(_ELSEWHERE, self._look_back_everywhere)
        await self._hearing.lanes.settled()
        return self._found - before

    async def catch_up_in(self, channel: str) -> None:
        """All that was said in a channel after the last message read, the oldest first."""
        await self._hearing.acquaint(channel)
        room = self._known.room(channel)
        if self._is_anothers(channel, room) or (room is not None and room.kind in _SILENT):
            return
        guild, direct = room.guild if room is not None else None, room is not None and room.kind == DM
        while True:
            after = self._marks.of(channel, guild or "", direct=direct)
            page = await self._page(channel, {"after": after, "limit": PAGE})
            for shape in page:
                await self._take(shape, room)
                self._marks.moved(channel, string(shape, "id"), guild)
            if len(page) < PAGE:
                return

    def _is_anothers(self, channel: str, room: Room | None) -> bool:
        """Whether another session of the bot is told of a channel, and so looks there."""
        if room is not None:
            self._marks.learned(channel, room.guild)
            return not self._known.shard.hears(room.guild)
        return not self._marks.may_be_ours(channel)

    async def _take(self, shape: Mapping[str, Any], room: Room | None) -> None:
        now = clock.now()
        missed = time_of(string(shape, "id"), now) < self._began - _JUST_NOW
        inbound = said(_whole(shape, room), self._known, now, missed=missed)
        if inbound is not None:
            await self._hearing.said(inbound)
            self._found += 1

    def _check(self, channel: str) -> None:
        put(self._checked, channel, None, MOST_CHECKED)

    def _see(self, room: Room) -> None:
        self._check(room.id)
        if room.kind not in _SILENT and order(room.last or room.id) > order(
            self._marks.of(room.id, room.guild)
        ):
            self.look_later(room.id)

    async def _elsewhere(self) -> None:
        """Places that no server lists: direct channels, and threads that sleep again."""
        await asyncio.sleep(_LISTING)
        for channel in self._marks.known():
            if channel not in self._checked:
                self.look_later(channel)
        await self._look_back_everywhere()

    async def _look_back_everywhere(self) -> None:
        for place in await self._places():
            channel = place.thread or place.channel
            self._hearing.lanes.put(channel, lambda place=place: self._look_back(place))  # type: ignore[misc]

    async def _look_back(self, place: Place) -> None:
        """Edits and deletions among the latest messages of a ticket's place."""
        channel = place.thread or place.channel
        await self._hearing.acquaint(channel)
        if self._is_anothers(channel, self._known.room(channel)):
            return
        page = await self._page(channel, {"limit": LOOKED_BACK})
        oldest = min((order(string(one, "id")) for one in page), default=0) if len(page) >= LOOKED_BACK else 0
        shapes = [*await self._starter(place), *page]
        for shape in shapes:
            await self._edited(shape)
        standing = {string(shape, "id") for shape in shapes}
        for native in await self._copies(place):
            if native not in standing and (order(native) > oldest or native == place.thread):
                await self._deleted(self._stands_in(place, native), native)

    async def _edited(self, shape: Mapping[str, Any]) -> None:
        at, room = moment(shape, "edited_timestamp"), self._known.room(string(shape, "channel_id"))
        if at is None or at < self._marks.since(room.guild if room is not None else ""):
            return
        change = edited(_whole(shape, room), self._known, clock.now(), missed=True)
        if change is not None:
            await self._hearing.hand_over(change)
            self._found += 1

    async def _deleted(self, channel: str, native: str) -> None:
        """What stood here by the desk's own copies, and stands no more."""
        gone = deleted(native, {"channel_id": channel}, self._known, clock.now(), missed=True)
        named = await self._hearing.authors.name(gone) if gone is not None else None
        if named is not None and await self._is_gone(channel, native):
            await self._hearing.hand_over(named)
            self._found += 1

    def _stands_in(self, place: Place, native: str) -> str:
        """The message that a thread grew from stands in the channel around it; that of a forum post in
        the post."""
        parent = self._known.room(place.channel)
        is_forum = parent is not None and parent.is_forum
        return place.channel if native == place.thread and not is_forum else place.thread or place.channel

    async def _starter(self, place: Place) -> Sequence[Mapping[str, Any]]:
        channel = self._stands_in(place, place.thread)
        if not place.thread or channel == place.thread:
            return ()
        try:
            shape = await self._rest.get(
                "/channels/{channel_id}/messages/{message_id}", channel_id=channel, message_id=place.thread
            )
        except PostFailed:
            return ()
        return (shape,)

    async def _is_gone(self, channel: str, native: str) -> bool:
        """Asked once more: nobody's words are taken back because a list was short."""
        try:
            await self._rest.get(
                "/channels/{channel_id}/messages/{message_id}", channel_id=channel, message_id=native
            )
        except Refused as error:
            return error.code == UNKNOWN_MESSAGE
        except PostFailed:
            return False
        return False

    async def _copies(self, place: Place) -> Sequence[str]:
        query = (
            select(MessageCopy.native)
            .join(Message, Message.id == MessageCopy.message_id)
            .where(MessageCopy.place_key == place.key, MessageCopy.origin, Message.deleted_at.is_(None))
            .order_by(MessageCopy.at.desc())
            .limit(LOOKED_BACK)
        )
        async with self._desk.db.sessions() as session:
            return list(await session.scalars(query))

    async def _places(self) -> Sequence[Place]:
        """The newest places of this session that hold a ticket."""
        prefix = Place.prefix(PLATFORM, self._known.bot)
        query = (
            select(Seat.place_key)
            .where(Seat.active, Seat.place_key.startswith(prefix, autoescape=True))
            .order_by(Seat.created_at.desc())
            .limit(MOST_PLACES * self._known.shard.of)
        )
        async with self._desk.db.sessions() as session:
            places = [Place.from_key(key) for key in await session.scalars(query)]
        ours = (one for one in places if self._marks.may_be_ours(one.thread or one.channel))
        return list(islice(ours, MOST_PLACES))

    async def _page(self, channel: str, query: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """A page of history, the oldest first; tried until the platform answers. Nothing of a channel
        that is there no more, or closed to us."""
        pause = 0.5
        while True:
            try:
                found = await self._rest.get(
                    "/channels/{channel_id}/messages", query=query, channel_id=channel
                )
                shapes = [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
                return sorted(shapes, key=lambda shape: order(string(shape, "id")))
            except Refused as error:
                if error.code == UNKNOWN_CHANNEL:
                    self._marks.forget(channel)
                if error.status < 500 and error.status != 429:
                    if error.code not in (UNKNOWN_CHANNEL, MISSING_ACCESS):
                        log.warning("history.refused", code=error.code)
                    return []
            except PostFailed as error:
                log.warning("history.not_read", reason=str(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)


_ELSEWHERE = "\x1felsewhere"
_LISTING = 1.0
"""Seconds for the servers to be listed after a session began; what comes later is looked at once more."""
_JUST_NOW = timedelta(seconds=3)
"""What was said that shortly before the session began did not wait for it."""


def _whole(shape: Mapping[str, Any], room: Room | None) -> Mapping[str, Any]:
    """A message of the history does not name its server, as one that is told does."""
    if room is None or room.kind == DM or not room.guild:
        return shape
    return {**shape, "guild_id": room.guild}
