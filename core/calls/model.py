"""Calls: who talks with whom about which ticket, who agreed to being recorded, what was recorded."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core import clock
from core.db import Base
from core.ids import new_id


class CallState(StrEnum):
    scheduled = "scheduled"
    asked = "asked"
    """A requester asks for it; no agent has taken it up yet."""
    ringing = "ringing"
    joined = "joined"
    on_hold = "on_hold"
    ended = "ended"
    missed = "missed"
    declined = "declined"
    failed = "failed"


LIVE = (
    CallState.scheduled, CallState.asked, CallState.ringing, CallState.joined, CallState.on_hold,
)  # fmt: skip
RUNNING = (CallState.joined, CallState.on_hold)
WAITING = (CallState.asked, CallState.ringing)


class Presence(StrEnum):
    """Where a person stands in a call."""

    invited = "invited"
    waiting = "waiting"
    admitted = "admitted"
    present = "present"
    away = "away"
    """Their connection is lost, and their place kept."""
    left = "left"
    declined = "declined"


class Call(Base):
    """One call about one ticket; a ticket has one live call at most. `broken_at` says that the
    engine died in the middle, until somebody is back."""

    __tablename__ = "call"
    __table_args__ = (
        Index(
            "uq_call_ticket_live",
            "ticket_id",
            unique=True,
            postgresql_where=text("state in ('scheduled','asked','ringing','joined','on_hold')"),
        ),
        Index(
            "ix_call_live",
            "state",
            "created_at",
            postgresql_where=text("state in ('scheduled','asked','ringing','joined','on_hold')"),
        ),
        Index("ix_call_ticket_id", "ticket_id", "created_at"),
        Index("ix_call_created_at", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    version: Mapped[int] = mapped_column(default=1)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    state: Mapped[str] = mapped_column(default=CallState.ringing.value)
    video: Mapped[bool] = mapped_column(default=True)
    asked_by: Mapped[UUID | None] = mapped_column(default=None)
    recording: Mapped[bool] = mapped_column(default=False)
    """Somebody wants it recorded; each person is, once all who are there have agreed."""
    scheduled_at: Mapped[datetime | None] = mapped_column(default=None)
    reminded_at: Mapped[datetime | None] = mapped_column(default=None)
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    rang_at: Mapped[datetime | None] = mapped_column(default=None)
    started_at: Mapped[datetime | None] = mapped_column(default=None)
    broken_at: Mapped[datetime | None] = mapped_column(default=None)
    ended_at: Mapped[datetime | None] = mapped_column(default=None)
    reason: Mapped[str | None] = mapped_column(default=None)

    @property
    def live(self) -> bool:
        return self.state in LIVE

    @property
    def running(self) -> bool:
        return self.state in RUNNING

    @property
    def seconds(self) -> int:
        """How long it has lasted, or lasts until now."""
        if self.started_at is None:
            return 0
        return max(0, int(((self.ended_at or clock.now()) - self.started_at).total_seconds()))


class CallPerson(Base):
    """Somebody who may be in a call, by a link of their own. `turn` is part of what the link's
    signature covers: raising it makes every earlier link useless."""

    __tablename__ = "call_person"
    __table_args__ = (
        Index("uq_call_person_call_id", "call_id", "person_id", unique=True),
        Index("ix_call_person_person_id", "person_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    call_id: Mapped[UUID] = mapped_column(ForeignKey("call.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    staff: Mapped[bool]
    presence: Mapped[str] = mapped_column(default=Presence.invited.value)
    turn: Mapped[int] = mapped_column(default=1)
    expires_at: Mapped[datetime]
    invited_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    joined_at: Mapped[datetime | None] = mapped_column(default=None)
    left_at: Mapped[datetime | None] = mapped_column(default=None)
    rating: Mapped[int | None] = mapped_column(default=None)


class CallConsent(Base):
    """Who agreed to being recorded, when, and to which words; a row for each yes and each no."""

    __tablename__ = "call_consent"
    __table_args__ = (
        Index("ix_call_consent_call_id", "call_id", "person_id", "at"),
        Index("ix_call_consent_person_id", "person_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    call_id: Mapped[UUID] = mapped_column(ForeignKey("call.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    given: Mapped[bool]
    wording: Mapped[str]
    wording_version: Mapped[str]
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class CallRecording(Base):
    """One stretch of one person's picture and sound. Its key is sealed under the person's."""

    __tablename__ = "call_recording"
    __table_args__ = (
        Index("ix_call_recording_call_id", "call_id", "began_at"),
        Index("ix_call_recording_person_id", "person_id"),
        Index("ix_call_recording_began_at", "began_at", postgresql_where=text("deleted_at is null")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    call_id: Mapped[UUID] = mapped_column(ForeignKey("call.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    key: Mapped[bytes | None]
    began_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    stopped_at: Mapped[datetime | None] = mapped_column(default=None)
    reason: Mapped[str | None] = mapped_column(default=None)
    milliseconds: Mapped[int] = mapped_column(default=0)
    size: Mapped[int] = mapped_column(default=0)
    deleted_at: Mapped[datetime | None] = mapped_column(default=None)
    """Nothing is to be played any more; what lies in the store goes with the next sweep."""
    gone_at: Mapped[datetime | None] = mapped_column(default=None)


class CallQuality(Base):
    """How it went for one person in a moment, as their browser and the engine measured it."""

    __tablename__ = "call_quality"
    __table_args__ = (
        Index("ix_call_quality_call_id", "call_id", "at"),
        Index("ix_call_quality_person_id", "person_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger(), Identity(always=False), primary_key=True, init=False)
    call_id: Mapped[UUID] = mapped_column(ForeignKey("call.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    data: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class FileState(StrEnum):
    waiting = "waiting"
    making = "making"
    ready = "ready"
    failed = "failed"


class CallFile(Base):
    """All recordings of a call as one file, made when somebody wants to take it out, kept for a day.
    Its key is sealed under the ticket's."""

    __tablename__ = "call_file"
    __table_args__ = (
        Index("uq_call_file_call_id", "call_id", unique=True),
        Index("ix_call_file_asked_by", "asked_by"),
        Index("ix_call_file_created_at", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    call_id: Mapped[UUID] = mapped_column(ForeignKey("call.id"))
    asked_by: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    name: Mapped[str]
    key: Mapped[bytes]
    state: Mapped[str] = mapped_column(default=FileState.waiting.value)
    size: Mapped[int] = mapped_column(default=0)
    begun_at: Mapped[datetime | None] = mapped_column(default=None)
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
