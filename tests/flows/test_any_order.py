"""All verbs in any order: a ticket stays lawful, and its timeline tells what happened."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from adapters.files.memory import MemoryStore
from adapters.local.bus import LocalBus
from adapters.postgres import Embedded
from bot.router import Router
from core import clock
from core.access import SYSTEM, Actor
from core.chat import Place, Said, Sender
from core.conversations.model import Message
from core.crypto.fields import new_key
from core.crypto.keys import MasterKey
from core.db import Database, EventRow, UnitOfWork
from core.desk import Desk
from core.errors import DeskError
from core.people import service as people
from core.tickets import access, lifecycle
from core.tickets import service as tickets
from core.tickets.access import Opened
from core.tickets.model import Priority, Status, Ticket

WHO = st.sampled_from(["bob", "eve"])
WHICH = st.integers(0, 5)


class AnyOrder(RuleBasedStateMachine):
    """A desk with two agents and one requester, on a database of its own."""

    desk_url: ClassVar[Callable[[], Awaitable[str]]]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.native = itertools.count(1)
        self.numbers: list[int] = []

    @initialize()
    def a_desk(self) -> None:
        self.run(self._open())

    async def _open(self) -> None:
        self.db = Database(await type(self).desk_url(), pool=2)
        self.desk = await Desk.open(self.db, MemoryStore(), LocalBus(), [MasterKey(new_key())])
        self.router = Router(self.desk)
        self.actors: dict[str, Actor] = {}
        async with self.desk.unit() as uow:
            for name in ("bob", "eve"):
                self.actors[name] = await people.actor_of(uow, await people.add(uow, name=name, role="agent"))

    def teardown(self) -> None:
        if hasattr(self, "db"):
            self.run(self.db.close())
        self.runner.close()

    def run(self, step: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(step)

    def verb(self, who: str, step: Callable[[UnitOfWork, Actor], Awaitable[object]]) -> None:
        """Do a verb; an error of the tree is lawful, anything else is not."""

        async def go() -> None:
            actor = self.actors[who]
            with contextlib.suppress(DeskError):
                async with self.desk.unit(actor) as uow:
                    await step(uow, actor)

        self.run(go())

    def pick(self, which: int) -> int:
        return self.numbers[which % len(self.numbers)]

    @rule(channel=st.integers(0, 2))
    def requester_says(self, channel: int) -> None:
        native = f"m{next(self.native)}"
        said = Said(
            place=Place("webchat", "main", "ada", f"c{channel}"),
            sender=Sender(external="ada", name="Ada"),
            native=native,
            at=clock.now(),
            text=f"words {native}",
        )
        answer = self.run(self.router.deliver(said))
        assert answer.ticket is not None
        if answer.ticket not in self.numbers:
            self.numbers.append(answer.ticket)

    @precondition(lambda self: self.numbers)
    @rule(
        who=WHO,
        which=WHICH,
        verb=st.sampled_from(["claim", "release", "wait", "resolve", "close", "reopen", "follow", "wake"]),
    )
    def simple(self, who: str, which: int, verb: str) -> None:
        number = self.pick(which)
        self.verb(who, lambda uow, actor: getattr(tickets, verb)(uow, actor, number))

    @precondition(lambda self: self.numbers)
    @rule(who=WHO, which=WHICH, to=WHO)
    def assign(self, who: str, which: int, to: str) -> None:
        number, agent = self.pick(which), self.actors[to].id
        self.verb(who, lambda uow, actor: tickets.assign(uow, actor, number, to=agent))

    @precondition(lambda self: self.numbers)
    @rule(who=WHO, which=WHICH, priority=st.sampled_from(list(Priority)))
    def prioritise(self, who: str, which: int, priority: Priority) -> None:
        number = self.pick(which)
        self.verb(who, lambda uow, actor: tickets.prioritise(uow, actor, number, priority))

    @precondition(lambda self: self.numbers)
    @rule(who=WHO, which=WHICH, minutes=st.integers(-5, 500))
    def snooze(self, who: str, which: int, minutes: int) -> None:
        number, until = self.pick(which), clock.now() + timedelta(minutes=minutes)
        self.verb(who, lambda uow, actor: tickets.snooze(uow, actor, number, until))

    @precondition(lambda self: self.numbers)
    @rule(who=WHO, which=WHICH, internal=st.booleans())
    def answer(self, who: str, which: int, internal: bool) -> None:
        number = self.pick(which)
        say = tickets.note if internal else tickets.reply
        self.verb(who, lambda uow, actor: say(uow, actor, number, "an answer"))

    @precondition(lambda self: len(self.numbers) > 1)
    @rule(who=WHO, one=WHICH, other=WHICH)
    def merge(self, who: str, one: int, other: int) -> None:
        number, into = self.pick(one), self.pick(other)
        self.verb(who, lambda uow, actor: tickets.merge(uow, actor, number, into))

    @precondition(lambda self: self.numbers)
    @rule(who=WHO, which=WHICH)
    def split(self, who: str, which: int) -> None:
        number = self.pick(which)

        async def go(uow: UnitOfWork, actor: Actor) -> None:
            opened = await access.get(uow, actor, number)
            first = await uow.session.scalar(
                select(Message.id)
                .where(Message.conversation_id == opened.thread.id)
                .order_by(Message.seq)
                .limit(1)
            )
            made = await tickets.split(uow, actor, number, [first] if first else [])
            self.numbers.append(made.number)

        self.verb(who, go)

    @precondition(lambda self: len(self.numbers) > 1)
    @rule(who=WHO, one=WHICH, other=WHICH, kind=st.sampled_from(["related", "parent"]))
    def link(self, who: str, one: int, other: int, kind: str) -> None:
        number, to = self.pick(one), self.pick(other)
        self.verb(who, lambda uow, actor: tickets.link(uow, actor, number, to, kind))

    @invariant()
    def lawful_and_told(self) -> None:
        if self.numbers:
            self.run(self._check())

    async def _check(self) -> None:
        async with self.desk.unit() as uow:
            for ticket in await uow.session.scalars(select(Ticket)):
                assert lifecycle.lawful(ticket) == []
                opened = await access.by_id(uow, SYSTEM, ticket.id)
                told = Told(await _events(uow, opened))
                assert (told.status, told.assignee, told.priority) == (
                    ticket.status,
                    ticket.assignee_id,
                    ticket.priority,
                )
                assert told.seqs == sorted(set(told.seqs))
                assert opened.subject


class Told:
    """Where a ticket stands by its timeline alone."""

    def __init__(self, events: list[EventRow]) -> None:
        self.status, self.priority = Status.open.value, "normal"
        self.assignee: UUID | None = None
        self.seqs = [event.seq for event in events if event.seq is not None]
        for event in events:
            self._apply(event.name.removeprefix("ticket."), event.data)

    def _apply(self, name: str, data: dict[str, Any]) -> None:
        def settled() -> str:
            return (Status.in_progress if self.assignee else Status.open).value

        match name:
            case "opened":
                self.priority = data["priority"]
            case "claimed" | "assigned" | "released":
                to = data.get("by") if name == "claimed" else data.get("to")
                self.assignee = UUID(to) if to else None
                if self.status in (Status.open, Status.in_progress):
                    self.status = settled()
            case "prioritised":
                self.priority = data["after"]
            case "waiting":
                self.status = Status.waiting.value
            case "woken" if data["reason"] != "time" and self.status == Status.waiting:
                self.status = settled()
            case "resolved":
                self.status = Status.resolved.value
            case "closed":
                self.status = Status.closed.value
            case "merged" if data.get("source"):
                self.status = Status.closed.value
            case "reopened":
                self.status = settled()


async def _events(uow: UnitOfWork, opened: Opened) -> list[EventRow]:
    query = select(EventRow).where(EventRow.conversation_id == opened.thread.id).order_by(EventRow.seq)
    return list(await uow.session.scalars(query))


@pytest.fixture
def urls(server: Embedded, migrated: str) -> Callable[[], Awaitable[str]]:
    counter = itertools.count(1)

    async def make() -> str:
        return await server.create_database(f"any{next(counter)}", template=migrated)

    return make


def test_any_order_of_verbs_keeps_tickets_lawful(urls: Callable[[], Awaitable[str]]) -> None:
    AnyOrder.desk_url = staticmethod(urls)  # type: ignore[assignment]
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        AnyOrder,
        settings=settings(
            max_examples=15,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        ),
    )
