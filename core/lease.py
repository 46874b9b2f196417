"""Who leads: a row that is renewed each second and over after four, with an epoch that counts the leaders.

A leader that was paused, and wakes when another has taken over, is refused by its epoch: each unit of
work of a leader confirms the epoch in its own transaction. Confirming takes a lock under which the lease
can be renewed but not taken, so that nothing of an old epoch is committed after a new one has begun.
Only the database's clock counts.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import UniqueConstraint, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.errors import Unavailable

SECONDS = 4.0
RENEW_SECONDS = 1.0
IDLE_SECONDS = 3.0
"""So long a unit of a leader may stand still inside its transaction before the server ends it: a paused
leader must not hold up its successor by its locks."""


class Lease(Base):
    """`epoch` stands in a unique constraint so that changing it, unlike `until`, conflicts with FOR KEY SHARE
    (PostgreSQL, 13.3.2)."""

    __tablename__ = "lease"
    __table_args__ = (UniqueConstraint("name", "epoch"),)

    name: Mapped[str] = mapped_column(primary_key=True)
    epoch: Mapped[int]
    holder: Mapped[UUID]
    until: Mapped[datetime]


class Replaced(Unavailable):
    """Another process leads now; nothing of this unit was kept."""

    code = "replaced"


async def take(session: AsyncSession, name: str, holder: UUID) -> int:
    """The new epoch, when nobody holds the lease; else 0."""
    free = await session.scalar(select(Lease.until < func.clock_timestamp()).where(Lease.name == name))
    if free is False:
        return 0
    statement = insert(Lease).values(name=name, epoch=1, holder=holder, until=_until())
    taken = await session.scalar(
        statement.on_conflict_do_update(
            index_elements=[Lease.name],
            set_={"epoch": Lease.epoch + 1, "holder": holder, "until": _until()},
            where=Lease.until < func.clock_timestamp(),
        ).returning(Lease.epoch)
    )
    return int(taken or 0)


async def renew(session: AsyncSession, name: str, epoch: int) -> bool:
    """False when another has taken over."""
    mine = (Lease.name == name) & (Lease.epoch == epoch)
    result = await session.execute(update(Lease).where(mine).values(until=_until()))
    return bool(getattr(result, "rowcount", 0))


async def give_up(session: AsyncSession, name: str, epoch: int) -> None:
    """The next one need not wait until it is over."""
    mine = (Lease.name == name) & (Lease.epoch == epoch)
    await session.execute(update(Lease).where(mine).values(until=func.clock_timestamp()))


async def confirm(session: AsyncSession, name: str, epoch: int) -> None:
    """Hold the epoch until this transaction ends; raises `Replaced` when it is an old one."""
    mine = (Lease.name == name) & (Lease.epoch == epoch)
    found = await session.scalar(select(Lease.epoch).where(mine).with_for_update(read=True, key_share=True))
    if found is None:
        raise Replaced("Another process of this desk leads now.")


def _until() -> object:
    return func.clock_timestamp() + timedelta(seconds=SECONDS)
