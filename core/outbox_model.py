"""What came in and what must go out, as rows with a state."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core import clock, tracing
from core.db import Base
from core.ids import new_id


class Inbound(Base):
    """A fact from a platform. Seen means `done`. The payload is kept, sealed under the desk's
    key, only until the work is done: `received`, then `done`; `parked` after five failures;
    `held` by the spam guard until someone looks."""

    __tablename__ = "inbound"
    __table_args__ = (
        Index(
            "ix_inbound_waiting",
            "place_key",
            "id",
            postgresql_where=text("state in ('received','parked','held')"),
        ),
        Index("ix_inbound_sender", "sender", postgresql_where=text("sender is not null")),
    )

    key: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(default_factory=new_id)
    state: Mapped[str] = mapped_column(default="done")
    place_key: Mapped[str] = mapped_column(default="")
    sender: Mapped[bytes | None] = mapped_column(default=None)
    """The keyed hash of whose words wait here: so that erasing them finds these too, and their files
    are kept until then."""
    payload: Mapped[bytes | None] = mapped_column(default=None)
    attempts: Mapped[int] = mapped_column(default=0)
    retry_at: Mapped[datetime | None] = mapped_column(default=None)
    error: Mapped[str | None] = mapped_column(default=None)
    result: Mapped[str | None] = mapped_column(default=None)
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    trace: Mapped[str | None] = mapped_column(default_factory=tracing.current)


class Delivery(Base):
    """One call to one platform. What it says is not stored: it is made from `message_id`, or
    from a card's name and ids, at the moment it is sent."""

    __tablename__ = "delivery"
    __table_args__ = (
        Index("ix_delivery_place_key_id", "place_key", "id", postgresql_where=text("state = 'due'")),
        Index("ix_delivery_due", "due_at", postgresql_where=text("state = 'due'")),
        Index("ix_delivery_message_id", "message_id", postgresql_where=text("message_id is not null")),
        Index(
            "ix_delivery_conversation_id",
            "conversation_id",
            postgresql_where=text("conversation_id is not null"),
        ),
        Index("ix_delivery_dead", "created_at", postgresql_where=text("state = 'dead'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    kind: Mapped[str]
    place_key: Mapped[str]
    conversation_id: Mapped[UUID | None] = mapped_column(default=None)
    message_id: Mapped[UUID | None] = mapped_column(default=None)
    card: Mapped[str | None] = mapped_column(default=None)
    args: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    part: Mapped[int] = mapped_column(default=0)
    person_id: Mapped[UUID | None] = mapped_column(default=None)
    apart: Mapped[bool] = mapped_column(default=False)
    """Its place in the order does not matter: it waits for no other row and holds none up."""
    state: Mapped[str] = mapped_column(default="due")
    due_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    lease_until: Mapped[datetime | None] = mapped_column(default=None)
    attempts: Mapped[int] = mapped_column(default=0)
    native: Mapped[str | None] = mapped_column(default=None)
    error: Mapped[str | None] = mapped_column(default=None)
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    sent_at: Mapped[datetime | None] = mapped_column(default=None)
    trace: Mapped[str | None] = mapped_column(default_factory=tracing.current)


class ReaderMark(Base):
    """How far a reader of the events has come: (tx, id) of the last event it has dealt with."""

    __tablename__ = "reader_mark"

    name: Mapped[str] = mapped_column(primary_key=True)
    tx: Mapped[int] = mapped_column(default=0)
    event_id: Mapped[int] = mapped_column(default=0)


class ScheduledJob(Base):
    """When a job of the schedule ran last; the row's lock lets it run once."""

    __tablename__ = "scheduled_job"

    name: Mapped[str] = mapped_column(primary_key=True)
    last_run_at: Mapped[datetime | None] = mapped_column(default=None)
    error: Mapped[str | None] = mapped_column(default=None)


class IdempotentAnswer(Base):
    """The answer to a POST with an Idempotency-Key, sealed under the desk's key, for a day."""

    __tablename__ = "idempotent_answer"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    request: Mapped[bytes]
    status: Mapped[int]
    body: Mapped[bytes | None] = mapped_column(default=None)
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class OutboxMail(Base):
    """A mail of the built-in outbox: what would have been sent, sealed under its reader's key."""

    __tablename__ = "outbox_mail"
    __table_args__ = (Index("ix_outbox_mail_at", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    person_id: Mapped[UUID]
    content: Mapped[bytes]
    delivery_id: Mapped[UUID | None] = mapped_column(default=None)
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)
