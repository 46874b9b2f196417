"""What runs beside the web: telling, posting, taking up again. Each loop outlives its faults."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import structlog

from bot.post import Posting
from bot.router import Router
from bot.tell import BATCH, Tell
from core import clock, outbox
from core.desk import UNTOLD, Desk
from core.kb.shelf import FOLLOW_SECONDS, Shelf
from core.lease import Replaced
from core.outage import MAY_BE_AWAY
from core.people.events import PersonErased
from core.ports.bus import Signal

log = structlog.get_logger("bot.loops")
IDLE = 1.0
HELD_UP = 0.005
"""Seconds until events are looked at again that wait for a transaction to end."""
RESUME_EVERY = 1.0
DUE = "due"
"""The topic by which whoever tells wakes those who deliver in other processes."""
BUSY = 0.05
"""Seconds in which a busy desk is woken again: nobody need ask meanwhile when the next is due."""


class Loops:
    """The background work of one process."""

    def __init__(self, desk: Desk, router: Router, tell: Tell, posting: Posting) -> None:
        self.desk = desk
        self.router = router
        self.tell = tell
        self.posting = posting
        self.shelf = Shelf(desk.db, desk.means)
        self.served = asyncio.Event()
        """The web is up: what is large may be loaded now."""
        self.others = False
        """Other processes commit as well, and tell over the bus."""
        self._post = asyncio.Event()
        self._claimed_at = clock.now()
        posting.freed = self._post.set

    async def run(self, *only: str) -> None:
        """Until cancelled: all of them, or some."""
        steps = {
            "tell": self._tell_once,
            "post": self._post_once,
            "resume": self._resume_once,
            "refresh": self._refresh,
            "articles": self._articles_once,
        }
        try:
            async with asyncio.TaskGroup() as group:
                for name in only or steps:
                    group.create_task(self._for_ever(name, steps[name]))
        finally:
            if not only or "post" in only:
                await self.posting.stop()

    async def loading(self) -> str:
        """What /readyz says of the articles."""
        return "" if self.shelf.ready else "are being read in"

    async def _for_ever(self, name: str, step: Callable[[], Awaitable[None]]) -> None:
        pause = 0.1
        while True:
            try:
                await step()
                pause = 0.1
            except (*MAY_BE_AWAY, Replaced) as error:
                log.warning("loop.paused", loop=name, error=type(error).__name__, seconds=pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
            except Exception as error:
                log.exception("loop.failed", loop=name, exc_info=error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)

    async def _tell_once(self) -> None:
        await _wait(self.desk.wake, IDLE)
        self.desk.wake.clear()
        pause = HELD_UP
        while True:
            count = await self.tell.read()
            self._post.set()
            if count and self.posting.sharing.apart:
                self.desk.bus.publish(Signal(DUE))
            if self.tell.held_up:
                await asyncio.sleep(pause)
                pause = min(pause * 2, IDLE)
            elif count < BATCH:
                return  # What came meanwhile wakes the next turn.

    async def _post_once(self) -> None:
        if not self._post.is_set() and not await _wait(self._post, BUSY):
            await _wait(self._post, await self._until_due())
        self._post.clear()
        self._claimed_at = clock.now()
        # Whatever ends makes place for the next of its place, and wakes this again.
        await self.posting.start_due()

    async def _until_due(self) -> float:
        """Seconds until something held becomes due, a second at most."""
        async with self.desk.db.sessions() as session:
            due = await outbox.next_due(session, after=self._claimed_at)
        if due is None:
            return IDLE
        return min(max((due - clock.now()) / timedelta(seconds=1), 0.01), IDLE)

    async def _resume_once(self) -> None:
        self.router.waiting.clear()
        while await self.router.resume():
            pass
        await _wait(self.router.waiting, RESUME_EVERY)

    async def _articles_once(self) -> None:
        if self.shelf.ready:
            await _wait(self.shelf.woken, FOLLOW_SECONDS)
            self.shelf.woken.clear()
            await self.shelf.follow()
        else:
            await self.served.wait()
            await self.shelf.load()
            self.desk.means.articles = self.shelf

    async def _refresh(self) -> None:
        """Settings and roles follow the database when the desk was changed; of whom another
        process erased, no key stays in this one."""
        async with self.desk.bus.subscribe() as signals:
            async for signal in signals:
                self._forget(signal)
                if signal.topic == DUE:
                    self._post.set()
                if (
                    self.others
                    and signal.topic in ("event", "lost")
                    and signal.data.get("name") not in UNTOLD
                ):
                    # Another process may have committed it: there is something to tell.
                    self.desk.wake.set()
                if _changes_the_desk(signal):
                    await self.desk.refresh()

    def _forget(self, signal: Signal) -> None:
        if signal.topic == "lost":
            self.desk.means.keys.forget()
        elif signal.data.get("name") == PersonErased.name:
            self.desk.means.keys.forget(UUID(str(signal.data["subject"])))


def _changes_the_desk(signal: Signal) -> bool:
    return signal.topic == "lost" or signal.data.get("name") == "desk.changed"


async def _wait(event: asyncio.Event, seconds: float) -> bool:
    """Whether it was set in this time."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
