"""Desk rooms and the threads that tickets have in them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core import clock
from core.db import Base
from core.ids import new_id


class RoomRule(StrEnum):
    """Whose words in a ticket's thread reach the requester; everyone else's are notes."""

    assignee = "assignee"
    everyone = "everyone"
    command = "command"
    """Nobody's: only what is said by /reply."""


class DeskRoom(Base):
    """A channel, forum or group where agents see the tickets of a team; `team_id` empty: of all.
    `queue_native` is the platform's id of the card that says how many wait."""

    __tablename__ = "desk_room"
    __table_args__ = (
        Index("uq_desk_room_place_key", "place_key", unique=True, postgresql_where=text("active")),
        Index("ix_desk_room_team_id", "team_id", postgresql_where=text("active")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    version: Mapped[int] = mapped_column(default=1)
    place_key: Mapped[str]
    name: Mapped[str] = mapped_column(default="")
    team_id: Mapped[UUID | None] = mapped_column(ForeignKey("team.id"), default=None)
    rule: Mapped[str] = mapped_column(default=RoomRule.assignee.value)
    active: Mapped[bool] = mapped_column(default=True)
    queue_native: Mapped[str | None] = mapped_column(default=None)
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class RoomThread(Base):
    """A ticket's thread in a desk room. `head` is the platform's id of the card above it; both are
    empty until the platform has opened it. `from_seq`: what was said up to here is told when the
    thread opens, what is said later as it happens."""

    __tablename__ = "room_thread"
    __table_args__ = (
        Index("ix_room_thread_ticket_id", "ticket_id"),
        Index("ix_room_thread_place_key", "place_key", postgresql_where=text("place_key is not null")),
    )

    room_id: Mapped[UUID] = mapped_column(ForeignKey("desk_room.id"), primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    place_key: Mapped[str | None] = mapped_column(default=None)
    head: Mapped[str | None] = mapped_column(default=None)
    state: Mapped[str] = mapped_column(default="opening")
    opened: Mapped[int] = mapped_column(default=0)
    """How often it was opened: a thread that vanished is opened again."""
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)
