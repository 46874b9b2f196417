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
import time
from collections.abc import AsyncGenerator, Mapping
from datetime import timedelta
from typing import Annotated
from uuid import UUID

import orjson
import structlog
from fastapi import APIRouter, Query, Request
from sqlalchemy import select
from sse_starlette import EventSourceResponse

from core import clock, metrics, tasks
from core.conversations.model import Conversation, Seat
from core.db import EventRow
from core.desk import signal_of
from core.errors import NotFound
from core.outage import MAY_BE_AWAY
from core.people import service as people
from core.tickets import access
from webui.deps import SignedIn, TheSite, Uow
from webui.site import Site
from webui.switchboard import LISTS_EVERY, NOTHING, Listener, of_queues, topics

log = structlog.get_logger("webui.live")
router = APIRouter()
LONGEST = 600.0
MOST_TICKETS = 30
OLDEST = 15_000
"""Milliseconds: whose page is older looks at everything anew."""
SLACK = timedelta(seconds=1)
"""From an event's time to the commit that shows it."""
MOST_MISSED = 100
BEAT = 30.0
"""Seconds after which a page that stays open says again that it does."""


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
        # First what needs no waiting: whoever ends a request of which the browser is gone lets nothing wait.
        beating.cancel()
        for each in conversations:
            site.presence.leaves(each, person)
        await tasks.end([beating])
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
    listener = Listener(watched, me, staff, shown)
    async with site.switchboard.tells(listener), _counted():
        yield {"event": "ready", "data": orjson.dumps({"topics": await _standing(site, shown)}).decode()}
        if age and (missed := await _since(site, listener, age)):
            yield _changed(missed)
        gathered = listener.gathered
        while (now := time.monotonic()) < ends and not listener.ended:
            if gathered.due <= now and (found := gathered.take(now)):
                yield _changed(found)
            await listener.stirs(min(ends, gathered.due) - now)
        if found := gathered.take(ends + LISTS_EVERY):
            yield _changed(found)


@contextlib.asynccontextmanager
async def _counted() -> AsyncGenerator[None]:
    with metrics.live_pages.track_inprogress():
        yield


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


async def _since(site: Site, listener: Listener, age: int) -> set[str]:
    """What changed while a page was on its way to a browser, and nobody listened for it."""
    try:
        async with site.desk.db.sessions() as session:
            latest = select(EventRow).order_by(EventRow.id.desc()).limit(MOST_MISSED)
            rows = list(await session.scalars(latest))
    except MAY_BE_AWAY as error:
        log.warning("live.not_looked", error=type(error).__name__)
        return {"queues", "bell", "offers"} if listener.staff else set()
    begin = clock.now() - timedelta(milliseconds=age) - SLACK
    found: set[str] = set()
    for row in rows:
        if row.at >= begin:
            found |= topics(signal_of(row), listener)
            found |= of_queues(row.name) if listener.staff else set()
    return found | ({"bell"} if listener.staff and found else set())
