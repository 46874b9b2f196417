"""Asking Telegram for updates. The offset is ours: it moves after what came is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import structlog

from adapters.telegram.inbound import KINDS, album_of, chat_of
from adapters.telegram.receiving import Receiving
from adapters.telegram.settings import PLATFORM
from adapters.telegram.troubles import Clash
from core import clock
from core.chat import PostFailed, RetryAfter, Revoked
from core.errors import Unavailable
from core.installations import cursors
from core.outage import MAY_BE_AWAY

log = structlog.get_logger("telegram.polling")
WAIT = 25.0
ALBUM_WAIT = 0.7
"""Seconds in which the rest of a media group comes; it is sent in one go."""
LONGEST_PAUSE = 30.0
MISSED_AFTER = 60.0
"""Seconds without an answer after which what comes was missed."""
SILENCE = timedelta(days=3)
"""A week without updates, and the next one's number is random (Bot API, Update, `update_id`)."""


class Polling:
    """Reads the updates of one bot for as long as it runs."""

    def __init__(self, receiving: Receiving) -> None:
        self.receiving = receiving
        self.line = receiving.line
        self._albums: dict[str, frozenset[int]] = {}

    async def run(self) -> None:
        """For ever; raises `Revoked` when the token is refused."""
        failures, heard = 0, clock.now()
        while True:
            try:
                await self.once(WAIT)
            except (PostFailed, Unavailable, *MAY_BE_AWAY) as error:
                if isinstance(error, Revoked):
                    raise
                failures += 1
                log.warning("polling.failed", error=type(error).__name__, failures=failures)
                await asyncio.sleep(_pause(error, failures))
                continue
            now = clock.now()
            if failures and (now - heard).total_seconds() > MISSED_AFTER:
                self.receiving.since = now
            failures, heard = 0, now

    async def catch_up(self) -> int:
        """What waits now, to its end; how many updates."""
        count = 0
        while taken := await self.once(0):
            count += taken
        return count

    async def once(self, wait: float) -> int:
        """One batch: asked for, kept, and only then behind us."""
        async with self.line.asking:
            offset = await self._offset()
            batch = _usable(await self.line.client.updates(offset, wait, KINDS))
            if not batch:
                return 0
            ready = self._ready(batch)
            if ready:
                await self.receiving.take(ready)
                await self._move(ready[-1]["update_id"] + 1)
            if len(ready) < len(batch):
                await asyncio.sleep(ALBUM_WAIT)
            return len(batch)

    def _ready(self, batch: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Everything before a media group that may still grow: one that ends its chat's updates and
        was not seen just so before."""
        last = {chat_of(update): number for number, update in enumerate(batch)}
        seen: dict[str, list[int]] = {}
        for update in batch:
            if key := album_of(update):
                seen.setdefault(key, []).append(update["update_id"])
        before, self._albums = self._albums, {key: frozenset(ids) for key, ids in seen.items()}
        for number, update in enumerate(batch):
            key = album_of(update)
            if not key or before.get(key) == self._albums[key] or len(seen[key]) >= 10:
                continue
            if album_of(batch[last[chat_of(update)]]) == key:
                return list(batch[:number])
        return list(batch)

    async def _offset(self) -> int:
        """Kept in the database with the desk's own work; read once. None after a long silence: Telegram
        then goes on with any number, which may be a smaller one."""
        if self.line.offset is None or self.line.moved is None:
            async with self.receiving.desk.db.sessions() as session:
                value = await cursors.get(session, PLATFORM, self.line.id)
                self.line.moved = await cursors.moved_at(session, PLATFORM, self.line.id)
            self.line.offset = int(value) if value.isdecimal() else 0
        return self.line.offset if clock.now() - self.line.moved < SILENCE else 0

    async def _move(self, offset: int) -> None:
        async with self.receiving.desk.db.sessions() as session:
            await cursors.move(session, PLATFORM, self.line.id, "", str(offset))
            await session.commit()
        self.line.offset, self.line.moved = offset, clock.now()


def _usable(found: Sequence[Any]) -> list[dict[str, Any]]:
    """Updates in their order, each once."""
    known = {one["update_id"]: one for one in found if isinstance(one, dict) and _has_id(one)}
    return [known[number] for number in sorted(known)]


def _has_id(update: dict[str, Any]) -> bool:
    return isinstance(update.get("update_id"), int)


def _pause(error: Exception, failures: int) -> float:
    if isinstance(error, RetryAfter):
        return min(error.seconds, 600.0)
    return 5.0 if isinstance(error, Clash) else min(2.0 ** (failures - 1) / 2, LONGEST_PAUSE)
