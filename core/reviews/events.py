"""What happens in quality review. These facts stand in the audit and in no timeline: what a lead thinks is
not everybody's business."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from core.events import Event, register


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewEvent(Event):
    """Base of the facts about one session: the chat of a ticket, or one of its calls."""

    thing: ClassVar[str] = "ticket"
    number: int
    call: UUID | None = None


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class SessionReviewed(ReviewEvent):
    """A lead said what they think of a session. `readers` are the agents with whom it is shared."""

    name: ClassVar[str] = "review.given"
    mark: int
    verdict: str
    shared: bool
    readers: tuple[UUID, ...] = ()


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpened(ReviewEvent):
    """Somebody opened a session to review it, or to read a review."""

    name: ClassVar[str] = "review.opened"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class CallReviewed(Event):
    """The same of a call, as it was written before chats were reviewed too."""

    name: ClassVar[str] = "call.reviewed"
    thing: ClassVar[str] = "call"
    number: int
    mark: int
    verdict: str
    shared: bool
