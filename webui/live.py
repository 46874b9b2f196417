"""Live pages: one stream of server-sent events a browser, saying what changed, never what it says.

A browser's tabs name the tickets they show by one of them that leads; they hear of those the
viewer may see, and, for staff, that some queue or the bell changed. Each then fetches its
fragments.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Annotated
from uuid import UUID

import orjson
import structlog
from fastapi import APIRouter, Query, Request
from sqlalchemy import select
from sse_starlette import EventSourceResponse

from core import clock
from core.conversations.model import Conversation, Seat
from core.db import EventRow
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
GATHER = 0.02
OLDEST = 15_000
"""Milliseconds: whose page is older looks at everything anew."""
SLACK = timedelta(seconds=1)
"""From an event's time to the commit that shows it."""
MOST_MISSED = 100
BEAT = 30.0
"""Seconds after which a page that stays open says again that it does."""
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
    """`changed` events with `{"topics": […]}`: ticket:<number>, queues, bell, offers, presence:<number>.
    What one tab may not see any more is passed over, so that the others go on hearing. What has
    changed in the last `age` milliseconds, since a page was made, is told at the beginning."""
    watched: dict[str, int] = {}
    looked_at: list[UUID] = []
    for number in dict.fromkeys(ticket):
        try:
            opened = await access.get(uow, viewer.actor, number)
        except NotFound:
            if len(ticket) == 1:
                raise
            continue
        looked_at.append(opened.thread.id)
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
    stream = stream_of(site, watched, str(viewer.actor.id), staff=viewer.staff, age=age)
    if viewer.staff and viewer.actor.id is not None:
        stream = _present(site, looked_at, viewer.actor.id, stream)
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
    site: Site, watched: dict[str, int], me: str, *, staff: bool, age: int = 0
) -> AsyncGenerator[dict[str, str]]:
    """What changes of the watched conversations and places, as long as somebody listens."""
    ends = time.monotonic() + LONGEST
    async with site.desk.bus.subscribe() as signals:
        yield {"event": "ready", "data": "{}"}
        if age and (missed := await _since(site, watched, me, staff, age)):
            yield _changed(missed)
        iterator = aiter(signals)
        waiting: asyncio.Task[Signal] | None = None
        try:
            while time.monotonic() < ends:
                topics: set[str] = set()
                until = ends
                while (left := until - time.monotonic()) > 0:
                    waiting = waiting or asyncio.ensure_future(anext(iterator))
                    done, _pending = await asyncio.wait({waiting}, timeout=left)
                    if not done:
                        break
                    signal, waiting = waiting.result(), None
                    found = _topics(signal, watched, me, staff)
                    if staff:
                        site.presence.heard(signal)
                        found |= _arrived(site, signal, watched)
                    if found and not topics:
                        # A burst becomes one message: what changed is gathered for a moment.
                        until = min(ends, time.monotonic() + GATHER)
                    topics |= found
                if topics:
                    yield _changed(topics)
        finally:
            if waiting is not None:
                waiting.cancel()
                with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
                    await waiting


def _changed(topics: set[str]) -> dict[str, str]:
    return {"event": "changed", "data": orjson.dumps({"topics": sorted(topics)}).decode()}


async def _since(site: Site, watched: dict[str, int], me: str, staff: bool, age: int) -> set[str]:
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
            data = {"name": row.name, "conversation": str(row.conversation_id)}
            topics |= _topics(Signal("event", data), watched, me, staff)
    return topics | ({"bell"} if staff and topics else set())


def _arrived(site: Site, signal: Signal, watched: dict[str, int]) -> set[str]:
    """A requester whose message is here does not type it any more."""
    number = watched.get(str(signal.data.get("conversation")))
    if number is None or signal.data.get("name") != "message.said" or signal.data.get("side") != "requester":
        return set()
    site.presence.said_at(
        key.removeprefix("place ") for key, of in watched.items() if of == number and key.startswith("place ")
    )
    return {f"presence:{number}"}


def _topics(signal: Signal, watched: dict[str, int], me: str, staff: bool) -> set[str]:
    data = signal.data
    number = watched.get(str(data.get("conversation")))
    match signal.topic:
        case "lost":
            return {f"ticket:{n}" for n in watched.values()} | {"queues", "bell", "offers"}
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
            found = {f"ticket:{number}"} if number else set()
            if staff and str(data.get("name")).startswith(("ticket.", "message.said")):
                found.add("queues")
            if staff and data.get("name") in _ENDS_OFFER:
                found.add("offers")
            return found
    return set()
