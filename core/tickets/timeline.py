"""What happened in a ticket, in order: messages, notes and facts, as the reader may see them.

Order is by the conversation's own sequence, never by a clock; where tickets were merged, their
conversations are woven together by time, each keeping its own order. A page is a fixed number
of queries, whatever it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, exists, or_, select

from core import clock
from core.access import Actor
from core.conversations.model import Audience, Conversation, Message, MessageRevision
from core.db import EventRow, UnitOfWork
from core.errors import NotFound
from core.i18n import _
from core.people.naming import name_for, named
from core.tickets.access import Opened
from core.tickets.lines import Author, FactLine, Line, MessageLine
from core.tickets.model import Participant
from core.tickets.past import (
    END,
    EVENTS_AFTER,
    FACT,
    FILE_LOST,
    MESSAGE,
    MESSAGES_CHANGED,
    MOST_CHANGES,
    MOVING,
    UNTOLD,
    Part,
    between,
    cursor_of,
    parts_of,
    positions,
    readable,
    stands,
    told,
    weave,
)
from core.tickets.reading import author_of, lines_of, opened_text

MOST_LINES = 200


@dataclass(frozen=True, slots=True)
class Timeline:
    """A stretch of a timeline, oldest line first. `before` continues with what is older; `upto`
    is the sequence number of the ticket's own conversation, for the read mark."""

    lines: list[Line] = field(default_factory=list)
    has_older: bool = False
    before: str | None = None
    upto: int = 0


@dataclass(frozen=True, slots=True)
class Changes:
    """What is new at the end of a timeline, and which older lines look different now; `upto` and `seen`
    are where the next question begins."""

    new: list[Line] = field(default_factory=list)
    changed: list[Line] = field(default_factory=list)
    upto: int = 0
    seen: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """Someone on a ticket and how far they have read; `is_behind` when a message of somebody else
    waits for them."""

    who: Author
    kind: str
    read_seq: int
    is_behind: bool
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Revision:
    """What a message said before an edit, and until when."""

    revision: int
    text: str
    by: str
    at: datetime


async def timeline(
    uow: UnitOfWork, actor: Actor, opened: Opened, *, before: str | None = None, limit: int = 60
) -> Timeline:
    """The newest lines of a ticket, or those before a cursor of an earlier page.

    Raises `Invalid` for a cursor that is none.
    """
    limit = max(1, min(limit, MOST_LINES))
    parts = await parts_of(uow, opened)
    position = positions(parts, before)
    span = {part.id: (0, position[part.id]) for part in parts}
    woven = weave(await between(uow, actor, parts, span, limit + 1), limit + 1)
    has_older, woven = len(woven) > limit, woven[:limit]
    return Timeline(
        lines=await lines_of(uow, actor, parts, woven[::-1]),
        has_older=has_older,
        before=cursor_of(parts, position, woven) if has_older else None,
        upto=opened.thread.conversation.seq,
    )


async def since(
    uow: UnitOfWork, actor: Actor, opened: Opened, seq: int, limit: int = MOST_LINES
) -> list[Line]:
    """The lines of the ticket's own conversation after a sequence number, for a page that is open.
    What changed in older lines (edits, reactions) is not among them."""
    parts = [part for part in await parts_of(uow, opened) if part.own]
    span = {part.id: (seq, END) for part in parts}
    found = await between(uow, actor, parts, span, limit, newest=False)
    return await lines_of(uow, actor, parts, sorted(found, key=lambda each: each.seq)[:limit])


async def changes(
    uow: UnitOfWork, actor: Actor, opened: Opened, *, after: int, seen: int, marked: Sequence[UUID] = ()
) -> Changes | None:
    """What a staff's page that is open does not show yet: the lines after a sequence number, and the older
    ones that look different now (edited, deleted, hidden, reacted to, read since `seen`, or `marked`,
    which are told of by id). None where only the whole timeline will do: where conversations were
    merged, lines moved, or there is too much."""
    own, upto = opened.thread.conversation.id, opened.thread.conversation.seq
    is_woven, reached = await stands(uow, opened)
    if is_woven:
        return None
    parts = [Part(own, opened.number, opened.key, True)]
    events = (await uow.session.execute(EVENTS_AFTER, {"own": own, "after": after})).all()
    if len(events) > MOST_CHANGES or any(each.name in MOVING for each in events):
        return None
    touched = {each.subject for each in events if each.name.startswith("message.")} | set(marked)
    values = {"own": own, "after": after, "seen": seen, "reached": reached, "ids": list(touched)}
    messages = (await uow.session.execute(MESSAGES_CHANGED, values)).all()
    if len(messages) > MOST_CHANGES:
        return None
    facts = [each for each in events if each.name == FILE_LOST or not each.name.startswith(UNTOLD)]
    made = await lines_of(uow, actor, parts, sorted([*messages, *facts], key=lambda each: each.seq))
    return Changes(
        new=[each for each in made if each.seq > after],
        changed=[each for each in made if each.seq <= after],
        upto=upto,
        seen=reached,
    )


async def stops(uow: UnitOfWork, actor: Actor, opened: Opened, limit: int) -> list[str | None]:
    """The cursors of all pages of a timeline, the newest first, for reading it whole from its
    beginning: what is said from now on is in none of them."""
    parts = await parts_of(uow, opened)
    heads = select(Conversation.id, Conversation.seq).where(Conversation.id.in_([part.id for part in parts]))
    last = {row.id: row.seq for row in await uow.session.execute(heads)}
    position = {part.id: last[part.id] + 1 for part in parts}
    found: list[str | None] = []
    while True:
        found.append(cursor_of(parts, position, ()))
        span = {part.id: (0, position[part.id]) for part in parts}
        woven = weave(await between(uow, actor, parts, span, limit + 1), limit + 1)
        if len(woven) <= limit:
            return found
        for each in woven[:limit]:
            position[each.conversation_id] = min(position[each.conversation_id], each.seq)


async def said_between(
    uow: UnitOfWork, actor: Actor, opened: Opened, first: datetime, last: datetime
) -> list[MessageLine]:
    """What was said in a ticket in a span of time, at most `MOST_LINES` messages of it."""
    parts = await parts_of(uow, opened)
    query = select(*MESSAGE).where(
        Message.conversation_id.in_([part.id for part in parts]),
        Message.at.between(first, last),
        readable(actor, clock.now()),
    )
    rows = (await uow.session.execute(query.order_by(Message.at, Message.id).limit(MOST_LINES))).all()
    return [each for each in await lines_of(uow, actor, parts, rows) if isinstance(each, MessageLine)]


async def line(uow: UnitOfWork, actor: Actor, opened: Opened, message_id: UUID) -> MessageLine:
    """One message of a ticket as its timeline shows it; `NotFound` when the reader may not see it."""
    parts = await parts_of(uow, opened)
    query = select(*MESSAGE).where(
        Message.id == message_id,
        Message.conversation_id.in_([part.id for part in parts]),
        readable(actor, clock.now()),
    )
    found = (await uow.session.execute(query)).one_or_none()
    if found is None:
        raise NotFound(_("There is no such message."))
    made = (await lines_of(uow, actor, parts, [found]))[0]
    assert isinstance(made, MessageLine)
    return made


async def fact(uow: UnitOfWork, actor: Actor, opened: Opened, event_id: int) -> FactLine | None:
    """One fact of a ticket as its timeline tells it; None when it is not the reader's business."""
    parts = await parts_of(uow, opened)
    for part in parts:
        query = select(*FACT).where(
            EventRow.id == event_id, EventRow.conversation_id == part.id, told(actor, part)
        )
        found = (await uow.session.execute(query)).one_or_none()
        if found is not None:
            made = (await lines_of(uow, actor, parts, [found]))[0]
            assert isinstance(made, FactLine)
            return made
    return None


async def participants(uow: UnitOfWork, actor: Actor, opened: Opened) -> list[Seen]:
    """Who is on a ticket, with read marks: requester first, then by when they came."""
    values = {"ticket": opened.ticket.id, "conversation": opened.thread.id, "now": clock.now()}
    found = (await uow.session.execute(_PARTICIPANTS, values)).all()
    people = await named(uow, [each.person_id for each, _is_behind in found])
    seen = [
        Seen(
            author_of(uow, actor, each.person_id, "person", people),
            each.kind,
            each.read_seq,
            is_behind,
            each.added_at,
        )
        for each, is_behind in found
    ]
    return sorted(seen, key=lambda each: each.kind != "requester")


_PARTICIPANTS = (
    select(
        Participant,
        exists()
        .where(
            Message.conversation_id == bindparam("conversation"),
            Message.seq > Participant.read_seq,
            Message.author_id.is_distinct_from(Participant.person_id),
            Message.deleted_at.is_(None),
            or_(Message.visible_at.is_(None), Message.visible_at <= bindparam("now")),
            or_(Message.audience == Audience.everyone, Participant.kind != "requester"),
        )
        .label("is_behind"),
    )
    .where(Participant.ticket_id == bindparam("ticket"))
    .order_by(Participant.added_at)
    .limit(200)
)


async def revisions(uow: UnitOfWork, actor: Actor, opened: Opened, message_id: UUID) -> list[Revision]:
    """What a message said before it was edited, the oldest first. For staff, and for its author."""
    parts = {part.id: part for part in await parts_of(uow, opened)}
    message = await uow.session.scalar(
        select(Message).where(Message.id == message_id, Message.conversation_id.in_(parts))
    )
    if message is None or not (actor.staff or message.author_id == actor.id):
        raise NotFound(_("There is no such message."))
    found = list(
        await uow.session.scalars(
            select(MessageRevision)
            .where(MessageRevision.message_id == message_id)
            .order_by(MessageRevision.revision)
        )
    )
    people = await named(uow, [each.by for each in found])
    key = parts[message.conversation_id].key
    return [
        Revision(
            each.revision,
            opened_text(key, each.body, message_id),
            name_for(uow, actor, people.get(each.by)) if each.by else "",
            each.at,
        )
        for each in found
    ]
