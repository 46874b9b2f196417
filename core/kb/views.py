"""How often articles are read: counted by day, language and channel, never by whom.

Counts are gathered in memory and written together every few seconds, so that a page waits for
nothing. What a killed process had not written yet is lost; it is a few seconds of a statistic.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.dialects.postgresql import insert

from core import clock
from core.db import Database, Means
from core.kb.model import ArticleView
from core.outage import MAY_BE_AWAY
from core.people.service import zone_of

log = structlog.get_logger("core.kb.views")
EVERY = 5.0
MOST_WAITING = 100_000
CHUNK = 2_000
WEB = "web"

Key = tuple[UUID, str, date, str]


class Views:
    """The counts of one process that are not yet written."""

    def __init__(self, db: Database, means: Means) -> None:
        self._db = db
        self._means = means
        self._waiting: Counter[Key] = Counter()

    def count(self, article_id: UUID, language: str, channel: str = WEB) -> None:
        """One more reader. Days are those of the desk's time zone."""
        key = (article_id, language, self.today(), channel)
        if key in self._waiting or len(self._waiting) < MOST_WAITING:
            self._waiting[key] += 1

    def today(self) -> date:
        return clock.now().astimezone(zone_of(self._means.settings.zone)).date()

    async def flush(self) -> None:
        """Write what was gathered. What cannot be written is kept for the next time."""
        counts, self._waiting = self._waiting, Counter()
        try:
            await self._write(counts)
        except BaseException:
            self._waiting.update(counts)
            raise

    async def run(self) -> None:
        """Until cancelled; then once more."""
        try:
            while True:
                await asyncio.sleep(EVERY)
                await self._flush_or_wait()
        finally:
            await self._flush_or_wait()

    async def _flush_or_wait(self) -> None:
        try:
            await self.flush()
        except MAY_BE_AWAY as error:
            log.warning("views.kept", error=type(error).__name__, waiting=len(self._waiting))

    async def _write(self, counts: Mapping[Key, int]) -> None:
        if not counts:
            return
        # In one order in every process: else two could wait for each other.
        rows = [_row(key, counts[key]) for key in sorted(counts)]
        async with self._db.sessions() as session:
            for at in range(0, len(rows), CHUNK):
                new = insert(ArticleView).values(rows[at : at + CHUNK])
                more = {"count": ArticleView.count + new.excluded.count}
                keys = ["article_id", "language", "day", "channel"]
                await session.execute(new.on_conflict_do_update(index_elements=keys, set_=more))
            await session.commit()


def _row(key: Key, count: int) -> dict[str, Any]:
    article_id, language, day, channel = key
    return {"article_id": article_id, "language": language, "day": day, "channel": channel, "count": count}
