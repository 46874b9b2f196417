"""The lines of a timeline, as a reader may see them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Author:
    """Who said or did something, by the name the reader may know; `id` is empty for the desk
    itself, and for agents whose names the desk keeps from requesters."""

    id: UUID | None
    name: str
    staff: bool = False
    me: bool = False
    kind: str = "person"


@dataclass(frozen=True, slots=True)
class Reacted:
    emoji: str
    count: int
    mine: bool


@dataclass(frozen=True, slots=True)
class FileLine:
    """An attachment; `inline` may be shown in place, `thumb` says that there is a small picture."""

    id: UUID
    name: str
    size: int
    mime: str
    kind: str
    inline: bool
    thumb: bool
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """The beginning of the message that was replied to."""

    id: UUID
    author: str
    excerpt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageLine:
    """Something said. `text` is Markdown, empty when it was deleted, erased, or hidden from the
    reader. `held_until` lies in the future while a reply can still be taken back. `delivery`
    is pending, sent or failed, or empty where nothing is to be delivered."""

    fact: ClassVar[bool] = False

    id: UUID
    seq: int
    conversation_id: UUID
    at: datetime
    kind: str
    audience: str
    side: str
    author: Author
    text: str = ""
    edited: bool = False
    deleted: bool = False
    hidden: bool = False
    erased: bool = False
    reported: bool = False
    revisions: int = 0
    reactions: tuple[Reacted, ...] = ()
    files: tuple[FileLine, ...] = ()
    reply_to: Quote | None = None
    via: str = "desk"
    held_until: datetime | None = None
    delivery: str = ""
    delivery_error: str = ""
    """Why it failed, or why it waits for longer than usual; a code."""
    delivery_wait: timedelta = timedelta()
    delivery_id: UUID | None = None
    from_ticket: int | None = None

    @property
    def note(self) -> bool:
        return self.kind == "note"

    @property
    def own(self) -> bool:
        return self.author.me


@dataclass(frozen=True, slots=True, kw_only=True)
class FactLine:
    """Something that happened. In `data`, ids of people, teams, categories and tags stand as
    names; `ids` are the same values as they were. `core.tickets.fact_words` makes a sentence of it."""

    fact: ClassVar[bool] = True

    id: int
    seq: int
    conversation_id: UUID
    at: datetime
    name: str
    actor: Author
    data: dict[str, Any] = field(default_factory=dict)
    ids: dict[str, Any] = field(default_factory=dict)
    from_ticket: int | None = None


Line = MessageLine | FactLine
