"""One inbound, one unit of work: seen? who? which conversation? which command?

Nothing said is dropped because a first try died: what fails by a fault of ours is kept,
sealed, and worked off in order per place; after five failures it is parked for an admin.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager

import structlog

from bot import gathering, invoke, places, talk
from bot.registry import NARROW
from bot.sharing import Sharing, about, heard_at
from core import inbox, outbox, tracing
from core.chat import (
    Answer,
    Card,
    Completing,
    Deleted,
    Edited,
    Gathered,
    Inbound,
    Invoked,
    Joined,
    Limits,
    Place,
    Pressed,
    Reacted,
    Relocated,
    Said,
    Submitted,
    Typing,
    Visited,
)
from core.db import UnitOfWork
from core.desk import Desk
from core.errors import DeskError, Forbidden, NotFound, Unavailable
from core.i18n import _, set_language
from core.metrics import count_inbound, observe_inbound
from core.outage import MAY_BE_AWAY, is_outage
from core.outbox_model import Inbound as InboundRow
from core.ports.bus import Signal

log = structlog.get_logger("bot.router")

Guard = Callable[[UnitOfWork, Inbound], Awaitable[Answer | None]]


class Router:
    """The door through which everything comes in. `guard` may hold an inbound back."""

    def __init__(
        self, desk: Desk, guard: Guard | None = None, limits: Mapping[str, Limits] | None = None
    ) -> None:
        self.desk = desk
        self.sharing = Sharing()
        self.guard = guard
        self.limits = limits or {}
        self.on_said: Callable[[UnitOfWork, Said, Limits], Awaitable[Answer]] = talk.said
        self.waiting = asyncio.Event()
        """Something was kept to be worked off: whoever resumes need not wait for its time."""

    async def deliver(self, inbound: Inbound) -> Answer:
        """Work and row commit together; only then this returns. Raises `Unavailable` when
        nothing could be kept (the platform is not told, and will say it again), and the
        sender's own errors as `DeskError`."""
        if isinstance(inbound, Typing):
            return self._typing(inbound)
        with heard_at(inbound.place):
            if isinstance(inbound, Completing):
                return await self._complete(inbound)
            return await self._take(inbound)

    async def _take(self, inbound: Inbound) -> Answer:
        begun = time.perf_counter()
        with _step("inbound", inbound):
            set_language(inbound.sender.locale or self.desk.means.settings.language)
            try:
                answer = await self._work(inbound)
            except DeskError:
                raise
            except Exception as error:
                if is_outage(error):
                    raise _unavailable() from error
                # The named edge: whatever it was, the words are kept.
                return await self._keep(inbound, error)
        observe_inbound(inbound.place.platform, time.perf_counter() - begun)
        return answer

    async def receive(self, inbound: Inbound) -> None:
        """The row first, the work right after: for platforms that cannot wait for both."""
        begun = time.perf_counter()
        with _step("inbound.kept", inbound), heard_at(inbound.place):
            async with self.desk.unit() as uow:
                await inbox.keep(uow, inbound)
        observe_inbound(inbound.place.platform, time.perf_counter() - begun)
        self.waiting.set()

    async def resume(self) -> int:
        """Take up what was received and not done, the oldest of each place; how many were tried."""
        async with self.desk.db.sessions() as session:
            rows = await inbox.waiting(session, led=self.sharing.mine())
        for row in rows:
            step = tracing.follow("inbound.taken_up", parent=row.trace, attempt=row.attempts + 1)
            with step, about(Place.from_key(row.place_key)):
                await self._again(row.key)
        return len(rows)

    async def _work(self, inbound: Inbound) -> Answer:
        async with self.desk.unit() as uow:
            if not inbound.direct and not await talk.concerns(uow, inbound):
                return Answer(ignored=True)
            if not await talk.note(uow, inbound):
                return await self._seen(uow, inbound)
            if self.guard is not None and (held := await self.guard(uow, inbound)) is not None:
                return held
            if await talk.must_wait(uow, inbound):
                await inbox.defer(uow, inbound)
                uow.after(self.waiting.set)
                return _later()
            return await self._handle(uow, inbound)

    async def _handle(self, uow: UnitOfWork, inbound: Inbound) -> Answer:
        limits = self.limits.get(inbound.place.platform, NARROW)
        match inbound:
            case Said():
                return await self._hear(uow, inbound, limits)
            case Gathered():
                return await gathering.gathered(uow, inbound)
            case Edited():
                return await talk.edited(uow, inbound, limits)
            case Deleted():
                return await talk.deleted(uow, inbound)
            case Reacted():
                return await talk.reacted(uow, inbound)
            case Invoked():
                return await invoke.invoked(uow, inbound, limits)
            case Pressed():
                return await invoke.pressed(uow, inbound, limits)
            case Submitted():
                return await invoke.submitted(uow, inbound, limits)
            case Visited():
                return await invoke.visited(uow, inbound, limits)
            case Joined():
                if not inbound.left:
                    await outbox.let_in(uow, inbound.place)
                return Answer()
            case Relocated():
                await places.relocate(uow, inbound.place, inbound.to)
                return Answer()
            case _:
                return Answer()

    async def _hear(self, uow: UnitOfWork, inbound: Said, limits: Limits) -> Answer:
        """A command, the answer to a question, or something to be heard."""
        if (command := invoke.as_command(inbound, limits)) is not None:
            return await invoke.invoked(uow, command, limits)
        if talk.was_asked(uow) and (answer := await invoke.continues(uow, inbound, limits)) is not None:
            return answer
        return await self.on_said(uow, inbound, limits)

    async def _complete(self, inbound: Completing) -> Answer:
        async with self.desk.unit() as uow:
            return await invoke.completing(uow, inbound)

    async def _seen(self, uow: UnitOfWork, inbound: Inbound) -> Answer:
        from core.conversations.service import message_at

        message = await message_at(uow, inbound.place, inbound.native)
        return Answer(seen_before=True, message_id=str(message.id) if message else "")

    async def _keep(self, inbound: Inbound, error: BaseException) -> Answer:
        log.exception(
            "inbound.failed", kind=type(inbound).__name__, platform=inbound.place.platform, exc_info=error
        )
        try:
            async with self.desk.unit() as uow:
                await inbox.keep(uow, inbound, error=type(error).__name__)
        except MAY_BE_AWAY as worse:
            raise _unavailable() from worse
        self.waiting.set()
        return _later()

    async def _again(self, key: str) -> None:
        try:
            async with self.desk.unit() as uow:
                row = await uow.session.get(InboundRow, key, with_for_update={"skip_locked": True})
                if row is None or row.state != "received":
                    return
                await self._handle(uow, inbox.opened(uow, row))
                await inbox.finish(uow, row)
        except (Forbidden, NotFound) as error:
            await self._give_up(key, error.code)
        except DeskError as error:
            await self._park(key, error.code)
        except Exception as error:
            if is_outage(error):
                raise
            log.exception("inbound.failed_again", exc_info=error)
            async with self.desk.unit() as uow:
                await inbox.failed(uow, key, type(error).__name__)

    async def _park(self, key: str, code: str) -> None:
        """We said that we have it: what cannot be worked off is shown to an admin, not dropped."""
        async with self.desk.unit() as uow:
            row = await uow.session.get(InboundRow, key, with_for_update=True)
            if row is not None and row.state == "received":
                await inbox.park(uow, row, code)

    async def _give_up(self, key: str, code: str) -> None:
        """The sender may not say it, or what it speaks of is gone: trying again changes nothing."""
        async with self.desk.unit() as uow:
            row = await uow.session.get(InboundRow, key, with_for_update=True)
            if row is not None and row.state == "received":
                await inbox.finish(uow, row, result=code)

    def _typing(self, inbound: Typing) -> Answer:
        self.desk.bus.publish(
            Signal("typing", {"place": inbound.place.key, "on": inbound.on, "side": "requester"})
        )
        return Answer()


def _step(name: str, inbound: Inbound) -> AbstractContextManager[tracing.Span]:
    platform, kind = inbound.place.platform, type(inbound).__name__
    count_inbound(platform, kind)
    return tracing.span(name, kind="consumer", platform=platform, what=kind)


def _unavailable() -> Unavailable:
    return Unavailable(_("The desk cannot be reached right now. Please try again in a moment."))


def _later() -> Answer:
    words = _("We have your message; it takes a moment longer than usual.")
    return Answer(cards=(Card(text=words, tone="warning"),))
