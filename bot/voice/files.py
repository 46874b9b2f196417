"""Makes calls into files for those who take them out, one at a time, and removes them after their day."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog

from core.calls import files
from core.desk import Desk
from core.errors import DeskError
from core.outage import MAY_BE_AWAY
from core.ports.media import Recordings

log = structlog.get_logger("bot.voice")
LOOK_EVERY = 2.0
SWEEP_EVERY = 150


class FileMaker:
    def __init__(self, desk: Desk, stored: Recordings) -> None:
        self.desk, self.stored = desk, stored

    async def run(self) -> None:
        """Until cancelled."""
        looks = 0
        while True:
            with suppress(*MAY_BE_AWAY):
                while await self.make_one():
                    pass
                if looks % SWEEP_EVERY == 0:
                    await self.sweep()
            looks += 1
            await asyncio.sleep(LOOK_EVERY)

    async def make_one(self) -> bool:
        """The next file that waits; false when none does."""
        async with self.desk.unit() as uow:
            making = await files.next_to_make(uow)
        if making is None:
            return False
        try:
            size = await self.stored.merge(making.parts, making.name, making.key)
        except DeskError as error:
            log.warning("call.file_failed", code=error.code)
            size = 0
        async with self.desk.unit() as uow:
            await files.made(uow, making.id, size)
        return True

    async def sweep(self) -> None:
        async with self.desk.unit() as uow:
            gone = {row.id: row.name for row in await files.to_remove(uow)}
        for name in gone.values():
            await self.desk.means.files.delete(name)
        if gone:
            async with self.desk.unit() as uow:
                await files.removed(uow, list(gone))
