"""What happens to messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from core.events import Event, register


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSaid(Event):
    """`subject` is the message. `held` says that the requester's side sees it later."""

    name: ClassVar[str] = "message.said"
    thing: ClassVar[str] = "message"
    ticket: UUID | None = None
    kind: str = "chat"
    audience: str = "everyone"
    side: str = "requester"
    via: str = "desk"
    files: int = 0
    mentions: tuple[UUID, ...] | None = None
    origin: str | None = None
    first: bool | None = None
    held: bool | None = None


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEdited(Event):
    name: ClassVar[str] = "message.edited"
    thing: ClassVar[str] = "message"
    revision: int = 2
    origin: str | None = None


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDeleted(Event):
    name: ClassVar[str] = "message.deleted"
    thing: ClassVar[str] = "message"
    origin: str | None = None
    taken_back: bool | None = None


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReacted(Event):
    name: ClassVar[str] = "message.reacted"
    thing: ClassVar[str] = "message"
    origin: str | None = None


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class MessageHidden(Event):
    name: ClassVar[str] = "message.hidden"
    thing: ClassVar[str] = "message"
    shown: bool | None = None


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReported(Event):
    name: ClassVar[str] = "message.reported"
    thing: ClassVar[str] = "message"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFileAdded(Event):
    """A file came after its message: a platform's files are fetched when the words are safe."""

    name: ClassVar[str] = "message.file_added"
    thing: ClassVar[str] = "message"
    file: UUID
    index: int = 0
    origin: str | None = None


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFileLost(Event):
    """A file of a message cannot be had from its platform; `error` is a code."""

    name: ClassVar[str] = "message.file_lost"
    thing: ClassVar[str] = "message"
    error: str = "gone"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDelivered(Event):
    """A message stands in a place on the other side now."""

    name: ClassVar[str] = "message.delivered"
    thing: ClassVar[str] = "message"
    delivery: UUID | None = None


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class MessageUndelivered(Event):
    """A delivery was given up, or waits for long; `error` is a code."""

    name: ClassVar[str] = "message.undelivered"
    thing: ClassVar[str] = "message"
    delivery: UUID | None = None
    error: str = "failed"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationRead(Event):
    """Someone's read mark moved; `subject` is the conversation."""

    name: ClassVar[str] = "conversation.read"
    thing: ClassVar[str] = "conversation"
    upto: int = 0
    side: str = "requester"
