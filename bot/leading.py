"""One of several processes leads; the others stand by and take over within five seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot import ending
from core import lease, metrics
from core.db import Database
from core.errors import DeskError
from core.ids import new_id
from core.lease import Replaced
from core.outage import MAY_BE_AWAY

log = structlog.get_logger("bot.leading")
LOOK_SECONDS = 0.4
LET_GO_SECONDS = 15.0
_SAFETY = 0.5
"""So much earlier than the database a leader counts itself out."""


class NotLetGo(DeskError):
    """Something of a leader's work outlives its lease."""

    code = "not_let_go"


class Leading:
    """The lease `name`, as one process strives for it."""

    def __init__(self, db: Database, name: str) -> None:
        self.db, self.name, self.me = db, name, new_id()
        self.epoch = 0
        self._until = 0.0
        metrics.set_leading(name, False)

    @property
    def holds(self) -> bool:
        """Whether this process leads, as far as it can know without asking: a process that was paused
        finds its time over before it does anything else."""
        return self.epoch > 0 and time.monotonic() < self._until

    async def fence(self, session: AsyncSession) -> None:
        """For every unit of work of this process: raises `Replaced` unless it leads."""
        if self.epoch == 0:
            raise Replaced("This process of the desk does not lead.")
        await lease.confirm(session, self.name, self.epoch)

    async def run(self, lead: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Until cancelled: wait for the lease, `lead` while it is held, and wait again when it is lost."""
        while True:
            await self._win()
            await self._lead(lead)

    async def _win(self) -> None:
        while True:
            began = time.monotonic()
            try:
                async with self.db.sessions() as session:
                    epoch = await lease.take(session, self.name, self.me)
                    await session.commit()
            except MAY_BE_AWAY as error:
                log.warning("lease.not_read", error=type(error).__name__)
                epoch = 0
            if epoch:
                self.epoch, self._until = epoch, began + lease.SECONDS - _SAFETY
                metrics.set_leading(self.name, True)
                log.info("lease.taken", lease=self.name, epoch=epoch)
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _lead(self, lead: Callable[[], Coroutine[Any, Any, None]]) -> None:
        leading = asyncio.create_task(lead(), name=self.name)
        renewing = asyncio.create_task(self._renew())
        try:
            done, _ = await asyncio.wait({leading, renewing}, return_when=asyncio.FIRST_COMPLETED)
            held = self.holds
        finally:
            await ending.ended((leading, renewing), LET_GO_SECONDS)
            epoch, self.epoch = self.epoch, 0
            metrics.set_leading(self.name, False)
            await asyncio.shield(self._give_up(epoch))
        if not leading.done():
            # It could not stand by beside what is left of it. Who ends is started again.
            log.error("lease.not_let_go", lease=self.name, epoch=epoch, hanging=ending.hanging())
            raise NotLetGo("This process did not let go of what a leader does; it has to be started again.")
        for task in done:
            self._look_back(task.exception(), held)

    def _look_back(self, error: BaseException | None, held: bool) -> None:
        """What a process that was paused stumbles over once it wakes, replaced, is no fault of it: it stands
        by again. A leader that fails while it leads has failed."""
        if error is None:
            return
        if held:
            raise error
        log.warning("lease.lost", lease=self.name, exc_info=error)

    async def _renew(self) -> None:
        """Until it is lost."""
        while True:
            await asyncio.sleep(lease.RENEW_SECONDS)
            began = time.monotonic()
            try:
                async with asyncio.timeout(max(self._until - began, 0.1)), self.db.sessions() as session:
                    ours = await lease.renew(session, self.name, self.epoch)
                    await session.commit()
            except MAY_BE_AWAY as error:
                log.warning("lease.not_renewed", lease=self.name, error=type(error).__name__)
                ours = time.monotonic() < self._until
            else:
                self._until = began + lease.SECONDS - _SAFETY
            if not ours:
                log.warning("lease.lost", lease=self.name, epoch=self.epoch)
                return

    async def _give_up(self, epoch: int) -> None:
        with suppress(*MAY_BE_AWAY):
            async with asyncio.timeout(2), self.db.sessions() as session:
                await lease.give_up(session, self.name, epoch)
                await session.commit()
