"""What happened in a ticket, in order: messages, notes and facts, as the reader may see them.

Order is by the conversation's own sequence, never by a clock; where tickets were merged, their
conversations are woven together by time, each keeping its own order. A page is a fixed number
of queries, whatever it holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Uuid,
    and_,
    bindparam,
    exists,
    false,
    func,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY

from core import clock
from core.access import Actor
from core.conversations import undelivered
from core.conversations.attachments import of_messages
from core.conversations.events import MessageFileLost
from core.conversations.model import (
    Attachment,
    Audience,
    Conversation,
    Message,
    MessageRevision,
    Reaction,
    Seat,
)
from core.crypto.fields import Unreadable, unseal_text
from core.db import EventRow, UnitOfWork
from core.errors import Invalid, NotFound
from core.files.sniff import may_show
from core.i18n import _
from core.outbox_model import Delivery
from core.people.naming import Named, name_for, named
from core.tickets.access import Opened
from core.tickets.model import Participant, Ticket
from core.tickets.queries import AnySelect, Names, names_of, plainly

MOST_LINES = 200
MOST_CHANGES = 100
EXCERPT_CHARACTERS = 140
_END = 2**62

FOR_REQUESTERS = (
    "ticket.opened", "ticket.claimed", "ticket.resolved", "ticket.closed", "ticket.reopened",
    "ticket.merged", "ticket.split", "call.asked", "call.rang", "call.scheduled", "call.joined", "call.ended",
    "call.missed", "call.declined", "call.interrupted", "call.recording_started", "call.recording_stopped",
)  # fmt: skip
"""The facts that the requester's side reads."""


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
    parts = await _parts(uow, opened)
    position = _positions(parts, before)
    span = {part.id: (0, position[part.id]) for part in parts}
    woven = _weave(await _between(uow, actor, parts, span, limit + 1), limit + 1)
    has_older, woven = len(woven) > limit, woven[:limit]
    return Timeline(
        lines=await _lines(uow, actor, parts, woven[::-1]),
        has_older=has_older,
        before=_cursor(parts, position, woven) if has_older else None,
        upto=opened.thread.conversation.seq,
    )


async def since(
    uow: UnitOfWork, actor: Actor, opened: Opened, seq: int, limit: int = MOST_LINES
) -> list[Line]:
    """The lines of the ticket's own conversation after a sequence number, for a page that is open.
    What changed in older lines (edits, reactions) is not among them."""
    parts = [part for part in await _parts(uow, opened) if part.own]
    span = {part.id: (seq, _END) for part in parts}
    found = await _between(uow, actor, parts, span, limit, newest=False)
    return await _lines(uow, actor, parts, sorted(found, key=lambda each: each.seq)[:limit])


async def changes(
    uow: UnitOfWork, actor: Actor, opened: Opened, *, after: int, seen: int, marked: Sequence[UUID] = ()
) -> Changes | None:
    """What a staff's page that is open does not show yet: the lines after a sequence number, and the older
    ones that look different now (edited, deleted, hidden, reacted to, read since `seen`, or `marked`,
    which are told of by id). None where only the whole timeline will do: where conversations were
    merged, lines moved, or there is too much."""
    own, upto = opened.thread.conversation.id, opened.thread.conversation.seq
    is_woven, reached = await _stands(uow, opened)
    if is_woven:
        return None
    parts = [_Part(own, opened.number, opened.key, True)]
    events = (await uow.session.execute(_EVENTS_AFTER, {"own": own, "after": after})).all()
    if len(events) > MOST_CHANGES or any(each.name in _MOVING for each in events):
        return None
    touched = {each.subject for each in events if each.name.startswith("message.")} | set(marked)
    values = {"own": own, "after": after, "seen": seen, "reached": reached, "ids": list(touched)}
    messages = (await uow.session.execute(_MESSAGES_CHANGED, values)).all()
    if len(messages) > MOST_CHANGES:
        return None
    facts = [each for each in events if each.name == FILE_LOST or not each.name.startswith(_UNTOLD)]
    made = await _lines(uow, actor, parts, sorted([*messages, *facts], key=lambda each: each.seq))
    return Changes(
        new=[each for each in made if each.seq > after],
        changed=[each for each in made if each.seq <= after],
        upto=upto,
        seen=reached,
    )


async def stops(uow: UnitOfWork, actor: Actor, opened: Opened, limit: int) -> list[str | None]:
    """The cursors of all pages of a timeline, the newest first, for reading it whole from its
    beginning: what is said from now on is in none of them."""
    parts = await _parts(uow, opened)
    heads = select(Conversation.id, Conversation.seq).where(Conversation.id.in_([part.id for part in parts]))
    last = {row.id: row.seq for row in await uow.session.execute(heads)}
    position = {part.id: last[part.id] + 1 for part in parts}
    found: list[str | None] = []
    while True:
        found.append(_cursor(parts, position, ()))
        span = {part.id: (0, position[part.id]) for part in parts}
        woven = _weave(await _between(uow, actor, parts, span, limit + 1), limit + 1)
        if len(woven) <= limit:
            return found
        for each in woven[:limit]:
            position[each.conversation_id] = min(position[each.conversation_id], each.seq)


async def said_between(
    uow: UnitOfWork, actor: Actor, opened: Opened, first: datetime, last: datetime
) -> list[MessageLine]:
    """What was said in a ticket in a span of time, at most `MOST_LINES` messages of it."""
    parts = await _parts(uow, opened)
    query = select(*_MESSAGE).where(
        Message.conversation_id.in_([part.id for part in parts]),
        Message.at.between(first, last),
        _readable(actor, clock.now()),
    )
    rows = (await uow.session.execute(query.order_by(Message.at, Message.id).limit(MOST_LINES))).all()
    return [each for each in await _lines(uow, actor, parts, rows) if isinstance(each, MessageLine)]


async def line(uow: UnitOfWork, actor: Actor, opened: Opened, message_id: UUID) -> MessageLine:
    """One message of a ticket as its timeline shows it; `NotFound` when the reader may not see it."""
    parts = await _parts(uow, opened)
    query = select(*_MESSAGE).where(
        Message.id == message_id,
        Message.conversation_id.in_([part.id for part in parts]),
        _readable(actor, clock.now()),
    )
    found = (await uow.session.execute(query)).one_or_none()
    if found is None:
        raise NotFound(_("There is no such message."))
    made = (await _lines(uow, actor, parts, [found]))[0]
    assert isinstance(made, MessageLine)
    return made


async def fact(uow: UnitOfWork, actor: Actor, opened: Opened, event_id: int) -> FactLine | None:
    """One fact of a ticket as its timeline tells it; None when it is not the reader's business."""
    parts = await _parts(uow, opened)
    for part in parts:
        query = select(*_FACT).where(
            EventRow.id == event_id, EventRow.conversation_id == part.id, _told(actor, part)
        )
        found = (await uow.session.execute(query)).one_or_none()
        if found is not None:
            made = (await _lines(uow, actor, parts, [found]))[0]
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
            _author(uow, actor, each.person_id, "person", people),
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
    parts = {part.id: part for part in await _parts(uow, opened)}
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
            _open(key, each.body, message_id),
            name_for(uow, actor, people.get(each.by)) if each.by else "",
            each.at,
        )
        for each in found
    ]


# --- what is read -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Part:
    """A conversation of the timeline, the ticket's own or one that was merged in, and its key."""

    id: UUID
    number: int
    key: bytes
    own: bool


async def _parts(uow: UnitOfWork, opened: Opened) -> list[_Part]:
    own = opened.thread.conversation
    parts = [_Part(own.id, opened.number, opened.key, True)]
    rows = await uow.session.execute(
        select(Conversation.id, Conversation.owner_id, Conversation.wrapped_key, Ticket.number)
        .join(Ticket, Ticket.conversation_id == Conversation.id)
        .where(Conversation.root_id == own.id)
        .order_by(Ticket.number)
    )
    merged = rows.all()
    keys = await uow.keys.of_persons(uow.session, {owner for _id, owner, _key, _number in merged})
    for conversation_id, owner, wrapped, number in merged:
        key = uow.keys.open_data_key(keys[owner], conversation_id, wrapped) if owner in keys else b""
        parts.append(_Part(conversation_id, number, key, False))
    return parts


_MESSAGE = (
    Message.id, Message.conversation_id, Message.seq, Message.kind, Message.audience, Message.author_id,
    Message.author_kind, Message.side, Message.body, Message.reply_to_id, Message.via, Message.at,
    Message.visible_at, Message.edited_at, Message.deleted_at, Message.hidden_at, Message.reported_at,
    Message.revision, Message.files, exists().where(Reaction.message_id == Message.id).label("reacted"),
)  # fmt: skip
_FACT = (
    EventRow.id, EventRow.conversation_id, EventRow.seq, EventRow.name, EventRow.actor_id,
    EventRow.actor_kind, EventRow.data, EventRow.at,
)  # fmt: skip


_UNTOLD = ("message.", "conversation.")
"""Messages are lines of their own, so their events are not; but for a file that is missing there."""
FILE_LOST = MessageFileLost.name
_MOVING = frozenset(
    {"ticket.merged", "ticket.split", "ticket.requester_changed", "ticket.offered", "ticket.passed"}
)
"""Facts after which other lines stand where they stood, or under another name; offers become one line."""
_EVENTS_AFTER = (
    select(*_FACT, EventRow.subject)
    .where(EventRow.conversation_id == bindparam("own"), EventRow.seq > bindparam("after"))
    .order_by(EventRow.seq)
    .limit(MOST_CHANGES + 1)
)
_MESSAGES_CHANGED = (
    select(*_MESSAGE)
    .where(
        Message.conversation_id == bindparam("own"),
        or_(
            Message.seq > bindparam("after"),
            Message.id == func.any(bindparam("ids", type_=ARRAY(Uuid()))),
            and_(
                Message.seq > bindparam("seen"), Message.seq <= bindparam("reached"), Message.side == "staff"
            ),
        ),
    )
    .order_by(Message.seq)
    .limit(MOST_CHANGES + 1)
)
_STANDS = select(
    exists().where(Conversation.root_id == bindparam("own")),
    select(Participant.read_seq)
    .where(Participant.ticket_id == bindparam("ticket"), Participant.person_id == bindparam("person"))
    .scalar_subquery(),
)


async def _stands(uow: UnitOfWork, opened: Opened) -> tuple[bool, int]:
    """Whether conversations were merged into this one, and how far its requester has read."""
    ticket, own = opened.ticket, opened.thread.conversation.id
    values = {"own": own, "ticket": ticket.id, "person": ticket.requester_id}
    is_woven, reached = (await uow.session.execute(_STANDS, values)).one()
    return is_woven, reached or 0


async def _between(
    uow: UnitOfWork,
    actor: Actor,
    parts: Sequence[_Part],
    span: Mapping[UUID, tuple[int, int]],
    most: int,
    *,
    newest: bool = True,
) -> list[Any]:
    """Messages and facts of each conversation inside its span, `most` of each and each kind."""
    now = clock.now()
    found: list[Any] = []
    for columns, model in ((_MESSAGE, Message), (_FACT, EventRow)):
        walks: list[AnySelect] = []
        for part in parts:
            low, high = span[part.id]
            visible = _readable(actor, now) if model is Message else _told(actor, part)
            walks.append(
                select(*columns)
                .where(model.conversation_id == part.id, model.seq > low, model.seq < high, visible)
                .order_by(model.seq.desc() if newest else model.seq.asc())
                .limit(plainly(most))
            )
        rows = await uow.session.execute(walks[0] if len(walks) == 1 else union_all(*walks))
        found += rows.all()
    return found


def _readable(actor: Actor, now: datetime) -> ColumnElement[bool]:
    """Staff read everything. The requester's side reads what is meant for everyone and no longer
    held; a reply that was taken back in time never was."""
    if actor.staff:
        return true()
    shown = and_(
        func.coalesce(Message.visible_at, Message.at) <= now,
        or_(
            Message.deleted_at.is_(None), Message.deleted_at >= func.coalesce(Message.visible_at, Message.at)
        ),
    )
    return and_(Message.audience == Audience.everyone.value, or_(shown, Message.author_id == actor.id))


def _told(actor: Actor, part: _Part) -> ColumnElement[bool]:
    """Which facts the reader sees. Messages are lines of their own, so their events are not; of a
    merge, the line in the ticket that lives on is enough."""
    told = (
        or_(EventRow.name == FILE_LOST, EventRow.name.not_like("message.%"))
        & EventRow.name.not_like("conversation.%")
        if actor.staff
        else EventRow.name.in_(FOR_REQUESTERS)
    )
    if part.own:
        return told
    return and_(told, ~and_(EventRow.name == "ticket.merged", EventRow.data["source"].as_boolean()))


# --- woven together ---------------------------------------------------------------------


def _weave(found: Iterable[Any], most: int) -> list[Any]:
    """The newest lines of all conversations, newest first: each keeps the order of its sequence,
    and of what stands last in each, the latest comes first. Where the clocks agree with the
    sequences this is the order of time."""
    heads: dict[UUID, list[Any]] = {}
    for each in sorted(found, key=lambda each: each.seq):
        heads.setdefault(each.conversation_id, []).append(each)
    woven: list[Any] = []
    while heads and len(woven) < most:
        latest = max(heads, key=lambda part: (heads[part][-1].at, str(part)))
        woven.append(heads[latest].pop())
        if not heads[latest]:
            del heads[latest]
    return woven


def _cursor(parts: Sequence[_Part], position: Mapping[UUID, int], taken: Sequence[Any]) -> str:
    """Where each conversation continues: `number-seq`, joined by dots."""
    reached = dict(position)
    for each in taken:
        reached[each.conversation_id] = min(reached[each.conversation_id], each.seq)
    return ".".join(f"{part.number}-{reached[part.id]}" for part in parts if reached[part.id] < _END)


def _positions(parts: Sequence[_Part], cursor: str | None) -> dict[UUID, int]:
    position = {part.id: _END for part in parts}
    if not cursor:
        return position
    by_number = {str(part.number): part.id for part in parts}
    for piece in cursor.split("."):
        number, dash, seq = piece.partition("-")
        if not (dash and seq.isascii() and seq.isdigit() and len(seq) < 19):
            raise Invalid(_("This timeline has moved on. Please open the ticket again."), field="before")
        if number in by_number:
            position[by_number[number]] = int(seq)
    return position


# --- in the clear -----------------------------------------------------------------------


@dataclass(slots=True)
class _Reading:
    """All that lines are made of, fetched for a whole page at once."""

    parts: dict[UUID, _Part]
    people: Mapping[UUID, Named] = field(default_factory=dict)
    names: Names = field(default_factory=Names)
    reactions: dict[UUID, list[tuple[str, int, bool]]] = field(default_factory=dict)
    files: Mapping[UUID, list[Attachment]] = field(default_factory=dict)
    deliveries: dict[UUID, _Fare] = field(default_factory=dict)
    quoted: dict[UUID, Any] = field(default_factory=dict)


async def _lines(uow: UnitOfWork, actor: Actor, parts: Sequence[_Part], rows: Sequence[Any]) -> list[Line]:
    if not rows:
        return []
    messages = [each for each in rows if _is_message(each)]
    facts = [each for each in rows if not _is_message(each)]
    ids = [each.id for each in messages]
    reading = _Reading({part.id: part for part in parts})
    reading.quoted = await _quoted(uow, actor, parts, messages)
    reading.reactions = await _reactions(uow, actor, [each.id for each in messages if each.reacted])
    if any(each.files for each in messages):
        reading.files = await of_messages(uow.session, ids)
    if actor.staff:
        reading.deliveries = await _deliveries(uow, parts, messages)
    people = {each.author_id for each in (*messages, *reading.quoted.values())}
    people |= {each.actor_id for each in facts} | _ids(facts, _PERSONS)
    reading.people = await named(uow, people)
    reading.names = await names_of(
        uow, teams=_ids(facts, _TEAMS), categories=_ids(facts, _CATEGORIES), tags=_tag_ids(facts)
    )
    return [
        _message(uow, actor, reading, each) if _is_message(each) else _fact(uow, actor, reading, each)
        for each in rows
    ]


def _is_message(each: Any) -> bool:
    return hasattr(each, "author_id")


def _message(uow: UnitOfWork, actor: Actor, reading: _Reading, each: Any) -> MessageLine:
    part = reading.parts[each.conversation_id]
    hidden, deleted = each.hidden_at is not None, each.deleted_at is not None
    silent = deleted or (hidden and not actor.staff)
    state, error, delivery_id, wait = reading.deliveries.get(each.id, ("", "", None, timedelta()))
    held = each.visible_at is not None and each.visible_at > clock.now() and not deleted
    return MessageLine(
        id=each.id,
        seq=each.seq,
        conversation_id=each.conversation_id,
        at=each.at,
        kind=each.kind,
        audience=each.audience,
        side=each.side,
        author=_author(uow, actor, each.author_id, each.author_kind, reading.people),
        text="" if silent else _open(part.key, each.body, each.id),
        edited=each.edited_at is not None,
        deleted=deleted,
        hidden=hidden,
        erased=not part.key,
        reported=actor.staff and each.reported_at is not None,
        revisions=each.revision - 1 if not deleted else 0,
        reactions=tuple(Reacted(*one) for one in reading.reactions.get(each.id, ())),
        files=() if silent else tuple(_files(part.key, reading.files.get(each.id, ()))),
        reply_to=_quote(uow, actor, reading, each.reply_to_id),
        via=each.via,
        held_until=each.visible_at if held else None,
        delivery=state,
        delivery_error=error,
        delivery_wait=wait,
        delivery_id=delivery_id,
        from_ticket=None if part.own else part.number,
    )


def _fact(uow: UnitOfWork, actor: Actor, reading: _Reading, each: Any) -> FactLine:
    part = reading.parts[each.conversation_id]
    raw = each.data if actor.staff else {k: v for k, v in each.data.items() if k in _FOR_REQUESTERS}
    data = dict(raw)
    for key in _PERSONS.get(each.name, ()):
        if raw.get(key):
            data[key] = name_for(uow, actor, reading.people.get(UUID(raw[key])))
    for key in _TEAMS.get(each.name, ()):
        if raw.get(key):
            data[key] = reading.names.teams.get(UUID(raw[key]), "")
    for key in _CATEGORIES.get(each.name, ()):
        if raw.get(key):
            data[key] = reading.names.categories.get(UUID(raw[key]), "")
    for key in _TAGS.get(each.name, ()):
        data[key] = sorted(reading.names.tags[tag] for tag in raw.get(key) or () if tag in reading.names.tags)
    if "until" in data:
        data["until"] = datetime.fromisoformat(data["until"])
    return FactLine(
        id=each.id,
        seq=each.seq,
        conversation_id=each.conversation_id,
        at=each.at,
        name=each.name,
        actor=_author(uow, actor, each.actor_id, each.actor_kind, reading.people),
        data=data,
        ids=dict(raw) if actor.staff else {},
        from_ticket=None if part.own else part.number,
    )


_PERSONS: Mapping[str, tuple[str, ...]] = {
    **{
        f"call.{fact}": ("person",)
        for fact in (
            "invited",
            "knocked",
            "admitted",
            "revoked",
            "joined",
            "left",
            "consented",
            "recording_started",
            "recording_stopped",
            "rated",
        )
    },
    "call.transferred": ("to",),
    "call.declined": ("by",),
    "ticket.claimed": ("by",),
    "ticket.released": ("before",),
    "ticket.assigned": ("to", "before"),
    "ticket.followed": ("person",),
    "ticket.unfollowed": ("person",),
    "ticket.resolved": ("by",),
    "ticket.requester_changed": ("before", "after"),
    "ticket.offered": ("to",),
    "ticket.passed": ("by",),
}
_TEAMS: Mapping[str, tuple[str, ...]] = {
    "ticket.opened": ("team",),
    "ticket.assigned": ("team", "before_team"),
}
_CATEGORIES: Mapping[str, tuple[str, ...]] = {
    "ticket.opened": ("category",),
    "ticket.categorised": ("before", "after"),
}
_TAGS: Mapping[str, tuple[str, ...]] = {"ticket.tagged": ("added", "removed")}
_FOR_REQUESTERS = frozenset(
    {"number", "channel", "by", "reason", "into_number", "source", "made_number", "messages",
     "split_from", "follow_up_of", "person", "until", "seconds", "people", "again", "video"}
)  # fmt: skip


def _ids(facts: Sequence[Any], keys: Mapping[str, tuple[str, ...]]) -> set[UUID | None]:
    return {UUID(each.data[key]) for each in facts for key in keys.get(each.name, ()) if each.data.get(key)}


def _tag_ids(facts: Sequence[Any]) -> set[int]:
    return {
        tag for each in facts for key in _TAGS.get(each.name, ()) for tag in each.data.get(key) or () if tag
    }


def _author(
    uow: UnitOfWork, actor: Actor, person_id: UUID | None, kind: str, people: Mapping[UUID, Named]
) -> Author:
    if person_id is None or kind != "person":
        return Author(None, uow.settings.name, staff=True, kind=kind)
    who = people.get(person_id)
    unnamed = not actor.staff and who is not None and who.staff and not uow.settings.show_agent_names
    return Author(
        id=None if unnamed and person_id != actor.id else person_id,
        name=name_for(uow, actor, who) or _("Erased person"),
        staff=who.staff if who else False,
        me=person_id == actor.id,
    )


def _files(key: bytes, rows: Sequence[Attachment]) -> Iterable[FileLine]:
    for each in rows:
        try:
            name = unseal_text(key, each.name, "attachment.name", each.id) if key else _("(erased)")
        except Unreadable:
            name = _("(erased)")
        yield FileLine(
            each.id,
            name,
            each.size,
            each.mime,
            each.kind,
            may_show(each.mime),
            each.thumb_id is not None,
            each.width,
            each.height,
        )


def _open(key: bytes, body: bytes | None, message_id: UUID) -> str:
    if body is None or not key:
        return ""
    try:
        return unseal_text(key, body, "message.body", message_id)
    except Unreadable:
        return ""


async def _reactions(
    uow: UnitOfWork, actor: Actor, ids: Sequence[UUID]
) -> dict[UUID, list[tuple[str, int, bool]]]:
    if not ids:
        return {}
    rows = await uow.session.execute(_REACTIONS, {"reader": actor.id, "ids": list(ids)})
    found: dict[UUID, list[tuple[str, int, bool]]] = {}
    for message_id, emoji, count, is_mine in rows:
        found.setdefault(message_id, []).append((emoji, count, is_mine))
    return found


_REACTIONS = (
    select(
        Reaction.message_id,
        Reaction.emoji,
        func.count(),
        func.coalesce(func.bool_or(Reaction.person_id == bindparam("reader")), false()),
    )
    .where(Reaction.message_id == func.any(bindparam("ids", type_=ARRAY(Uuid()))))
    .group_by(Reaction.message_id, Reaction.emoji)
    .order_by(func.min(Reaction.at), Reaction.emoji)
)
_STATES = {"cancelled": 0, "sent": 1, "due": 2, "dead": 3}
_SHOWN = {"sent": "sent", "due": "pending", "dead": "failed"}
_WAITS = {"retry_after": undelivered.ASKED_TO_WAIT, "token_revoked": undelivered.TOKEN_REVOKED}
_Fare = tuple[str, str, UUID | None, timedelta]
WORTH_TELLING = timedelta(minutes=1)


async def _deliveries(uow: UnitOfWork, parts: Sequence[_Part], messages: Sequence[Any]) -> dict[UUID, _Fare]:
    """How the agents' replies fare on their way to the requester's places: the worst of them."""
    ids = [each.id for each in messages if each.side == "staff" and each.audience == Audience.everyone]
    if not ids:
        return {}
    room = exists().where(
        Seat.place_key == Delivery.place_key,
        Seat.conversation_id.in_([part.id for part in parts]),
        Seat.side != "requester",
    )
    rows = await uow.session.execute(
        select(Delivery.message_id, Delivery.state, Delivery.error, Delivery.id, Delivery.due_at).where(
            Delivery.message_id.in_(ids), Delivery.kind == "post", ~room
        )
    )
    worst: dict[UUID, Any] = {}
    for row in rows:
        assert row.message_id is not None
        before = worst.get(row.message_id)
        if before is None or _STATES.get(row.state, 0) > _STATES.get(before.state, 0):
            worst[row.message_id] = row
    return {key: _fare(row) for key, row in worst.items()}


def _fare(row: Any) -> _Fare:
    """State, why, which delivery, and how long it waits yet. Of one that is tried again soon nothing is told."""
    state, error, wait = _SHOWN.get(row.state, ""), "", timedelta()
    if row.state == "dead":
        error = row.error or ""
    elif row.state == "due" and row.due_at - clock.now() >= WORTH_TELLING:
        wait = row.due_at - clock.now()
        error = _WAITS.get(row.error or "", "")
    return state, error, row.id, wait


async def _quoted(
    uow: UnitOfWork, actor: Actor, parts: Sequence[_Part], messages: Sequence[Any]
) -> dict[UUID, Any]:
    """The messages that were replied to: those on the page, and the others by one query."""
    wanted = {each.reply_to_id for each in messages if each.reply_to_id is not None}
    found = {each.id: each for each in messages if each.id in wanted}
    if missing := wanted - found.keys():
        rows = await uow.session.execute(
            select(*_MESSAGE).where(
                Message.id.in_(missing),
                Message.conversation_id.in_([part.id for part in parts]),
                _readable(actor, clock.now()),
            )
        )
        found |= {each.id: each for each in rows}
    return found


def _quote(uow: UnitOfWork, actor: Actor, reading: _Reading, message_id: UUID | None) -> Quote | None:
    each = reading.quoted.get(message_id) if message_id else None
    if each is None:
        return None
    silent = each.deleted_at is not None or (each.hidden_at is not None and not actor.staff)
    text = "" if silent else _open(reading.parts[each.conversation_id].key, each.body, each.id)
    excerpt = " ".join(text.split())
    if len(excerpt) > EXCERPT_CHARACTERS:
        excerpt = excerpt[: EXCERPT_CHARACTERS - 1] + "…"
    author = _author(uow, actor, each.author_id, each.author_kind, reading.people)
    return Quote(each.id, author.name, excerpt)
