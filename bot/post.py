"""The poster: claims due deliveries and makes one call to one platform for each."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import structlog
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from bot import fetching, places
from bot.calls import CALLS, FileOut
from bot.copying import Copying
from bot.making import Made, Maker, Making
from bot.parts import Parts
from bot.rooms import threads
from bot.sharing import Sharing, about
from core import clock, metrics, outbox, tasks, tracing
from core.chat import (
    Card,
    ChatAdapter,
    Gone,
    Moved,
    NotSupported,
    OpenedThread,
    Place,
    Post,
    Poster,
    PostFailed,
    Recalls,
    RetryAfter,
    Revoked,
    ShutOut,
    ThreadGone,
)
from core.conversations import undelivered
from core.conversations.delivered import arrived, by_all
from core.conversations.events import MessageUndelivered
from core.conversations.model import Seat
from core.db import UnitOfWork
from core.desk import Desk
from core.errors import DeskError, Unavailable
from core.i18n import _
from core.lease import Replaced
from core.led import Led
from core.outage import MAY_BE_AWAY, is_outage
from core.outbox_model import Delivery
from core.rooms import service as rooms

log = structlog.get_logger("bot.post")
T = TypeVar("T")
TIME_LIMIT = 30.0
FILE_TIME_LIMIT = 600.0
NOTE_PAUSE = 1.0
_LONG = ("file", "fetch")
REVOKED_PAUSE = 600.0
"""Seconds until what waits for a broken connection is looked at again; connecting it anew does so at once."""
RENEWED_PAUSE = 5.0
"""The same where it has been connected anew meanwhile."""
SHUT_PAUSE = 600.0
"""Seconds until a place that shut the bot out is tried again; that the bot is let in does so at once."""
LONGEST_SHUT = timedelta(days=14)
"""What has waited so long for a place to let the bot in is given up."""
LATE_SECONDS = 300.0
"""Who wrote a reply is told when the platform lets it wait for so long."""


MOST_AT_ONCE = 24
MOST_OF_A_PLATFORM = 12
"""Calls under way: a platform that does not answer takes no more than its share of them."""


class Posting:
    """Sends what is due; order per place, places in parallel. `freed` is called when a call has ended,
    so that the next one can begin."""

    def __init__(
        self,
        desk: Desk,
        adapters: Mapping[str, ChatAdapter],
        makers: Mapping[str, Maker] | None = None,
        *,
        public_url: str = "",
    ) -> None:
        self.desk = desk
        self.adapters = adapters
        parts = Parts(adapters)
        self.making = Making(parts, makers or {}, desk.means.files, public_url)
        self.copying = Copying(parts)
        self.freed: Callable[[], None] = _nobody
        self.sharing = Sharing()
        """Asked right before each call: a process that was paused may have been replaced meanwhile."""
        self._claiming = asyncio.Lock()
        self._looks = 0
        """How often it was looked for what is due."""
        self._looking = False
        self._busy: Counter[str] = Counter()
        self._running: dict[asyncio.Task[bool], Place] = {}

    async def send_due(self) -> int:
        """Claim and send one batch, and wait until it is done; returns how many were tried."""
        count = await self.start_due()
        await self.finish()
        return count

    async def start_due(self) -> int:
        """Claim what is due and begin to send it, without waiting for anyone; returns how many began."""
        free = MOST_AT_ONCE - len(self._running)
        mine = self.sharing.mine()
        if free <= 0 or mine.nothing:
            return 0
        full = [platform for platform, count in self._busy.items() if count >= MOST_OF_A_PLATFORM]
        self._looks, self._looking = self._looks + 1, True
        try:
            async with self._claiming:
                with self.sharing.about_mine():
                    rows = await self._claimed(free, full, mine)
        finally:
            self._looking = False
        for row in rows:
            self._begin(row)
        return len(rows)

    async def finish(self) -> None:
        """Wait for all calls that are under way."""
        while self._running:
            await asyncio.wait(self._running)

    async def stop(self) -> None:
        """End the calls that are under way; their rows are taken up again when their lease ends."""
        await tasks.end(self._running)

    async def let_go(self, seconds: float) -> None:
        """Whoever delivers to places that this process leads no more begins anew: wait so long for the calls
        that are under way there, and end the others."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                # What is just being claimed is handed on.
                async with self._claiming:
                    pass
                await asyncio.gather(*self._elsewhere(), return_exceptions=True)
        await tasks.end(self._elsewhere())

    def _elsewhere(self) -> list[asyncio.Task[bool]]:
        return [task for task, place in self._running.items() if not self.sharing.leads(place)]

    async def _claimed(self, most: int, full: list[str], mine: Led) -> Sequence[Delivery]:
        async with self.desk.unit() as uow:
            return await outbox.claim(uow, most, but=full, led=mine)

    def _begin(self, row: Delivery) -> None:
        place = Place.from_key(row.place_key)
        platform = place.platform
        self._busy[platform] += 1
        with about(place):
            task = asyncio.create_task(self._send(row))
        self._running[task] = place

        def ended(task: asyncio.Task[bool]) -> None:
            was_full = len(self._running) >= MOST_AT_ONCE or self._busy[platform] >= MOST_OF_A_PLATFORM
            del self._running[task]
            self._busy[platform] -= 1
            more = True
            if not task.cancelled():
                if (error := task.exception()) is None:
                    more = task.result()
                else:
                    # What came of it could not be noted: the row is taken up again when its lease ends.
                    log.warning("delivery.not_noted", delivery=str(row.id), error=type(error).__name__)
            if more or was_full:
                self.freed()

        task.add_done_callback(ended)

    async def _send(self, row: Delivery) -> bool:
        """True when it is worth to look for what is due now."""
        with tracing.span("delivery", kind="consumer", parent=row.trace, **_facts(row)) as step:
            try:
                async with asyncio.timeout(FILE_TIME_LIMIT if row.kind in _LONG else TIME_LIMIT):
                    return await self._try(row)
            except Exception as error:  # noqa: BLE001  the named edge of all calls: each failure is noted with its row
                step.failed(type(error).__name__)
                metrics.count_call_failed(_platform(row), type(error).__name__)
                await self._noting(partial(self._note, row, error))
                return not isinstance(error, Replaced)

    async def _note(self, row: Delivery, error: Exception) -> None:
        """What becomes of a row whose call failed."""
        match error:
            case RetryAfter():
                await self._asked_to_wait(row, error.seconds)
            case Moved():
                await self._moved(row, error.to)
            case Revoked():
                await self._revoked(row)
            case ThreadGone():
                await self._gone(row, "thread_gone")
            case ShutOut():
                await self._shut_out(row)
            case Gone():
                await self._gone(row, "gone")
            case NotSupported():
                await self._failed(row, "not_supported", gone=True)
            case Replaced():
                await self._handed_on(row)
            case Unavailable():
                await self._failed(row, error.code)
            case DeskError():
                await self._failed(row, error.code, gone=True)
            case PostFailed() | TimeoutError() | OSError():
                await self._failed(row, type(error).__name__)
            case DBAPIError() if is_outage(error):
                await self._handed_on(row)
            case _:
                log.error("delivery.failed", delivery=str(row.id), kind=row.kind, exc_info=error)
                await self._failed(row, type(error).__name__)

    async def _noting(self, note: Callable[[], Awaitable[T]]) -> T:
        """What came of a call is noted as soon as the database can be reached: until then nobody else may send the
        row, and after that somebody would send it once more."""
        pause = 0.1
        while True:
            try:
                return await note()
            except MAY_BE_AWAY as error:
                if not is_outage(error):
                    raise
                log.warning("delivery.noting_waits", error=type(error).__name__, seconds=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, NOTE_PAUSE)

    async def _try(self, row: Delivery) -> bool:
        place = Place.from_key(row.place_key)
        adapter = self.adapters.get(place.platform)
        if not isinstance(adapter, Poster):
            raise Gone("no such platform here")
        if row.kind == "fetch":
            async with self._leased(row):
                await fetching.fetch(self.desk, adapter, row)
            return True
        made = await self._made(row)
        if isinstance(made, datetime):
            async with self.desk.unit() as uow:
                await outbox.postponed(uow, row.id, made)
            return True
        if made is None:
            return await self._nothing_to_say(adapter, place, row)
        call = CALLS["post" if row.kind == "file" and not isinstance(made, FileOut) else row.kind]
        if not self.sharing.leads(place):
            raise Replaced("This process of the desk does not lead any more.")
        async with self._leased(row):
            with tracing.span("platform.call", kind="client", platform=place.platform):
                result = await call(adapter, place, row, made)
        looks, looking = self._looks, self._looking
        revision = made.revision if isinstance(made, Post) else 0
        more = await self._done_once(row, result, revision)
        metrics.observe_delivery(place.platform, (clock.now() - _promised(row)).total_seconds())
        # Whoever looked meanwhile may have found that this one stood before the next of its place.
        return more or looking or self._looking or looks != self._looks

    async def _nothing_to_say(self, adapter: Poster, place: Place, row: Delivery) -> bool:
        """What an earlier try may have left there is looked for, and taken away like all that was said."""
        tried = row.attempts > 1 and row.kind in ("post", "file") and row.message_id is not None
        if tried and isinstance(adapter, Recalls):
            part = Post(Card(text=_("This message was deleted.")), again=True, since=row.created_at)
            native = await adapter.recall(place, part, key=str(row.id), is_file=row.kind == "file")
            if native:
                return await self._done_once(row, native, 0)
        async with self.desk.unit() as uow:
            await outbox.cancelled(uow, row.id)
        return True

    async def _made(self, row: Delivery) -> Made | datetime | None:
        if row.kind == "mark":
            return await self._marked(row)
        async with self.desk.unit() as uow:
            return await self.making.make(uow, row)

    async def _marked(self, row: Delivery) -> Post | None:
        """It says nothing: there is nothing to look up. That a message was delivered is shown when all who
        asked have it."""
        if row.args.get("sent") and row.message_id is not None:
            async with self.desk.unit() as uow:
                arrived_at_all = await by_all(uow, row.message_id)
            if arrived_at_all is None:
                return None
            row.args = {**row.args, "sent": arrived_at_all}
        return Post(Card())

    @asynccontextmanager
    async def _leased(self, row: Delivery) -> Any:
        """Keep the lease of a row while its call takes long."""
        if row.kind not in _LONG:
            yield
            return

        async def renew() -> None:
            while True:
                await asyncio.sleep(outbox.LEASE.total_seconds() / 3)
                async with self.desk.unit() as uow:
                    await outbox.renew(uow, row.id)

        renewing = asyncio.create_task(renew())
        try:
            yield
        finally:
            await tasks.end([renewing])

    async def _done_once(self, row: Delivery, result: str | OpenedThread, revision: int) -> bool:
        try:
            return await self._done(row, result, revision)
        except MAY_BE_AWAY as error:
            if not is_outage(error):
                raise
        return await self._noting(partial(self._done_unless_over, row, result, revision))

    async def _done_unless_over(self, row: Delivery, result: str | OpenedThread, revision: int) -> bool:
        """The commit before may have arrived, and only its answer was lost."""
        async with self.desk.unit() as uow:
            if await outbox.is_over(uow, row.id):
                return True
        return await self._done(row, result, revision)

    async def _done(self, row: Delivery, result: str | OpenedThread, revision: int = 0) -> bool:
        """Note what came of a call; True when something else can be sent now."""
        async with self.desk.unit() as uow:
            if isinstance(result, OpenedThread):
                await outbox.sent(uow, row.id, result.head or result.place.thread)
                await threads.opened(uow, row, result, self.copying)
                return True
            if row.card is None and row.kind in ("post", "file") and row.message_id is not None and result:
                return await self._arrived(uow, row, result, revision)
            more = await outbox.sent(uow, row.id, result)
            if row.card is not None:
                await threads.card_sent(uow, row, result)
            return more

    async def _arrived(self, uow: UnitOfWork, row: Delivery, native: str, revision: int) -> bool:
        """A message stands there; what changed while its call was under way is put right at once. After several
        tries it may be what the first of them said."""
        if row.attempts > 1:
            revision = min(revision, 1)
        first = row.part == 0 or row.kind == "file"
        standing = await arrived(uow, row, native, first=first)
        if standing is None:
            return True
        changed = standing.deleted or standing.hidden or (revision and standing.revision != revision)
        if changed:
            await self.copying.catch_up(uow, row, native, revision)
        return bool(standing.more or changed)

    async def _failed(
        self, row: Delivery, error: str, *, after: float | None = None, gone: bool = False
    ) -> None:
        async with self.desk.unit() as uow:
            if await outbox.failed(uow, row, error, after=after, gone=gone):
                _tell_undelivered(uow, row, error)

    async def _asked_to_wait(self, row: Delivery, seconds: float) -> None:
        """When the platform says so. An agent whose reply comes late reads it, once for each message."""
        async with self.desk.unit() as uow:
            if await outbox.failed(uow, row, "retry_after", after=seconds):
                _tell_undelivered(uow, row, "retry_after")
            elif (
                seconds >= LATE_SECONDS
                and row.error != "retry_after"
                and await _is_requesters(uow, row.place_key)
            ):
                _tell_undelivered(uow, row, undelivered.ASKED_TO_WAIT)

    async def _handed_on(self, row: Delivery) -> None:
        """Not the row's fault: whoever leads takes it up at once."""
        async with self.desk.unit() as uow:
            await outbox.released(uow, row.id)

    async def _gone(self, row: Delivery, error: str) -> None:
        """A thread of a desk room is opened anew; a requester's place that is gone is told."""
        async with self.desk.unit() as uow:
            if await threads.vanished(uow, row, whole=error == "gone"):
                await outbox.cancelled(uow, row.id)
                return
            await outbox.failed(uow, row, error, gone=True)
            _tell_undelivered(uow, row, error)

    async def _shut_out(self, row: Delivery) -> None:
        """Kept until the bot is let in again, and looked at now and then in case nobody tells. Who wrote the
        replies that wait reads why, once for each."""
        if row.created_at < clock.now() - LONGEST_SHUT:
            await self._gone(row, "gone")
            return
        async with self.desk.unit() as uow:
            await rooms.note_shut(uow, Place.from_key(row.place_key))
            behind = await outbox.shut_out(uow, row, SHUT_PAUSE)
            if await _is_requesters(uow, row.place_key):
                for each in behind:
                    _tell_undelivered(uow, each, undelivered.SHUT_OUT)

    async def _moved(self, row: Delivery, to: Place) -> None:
        """Everything that speaks of the old address speaks of the new one; the row is due again."""
        async with self.desk.unit() as uow:
            await outbox.postponed(uow, row.id, row.due_at)
            await places.relocate(uow, Place.from_key(row.place_key), to)

    async def _revoked(self, row: Delivery) -> None:
        """What waits is kept until an admin connects the platform anew. A call that began before that was done
        tells nothing of the new token."""
        place = Place.from_key(row.place_key)
        async with self.desk.unit() as uow:
            if row.lease_until is not None and await places.renewed_since(
                uow, place, row.lease_until - outbox.LEASE
            ):
                await outbox.paused(uow, row.id, RENEWED_PAUSE, "token_revoked")
                return
            await places.note_broken(uow, place, "token_revoked")
            await outbox.paused(uow, row.id, REVOKED_PAUSE, "token_revoked")
            if row.error != "token_revoked" and await _is_requesters(uow, row.place_key):
                # Once for each message: what goes out later is marked as delivered then.
                _tell_undelivered(uow, row, "token_revoked")


async def _is_requesters(uow: UnitOfWork, place_key: str) -> bool:
    query = select(Seat.side).where(Seat.place_key == place_key, Seat.active).limit(1)
    return await uow.session.scalar(query) == "requester"


def _platform(row: Delivery) -> str:
    return Place.from_key(row.place_key).platform


def _facts(row: Delivery) -> dict[str, tracing.Fact]:
    return {"platform": _platform(row), "what": row.kind, "card": row.card or "", "attempt": row.attempts}


def _promised(row: Delivery) -> datetime:
    """Since when it could have been there: what is held waits on purpose."""
    return max(row.created_at, row.due_at) if row.attempts <= 1 else row.created_at


def _nobody() -> None:
    """Nobody waits for a call to end."""


def _tell_undelivered(uow: UnitOfWork, row: Delivery, error: str) -> None:
    if row.message_id is not None and row.kind in ("post", "file", "mail"):
        uow.emit(
            MessageUndelivered(subject=row.message_id, delivery=row.id, error=error),
            conversation=row.conversation_id,
        )
