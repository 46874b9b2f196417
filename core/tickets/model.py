"""Tickets and what describes them: categories, participants, links, macros, views, rules."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core import clock
from core.db import Base
from core.ids import new_id, new_token


class Status(StrEnum):
    open = "open"
    in_progress = "in_progress"
    waiting = "waiting"
    resolved = "resolved"
    closed = "closed"


class Priority(StrEnum):
    low = "low"
    normal = "normal"
    high = "high"
    urgent = "urgent"


PRIORITY_RANK = {Priority.low: 0, Priority.normal: 1, Priority.high: 2, Priority.urgent: 3}
LIVE = (Status.open, Status.in_progress, Status.waiting)


class Category(Base):
    """A node of the tree; `fields` are the custom fields its tickets ask for (see fields.py)."""

    __tablename__ = "category"

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    version: Mapped[int] = mapped_column(default=1)
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("category.id"), default=None)
    name: Mapped[str]
    position: Mapped[int] = mapped_column(default=0)
    team_id: Mapped[UUID | None] = mapped_column(ForeignKey("team.id"), default=None)
    fields: Mapped[list[dict[str, Any]]] = mapped_column(default_factory=list)
    active: Mapped[bool] = mapped_column(default=True)


class Ticket(Base):
    """A request for help. Subject, custom fields and solution are sealed under the key of its
    conversation; queues sort and filter by the plain columns only.

    `version` rises with every change; `link` is its unguessable name for requesters.
    """

    __tablename__ = "ticket"
    __table_args__ = (
        # All that an agent has or had: the queues ask for what is live only.
        Index("ix_ticket_assignee_id", "assignee_id", postgresql_where=text("assignee_id is not null")),
        Index("uq_ticket_number", "number", unique=True),
        Index("uq_ticket_conversation_id", "conversation_id", unique=True),
        Index("uq_ticket_link", "link", unique=True),
        Index("ix_ticket_requester_id_updated", "requester_id", "updated_at"),
        Index(
            "ix_ticket_assignee_live",
            "assignee_id",
            "updated_at",
            postgresql_where=text("status in ('open','in_progress','waiting')"),
        ),
        Index(
            "ix_ticket_team_live",
            "team_id",
            "updated_at",
            postgresql_where=text("status in ('open','in_progress','waiting')"),
        ),
        Index(
            "ix_ticket_unassigned",
            "updated_at",
            "number",
            postgresql_where=text("assignee_id is null and status in ('open','in_progress','waiting')"),
        ),
        Index(
            "ix_ticket_live",
            "updated_at",
            "number",
            postgresql_where=text("status in ('open','in_progress','waiting')"),
        ),
        Index("ix_ticket_updated_at", "updated_at", "number"),
        Index("ix_ticket_created_at", "created_at", "number"),
        Index("ix_ticket_status_updated", "status", "updated_at", "number"),
        Index("ix_ticket_priority_updated", "priority_rank", "updated_at", "number"),
        Index("ix_ticket_last_requester_at", "last_requester_at", "number"),
        Index("ix_ticket_snoozed", "snoozed_until", postgresql_where=text("snoozed_until is not null")),
        Index("ix_ticket_offered", "offered_until", postgresql_where=text("offered_until is not null")),
        Index("ix_ticket_tags", "tags", postgresql_using="gin"),
        Index("ix_ticket_parent_id", "parent_id", postgresql_where=text("parent_id is not null")),
        Index(
            "ix_ticket_merged_into_id", "merged_into_id", postgresql_where=text("merged_into_id is not null")
        ),
        Index(
            "ix_ticket_organisation_id",
            "organisation_id",
            postgresql_where=text("organisation_id is not null"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    number: Mapped[int] = mapped_column(BigInteger(), Identity(always=False), init=False)
    version: Mapped[int] = mapped_column(default=1)
    link: Mapped[str] = mapped_column(default_factory=new_token)
    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversation.id"))
    requester_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    subject: Mapped[bytes | None] = mapped_column(default=None)
    fields: Mapped[bytes | None] = mapped_column(default=None)
    solution: Mapped[bytes | None] = mapped_column(default=None)
    status: Mapped[str] = mapped_column(default=Status.open.value)
    priority: Mapped[str] = mapped_column(default=Priority.normal.value)
    priority_rank: Mapped[int] = mapped_column(default=1)
    category_id: Mapped[UUID | None] = mapped_column(ForeignKey("category.id"), default=None)
    team_id: Mapped[UUID | None] = mapped_column(ForeignKey("team.id"), default=None)
    assignee_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"), default=None)
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"), default=None)
    tags: Mapped[list[int]] = mapped_column(default_factory=list)
    channel: Mapped[str] = mapped_column(default="desk")
    language: Mapped[str | None] = mapped_column(default=None)
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("ticket.id"), default=None)
    merged_into_id: Mapped[UUID | None] = mapped_column(ForeignKey("ticket.id"), default=None)
    snoozed_until: Mapped[datetime | None] = mapped_column(default=None)
    has_file: Mapped[bool] = mapped_column(default=False)
    messages: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    last_requester_at: Mapped[datetime | None] = mapped_column(default=None)
    last_staff_at: Mapped[datetime | None] = mapped_column(default=None)
    first_answer_at: Mapped[datetime | None] = mapped_column(default=None)
    resolved_at: Mapped[datetime | None] = mapped_column(default=None)
    closed_at: Mapped[datetime | None] = mapped_column(default=None)
    rating: Mapped[int | None] = mapped_column(default=None)
    offered_to_id: Mapped[UUID | None] = mapped_column(default=None)
    offered_until: Mapped[datetime | None] = mapped_column(default=None)

    @property
    def live(self) -> bool:
        return self.status in LIVE


class Participant(Base):
    """Someone on a ticket, with their own read mark (a sequence number of the conversation)."""

    __tablename__ = "participant"
    __table_args__ = (Index("ix_participant_person_id", "person_id"),)

    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(default="follower")
    read_seq: Mapped[int] = mapped_column(default=0)
    added_at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class TicketLink(Base):
    """Two tickets that belong together. `kind` is related, follow_up or split."""

    __tablename__ = "ticket_link"

    from_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    to_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(default="related")
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class SurveyAnswer(Base):
    """A rating of a ticket, 1 to 5, with a comment sealed under the conversation's key."""

    __tablename__ = "survey_answer"

    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    person_id: Mapped[UUID]
    score: Mapped[int]
    comment: Mapped[bytes | None] = mapped_column(default=None)
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class Macro(Base):
    """A text with variables, and verbs that go with it. `owner_id` empty: everyone's."""

    __tablename__ = "macro"

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    version: Mapped[int] = mapped_column(default=1)
    name: Mapped[str]
    body: Mapped[str]
    actions: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    owner_id: Mapped[UUID | None] = mapped_column(default=None)
    active: Mapped[bool] = mapped_column(default=True)


class SavedView(Base):
    """A queue of one's own; `owner_id` empty: shared. The condition may hold a person's words
    and is sealed under the desk's key."""

    __tablename__ = "saved_view"

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    version: Mapped[int] = mapped_column(default=1)
    owner_id: Mapped[UUID | None] = mapped_column(default=None)
    name: Mapped[bytes]
    condition: Mapped[bytes]
    sort: Mapped[str] = mapped_column(default="-updated_at")
    columns: Mapped[list[str]] = mapped_column(default_factory=list)
    position: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)


class RoutingRule(Base):
    __tablename__ = "routing_rule"

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    version: Mapped[int] = mapped_column(default=1)
    name: Mapped[str]
    position: Mapped[int] = mapped_column(default=0)
    condition: Mapped[dict[str, Any]]
    actions: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    stop: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True)
