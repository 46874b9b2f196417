"""Live pages: one stream of server-sent events a browser, saying what changed, never what it says.

A browser's tabs name the tickets they show by one of them that leads; they hear of those the
viewer may see, and, for staff, that some queue or the bell changed. Each then fetches its
fragments. Of a ticket's conversation they hear what changed, so that they need not fetch all of it:

    ticket:N        who has it, where it stands, what is known of it
    talk:N:SEQ      something was said or happened; SEQ is its place in the conversation
    line:N:ID       a message that stands already looks different now
    seen:N:SEQ      the requester has read on, as far as SEQ: nothing need be fetched for it
    whole:N         more changed than lines can tell
    presence:N      who looks at it, who types
    queues, counts  a list of tickets; how many lie in each queue
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Annotated, Any
from uuid import UUID

import orjson
import structlog
from fastapi import APIRouter, Query, Request
from sqlalchemy import select
from sse_starlette import EventSourceResponse

from core import clock, metrics
from core.conversations.model import Conversation, Seat
from core.db import EventRow
from core.desk import signal_of
from core.errors import NotFound
from core.outage import MAY_BE_AWAY
from core.people import service as people
from core.ports.bus import Signal
from core.tickets import access
from webui.deps import SignedIn, TheSite, Uow
from webui.site import Site

log = structlog.get_logger("webui.live")
router = APIRouter()
LONGEST = 600.0
MOST_TICKETS = 30
NOTHING: Mapping[UUID, int] = MappingProxyType({})
GATHER = 0.02
LISTS = frozenset({"queues", "counts"})
"""Every message changes a list for everybody who works at the desk: told once in `LISTS_EVERY`, the first
of them at once."""
LISTS_EVERY = 1.0
OLDEST = 15_000
"""Milliseconds: whose page is older looks at everything anew."""
SLACK = timedelta(seconds=1)
"""From an event's time to the commit that shows it."""
MOST_MISSED = 100
OLD_EVENT = 60.0
BEAT = 30.0
"""Seconds after which a page that stays open says again that it does."""
_WHOLE = frozenset({"ticket.merged", "ticket.split", "ticket.requester_changed"})
"""After these, other lines stand in a timeline than before, or other names."""
_ENDS_OFFER = frozenset(
    {
        "ticket.offered",
        "ticket.passed",
        "ticket.claimed",
        "ticket.assigned",
        "ticket.resolved",
        "ticket.closed",
    }
)


@router.get("/live")
async def live(
    request: Request,
    uow: Uow,
    viewer: SignedIn,
    site: TheSite,
    ticket: Annotated[list[int], Query(max_length=MOST_TICKETS)] = [],  # noqa: B006
    age: Annotated[int, Query(ge=0, le=OLDEST)] = 0,
) -> EventSourceResponse:
    """`changed` events with `{"topics": […]}`; `ready` says where each conversation stands. What one tab
    may not see any more is passed over, so that the others go on hearing. What has changed in the last
    `age` milliseconds, since a page was made, is told at the beginning."""
    watched: dict[str, int] = {}
    looked_at: dict[UUID, int] = {}
    for number in dict.fromkeys(ticket):
        try:
            opened = await access.get(uow, viewer.actor, number)
        except NotFound:
            if len(ticket) == 1:
                raise
            continue
        looked_at[opened.thread.id] = number
        conversations = await uow.session.scalars(
            select(Conversation.id).where(
                (Conversation.id == opened.thread.id) | (Conversation.root_id == opened.thread.id)
            )
        )
        watched |= {str(one): number for one in conversations}
        if viewer.staff:
            places = await uow.session.scalars(
                select(Seat.place_key).where(
                    Seat.conversation_id == opened.thread.id, Seat.active, Seat.side == "requester"
                )
            )
            watched |= {f"place {place}": number for place in places}
    stream = stream_of(site, watched, str(viewer.actor.id), staff=viewer.staff, shown=looked_at, age=age)
    if viewer.staff and viewer.actor.id is not None:
        stream = _present(site, list(looked_at), viewer.actor.id, stream)
    return EventSourceResponse(stream, ping=20, headers={"cache-control": "no-store"})


async def _present(
    site: TheSite, conversations: list[UUID], person: UUID, stream: AsyncGenerator[dict[str, str]]
) -> AsyncGenerator[dict[str, str]]:
    """While the stream lasts, the person is seen to look at these conversations."""
    for each in conversations:
        site.presence.comes(each, person)

    async def beat() -> None:
        while True:
            await _is_here(site, person)
            await asyncio.sleep(BEAT)
            for each in conversations:
                site.presence.looks(each, person)

    beating = asyncio.create_task(beat())
    try:
        async for event in stream:
            yield event
    finally:
        beating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beating
        for each in conversations:
            site.presence.leaves(each, person)
        await stream.aclose()


async def _is_here(site: Site, person: UUID) -> None:
    """Live chats are offered to those who are; a beat that fails is made good by the next."""
    try:
        async with site.desk.unit() as uow:
            await people.touch(uow, person, clock.now())
    except MAY_BE_AWAY as error:
        log.warning("live.not_noted", error=type(error).__name__)


async def stream_of(
    site: Site,
    watched: dict[str, int],
    me: str,
    *,
    staff: bool,
    shown: Mapping[UUID, int] = NOTHING,
    age: int = 0,
) -> AsyncGenerator[dict[str, str]]:
    """What changes of the watched conversations and places, as long as somebody listens; first, how far
    those that are `shown` have come: a page may have been made before the first signal was heard."""
    ends = time.monotonic() + LONGEST
    async with site.desk.bus.subscribe() as signals, _counted():
        yield {"event": "ready", "data": orjson.dumps({"topics": await _standing(site, shown)}).decode()}
        if age and (missed := await _since(site, watched, me, staff, shown, age)):
            yield _changed(missed)
        iterator = aiter(signals)
        waiting: asyncio.Task[Signal] | None = None
        try:
            gathered = Gathered()
            while (now := time.monotonic()) < ends:
                if gathered.due <= now and (topics := gathered.take(now)):
                    yield _changed(topics)
                waiting = waiting or asyncio.ensure_future(anext(iterator))
                done, _pending = await asyncio.wait({waiting}, timeout=min(ends, gathered.due) - now)
                if not done:
                    continue
                signal, waiting = waiting.result(), None
                found = _topics(signal, watched, me, staff, shown)
                if staff:
                    found |= _arrived(site, signal, watched)
                    site.presence.heard(signal)
                _measure(signal, found)
                gathered.add(found, time.monotonic())
            if topics := gathered.take(ends + LISTS_EVERY):
                yield _changed(topics)
        finally:
            if waiting is not None:
                waiting.cancel()
                with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
                    await waiting


@contextlib.asynccontextmanager
async def _counted() -> AsyncGenerator[None]:
    with metrics.live_pages.track_inprogress():
        yield


def _measure(signal: Signal, found: set[str]) -> None:
    """How long it took from an event to this page; lists wait for each other on purpose."""
    if (at := signal.data.get("at")) is None or found <= LISTS:
        return
    # What an older conversation brings along has its own time.
    if (taken := clock.seconds() - float(at)) < OLD_EVENT:
        metrics.observe_page(taken + GATHER)


@dataclass(slots=True)
class Gathered:
    """What has changed and is not told yet. A burst becomes one message, `GATHER` seconds after its first;
    times are those of the monotonic clock."""

    due: float = math.inf
    """When something is to be told."""
    _topics: set[str] = field(default_factory=set)
    _lists_told: float = -math.inf

    def add(self, topics: set[str], now: float) -> None:
        if not topics:
            return
        self._topics |= topics
        soon = now + GATHER
        self.due = min(self.due, max(soon, self._lists_told + LISTS_EVERY) if topics <= LISTS else soon)

    def take(self, now: float) -> set[str]:
        """All of it; lists only where it is their time."""
        early = now < self._lists_told + LISTS_EVERY
        taken = self._topics - LISTS if early else self._topics
        self._topics = self._topics - taken
        self.due = self._lists_told + LISTS_EVERY if self._topics else math.inf
        if taken & LISTS:
            self._lists_told = now
        return taken


async def _standing(site: Site, shown: Mapping[UUID, int]) -> list[str]:
    if not shown:
        return []
    async with site.desk.db.sessions() as session:
        rows = await session.execute(
            select(Conversation.id, Conversation.seq).where(Conversation.id.in_(shown))
        )
        return [f"talk:{shown[conversation]}:{seq}" for conversation, seq in rows]


def _changed(topics: set[str]) -> dict[str, str]:
    return {"event": "changed", "data": orjson.dumps({"topics": sorted(topics)}).decode()}


async def _since(
    site: Site, watched: dict[str, int], me: str, staff: bool, shown: Mapping[UUID, int], age: int
) -> set[str]:
    """What changed while a page was on its way to a browser, and nobody listened for it."""
    try:
        async with site.desk.db.sessions() as session:
            latest = select(EventRow).order_by(EventRow.id.desc()).limit(MOST_MISSED)
            rows = list(await session.scalars(latest))
    except MAY_BE_AWAY as error:
        log.warning("live.not_looked", error=type(error).__name__)
        return {"queues", "bell", "offers"} if staff else set()
    begin = clock.now() - timedelta(milliseconds=age) - SLACK
    topics: set[str] = set()
    for row in rows:
        if row.at >= begin:
            topics |= _topics(signal_of(row), watched, me, staff, shown)
    return topics | ({"bell"} if staff and topics else set())


def _arrived(site: Site, signal: Signal, watched: dict[str, int]) -> set[str]:
    """A requester whose message is here does not type it any more."""
    number = watched.get(str(signal.data.get("conversation")))
    if number is None or signal.data.get("name") != "message.said" or signal.data.get("side") != "requester":
        return set()
    places = [
        key.removeprefix("place ") for key, of in watched.items() if of == number and key.startswith("place ")
    ]
    typed = site.presence.typing_at(places)
    site.presence.said_at(places)
    return {f"presence:{number}"} if typed else set()


def _topics(
    signal: Signal, watched: dict[str, int], me: str, staff: bool, shown: Mapping[UUID, int]
) -> set[str]:
    data = signal.data
    number = watched.get(str(data.get("conversation")))
    match signal.topic:
        case "lost":
            kinds = ("ticket", "whole", "presence") if staff else ("ticket", "whole")
            return {f"{kind}:{n}" for n in watched.values() for kind in kinds} | {
                "queues",
                "counts",
                "bell",
                "offers",
            }
        case "notice":
            return {"bell"} if data.get("person") == me else set()
        case "presence":
            # A beat of somebody who was there already changes nothing.
            news = number and data.get("person") != me and data.get("new", True)
            return {f"presence:{number}"} if news and staff else set()
        case "typing":
            number = watched.get(f"place {data.get('place')}")
            return {f"presence:{number}"} if number else set()
        case "event":
            found = _of_ticket(number, data, staff, shown) if number else set()
            return found | _of_queues(str(data.get("name"))) if staff else found
    return set()


def _of_ticket(number: int, data: Mapping[str, Any], staff: bool, shown: Mapping[UUID, int]) -> set[str]:
    """Places (`:SEQ`) are told in the ticket's own conversation: one that was merged into it counts for
    itself."""
    name, seq = str(data.get("name")), data.get("seq")
    is_own = any(str(one) == data.get("conversation") for one in shown)
    place = f":{seq}" if seq and is_own else ""
    if name == "message.said":
        return {f"talk:{number}{place}"} if staff or data.get("audience") != "staff" else set()
    if name.startswith("message."):
        return {f"line:{number}:{data.get('subject')}"}
    if name == "conversation.read":
        return {f"seen:{number}:{data.get('upto', 0)}"} if is_own else set()
    found = {f"ticket:{number}", f"talk:{number}{place}"}
    return found | {f"whole:{number}"} if name in _WHOLE else found


def _of_queues(name: str) -> set[str]:
    """What is said moves a ticket in the lists; how many lie in each queue, only what is done with it."""
    found = {"queues"} if name.startswith(("ticket.", "message.said")) else set()
    if name.startswith("ticket."):
        found.add("counts")
    if name in _ENDS_OFFER:
        found.add("offers")
    return found
