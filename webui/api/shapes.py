"""What the API takes and gives: the shapes of its JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core.people.service import Known
from core.text import MOST_CHARACTERS, SUBJECT_CHARACTERS
from core.tickets.access import Opened
from core.tickets.lines import FactLine, FileLine, MessageLine
from core.tickets.model import Priority
from core.tickets.queries import Row

T = TypeVar("T")
Text = Field(max_length=MOST_CHARACTERS * 2, description="Markdown")


class Strict(BaseModel):
    """Unknown fields are refused, so that a typing error is not ignored silently."""

    model_config = ConfigDict(extra="forbid")


class PersonRef(BaseModel):
    id: UUID
    name: str


class Ref(BaseModel):
    id: UUID
    name: str


class TicketOut(BaseModel):
    """A ticket as it stands."""

    id: UUID
    number: int
    subject: str
    status: str
    priority: str
    requester: PersonRef
    assignee: PersonRef | None = None
    team: Ref | None = None
    category: Ref | None = None
    tags: list[str] = []
    channel: str
    language: str | None = None
    messages: int = 0
    unread: bool = False
    waiting_for: str = ""
    rating: int | None = None
    snoozed_until: datetime | None = None
    resolved_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    merged_into: int | None = None
    version: int


class TicketFull(TicketOut):
    """One ticket, with what a list does not carry."""

    fields: dict[str, Any] = {}
    solution: str = ""


class TicketPage(BaseModel):
    """`next` is the value of `after` for the next page; absent at the end."""

    items: list[TicketOut]
    next: str | None = None
    previous: str | None = None


class RequesterIn(Strict):
    """Who asks: a known person by id, or anyone by address."""

    id: UUID | None = None
    email: str = Field("", max_length=254)
    name: str = Field("", max_length=120)


class TicketIn(Strict):
    text: str = Text
    subject: str = Field("", max_length=SUBJECT_CHARACTERS)
    requester: RequesterIn | None = Field(None, description="Absent: the token's own person")
    category_id: UUID | None = None
    priority: Priority | None = None
    fields: dict[str, Any] = Field(default_factory=dict, max_length=60)
    tags: list[str] = Field(default_factory=list, max_length=30)
    files: list[UUID] = Field(default_factory=list, max_length=10)


class TicketChange(Strict):
    """Only what is named is changed. With `version`, only if nobody changed it meanwhile."""

    version: int | None = None
    subject: str | None = Field(None, max_length=SUBJECT_CHARACTERS)
    priority: Priority | None = None
    category_id: UUID | None = None
    team_id: UUID | None = None
    assignee_id: UUID | None = None
    requester_id: UUID | None = None
    add_tags: list[str] = Field(default_factory=list, max_length=30)
    remove_tags: list[str] = Field(default_factory=list, max_length=30)
    fields: dict[str, Any] | None = Field(None, max_length=60)


class FileOut(BaseModel):
    id: UUID
    name: str
    size: int
    mime: str
    kind: str


class AuthorOut(BaseModel):
    id: UUID | None
    name: str
    staff: bool


class ReactionOut(BaseModel):
    emoji: str
    count: int


class MessageOut(BaseModel):
    """Something said, or an internal note; or, with `kind` fact, something that happened."""

    id: UUID | None = None
    seq: int
    kind: Literal["chat", "note", "card", "fact"]
    audience: str = "everyone"
    author: AuthorOut
    text: str = ""
    fact: str | None = None
    at: datetime
    edited: bool = False
    deleted: bool = False
    held_until: datetime | None = None
    delivery: str = ""
    reactions: list[ReactionOut] = []
    files: list[FileOut] = []


class MessagePage(BaseModel):
    """Oldest first; `before` continues with what is older."""

    items: list[MessageOut]
    before: str | None = None


class MessageIn(Strict):
    text: str = Text
    files: list[UUID] = Field(default_factory=list, max_length=10)
    hold: int | None = Field(None, ge=0, le=60, description="Seconds in which it can be taken back")
    id: UUID | None = Field(None, description="An id of your own making: the same twice is one message")


class NoteIn(Strict):
    text: str = Text
    files: list[UUID] = Field(default_factory=list, max_length=10)
    mentions: list[UUID] = Field(default_factory=list, max_length=20)
    id: UUID | None = None


class MessageChange(Strict):
    text: str = Text


class ReactionsIn(Strict):
    emoji: list[str] = Field(max_length=12)


class AssignIn(Strict):
    assignee_id: UUID | None = None
    team_id: UUID | None = None


class SnoozeIn(Strict):
    until: datetime


class ResolveIn(Strict):
    solution: str = Field("", max_length=2_000)


class MergeIn(Strict):
    into: int


class SplitIn(Strict):
    messages: list[UUID] = Field(min_length=1, max_length=200)
    subject: str = Field("", max_length=SUBJECT_CHARACTERS)


class LinkIn(Strict):
    to: int
    kind: Literal["related", "parent"] = "related"


class RateIn(Strict):
    score: int = Field(ge=1, le=5)
    comment: str = Field("", max_length=4_000)


class PersonOut(BaseModel):
    id: UUID
    name: str
    display_name: str
    email: str
    email_verified: bool
    role: str
    locale: str
    zone: str
    active: bool
    blocked: bool


class PeoplePage(BaseModel):
    items: list[PersonOut]
    next: UUID | None = None


class PersonIn(Strict):
    name: str = Field("", max_length=120)
    email: str = Field("", max_length=254)
    locale: str = Field("en", max_length=10)
    zone: str = Field("UTC", max_length=64)


class PersonChange(Strict):
    name: str | None = Field(None, max_length=120)
    display_name: str | None = Field(None, max_length=120)
    email: str | None = Field(None, max_length=254)
    locale: str | None = Field(None, max_length=10)
    zone: str | None = Field(None, max_length=64)


class TeamOut(BaseModel):
    id: UUID
    name: str
    description: str
    assign_mode: str
    active: bool


class CategoryOut(BaseModel):
    id: UUID
    name: str
    parent_id: UUID | None
    team_id: UUID | None
    fields: list[dict[str, Any]]
    active: bool


class MacroOut(BaseModel):
    id: UUID
    name: str
    body: str
    actions: dict[str, Any]
    shared: bool
    version: int


class MacroIn(Strict):
    name: str = Field(max_length=80)
    body: str = Text
    actions: dict[str, Any] = Field(default_factory=dict, max_length=20)
    shared: bool = False


class MacroChange(Strict):
    name: str | None = Field(None, max_length=80)
    body: str | None = Field(None, max_length=MOST_CHARACTERS)
    actions: dict[str, Any] | None = Field(None, max_length=20)
    active: bool | None = None
    version: int | None = None


class Named(BaseModel, Generic[T]):
    """A page of things by name; `next` is the value of `after` for the next page."""

    items: list[T]
    next: UUID | None = None


class SnippetOut(BaseModel):
    text: str
    marks: list[tuple[int, int]] = Field(description="(start, end) offsets of what was found")


class HitOut(BaseModel):
    ticket: TicketOut
    subject: SnippetOut
    snippet: SnippetOut
    message_id: UUID | None = None


class SearchOut(BaseModel):
    """`found` is how many there are on all pages, of filters alone counted up to 1,000; `more`: there were more matches
    than were looked at (the newest ones), so that `found` may grow from page to page. `number` is that of the ticket, where what was typed is one."""

    items: list[HitOut]
    found: int
    more: bool
    problems: list[str]
    next: str | None = None
    number: int | None = None


def ticket_out(row: Row) -> TicketOut:
    return TicketOut(**_ticket_values(row))


def ticket_full(row: Row, opened: Opened) -> TicketFull:
    return TicketFull(**_ticket_values(row), fields=opened.fields, solution=opened.solution)


def message_out(line: MessageLine | FactLine, fact: str | None = None) -> MessageOut:
    if isinstance(line, FactLine):
        author = AuthorOut(id=line.actor.id, name=line.actor.name, staff=line.actor.staff)
        return MessageOut(
            seq=line.seq, kind="fact", author=author, fact=line.name, text=fact or "", at=line.at
        )
    return MessageOut(
        id=line.id,
        seq=line.seq,
        kind=line.kind,
        audience=line.audience,
        author=AuthorOut(id=line.author.id, name=line.author.name, staff=line.author.staff),
        text=line.text,
        at=line.at,
        edited=line.edited,
        deleted=line.deleted,
        held_until=line.held_until,
        delivery=line.delivery,
        reactions=[ReactionOut(emoji=one.emoji, count=one.count) for one in line.reactions],
        files=[file_out(one) for one in line.files],
    )


def file_out(line: FileLine) -> FileOut:
    return FileOut(id=line.id, name=line.name, size=line.size, mime=line.mime, kind=line.kind)


def person_out(known: Known) -> PersonOut:
    return PersonOut(
        id=known.id,
        name=known.name,
        display_name=known.display_name,
        email=known.email,
        email_verified=known.email_verified,
        role=known.role,
        locale=known.locale,
        zone=known.profile.zone,
        active=known.active,
        blocked=known.blocked,
    )


def _ticket_values(row: Row) -> dict[str, Any]:
    return {
        "id": row.id,
        "number": row.number,
        "subject": row.subject,
        "status": row.status,
        "priority": row.priority,
        "requester": PersonRef(id=row.requester_id, name=row.requester_name),
        "assignee": PersonRef(id=row.assignee_id, name=row.assignee_name) if row.assignee_id else None,
        "team": Ref(id=row.team_id, name=row.team_name) if row.team_id else None,
        "category": Ref(id=row.category_id, name=row.category_name) if row.category_id else None,
        "tags": list(row.tags),
        "channel": row.channel,
        "language": row.language,
        "messages": row.messages,
        "unread": row.unread,
        "waiting_for": row.waiting_for,
        "rating": row.rating,
        "snoozed_until": row.snoozed_until,
        "resolved_at": row.resolved_at,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "merged_into": row.merged_into,
        "version": row.version,
    }
