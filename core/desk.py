"""The desk: database, keys, files, settings and live updates, handed to every edge."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from core import desk_settings, pulse
from core.access import DEFAULT_ROLES, SYSTEM, Actor, Permission
from core.crypto import keys as key_store
from core.crypto.keys import MasterKey
from core.db import Database, EventRow, Means, UnitOfWork
from core.people.model import Role
from core.ports.bus import Signal

if TYPE_CHECKING:
    from core.ports.bus import Bus
    from core.ports.files import FileStore


UNTOLD = ("message.delivered",)
"""Facts from which nothing follows: whoever reads events takes them with the next ones."""


class Desk:
    """One desk. `wake` is set whenever something was committed that others should look at."""

    def __init__(self, db: Database, means: Means, bus: Bus, masters: list[MasterKey]) -> None:
        self.db = db
        self.means = means
        self.bus = bus
        self.masters = masters
        self.wake = asyncio.Event()
        self.working = asyncio.Event()
        db.listeners.append(self._committed)

    @classmethod
    async def open(cls, db: Database, files: FileStore, bus: Bus, masters: list[MasterKey]) -> Desk:
        """Load keys, settings and roles; the first time, make them."""
        async with db.sessions() as session:
            await pulse.measure_clock(session)
            keys = await key_store.load(session, masters)
            for name, permissions in DEFAULT_ROLES.items():
                statement = insert(Role).values(name=name, permissions=sorted(permissions))
                await session.execute(statement.on_conflict_do_nothing())
            await session.commit()
        desk = cls(db, Means(keys, files, desk_settings.DeskSettings()), bus, masters)
        await desk.refresh()
        return desk

    async def refresh(self) -> None:
        """Read settings and roles anew; after a change of the desk itself."""
        async with self.db.sessions() as session:
            self.means.settings = await desk_settings.load(session)
            rows = list(await session.scalars(select(Role)))
        known = set(Permission)
        self.means.roles = {
            row.name: frozenset(Permission(p) for p in row.permissions if p in known) for row in rows
        }

    @asynccontextmanager
    async def unit(self, actor: Actor = SYSTEM) -> AsyncIterator[UnitOfWork]:
        """A unit of work of this desk, at one of the three edges."""
        async with self.db.unit(self.means, actor) as uow:
            yield uow

    def _committed(self, events: list[EventRow]) -> None:
        if any(event.name not in UNTOLD for event in events):
            self.wake.set()
        for event in events:
            self.bus.publish(signal_of(event))


def signal_of(event: EventRow) -> Signal:
    """What live pages and other processes hear of an event."""
    data = {
        "name": event.name,
        "subject": str(event.subject),
        "conversation": str(event.conversation_id) if event.conversation_id else None,
        "actor": str(event.actor_id) if event.actor_id else None,
        "seq": event.seq,
        "at": event.at.timestamp(),
        **event.data,
    }
    return Signal("event", data)
