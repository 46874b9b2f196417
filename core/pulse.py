"""Which parts of the desk run, and how fast each of them is: a row that each writes again and again.

Nothing hangs on it. A part that was killed is seen to be silent; its row goes after a day.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from core import clock
from core.db import Base
from core.version import VERSION

EVERY = 10.0
SILENT = timedelta(seconds=45)
FORGOTTEN = timedelta(days=1)
MOST = 200


class RunningPart(Base):
    """One process of the desk. `told` holds numbers and names of ours only."""

    __tablename__ = "running_part"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    version: Mapped[str]
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    told: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)


async def beat(session: AsyncSession, me: UUID, name: str, started: datetime, told: dict[str, Any]) -> None:
    """This process runs, and is so fast."""
    await measure_clock(session)
    row = {"name": name, "version": VERSION, "started_at": started, "seen_at": clock.now(), "told": told}
    statement = insert(RunningPart).values(id=me, **row)
    await session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=row))


async def forget(session: AsyncSession) -> None:
    """The rows of parts that have been silent for a day."""
    await session.execute(delete(RunningPart).where(RunningPart.seen_at < clock.now() - FORGOTTEN))


async def measure_clock(session: AsyncSession) -> None:
    """What the database's clock says is the desk's time (`core/clock.py`)."""
    before = clock.ticks()
    theirs = (await session.scalars(select(func.clock_timestamp()))).one()
    clock.measured(theirs, before, clock.ticks())


async def ended(session: AsyncSession, me: UUID) -> None:
    """In order: it is not missed."""
    await session.execute(delete(RunningPart).where(RunningPart.id == me))


async def parts(session: AsyncSession) -> Sequence[RunningPart]:
    """All that were seen of late, by name and age."""
    query = select(RunningPart).order_by(RunningPart.name, RunningPart.started_at).limit(MOST)
    return list(await session.scalars(query))


def is_silent(part: RunningPart) -> bool:
    return clock.now() - part.seen_at > SILENT
