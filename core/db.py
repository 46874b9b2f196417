"""The database: base of all models, the unit of work, and reading.

A unit of work is opened at exactly three edges (router, web request, job). What it changed,
its events and its timeline commit together or not at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Date,
    DateTime,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column

from core import clock, tracing
from core.access import DEFAULT_ROLES, SYSTEM, Actor, Permission
from core.events import Event

if TYPE_CHECKING:
    from core.crypto.keys import Keys
    from core.desk_settings import DeskSettings
    from core.ports.articles import Articles
    from core.ports.files import FileStore

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(MappedAsDataclass, DeclarativeBase, kw_only=True, eq=False, repr=False):
    """Base of all models. `repr` names type and id only: private fields stay out of logs."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {
        datetime: DateTime(timezone=True),
        date: Date(),
        UUID: Uuid(),
        str: Text(),
        bytes: LargeBinary(),
        int: BigInteger(),
        list[str]: ARRAY(Text()),
        list[int]: ARRAY(BigInteger()),
        list[UUID]: ARRAY(Uuid()),
        dict[str, Any]: JSONB(),
        list[dict[str, Any]]: JSONB(),
    }

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {getattr(self, 'id', '')}>"


class EventRow(Base):
    """One fact. `tx` is the id of the transaction that wrote it: rows become readable in
    order of commit, not of `id`, so a reader goes up to the oldest running transaction."""

    __tablename__ = "event"
    __table_args__ = (
        Index("ix_event_tx_id", "tx", "id"),
        Index(
            "ix_event_conversation_id_seq",
            "conversation_id",
            "seq",
            postgresql_where=text("conversation_id is not null"),
        ),
        Index("ix_event_subject_at", "subject", "at"),
        Index("ix_event_name_at", "name", "at"),
        Index("ix_event_at", "at", postgresql_using="brin"),
    )

    id: Mapped[int] = mapped_column(BigInteger(), Identity(always=False), primary_key=True, init=False)
    tx: Mapped[int] = mapped_column(
        BigInteger(), server_default=text("(pg_current_xact_id()::text)::bigint"), init=False
    )
    name: Mapped[str]
    subject: Mapped[UUID]
    actor_id: Mapped[UUID | None] = mapped_column(default=None)
    actor_kind: Mapped[str] = mapped_column(default="system")
    conversation_id: Mapped[UUID | None] = mapped_column(default=None)
    seq: Mapped[int | None] = mapped_column(default=None)
    data: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    trace: Mapped[str | None] = mapped_column(default_factory=tracing.current)
    """Of which step it came, for whoever goes on with it (W3C traceparent)."""


class Setting(Base):
    """What an admin has set: the desk's own words and switches, never a person's data."""

    __tablename__ = "setting"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(JSONB())
    version: Mapped[int] = mapped_column(default=1)


@dataclass(slots=True)
class Means:
    """What services need beside the session. One object a process: settings and roles in it
    are replaced when they change."""

    keys: Keys
    files: FileStore
    settings: DeskSettings
    roles: dict[str, frozenset[Permission]] = field(default_factory=lambda: dict(DEFAULT_ROLES))
    public_url: str = ""
    """Where people find the desk, for links in answers."""
    articles: Articles | None = None
    """Finds and suggests articles; None where nobody loads them."""
    chats: tuple[str, ...] = ()
    """The chats that this desk has, by name."""
    passing: frozenset[str] = frozenset()
    """Platforms that know a visitor by the browser only: another browser is another person."""


class UnitOfWork:
    """One session, one actor, one commit at the edge.

    `after(fn)` runs a plain function once the commit has succeeded; `emitted` holds what
    happened, for those who listen in this process; `memo` what was looked up on the way in.
    """

    def __init__(self, session: AsyncSession, means: Means, actor: Actor = SYSTEM) -> None:
        self.session = session
        self.means = means
        self.actor = actor
        self.emitted: list[EventRow] = []
        self.memo: dict[str, Any] = {}
        self._after: list[Callable[[], None]] = []

    @property
    def keys(self) -> Keys:
        return self.means.keys

    @property
    def settings(self) -> DeskSettings:
        return self.means.settings

    def emit(
        self,
        event: Event,
        *,
        conversation: UUID | None = None,
        seq: int | None = None,
        actor: Actor | None = None,
        at: datetime | None = None,
    ) -> EventRow:
        """Write an event at once, into this transaction."""
        who = actor or self.actor
        row = EventRow(
            name=event.name,
            subject=event.subject,
            actor_id=who.id,
            actor_kind=who.kind.value,
            conversation_id=conversation,
            seq=seq,
            data=event.data(),
            at=at or clock.now(),
        )
        self.session.add(row)
        self.emitted.append(row)
        return row

    def after(self, fn: Callable[[], None]) -> None:
        self._after.append(fn)

    def run_after(self) -> None:
        for fn in self._after:
            fn()


class Database:
    """The engine, and the way to a unit of work."""

    def __init__(self, url: str, *, pool: int = 20, idle_seconds: float = 0) -> None:
        self.engine: AsyncEngine = create_async_engine(
            url,
            pool_size=pool,
            max_overflow=5,
            pool_timeout=15,
            pool_pre_ping=False,
            # Errors of the driver are logged: they must not quote what people wrote.
            hide_parameters=True,
            connect_args={
                "timeout": 10,
                "command_timeout": 60,
                "server_settings": {
                    "application_name": "deskbell",
                    "jit": "off",
                    # What stands still inside a transaction for longer is ended by the server; 0: never.
                    "idle_in_transaction_session_timeout": str(int(idle_seconds * 1000)),
                },
            },
        )
        self.sessions = async_sessionmaker(self.engine, expire_on_commit=False, autoflush=False)
        self.listeners: list[Callable[[list[EventRow]], None]] = []
        self.fence: Callable[[AsyncSession], Awaitable[None]] | None = None
        """Asked by every unit before it commits: raises when this process may not write (any more)."""

    @asynccontextmanager
    async def unit(self, means: Means, actor: Actor = SYSTEM) -> AsyncIterator[UnitOfWork]:
        """Open a unit of work; it commits when the block ends well, else it rolls back."""
        session = self.sessions()
        try:
            uow = UnitOfWork(session, means, actor)
            yield uow
            if self.fence is not None:
                await self.fence(session)
            await session.commit()
        except BaseException:
            # Shielded: a cancelled unit must still roll back and give its connection back.
            await asyncio.shield(asyncio.create_task(session.close()))
            raise
        # The commit gave the connection back: there is nothing left to wait for.
        await session.close()
        uow.run_after()
        if uow.emitted:
            for listener in self.listeners:
                listener(uow.emitted)

    async def close(self) -> None:
        await self.engine.dispose()


async def estimated_count(session: AsyncSession, model: type[Base]) -> int:
    """How many rows a table has by the planner's estimate: cheap, for health pages."""
    name = model.__tablename__
    estimate = await session.scalar(
        text("select reltuples::bigint from pg_class where oid = to_regclass(:name)"), {"name": name}
    )
    return max(int(estimate or 0), 0)
