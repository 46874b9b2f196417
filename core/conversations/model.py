"""Conversations: one timeline of messages, notes and facts, and its copies on platforms."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core import clock
from core.db import Base
from core.ids import new_id


class MessageKind(StrEnum):
    chat = "chat"
    note = "note"
    card = "card"


class Audience(StrEnum):
    everyone = "everyone"
    staff = "staff"


class Conversation(Base):
    """A timeline. Everything in it is sealed under its data key, which its owner's key wraps.

    `seq` is the last number given, under the row's lock. `root_id` names the conversation it
    was merged into. `pending` is the question that waits for the requester's next words.
    """

    __tablename__ = "conversation"
    __table_args__ = (
        Index("ix_conversation_root_id", "root_id", postgresql_where=text("root_id is not null")),
        # From a ticket to all that is read in it.
        Index("ix_conversation_read_in", text("coalesce(root_id, id)")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    wrapped_key: Mapped[bytes]
    seq: Mapped[int] = mapped_column(default=0)
    root_id: Mapped[UUID | None] = mapped_column(ForeignKey("conversation.id"), default=None)
    pending: Mapped[str | None] = mapped_column(default=None)
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class Seat(Base):
    """A place where a conversation is held: the requester's chat, or a desk room's thread.

    `place_key` finds the seat of an inbound; one place holds one live conversation.
    """

    __tablename__ = "seat"
    __table_args__ = (
        Index("uq_seat_place_key", "place_key", unique=True, postgresql_where=text("active")),
        Index("ix_seat_conversation_id", "conversation_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversation.id"))
    place_key: Mapped[str]
    side: Mapped[str] = mapped_column(default="requester")
    person_id: Mapped[UUID | None] = mapped_column(default=None)
    active: Mapped[bool] = mapped_column(default=True)
    from_seq: Mapped[int] = mapped_column(default=0)
    """What was said up to here was told when the seat was taken."""
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class Message(Base):
    """One thing said. `visible_at` is when the requester's side may see it: a reply is held a
    few seconds. `terms` are keyed hashes of its words and of the ticket's subject."""

    __tablename__ = "message"
    __table_args__ = (
        Index("uq_message_conversation_id_seq", "conversation_id", "seq", unique=True),
        Index(
            "ix_message_terms",
            "terms",
            postgresql_using="gin",
            postgresql_with={"fastupdate": "on", "gin_pending_list_limit": 512},
        ),
        # Each word marked with its day: who wants the newest reads the latest days only, each at once
        # (a list of what is not sorted in yet would be read for each of them).
        Index(
            "ix_message_days",
            text("term_days(terms, at)"),
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
        ),
        Index("ix_message_author_id", "author_id"),
        Index("ix_message_reported", "reported_at", postgresql_where=text("reported_at is not null")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversation.id"))
    seq: Mapped[int]
    kind: Mapped[str] = mapped_column(default=MessageKind.chat.value)
    audience: Mapped[str] = mapped_column(default=Audience.everyone.value)
    author_id: Mapped[UUID | None] = mapped_column(default=None)
    author_kind: Mapped[str] = mapped_column(default="person")
    side: Mapped[str] = mapped_column(default="requester")
    body: Mapped[bytes | None] = mapped_column(default=None)
    terms: Mapped[list[int]] = mapped_column(default_factory=list)
    reply_to_id: Mapped[UUID | None] = mapped_column(default=None)
    via: Mapped[str] = mapped_column(default="desk")
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    visible_at: Mapped[datetime | None] = mapped_column(default=None)
    edited_at: Mapped[datetime | None] = mapped_column(default=None)
    deleted_at: Mapped[datetime | None] = mapped_column(default=None)
    hidden_at: Mapped[datetime | None] = mapped_column(default=None)
    reported_at: Mapped[datetime | None] = mapped_column(default=None)
    revision: Mapped[int] = mapped_column(default=1)
    files: Mapped[int] = mapped_column(default=0)
    missed: Mapped[bool] = mapped_column(default=False)
    """Said while the desk was away, and found afterwards; `at` is the original time."""


class MessageRevision(Base):
    """What a message said before an edit."""

    __tablename__ = "message_revision"

    message_id: Mapped[UUID] = mapped_column(ForeignKey("message.id"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[bytes | None]
    by: Mapped[UUID | None]
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class MessageCopy(Base):
    """Where a message stands on a platform: what edits, deletes and reactions follow."""

    __tablename__ = "message_copy"
    __table_args__ = (
        Index("uq_message_copy_place_key_native", "place_key", "native", unique=True),
        # A platform names a message by its channel and id; the thread may be left out.
        Index(
            "ix_message_copy_native",
            "native",
            "place_key",
            postgresql_ops={"place_key": "text_pattern_ops"},
        ),
        Index("ix_message_copy_message_id", "message_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    message_id: Mapped[UUID] = mapped_column(ForeignKey("message.id"))
    place_key: Mapped[str]
    native: Mapped[str]
    part: Mapped[int] = mapped_column(default=0)
    origin: Mapped[bool] = mapped_column(default=False)
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    edited_at: Mapped[datetime | None] = mapped_column(default=None)
    """The platform's time of the last edit that came from there."""


class Reaction(Base):
    __tablename__ = "reaction"

    message_id: Mapped[UUID] = mapped_column(ForeignKey("message.id"), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    emoji: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class Attachment(Base):
    """A file. Its own key is wrapped by the conversation's key, or by the uploader's until it
    is sent; its name is sealed the same way. `object_id` names the bytes in the file store."""

    __tablename__ = "attachment"
    __table_args__ = (
        Index("ix_attachment_message_id", "message_id"),
        Index("ix_attachment_uploader_id", "uploader_id", postgresql_where=text("message_id is null")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    conversation_id: Mapped[UUID | None] = mapped_column(default=None)
    message_id: Mapped[UUID | None] = mapped_column(default=None)
    uploader_id: Mapped[UUID | None] = mapped_column(default=None)
    name: Mapped[bytes]
    wrapped_key: Mapped[bytes]
    mime: Mapped[str]
    kind: Mapped[str]
    size: Mapped[int]
    width: Mapped[int | None] = mapped_column(default=None)
    height: Mapped[int | None] = mapped_column(default=None)
    object_id: Mapped[str] = mapped_column()
    thumb_id: Mapped[str | None] = mapped_column(default=None)
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    deleted_at: Mapped[datetime | None] = mapped_column(default=None)


class PendingQuestion(Base):
    """What the desk asked somebody in a place, step by step, and what they answered so far; sealed
    under their key. Their next words there are the answer."""

    __tablename__ = "pending_question"

    place_key: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    state: Mapped[bytes]
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class Draft(Base):
    """What a person was writing, sealed under that person's key."""

    __tablename__ = "draft"

    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    conversation_id: Mapped[UUID] = mapped_column(primary_key=True)
    body: Mapped[bytes]
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)
