"""How far each channel was read: in memory at once, in the database a little later.

What is written late is only read again: the key of each fact makes that harmless. Where a bot has several
sessions, each keeps the marks of the channels of which it is told; with them stands the server, so that the others
leave them alone. Of each session stands until when it was surely connected, and so for how long each server was
heard: whoever hears it next, when the number of sessions has changed too, reads from there on.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from adapters.discord.reading import id_at, is_id, order
from adapters.discord.settings import PLATFORM
from adapters.discord.shards import ALONE, CURSORS, Shard
from core import clock
from core.desk import Desk
from core.installations import cursors

FIRST = "first"
"""The cursor that says when the bot was first connected: no direct message is older for the desk."""
MARGIN = timedelta(seconds=90)
"""Clocks differ, and the mark is written every few seconds: what is a little older is looked at too."""
MOST = 100_000
_DIRECT = "0"
"""Stands for the server of a direct channel."""


class ReadMarks:
    """The cursors of one session of a bot."""

    def __init__(self, desk: Desk, installation: str, shard: Shard = ALONE) -> None:
        self._desk = desk
        self._installation = installation
        self._shard = shard
        self._marks: dict[str, str] = {}
        self._guilds: dict[str, str] = {}
        """Of channels with a mark, where it is known: their server, "" for a direct one."""
        self._changed: dict[str, str] = {}
        self._gone: set[str] = set()
        self._alive: dict[Shard, datetime] = {}
        self.first = clock.now()
        """Since when the bot is connected at all."""

    async def load(self) -> None:
        async with self._desk.db.sessions() as session:
            most = min(cursors.MOST * self._shard.of, MOST)
            found = await cursors.all_of(session, PLATFORM, self._installation, most)
            self._alive = await self._connected(session)
            first = _moment(await cursors.get(session, PLATFORM, self._installation, FIRST))
        for channel, value in found.items():
            self._take(channel, value)
        is_new = not self._alive and first is None
        self.first = first or (self.since("") if self._alive else clock.now())
        if first is None:
            self._changed[FIRST] = self.first.isoformat()
            await self.write(connected=is_new)

    def since(self, guild: str) -> datetime:
        """From here on things may have been missed on a server, or in direct channels ("")."""
        return _since(self._alive, guild) or self.first

    def of(self, channel: str, guild: str = "", *, direct: bool = False) -> str:
        """The last message read; of a channel that was silent so far, where the bot went away. Of a
        direct channel nobody tells: there everything counts that was said since the bot is connected."""
        return self._marks.get(channel) or id_at(self.first if direct else self.since(guild))

    def known(self) -> list[str]:
        """The channels of this session with a mark, and those of which nobody knows whose they are."""
        return list(self._marks)

    def has(self, channel: str) -> bool:
        return channel in self._marks

    def may_be_ours(self, channel: str) -> bool:
        """False only where it is known that another session is told what happens there."""
        guild = self._guilds.get(channel)
        return guild is None or self._shard.hears(guild)

    def moved(self, channel: str, native: str, guild: str | None) -> None:
        """Read until this message, on that server, or in a direct channel (""); None where nobody knows."""
        if is_id(native) and order(native) > order(self._marks.get(channel, "")):
            self._marks[channel] = native
            self._note(channel, guild)

    def learned(self, channel: str, guild: str) -> None:
        """Whose a channel is that has a mark."""
        if channel not in self._marks or self._guilds.get(channel) == guild:
            return
        if self._shard.hears(guild):
            self._note(channel, guild)
        else:
            # The one whose it is writes down the same.
            self._guilds[channel] = guild
            del self._marks[channel]

    def forget(self, channel: str) -> None:
        if self._marks.pop(channel, None) is not None:
            self._changed.pop(channel, None)
            self._gone.add(channel)

    async def has_heard(self, channel: str, native: str, guild: str) -> bool:
        """Whether a message, and all before it, is kept: of another session's server by what that wrote down."""
        if self._shard.hears(guild):
            return order(native) <= order(self.of(channel, guild))
        async with self._desk.db.sessions() as session:
            mark, _guild = _parts(await cursors.get(session, PLATFORM, self._installation, channel))
            since = _since(await self._connected(session), guild)
        return order(native) <= max(order(mark), order(id_at(since)) if since is not None else 0)

    async def write(self, *, connected: bool) -> None:
        """Keep what moved; with `connected` also that the session heard everything until now."""
        changed, gone = dict(self._changed), set(self._gone)
        now = clock.now()
        if connected:
            changed[self._shard.cursor] = now.isoformat()
        if not changed and not gone:
            return
        # Not a session alone: whoever was replaced writes nothing over what its successor has written.
        async with self._desk.unit() as uow:
            await cursors.move_all(uow.session, PLATFORM, self._installation, changed)
            for channel in gone:
                await cursors.forget(uow.session, PLATFORM, self._installation, channel)
        if connected:
            self._alive[self._shard] = now
        self._gone -= gone
        for channel, value in changed.items():
            if self._changed.get(channel) == value:
                del self._changed[channel]

    def _take(self, channel: str, value: str) -> None:
        mark, guild = _parts(value)
        if not is_id(mark) or (guild is not None and not self._shard.hears(guild)):
            return
        self._marks[channel] = mark
        if guild is not None:
            self._guilds[channel] = guild

    def _note(self, channel: str, guild: str | None) -> None:
        """To be written, with the server only where sessions divide them."""
        mark = self._marks[channel]
        if guild is not None:
            self._guilds[channel] = guild
        is_told = self._shard.of > 1 and guild is not None
        self._changed[channel] = f"{mark} {guild or _DIRECT}" if is_told else mark

    async def _connected(self, session: AsyncSession) -> dict[Shard, datetime]:
        """Until when each session of this bot was surely connected, those of other divisions too."""
        found = dict(await cursors.beginning_with(session, PLATFORM, self._installation, CURSORS))
        found[""] = await cursors.get(session, PLATFORM, self._installation, "")
        moments = ((Shard.of_cursor(name), _moment(value)) for name, value in found.items())
        return {shard: at for shard, at in moments if shard is not None and at is not None}


def _since(alive: Mapping[Shard, datetime], guild: str) -> datetime | None:
    """When somebody who hears a server was last surely connected, as far back as is looked."""
    found = [at for shard, at in alive.items() if shard.hears(guild)]
    return max(found) - MARGIN if found else None


def _parts(value: str) -> tuple[str, str | None]:
    """A mark, and the server where it stands with it."""
    mark, _space, guild = value.partition(" ")
    return mark, ("" if guild == _DIRECT else guild) if guild else None


def _moment(value: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
