"""A small cast for the tests of what is read: people, tickets, and a count of the queries."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event

from adapters.files.memory import MemoryStore
from adapters.local.bus import LocalBus
from adapters.postgres import Embedded
from benchmarks.world import World, fill
from bot.router import Router
from core import clock
from core.access import Actor
from core.chat import Place, Said, Sender
from core.crypto.fields import new_key
from core.crypto.keys import MasterKey
from core.db import Database
from core.desk import Desk
from core.people import service as people


@dataclass(slots=True)
class Cast:
    """Two agents, an admin, and requesters who speak through the real door."""

    desk: Desk
    router: Router
    bob: Actor
    eve: Actor
    admin: Actor
    said: int = 0
    actors: dict[str, Actor] = field(default_factory=dict)

    async def says(self, who: str, text: str, *, place: str = "", files: tuple[Any, ...] = ()) -> int:
        """A requester says something; returns the number of the ticket it went to."""
        self.said += 1
        inbound = Said(
            place=Place("webchat", "main", who, place or who),
            sender=Sender(external=who, name=who.title(), locale="en"),
            native=f"m{self.said}",
            at=clock.now(),
            text=text,
            files=files,
        )
        answer = await self.router.deliver(inbound)
        assert answer.ticket is not None
        return answer.ticket

    async def actor(self, who: str) -> Actor:
        """A requester who has spoken before."""
        async with self.desk.unit() as uow:
            digest = people.digest_of_identity(uow, "webchat", "main", who)
            person = await people.by_identity(uow, digest)
            assert person is not None
            return await people.actor_of(uow, person)


async def cast(desk: Desk) -> Cast:
    made = []
    for name, role in (("Bob", "agent"), ("Eve", "agent"), ("Zoe", "admin")):
        async with desk.unit() as uow:
            person = await people.add(uow, name=name, role=role, email=f"{name.lower()}@desk.example")
            made.append(await people.actor_of(uow, person))
    return Cast(desk, Router(desk), *made)


@asynccontextmanager
async def many_tickets(server: Embedded, migrated: str, name: str, tickets: int) -> AsyncIterator[World]:
    """A desk with many tickets of all kinds, the same for each run."""
    url = await server.create_database(name, template=migrated)
    db = Database(url, pool=5)
    try:
        desk = await Desk.open(db, MemoryStore(), LocalBus(), [MasterKey(new_key())])
        world = World(desk, url)
        await fill(world, tickets, messages=3)
        yield world
    finally:
        await db.close()
        await server.drop_database(name)


@contextmanager
def counting(db: Database) -> Iterator[list[str]]:
    """The statements that were sent meanwhile."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)

    event.listen(db.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine.sync_engine, "before_cursor_execute", note)
