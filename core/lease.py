"""Who leads: a row that is renewed each second and over after four, with an epoch that counts the leaders.

There is one row for the desk, and one for each connection to a platform that is led for itself. A leader
that was paused, and wakes when another has taken over, is refused by its epoch: each unit of work of a
leader confirms, in its own transaction, the epoch of what it is about. Confirming takes a lock under
which the lease can be renewed but not taken, so that nothing of an old epoch is committed after a new one
has begun. Only the database's clock counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import UniqueConstraint, delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.errors import Unavailable

DESK = "gateway"
"""The lease of everything that is led once for the whole desk."""
SECONDS = 4.0
RENEW_SECONDS = 1.0
IDLE_SECONDS = 3.0
"""So long a unit of a leader may stand still inside its transaction before the server ends it: a paused
leader must not hold up its successor by its locks."""
FORGOTTEN_SECONDS = 60.0
"""After that nobody remembers a process that strove for leases and was killed."""
_HERE = "here "
"""Before the id of a process: the lease of that name tells that it lives."""

Pair = tuple[str, str]
"""A platform and an installation of it."""


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


@dataclass(frozen=True, slots=True)
class Known:
    """A lease as the database tells of it; `held` says that it is not over."""

    name: str
    epoch: int
    holder: UUID
    held: bool

    @property
    def tells_of_a_process(self) -> bool:
        return self.name.startswith(_HERE)


# --- what a unit of work is about

_about: ContextVar[tuple[Pair, ...] | None] = ContextVar("about", default=None)


@contextmanager
def about(*installations: Pair) -> Iterator[None]:
    """The units of work inside are about these, and need their leases, not the desk's. About none: they
    need no lease, since any process may do it."""
    before = _about.set(installations)
    try:
        yield
    finally:
        _about.reset(before)


def is_about() -> tuple[Pair, ...] | None:
    """What the present unit of work is about; None for the desk as a whole."""
    return _about.get()


# --- the rows


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


async def renew(session: AsyncSession, held: Mapping[str, int]) -> Collection[str]:
    """Those of these names and epochs that are still ours. One that somebody is just about to take is left
    out as well: it holds up none of the others."""
    mine = (
        select(Lease.name)
        .where(tuple_(Lease.name, Lease.epoch).in_(list(held.items())))
        .with_for_update(key_share=True, skip_locked=True)
    )
    renewed = update(Lease).where(Lease.name.in_(mine)).values(until=_until()).returning(Lease.name)
    return list(await session.scalars(renewed)) if held else []


async def give_up(session: AsyncSession, name: str, epoch: int) -> None:
    """The next one need not wait until it is over."""
    mine = (Lease.name == name) & (Lease.epoch == epoch)
    await session.execute(update(Lease).where(mine).values(until=func.clock_timestamp()))


async def confirm(session: AsyncSession, held: Mapping[str, int]) -> Collection[str]:
    """Hold these names and epochs until this transaction ends; returns the names that are another's."""
    mine = tuple_(Lease.name, Lease.epoch).in_(list(held.items()))
    query = select(Lease.name).where(mine).order_by(Lease.name).with_for_update(read=True, key_share=True)
    return held.keys() - set(await session.scalars(query)) if held else ()


async def known(session: AsyncSession) -> Sequence[Known]:
    """All leases there are."""
    query = select(Lease.name, Lease.epoch, Lease.holder, Lease.until > func.clock_timestamp())
    return [Known(*row) for row in await session.execute(query)]


# --- the processes that strive for them


async def here(session: AsyncSession, me: UUID) -> None:
    """This process lives: to be said as often as leases are renewed."""
    values = {"epoch": 1, "holder": me, "until": _until()}
    said = insert(Lease).values(name=f"{_HERE}{me}", **values)
    await session.execute(said.on_conflict_do_update(index_elements=[Lease.name], set_={"until": _until()}))


async def leave(session: AsyncSession, me: UUID | None = None) -> None:
    """This process has ended in order; without one, those that were killed are forgotten."""
    long_ago = func.clock_timestamp() - timedelta(seconds=FORGOTTEN_SECONDS)
    which = Lease.holder == me if me is not None else Lease.until < long_ago
    await session.execute(delete(Lease).where(Lease.name.startswith(_HERE), which))


def _until() -> object:
    return func.clock_timestamp() + timedelta(seconds=SECONDS)
