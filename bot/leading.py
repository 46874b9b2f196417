"""The leases for which one process strives: for each it leads, or stands by and takes over within five seconds.

Processes that strive for the same leases share them: each takes no more than its part at once, and who
leads two more than another gives one up, so that the other takes it. Nobody assigns anything: all look at
the same rows, and draw the same conclusion.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot import ending
from core import lease, metrics, tasks
from core.db import Database
from core.errors import DeskError
from core.ids import new_id
from core.lease import Known, Replaced
from core.outage import MAY_BE_AWAY

log = structlog.get_logger("bot.leading")
LOOK_SECONDS = 0.25
LOOK_PATIENCE = 3.0
LET_GO_SECONDS = 15.0
HESITATE_SECONDS = 0.5
"""So long whoever has its part already leaves what is free to the others."""
STEADY_SECONDS = 3.0
"""Nothing is given up before it was clear for so long who leads what: whoever has just come, or gone, has
caused all the moves that it causes."""
_SAFETY = 0.5
"""So much earlier than the database a leader counts itself out."""

Lead = Callable[[], Coroutine[Any, Any, None]]


class NotLetGo(DeskError):
    """Something of a leader's work outlives its lease."""

    code = "not_let_go"


@dataclass(slots=True)
class _Held:
    epoch: int
    until: float
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Lost, or to be given up."""

    @property
    def holds(self) -> bool:
        return time.monotonic() < self.until


class Leading:
    """One process among those that strive for the same."""

    def __init__(self, db: Database) -> None:
        self.db, self.me = db, new_id()
        self._work: Mapping[str, Lead] = {}
        self._held: dict[str, _Held] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._renewed = 0.0
        self._free: Mapping[str, float] = {}
        """What nobody holds, and since when."""
        self._view: object = None
        self._since = 0.0
        """Since when nothing has changed in who leads what."""

    def strive_for(self, work: Mapping[str, Lead]) -> None:
        """What is to be led from now on, by the names of the leases."""
        for name in self._work.keys() - work.keys():
            metrics.forget_leading(name)
        for name in work.keys() - self._work.keys():
            metrics.set_leading(name, False)
        self._work = work

    def holds(self, name: str) -> bool:
        """Whether this process leads, as far as it can know without asking: a process that was paused
        finds its time over before it does anything else."""
        held = self._held.get(name)
        return held is not None and held.holds

    async def confirm(self, session: AsyncSession, names: Collection[str]) -> None:
        """For every unit of work of this process: raises `Replaced` unless it leads all of these."""
        held = {name: one for name in names if (one := self._held.get(name)) is not None}
        if len(held) < len(set(names)):
            raise Replaced("This process of the desk does not lead.")
        lost = await lease.confirm(session, {name: one.epoch for name, one in held.items()})
        for name in lost:
            self._lose(name, held[name])
        if lost:
            raise Replaced("Another process of this desk leads now.")

    async def run(self) -> None:
        """Until cancelled. Ends with an error when what it leads has failed, or does not let go."""
        await self._forget_the_dead()
        try:
            while True:
                await self._look()
                await self._wait()
        finally:
            if self._tasks:
                await tasks.ended(list(self._tasks.values()), LET_GO_SECONDS + 5)
            await asyncio.shield(self._leave())

    # --- looking

    async def _look(self) -> None:
        """Renew what is held, see who leads what, and draw the conclusions."""
        began, epochs = time.monotonic(), {name: held.epoch for name, held in self._held.items()}
        renews = began - self._renewed >= lease.RENEW_SECONDS - LOOK_SECONDS / 2
        known: Sequence[Known] = ()
        try:
            async with asyncio.timeout(self._patience(began)), self.db.sessions() as session:
                if renews:
                    await lease.here(session, self.me)
                renewed = await lease.renew(session, epochs) if renews else ()
                known = await lease.known(session)
                await session.commit()
        except MAY_BE_AWAY as error:
            log.warning("lease.not_read", error=type(error).__name__)
            renewed = ()
        else:
            self._renewed = began if renews else self._renewed
        for name in renewed:
            if (held := self._held.get(name)) is not None and held.epoch == epochs[name]:
                held.until = max(held.until, began + lease.SECONDS - _SAFETY)
        self._note_lost(known)
        if known:
            self._conclude([one for one in known if not one.tells_of_a_process], _living(known))

    def _patience(self, began: float) -> float:
        """So long a look may take: what is held has to be renewed in time."""
        ends = min((held.until for held in self._held.values() if held.holds), default=began + LOOK_PATIENCE)
        return max(min(ends - began, LOOK_PATIENCE), 0.1)

    def _note_lost(self, known: Sequence[Known]) -> None:
        epochs = {one.name: one.epoch for one in known}
        for name, held in self._held.items():
            if not held.holds or epochs.get(name, held.epoch) > held.epoch:
                self._lose(name, held)

    def _lose(self, name: str, held: _Held) -> None:
        if held.until:
            log.warning("lease.lost", lease=name, epoch=held.epoch)
        held.until = 0.0
        held.over.set()

    def _conclude(self, known: Sequence[Known], living: Mapping[UUID, bool]) -> None:
        taken = {one.name: one.holder for one in known if one.held and one.name in self._work}
        wanted = set(self._work) if not _is_led_by_an_older(taken, living) else set()
        for name in self._held.keys() - wanted:
            self._held[name].over.set()
        others = [holder for holder, lives in living.items() if lives and holder != self.me]
        self._strive(wanted - taken.keys() - self._tasks.keys(), -(-len(self._work) // (len(others) + 1)))
        view = (taken, sorted(others))
        if view != self._view or self._free:
            self._view, self._since = view, time.monotonic()
        elif time.monotonic() - self._since >= STEADY_SECONDS:
            self._give_one_up(Counter(taken.values()), others)

    def _strive(self, free: Collection[str], fair: int) -> None:
        """Up to a fair part at once; what nobody has taken after a moment as well."""
        now = time.monotonic()
        self._free = {name: self._free.get(name, now) for name in free}
        for name in sorted(free, key=lambda name: (name != lease.DESK, name)):
            if len(self._tasks) < fair or now - self._free[name] >= HESITATE_SECONDS:
                self._tasks[name] = asyncio.create_task(self._take_and_lead(name), name=name)

    def _give_one_up(self, counts: Counter[UUID], others: Sequence[UUID]) -> None:
        """Whoever leads most gives one to who leads least, if that makes it fairer: what was taken last,
        and never what is led for the desk."""
        spare = [name for name in self._held if name != lease.DESK]
        if not others or not spare or any(held.over.is_set() for held in self._held.values()):
            return
        most = max((self.me, *others), key=lambda one: (counts[one], one))
        if most == self.me and counts[most] - min(counts[one] for one in others) >= 2:
            log.info("lease.given_up", lease=spare[-1])
            self._held[spare[-1]].over.set()

    # --- one of them

    async def _take_and_lead(self, name: str) -> None:
        began = time.monotonic()
        try:
            async with self.db.sessions() as session:
                epoch = await lease.take(session, name, self.me)
                await session.commit()
        except MAY_BE_AWAY as error:
            log.warning("lease.not_taken", lease=name, error=type(error).__name__)
            return
        if epoch and (lead := self._work.get(name)) is not None:
            self._held[name] = held = _Held(epoch, began + lease.SECONDS - _SAFETY)
            metrics.set_leading(name, True)
            log.info("lease.taken", lease=name, epoch=epoch)
            await self._lead(name, held, lead)

    async def _lead(self, name: str, held: _Held, lead: Lead) -> None:
        leading, over = asyncio.create_task(lead(), name=name), asyncio.create_task(held.over.wait())
        try:
            await asyncio.wait({leading, over}, return_when=asyncio.FIRST_COMPLETED)
            ended, kept = leading.done(), held.holds
        finally:
            # Renewed until all is let go, so that what is under way may still be written down.
            await tasks.ended((leading, over), LET_GO_SECONDS)
            del self._held[name]
            self._tell_not_leading(name)
            log.info("lease.let_go", lease=name, epoch=held.epoch)
            await asyncio.shield(self._give_up(name, held.epoch))
        if not leading.done():
            # It could not stand by beside what is left of it. Who ends is started again.
            log.error("lease.not_let_go", lease=name, epoch=held.epoch, hanging=ending.hanging())
            raise NotLetGo("This process did not let go of what a leader does; it has to be started again.")
        if ended and not leading.cancelled():
            self._look_back(name, leading.exception(), kept)

    def _tell_not_leading(self, name: str) -> None:
        if name in self._work:
            metrics.set_leading(name, False)
        else:
            metrics.forget_leading(name)

    def _look_back(self, name: str, error: BaseException | None, held: bool) -> None:
        """What a process that was paused stumbles over once it wakes, replaced, is no fault of it: it stands
        by again. A leader that fails while it leads has failed."""
        if error is None:
            return
        if held:
            raise error
        log.warning("lease.lost", lease=name, exc_info=error)

    async def _give_up(self, name: str, epoch: int) -> None:
        with suppress(*MAY_BE_AWAY):
            async with asyncio.timeout(2), self.db.sessions() as session:
                await lease.give_up(session, name, epoch)
                await session.commit()

    # --- all of them

    async def _wait(self) -> None:
        """Until the next look, or until one of them has ended."""
        if not self._tasks:
            await asyncio.sleep(LOOK_SECONDS)
            return
        running = set(self._tasks.values())
        await asyncio.wait(running, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for name, task in list(self._tasks.items()):
            if task.done():
                del self._tasks[name]
                task.result()

    async def _forget_the_dead(self) -> None:
        with suppress(*MAY_BE_AWAY):
            async with asyncio.timeout(2), self.db.sessions() as session:
                await lease.leave(session)
                await session.commit()

    async def _leave(self) -> None:
        with suppress(*MAY_BE_AWAY):
            async with asyncio.timeout(2), self.db.sessions() as session:
                await lease.leave(session, self.me)
                await session.commit()


def _living(known: Sequence[Known]) -> Mapping[UUID, bool]:
    """The processes that strive as this one does, and whether they live."""
    return {one.holder: one.held for one in known if one.tells_of_a_process}


def _is_led_by_an_older(taken: Mapping[str, UUID], living: Mapping[UUID, bool]) -> bool:
    """A gateway of an older version leads everything by the one lease of the desk, and tells nobody that it
    lives. Until it is gone nothing is taken beside it."""
    return lease.DESK in taken and taken[lease.DESK] not in living
