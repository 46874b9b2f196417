"""What happens to tickets. Data holds ids, numbers and codes only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from core.events import Event, register


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketEvent(Event):
    """Base of the facts about one ticket; `number` is what people call it."""

    thing: ClassVar[str] = "ticket"
    number: int | None = None


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketOpened(TicketEvent):
    name: ClassVar[str] = "ticket.opened"
    channel: str = "desk"
    team: UUID | None = None
    category: UUID | None = None
    priority: str = "normal"
    rules: tuple[UUID, ...] | None = None
    split_from: int | None = None
    follow_up_of: int | None = None


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketClaimed(TicketEvent):
    name: ClassVar[str] = "ticket.claimed"
    by: UUID


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketReleased(TicketEvent):
    name: ClassVar[str] = "ticket.released"
    before: UUID | None = None


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketAssigned(TicketEvent):
    """`to` an agent, `team` a team, or both; `before` who had it."""

    name: ClassVar[str] = "ticket.assigned"
    to: UUID | None = None
    team: UUID | None = None
    before: UUID | None = None
    before_team: UUID | None = None


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketPrioritised(TicketEvent):
    name: ClassVar[str] = "ticket.prioritised"
    before: str
    after: str


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketCategorised(TicketEvent):
    name: ClassVar[str] = "ticket.categorised"
    before: UUID | None = None
    after: UUID | None = None


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketTagged(TicketEvent):
    name: ClassVar[str] = "ticket.tagged"
    added: tuple[int, ...] = ()
    removed: tuple[int, ...] = ()


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketRenamed(TicketEvent):
    """The subject was changed."""

    name: ClassVar[str] = "ticket.renamed"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFieldsChanged(TicketEvent):
    """Custom fields were changed; `fields` are their ids."""

    name: ClassVar[str] = "ticket.fields_changed"
    fields: tuple[str, ...] = ()


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFollowed(TicketEvent):
    name: ClassVar[str] = "ticket.followed"
    person: UUID


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketUnfollowed(TicketEvent):
    name: ClassVar[str] = "ticket.unfollowed"
    person: UUID


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketWaiting(TicketEvent):
    """It waits for the requester's reply."""

    name: ClassVar[str] = "ticket.waiting"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketWoken(TicketEvent):
    """The requester replied, or the snooze ended."""

    name: ClassVar[str] = "ticket.woken"
    reason: str = "reply"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketSnoozed(TicketEvent):
    name: ClassVar[str] = "ticket.snoozed"
    until: datetime


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketResolved(TicketEvent):
    name: ClassVar[str] = "ticket.resolved"
    by: UUID | None = None


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketClosed(TicketEvent):
    name: ClassVar[str] = "ticket.closed"
    reason: str = "person"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketReopened(TicketEvent):
    name: ClassVar[str] = "ticket.reopened"
    reason: str = "person"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketMerged(TicketEvent):
    """`subject` went into `into`; the same fact stands in both timelines."""

    name: ClassVar[str] = "ticket.merged"
    into: UUID
    into_number: int
    source: bool = True


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketSplit(TicketEvent):
    """Messages of `subject` became the ticket `made`."""

    name: ClassVar[str] = "ticket.split"
    made: UUID
    made_number: int
    messages: int = 0


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketLinked(TicketEvent):
    name: ClassVar[str] = "ticket.linked"
    to: UUID
    to_number: int
    kind: str = "related"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketUnlinked(TicketEvent):
    name: ClassVar[str] = "ticket.unlinked"
    to: UUID
    to_number: int


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class RequesterChanged(TicketEvent):
    name: ClassVar[str] = "ticket.requester_changed"
    before: UUID
    after: UUID


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketRated(TicketEvent):
    name: ClassVar[str] = "ticket.rated"
    score: int


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketOffered(TicketEvent):
    """A live chat was offered to the next free agent."""

    name: ClassVar[str] = "ticket.offered"
    to: UUID
    until: datetime


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketPassed(TicketEvent):
    """An offered chat was passed on, by choice or because nobody answered."""

    name: ClassVar[str] = "ticket.passed"
    by: UUID
    reason: str = "passed"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class RequesterLeft(TicketEvent):
    """The requester closed the live chat's page, or came back."""

    name: ClassVar[str] = "ticket.requester_left"
    back: bool = False


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class TicketExported(TicketEvent):
    """The session was taken out as a file, for review."""

    name: ClassVar[str] = "ticket.exported"
    form: str = "html"
