"""How far each channel was read: in memory at once, in the database a little later.

What is written late is only read again: the key of each fact makes that harmless.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from adapters.discord.reading import id_at, is_id, order
from adapters.discord.settings import PLATFORM
from core import clock
from core.desk import Desk
from core.installations import cursors

ALIVE = ""
"""The cursor that says until when the bot was surely connected."""
FIRST = "first"
"""The cursor that says when the bot was first connected: no direct message is older for the desk."""
MARGIN = timedelta(seconds=90)
"""Clocks differ, and the mark is written every few seconds: what is a little older is looked at too."""


class ReadMarks:
    """The cursors of one bot."""

    def __init__(self, desk: Desk, installation: str) -> None:
        self._desk = desk
        self._installation = installation
        self._marks: dict[str, str] = {}
        self._changed: dict[str, str] = {}
        self._gone: set[str] = set()
        self.since = self.first = clock.now()
        """From here on things may have been missed; since when the bot is connected at all."""

    async def load(self) -> None:
        async with self._desk.db.sessions() as session:
            found = dict(await cursors.all_of(session, PLATFORM, self._installation))
        alive, first = _moment(found.pop(ALIVE, "")), _moment(found.pop(FIRST, ""))
        self._marks = {channel: value for channel, value in found.items() if is_id(value)}
        self.since = alive - MARGIN if alive is not None else clock.now()
        self.first = first or self.since
        if alive is None or first is None:
            self._changed[FIRST] = self.first.isoformat()
            await self.write(connected=True)

    def of(self, channel: str, *, direct: bool = False) -> str:
        """The last message read; of a channel that was silent so far, where the bot went away. Of a
        direct channel nobody tells: there everything counts that was said since the bot is connected."""
        return self._marks.get(channel) or id_at(self.first if direct else self.since)

    def known(self) -> list[str]:
        return list(self._marks)

    def has(self, channel: str) -> bool:
        return channel in self._marks

    def moved(self, channel: str, native: str) -> None:
        if is_id(native) and order(native) > order(self._marks.get(channel, "")):
            self._marks[channel] = self._changed[channel] = native

    def forget(self, channel: str) -> None:
        if self._marks.pop(channel, None) is not None:
            self._changed.pop(channel, None)
            self._gone.add(channel)

    async def write(self, *, connected: bool) -> None:
        """Keep what moved; with `connected` also that the bot heard everything until now."""
        changed, gone = dict(self._changed), set(self._gone)
        now = clock.now()
        if connected:
            changed[ALIVE] = now.isoformat()
        if not changed and not gone:
            return
        async with self._desk.db.sessions() as session:
            await cursors.move_all(session, PLATFORM, self._installation, changed)
            for channel in gone:
                await cursors.forget(session, PLATFORM, self._installation, channel)
            await session.commit()
        if connected:
            self.since = max(self.since, now - MARGIN)
        self._gone -= gone
        for channel, value in changed.items():
            if self._changed.get(channel) == value:
                del self._changed[channel]


def _moment(value: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
