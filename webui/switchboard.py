"""Tells each open page what changed of what it shows: one ear on the bus for all pages of a process.

A signal costs what those pages cost that it concerns, however many are open: they are found by the
conversation, place or person that it names. Lists change for everybody who works at the desk with each
message: those topics are gathered here, and told once in `LISTS_EVERY`.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from uuid import UUID

import structlog

from core import clock, metrics, tasks
from core.ports.bus import Bus, Signal
from core.presence import Presence

log = structlog.get_logger("webui.live")
NOTHING: Mapping[UUID, int] = MappingProxyType({})
GATHER = 0.02
LISTS = frozenset({"queues", "counts"})
"""Every message changes a list for everybody who works at the desk: told once in `LISTS_EVERY`, the first
of them at once."""
LISTS_EVERY = 1.0
OLD_EVENT = 60.0
_WHOLE = frozenset({"ticket.merged", "ticket.split", "ticket.requester_changed"})
"""After these, other lines stand in a timeline than before, or other names."""
_OF_RIGHTS = frozenset({"session.ended", "person.role_given", "person.deactivated"})
"""After these, somebody may no longer hear what they heard: they ask anew."""
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


@dataclass(slots=True, eq=False)
class Listener:
    """The stream of one browser: the conversations and places it watches, each with its ticket's number;
    `shown` are those of the tickets themselves."""

    watched: Mapping[str, int]
    me: str
    staff: bool
    shown: Mapping[UUID, int] = field(default_factory=dict)
    gathered: Gathered = field(default_factory=Gathered)
    ended: bool = False
    """Nobody tells any more: the browser is to open another stream, if it may."""
    _stirred: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, topics: set[str]) -> None:
        if topics:
            self.gathered.add(topics, time.monotonic())
            self._stirred.set()

    def end(self) -> None:
        self.ended = True
        self._stirred.set()

    async def stirs(self, seconds: float) -> None:
        """Until something is told, or so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stirred.wait()
        self._stirred.clear()

    @property
    def keys(self) -> set[str]:
        """What it is found by."""
        return {*self.watched, f"person {self.me}"}

    def places_of(self, number: int) -> list[str]:
        return [
            key.removeprefix("place ")
            for key, of in self.watched.items()
            if of == number and key.startswith("place ")
        ]


class Switchboard:
    """Hears the bus while anybody listens."""

    def __init__(self, bus: Bus, presence: Presence) -> None:
        self._bus, self._presence = bus, presence
        self._listeners: set[Listener] = set()
        self._staff: set[Listener] = set()
        self._by_key: defaultdict[str, set[Listener]] = defaultdict(set)
        self._hearing: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._lists = Gathered()
        self._lists_due: asyncio.TimerHandle | None = None

    @contextlib.asynccontextmanager
    async def tells(self, listener: Listener) -> AsyncGenerator[None]:
        """What changes from here on."""
        self._add(listener)
        try:
            await self._hears()
            yield
        finally:
            self._remove(listener)
            if not self._listeners:
                await self._rests()

    def _add(self, listener: Listener) -> None:
        self._listeners.add(listener)
        if listener.staff:
            self._staff.add(listener)
        for key in listener.keys:
            self._by_key[key].add(listener)

    def _remove(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        self._staff.discard(listener)
        for key in listener.keys:
            self._by_key[key].discard(listener)
            if not self._by_key[key]:
                del self._by_key[key]

    async def _hears(self) -> None:
        if self._hearing is None or self._hearing.done():
            self._ready = asyncio.Event()
            self._hearing = asyncio.create_task(self._hear(self._ready))
            self._hearing.add_done_callback(self._deaf)
        await self._ready.wait()

    async def _rests(self) -> None:
        hearing, self._hearing = self._hearing, None
        if self._lists_due is not None:
            self._lists_due.cancel()
            self._lists_due = None
        if hearing is not None:
            await tasks.end([hearing])

    async def _hear(self, ready: asyncio.Event) -> None:
        async with self._bus.subscribe() as signals:
            ready.set()
            async for signal in signals:
                self._take(signal)

    def _deaf(self, hearing: asyncio.Task[None]) -> None:
        """What should not happen: every browser then opens another stream, and hears all again."""
        if hearing.cancelled() or hearing is not self._hearing:
            return
        log.error("live.deaf", exc_info=hearing.exception())
        self._ready.set()
        for listener in self._listeners:
            listener.end()

    # --- a signal -----------------------------------------------------------------------

    def _take(self, signal: Signal) -> None:
        if self._staff:
            self._presence.heard(signal)
        if _is_of_rights(signal):
            for listener in self._at(f"person {signal.data.get('subject')}"):
                listener.end()
        typed = self._arrived(signal)
        for listener in self._concerned(signal):
            found = topics(signal, listener)
            if listener in typed:
                found.add(f"presence:{listener.watched[str(signal.data.get('conversation'))]}")
            _measure(signal, found)
            listener.tell(found)
        if signal.topic == "event" and self._staff:
            self._tell_staff(of_queues(str(signal.data.get("name"))))

    def _concerned(self, signal: Signal) -> Iterable[Listener]:
        data = signal.data
        match signal.topic:
            case "lost":
                return list(self._listeners)
            case "notice":
                return self._at(f"person {data.get('person')}")
            case "typing":
                return self._at(f"place {data.get('place')}")
            case "event" | "presence":
                return self._at(str(data.get("conversation")))
        return ()

    def _at(self, key: str) -> list[Listener]:
        return list(self._by_key.get(key, ()))

    def _tell_staff(self, found: set[str]) -> None:
        if others := found - LISTS:
            for listener in self._staff:
                listener.tell(others)
        self._lists.add(found & LISTS, time.monotonic())
        self._tell_lists_in_time()

    def _tell_lists_in_time(self) -> None:
        if self._lists_due is None and self._lists.due < math.inf:
            delay = max(0.0, self._lists.due - time.monotonic())
            self._lists_due = asyncio.get_running_loop().call_later(delay, self._tell_lists)

    def _tell_lists(self) -> None:
        self._lists_due = None
        if found := self._lists.take(time.monotonic()):
            for listener in self._staff:
                listener.tell(found)
        self._tell_lists_in_time()

    def _arrived(self, signal: Signal) -> set[Listener]:
        """Who saw a requester type whose message is here: they do not type it any more."""
        data = signal.data
        if data.get("name") != "message.said" or data.get("side") != "requester":
            return set()
        conversation = str(data.get("conversation"))
        watching = [one for one in self._at(conversation) if one.staff]
        places = {one: one.places_of(one.watched[conversation]) for one in watching}
        typed = {one for one, its in places.items() if self._presence.typing_at(its)}
        for its in places.values():
            self._presence.said_at(its)
        return typed


def _is_of_rights(signal: Signal) -> bool:
    name = signal.data.get("name")
    moved = name == "person.changed" and "teams" in signal.data.get("fields", ())
    return signal.topic == "event" and (moved or name in _OF_RIGHTS)


def _measure(signal: Signal, found: set[str]) -> None:
    """How long it took from an event to this page; lists wait for each other on purpose."""
    if (at := signal.data.get("at")) is None or found <= LISTS:
        return
    # What an older conversation brings along has its own time.
    if (taken := clock.seconds() - float(at)) < OLD_EVENT:
        metrics.observe_page(taken + GATHER)


# --- what a signal means to a page ------------------------------------------------------


def topics(signal: Signal, to: Listener) -> set[str]:
    """But for the lists, which are the same for everybody."""
    data = signal.data
    number = to.watched.get(str(data.get("conversation")))
    match signal.topic:
        case "lost":
            kinds = ("ticket", "whole", "presence") if to.staff else ("ticket", "whole")
            every = {f"{kind}:{n}" for n in to.watched.values() for kind in kinds}
            return every | {"queues", "counts", "bell", "offers"}
        case "notice":
            return {"bell"} if data.get("person") == to.me else set()
        case "presence":
            # A beat of somebody who was there already changes nothing.
            news = number and data.get("person") != to.me and data.get("new", True)
            return {f"presence:{number}"} if news and to.staff else set()
        case "typing":
            number = to.watched.get(f"place {data.get('place')}")
            return {f"presence:{number}"} if number else set()
        case "event":
            return _of_ticket(number, data, to) if number else set()
    return set()


def _of_ticket(number: int, data: Mapping[str, Any], to: Listener) -> set[str]:
    """Places (`:SEQ`) are told in the ticket's own conversation: one that was merged into it counts for
    itself."""
    name, seq = str(data.get("name")), data.get("seq")
    is_own = any(str(one) == data.get("conversation") for one in to.shown)
    place = f":{seq}" if seq and is_own else ""
    if name == "message.said":
        return {f"talk:{number}{place}"} if to.staff or data.get("audience") != "staff" else set()
    if name.startswith("message."):
        return {f"line:{number}:{data.get('subject')}"}
    if name == "conversation.read":
        return {f"seen:{number}:{data.get('upto', 0)}"} if is_own else set()
    found = {f"ticket:{number}", f"talk:{number}{place}"}
    return found | {f"whole:{number}"} if name in _WHOLE else found


def of_queues(name: str) -> set[str]:
    """What is said moves a ticket in the lists; how many lie in each queue, only what is done with it."""
    found = {"queues"} if name.startswith(("ticket.", "message.said")) else set()
    if name.startswith("ticket."):
        found.add("counts")
    if name in _ENDS_OFFER:
        found.add("offers")
    return found
