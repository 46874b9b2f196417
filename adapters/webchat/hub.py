"""The open pages of this process, and what they are told.

A page hears that something changed and fetches it; beside that, only what is not kept
anywhere: typing, the place in the queue, a passing card. Of a new message it hears which one
(`said`): a page that has it already, because it sent it or looked since, need not fetch it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select

from adapters.webchat import timeline
from adapters.webchat.settings import Settings
from adapters.webchat.tokens import PLATFORM, Visitor
from core import clock
from core.chat import Place
from core.db import EventRow, UnitOfWork
from core.desk import Desk
from core.errors import TooMany
from core.i18n import _
from core.outage import MAY_BE_AWAY
from core.people import service as people
from core.ports.bus import Signal
from core.tickets import access, waiting
from core.tickets.events import RequesterLeft
from core.tickets.model import LIVE, Ticket

log = structlog.get_logger("webchat")

MOST_PAGES = 8
"""Open pages of one visitor."""
QUEUE = 100
GATHER = 0.03
"""Seconds in which what is told becomes one: a message, its receipt and its delivery come close together."""
TOLD_EVERY = 1.0
STAYED = timedelta(hours=2)
"""A conversation without a word for longer is no live one: nobody waits for its visitor."""
_QUEUE_MOVES = (
    "ticket.opened",
    "ticket.claimed",
    "ticket.assigned",
    "ticket.released",
    "ticket.resolved",
    "ticket.closed",
    "ticket.merged",
    "ticket.reopened",
)
_TOLD = ("message.", "ticket.", "suggestion.", "conversation.read", "person.availability_changed")
_UNTOLD = ("message.delivered", "message.undelivered", "message.reported", "ticket.requester_left")


@dataclass(eq=False, slots=True)
class Page:
    """One open page: what it is told waits in a queue; one that is too slow starts anew."""

    visitor: Visitor
    watched: dict[str, str] = field(default_factory=dict)
    queue: asyncio.Queue[dict[str, Any]] = field(default_factory=lambda: asyncio.Queue(QUEUE))

    def tell(self, what: dict[str, Any]) -> None:
        if self.queue.full():
            while not self.queue.empty():
                self.queue.get_nowait()
            what = {"type": "changed", "thread": ""}
        self.queue.put_nowait(what)

    async def told(self) -> list[dict[str, Any]]:
        """What to say next, each thing once."""
        first = await self.queue.get()
        await asyncio.sleep(GATHER if first["type"] == "changed" else 0)
        told = [first]
        while not self.queue.empty():
            told.append(self.queue.get_nowait())
        return [what for place, what in enumerate(told) if what not in told[:place]]


class Hub:
    """Who has a page open here."""

    def __init__(self, desk: Desk, settings: Settings) -> None:
        self.desk = desk
        self.settings = settings
        self._pages: dict[str, set[Page]] = {}
        self._leaving: dict[str, asyncio.Task[None]] = {}
        self._coming: dict[str, asyncio.Task[None]] = {}
        self._moved = asyncio.Event()

    @contextmanager
    def page(self, visitor: Visitor, watched: dict[str, str]) -> Iterator[Page]:
        """A page of a visitor, for as long as it is open."""
        pages = self._pages.setdefault(visitor.id, set())
        if len(pages) >= MOST_PAGES:
            raise TooMany(_("This chat is open in too many windows. Please close one."), after=30)
        page = Page(visitor, watched)
        pages.add(page)
        if len(pages) == 1:
            self.came(visitor)
        self._moved.set()
        try:
            yield page
        finally:
            pages.discard(page)
            if not pages:
                self._pages.pop(visitor.id, None)
                self.leaves(visitor, self.settings.left_after)

    @property
    def pages(self) -> int:
        return sum(len(pages) for pages in self._pages.values())

    def push(self, visitor: str, what: dict[str, Any]) -> bool:
        """Tell a visitor's pages in this process; False when there are none."""
        pages = self._pages.get(visitor, ())
        for page in pages:
            page.tell(what)
        return bool(pages)

    def watch(self, visitor: str, conversation: str, thread: str) -> bool:
        """A conversation has begun, or goes on in another one: its pages hear of it from now on. True
        if one of them did not before."""
        news = False
        for page in self._pages.get(visitor, ()):
            news = news or page.watched.get(conversation) != thread
            page.watched[conversation] = thread
        return news

    # --- coming and going

    def leaving(self) -> list[asyncio.Task[None]]:
        """What is about to be noted."""
        return [*self._leaving.values(), *self._coming.values()]

    def came(self, visitor: Visitor) -> None:
        leaving = self._leaving.pop(visitor.id, None)
        if leaving is not None:
            leaving.cancel()
        if visitor.id not in self._coming:
            self._later(self._coming, visitor, self._note_back(visitor))

    def leaves(self, visitor: Visitor, after: float) -> None:
        """The last page was closed, or says that it will be; a reload is no leaving."""
        if visitor.id not in self._leaving:
            self._later(self._leaving, visitor, self._note_left(visitor, after))

    def _later(
        self, tasks: dict[str, asyncio.Task[None]], visitor: Visitor, step: Coroutine[Any, Any, None]
    ) -> None:
        task = tasks[visitor.id] = asyncio.get_running_loop().create_task(step)
        task.add_done_callback(lambda done: self._noted(tasks, visitor.id, done))

    def _noted(self, tasks: dict[str, asyncio.Task[None]], visitor: str, done: asyncio.Task[None]) -> None:
        if tasks.get(visitor) is done:
            del tasks[visitor]
        if not done.cancelled() and done.exception() is not None:
            log.warning("presence.failed", error=type(done.exception()).__name__)

    async def _note_left(self, visitor: Visitor, after: float) -> None:
        await asyncio.sleep(after)
        if coming := self._coming.get(visitor.id):
            await asyncio.wait({coming})
        if not self._pages.get(visitor.id):
            await self._note(visitor, back=False)

    async def _note_back(self, visitor: Visitor) -> None:
        await self._note(visitor, back=True)

    async def _note(self, visitor: Visitor, *, back: bool) -> None:
        for number in await self._live(visitor):
            async with self.desk.unit() as uow:
                await _tell_of(uow, visitor, number, back=back)

    async def _live(self, visitor: Visitor) -> list[int]:
        """The tickets of a visitor about which somebody may be waiting for them."""
        async with self.desk.unit() as uow:
            person = await timeline.person_of(uow, visitor)
            if person is None:
                return []
            numbers = await uow.session.scalars(
                select(Ticket.number)
                .where(
                    Ticket.requester_id == person.id,
                    Ticket.channel == PLATFORM,
                    Ticket.status.in_(LIVE),
                    Ticket.updated_at > clock.now() - STAYED,
                )
                .order_by(Ticket.updated_at.desc())
                .limit(5)
            )
            return list(numbers)

    # --- what the desk says

    async def listen(self) -> None:
        """Pass on what changed, until cancelled."""
        async with self.desk.bus.subscribe() as signals:
            try:
                async for signal in signals:
                    self._pass_on(signal)
            finally:
                for task in self.leaving():
                    task.cancel()

    def _pass_on(self, signal: Signal) -> None:
        data = signal.data
        match signal.topic:
            case "webchat":
                told = {"type": "changed", "thread": data.get("thread", ""), "said": data.get("said", "")}
                self.push(str(data.get("visitor")), told)
            case "webchat.card":
                told = {"type": "card", "thread": data.get("thread", ""), "card": data.get("card")}
                self.push(str(data.get("visitor")), told)
            case "typing" if data.get("side") != "requester":
                self._typing(data)
            case "read":
                conversation = str(data.get("conversation"))
                self._tell(conversation, {"type": "read", "part": conversation, "upto": data.get("upto", 0)})
            case "event":
                self._event(data)
            case "lost":
                for page in self._all():
                    page.tell({"type": "changed", "thread": ""})
                self._moved.set()
            case _:
                pass

    def _event(self, data: dict[str, Any]) -> None:
        name, conversation = str(data.get("name")), str(data.get("conversation"))
        if name in _QUEUE_MOVES:
            self._moved.set()
        if not name.startswith(_TOLD) or name in _UNTOLD or data.get("audience") == "staff":
            return
        everywhere = name == "person.availability_changed"
        own = name == "conversation.read" and data.get("side") == "requester"
        said = str(data.get("subject")) if name == "message.said" else ""
        for page in self._all():
            thread = page.watched.get(conversation)
            if everywhere:
                page.tell({"type": "changed", "thread": ""})
            elif thread is not None and not (own and len(self._pages[page.visitor.id]) == 1):
                # What one has read oneself is news for one's other pages only.
                if said and data.get("held"):
                    # There is nothing to fetch yet: meanwhile the visitor sees that someone writes.
                    page.tell({"type": "typing", "thread": thread, "on": True})
                else:
                    page.tell({"type": "changed", "thread": thread, "said": said})

    def _typing(self, data: dict[str, Any]) -> None:
        on = data.get("on") is not False
        if place_key := data.get("place"):
            place = Place.from_key(str(place_key))
            if place.platform == PLATFORM:
                self.push(place.channel, {"type": "typing", "thread": place.thread, "on": on})
            return
        self._tell(str(data.get("conversation")), {"type": "typing", "on": on})

    def _tell(self, conversation: str, what: dict[str, Any]) -> None:
        for page in self._all():
            if thread := page.watched.get(conversation):
                page.tell(what | {"thread": thread})

    def _all(self) -> list[Page]:
        return [page for pages in self._pages.values() for page in pages]

    # --- the queue

    async def tell_places(self) -> None:
        """When the queue moves, tell those who wait where they stand: one query for all."""
        while True:
            await self._moved.wait()
            self._moved.clear()
            try:
                await self._tell_places()
            except MAY_BE_AWAY as error:
                log.warning("queue.not_read", error=type(error).__name__)
            await asyncio.sleep(TOLD_EVERY)

    async def _tell_places(self) -> None:
        pages = self._all()
        if not pages:
            return
        async with self.desk.db.sessions() as session:
            places = await waiting.places(session, PLATFORM)
            wait = await waiting.recent_wait(session, PLATFORM)
        seconds = int(wait.total_seconds()) if wait is not None else 0
        for page in pages:
            for conversation, thread in page.watched.items():
                place = places.get(UUID(conversation), 0)
                page.tell({"type": "queue", "thread": thread, "place": place, "wait": seconds})


async def _tell_of(uow: UnitOfWork, visitor: Visitor, number: int, *, back: bool) -> None:
    """Write that the visitor left, or came back, unless that is what was written last."""
    person = await timeline.person_of(uow, visitor)
    assert person is not None
    actor = await people.actor_of(uow, person)
    opened = await access.change(uow, actor, number)
    last = await uow.session.scalar(
        select(EventRow.data["back"].as_boolean())
        .where(EventRow.subject == opened.ticket.id, EventRow.name == RequesterLeft.name)
        .order_by(EventRow.id.desc())
        .limit(1)
    )
    if (last is not False) is back:
        return
    uow.emit(
        RequesterLeft(subject=opened.ticket.id, number=number, back=back),
        conversation=opened.thread.id,
        seq=opened.thread.next_seq(),
        actor=actor,
    )
