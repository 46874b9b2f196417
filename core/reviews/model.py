"""What is kept of a review."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from core import clock
from core.db import Base
from core.ids import new_id


class Verdict(StrEnum):
    good = "good"
    coach = "coach"
    """Something to talk about with the agent."""
    problem = "problem"


class Review(Base):
    """What a lead says of a session: of a call, or of a ticket's chat, whichever is named. The words are
    sealed under the ticket's key."""

    # The name is from when there were reviews of calls only: a program that still runs knows no other.
    __tablename__ = "call_review"
    __table_args__ = (
        Index("uq_call_review_call_id", "call_id", "reviewer_id", unique=True),
        Index("uq_call_review_ticket_id", "ticket_id", "reviewer_id", unique=True),
        Index("ix_call_review_reviewer_id", "reviewer_id"),
        CheckConstraint("num_nonnulls(call_id, ticket_id) = 1", name="one_session"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    call_id: Mapped[UUID | None] = mapped_column(ForeignKey("call.id"), default=None)
    ticket_id: Mapped[UUID | None] = mapped_column(ForeignKey("ticket.id"), default=None)
    reviewer_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    mark: Mapped[int]
    verdict: Mapped[str]
    shared: Mapped[bool] = mapped_column(default=False)
    """The agents of the session may read it."""
    words: Mapped[bytes | None] = mapped_column(default=None)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
