"""What a visitor sees of a conversation, whole or since a cursor.

The requester's side only: what is for everyone, not held any more, and not hidden. A cursor
holds the last sequence number of each conversation that the thread shows (a thread goes on in
a follow-up ticket, and what was merged in is shown with it) and the moment it was made: a held
reply has an older number than what was said while it was held.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    TableValuedAlias,
    Uuid,
    and_,
    bindparam,
    column,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY

from adapters.webchat import facts, render, tokens
from adapters.webchat.tokens import INSTALLATION, PLATFORM, Visitor
from core import clock
from core.access import Actor
from core.conversations import service as conversations
from core.conversations.attachments import of_messages, opened
from core.conversations.model import Attachment, Audience, Conversation, Message, MessageCopy, Reaction, Seat
from core.conversations.service import Thread
from core.crypto.fields import Unreadable
from core.crypto.model import PersonKey
from core.db import EventRow, UnitOfWork
from core.errors import NotFound
from core.files.sniff import may_show
from core.i18n import _
from core.kb import offer_card, suggesting
from core.kb.model import Suggestion
from core.markdown import to_html, to_text
from core.people import service as people
from core.people.model import Availability, Identity, Person
from core.people.service import Known
from core.tickets import access
from core.tickets.access import Opened
from core.tickets.model import Participant, Status, Ticket
from core.tickets.offers import HERE

PAGE = 100
MOST_CONVERSATIONS = 20
MOST_LISTED = 30
SNIPPET = 90
JUST_NOW = timedelta(minutes=5)
OVERLAP = timedelta(seconds=10)
"""Held replies are looked for a little before the cursor's moment: clocks differ."""


@dataclass(slots=True)
class Shown:
    """A visitor's thread, opened: the person, the ticket it holds now, and all its conversations."""

    visitor: Visitor
    thread: str
    person: Person
    actor: Actor
    opened: Opened
    parts: dict[UUID, Thread]
    own: set[UUID]
    """Conversations that were held in this very place; the others were merged in."""


async def person_of(uow: UnitOfWork, visitor: Visitor) -> Person | None:
    """The person behind a visitor; None before their first word."""
    digest = people.digest_of_identity(uow, PLATFORM, INSTALLATION, visitor.external)
    return await people.by_identity(uow, digest)


async def show(uow: UnitOfWork, visitor: Visitor, thread: str) -> Shown:
    """Open a thread of the visitor; `NotFound` when nothing was said in it."""
    place = visitor.place(tokens.checked_thread(thread))
    digest = people.digest_of_identity(uow, PLATFORM, INSTALLATION, visitor.external)
    values = {"place": place.key, "digest": digest}
    rows = (await uow.session.execute(_HELD_HERE, values)).all()
    if not rows:
        raise NotFound(_("There is no such conversation."))
    person, newest = rows[0].Person, rows[0].seated
    actor = await people.actor_of(uow, person)
    current = await access.by_conversation(uow, actor, newest)
    own = {row.seated for row in rows}
    held = [row.Conversation for row in rows]
    shown = [one for one in held if one.id in own or one.root_id == newest]
    parts = {one.id: Thread(one, await access.thread_key(uow.session, uow.keys, one)) for one in shown}
    return Shown(visitor, thread, person, actor, current, {k: v for k, v in parts.items() if v.key}, own)


_HELD_HERE = (
    select(Person, Seat.conversation_id.label("seated"), Conversation)
    .select_from(Identity)
    .join(Person, Person.id == Identity.person_id)
    .join(Seat, Seat.place_key == bindparam("place"))
    .join(
        Conversation,
        or_(Conversation.id == Seat.conversation_id, Conversation.root_id == Seat.conversation_id),
    )
    .where(Identity.digest == bindparam("digest"))
    .order_by(Seat.active.desc(), Seat.created_at.desc())
    .limit(MOST_CONVERSATIONS)
)
"""The visitor, and the conversations of this very place with what was merged into each."""


async def read(uow: UnitOfWork, shown: Shown, after: str = "", before: str = "") -> dict[str, Any]:
    """Items in order: all that is new since a cursor, or the newest page before a moment."""
    now = clock.now()
    since, moment = _parse_cursor(after)
    if after and set(since) == set(shown.parts):
        messages = await _changed_messages(uow, shown, since, moment, now)
        events = await _events(uow, shown, since)
        earlier = False
    else:
        after = ""
        messages = await _page(uow, shown, _moment(before), now)
        earlier = len(messages) > PAGE
        messages = messages[-PAGE:]
        oldest = messages[0].at if earlier else None
        events = [e for e in await _events(uow, shown, {}) if oldest is None or e.at >= oldest]
        if before:
            events = [e for e in events if e.at < _moment(before)]
    persons = await people.known(
        uow.session,
        uow,
        {m.author_id for m in messages}
        | {facts.person_in(e) for e in events}
        | {shown.opened.ticket.assignee_id},
    )
    items = await _message_items(uow, shown, messages, persons) + _fact_items(uow, events, persons)
    marks = await _marks(uow, shown)
    if marks.offered:
        items += await _offer_items(uow, shown)
    return {
        "items": sorted(items, key=lambda item: (item["at"], item["seq"])),
        "cursor": _cursor(shown, now),
        "whole": not after,
        "earlier": earlier,
        "status": await _status(uow, shown, persons, marks),
    }


async def own_item(uow: UnitOfWork, visitor: Visitor, thread: str, message_id: UUID) -> dict[str, Any] | None:
    """What the visitor has just said, as it stands in the timeline: the page that sent it need not look.
    None when whose conversation it is was erased."""
    values = {"message": message_id, "place": visitor.place(thread).key}
    row = (await uow.session.execute(_SAID, values)).one_or_none()
    if row is None:
        return None
    message, conversation, wrapped, intermediate, native = row
    owner_key = await uow.keys.open_person(uow.session, conversation.owner_id, wrapped, intermediate)
    key = uow.keys.open_data_key(owner_key, conversation.id, conversation.wrapped_key)
    files = await of_messages(uow.session, [message.id] if message.files else [])
    item = _message_item(
        uow, visitor, Thread(conversation, key), message, "me", "", files.get(message.id, [])
    )
    return item | {"native": native or str(message.id), "reactions": []}


_SAID = (
    select(Message, Conversation, PersonKey.wrapped, PersonKey.intermediate_id, MessageCopy.native)
    .join(Conversation, Conversation.id == Message.conversation_id)
    .join(PersonKey, PersonKey.person_id == Conversation.owner_id)
    .outerjoin(
        MessageCopy,
        and_(MessageCopy.message_id == Message.id, MessageCopy.place_key == bindparam("place")),
    )
    .where(Message.id == bindparam("message"))
    .limit(1)
)


def nothing() -> dict[str, Any]:
    """A conversation in which nothing was said yet."""
    return {"items": [], "cursor": "", "whole": True, "earlier": False, "status": None}


async def listed(uow: UnitOfWork, visitor: Visitor) -> list[dict[str, Any]]:
    """The visitor's conversations, the newest first, each with its last words and unread count."""
    person = await person_of(uow, visitor)
    if person is None:
        return []
    prefix = visitor.place("").key
    rows = await uow.session.execute(
        select(Ticket, Conversation, Seat.place_key, Participant.read_seq)
        .join(Participant, Participant.ticket_id == Ticket.id)
        .join(Conversation, Conversation.id == Ticket.conversation_id)
        .join(Seat, Seat.conversation_id == Conversation.id)
        .where(
            Participant.person_id == person.id,
            Seat.active,
            Seat.place_key.startswith(prefix, autoescape=True),
        )
        .order_by(Ticket.updated_at.desc(), Ticket.number.desc())
        .limit(MOST_LISTED)
    )
    found = []
    for ticket, conversation, place_key, read_seq in list(rows):
        key = await access.thread_key(uow.session, uow.keys, conversation)
        if not key:
            continue
        last = await uow.session.scalar(
            select(Message)
            .where(Message.conversation_id == conversation.id, *_IS_FOR_THEM)
            .where(Message.deleted_at.is_(None), Message.hidden_at.is_(None))
            .order_by(Message.seq.desc())
            .limit(1),
            {"now": clock.now()},
        )
        words = to_text(conversations.read(Thread(conversation, key), last)) if last is not None else ""
        found.append(
            {
                "id": place_key.removeprefix(prefix),
                "number": ticket.number,
                "subject": access.subject_of(ticket, key),
                "status": ticket.status,
                "at": ticket.updated_at.isoformat(),
                "last": words[:SNIPPET].replace("\n", " "),
                "last_mine": last is not None and last.author_id == person.id,
                "unread": await _unread(uow, conversation.id, read_seq),
            }
        )
    return found


async def conversations_of(uow: UnitOfWork, visitor: Visitor) -> dict[str, str]:
    """Conversation → thread, of all that the visitor's pages hear about."""
    prefix = visitor.place("").key
    digest = people.digest_of_identity(uow, PLATFORM, INSTALLATION, visitor.external)
    rows = await uow.session.execute(
        select(Seat.conversation_id, Seat.place_key)
        .join(Ticket, Ticket.conversation_id == Seat.conversation_id)
        .join(Participant, Participant.ticket_id == Ticket.id)
        .join(Identity, Identity.person_id == Participant.person_id)
        .where(Identity.digest == digest, Seat.active, Seat.place_key.startswith(prefix, autoescape=True))
        .order_by(Ticket.updated_at.desc())
        .limit(MOST_LISTED)
    )
    return {str(conversation): key.removeprefix(prefix) for conversation, key in rows}


# --- messages ---------------------------------------------------------------------------


async def _page(uow: UnitOfWork, shown: Shown, before: datetime | None, now: datetime) -> list[Message]:
    query = select(Message).where(Message.conversation_id.in_(shown.parts), *_IS_FOR_THEM)
    if before is not None:
        query = query.where(Message.at < before)
    newest = query.order_by(Message.at.desc(), Message.seq.desc()).limit(PAGE + 1)
    return list(await uow.session.scalars(newest, {"now": now}))[::-1]


async def _changed_messages(
    uow: UnitOfWork, shown: Shown, since: Mapping[UUID, int], moment: datetime, now: datetime
) -> list[Message]:
    values = _after(since) | {"late": moment - OVERLAP, "now": now}
    return list(await uow.session.scalars(_CHANGED, values))


def _after(since: Mapping[UUID, int]) -> dict[str, Any]:
    """The conversations that are asked about, and the last number that is known of each."""
    return {"parts": list(since), "uptos": list(since.values())}


def _known(name: str) -> TableValuedAlias:
    """What `_after` gives, as a table."""
    arrays = bindparam("parts", type_=ARRAY(Uuid())), bindparam("uptos", type_=ARRAY(BigInteger()))
    columns = column("part", Uuid()), column("upto", BigInteger())
    return func.unnest(*arrays).table_valued(*columns, name=name).render_derived()


_SINCE, _TOLD_SINCE = _known("since"), _known("told_since")
_IS_FOR_THEM = (
    Message.audience == Audience.everyone,
    or_(Message.visible_at.is_(None), Message.visible_at <= bindparam("now")),
    or_(
        Message.deleted_at.is_(None),
        Message.visible_at.is_(None),
        Message.deleted_at >= Message.visible_at,
    ),
)
"""Said to everyone, not held any more, and not taken back while it was held."""
_CHANGED = (
    select(Message)
    .join(_SINCE, _SINCE.c.part == Message.conversation_id)
    .where(
        or_(
            Message.seq > _SINCE.c.upto,
            and_(Message.visible_at > bindparam("late"), Message.visible_at > Message.at),
            Message.id.in_(
                select(EventRow.subject)
                .join(_TOLD_SINCE, _TOLD_SINCE.c.part == EventRow.conversation_id)
                .where(EventRow.seq > _TOLD_SINCE.c.upto, EventRow.name.startswith("message."))
            ),
        ),
        *_IS_FOR_THEM,
    )
    .order_by(Message.at, Message.seq)
    .limit(PAGE * 5)
)


async def _message_items(
    uow: UnitOfWork, shown: Shown, messages: Sequence[Message], persons: Mapping[UUID, Known]
) -> list[dict[str, Any]]:
    ids = [message.id for message in messages]
    files = await of_messages(uow.session, [m.id for m in messages if m.files])
    natives = await _natives(uow, shown, [m.id for m in messages if m.author_id == shown.person.id])
    reactions = await _reactions(uow, shown.person.id, ids)
    return [
        _message_item(
            uow,
            shown.visitor,
            shown.parts[message.conversation_id],
            message,
            _side(shown.person.id, message),
            _author(uow, message, persons),
            files.get(message.id, []),
        )
        | {"native": natives.get(message.id, str(message.id)), "reactions": reactions.get(message.id, [])}
        for message in messages
    ]


def _message_item(
    uow: UnitOfWork,
    visitor: Visitor,
    thread: Thread,
    message: Message,
    side: str,
    author: str,
    files: Sequence[Attachment],
) -> dict[str, Any]:
    gone = message.deleted_at is not None
    hidden = message.hidden_at is not None
    body = "" if gone or hidden else _body(thread, message)
    return {
        "kind": "message",
        "id": str(message.id),
        "seq": message.seq,
        "part": str(message.conversation_id),
        "side": side,
        "author": author,
        "html": to_html(body),
        "text": body if side == "me" else "",
        "at": (message.visible_at or message.at).isoformat(),
        "edited": message.edited_at is not None and not gone,
        "deleted": gone,
        "hidden": hidden,
        "reply_to": str(message.reply_to_id) if message.reply_to_id else "",
        "files": [] if gone or hidden else [_file(uow, visitor, thread, row) for row in files],
    }


def _side(me: UUID, message: Message) -> str:
    return "me" if message.author_id == me else "bot" if message.author_kind != "person" else "them"


def _author(uow: UnitOfWork, message: Message, persons: Mapping[UUID, Known]) -> str:
    if message.author_kind != "person" or message.author_id is None:
        return uow.settings.name
    if message.side == "staff" and not uow.settings.show_agent_names:
        return uow.settings.name
    person = persons.get(message.author_id)
    return person.shown if person is not None else uow.settings.name


def _body(thread: Thread, message: Message) -> str:
    try:
        return conversations.read(thread, message)
    except Unreadable:
        return ""


def _file(uow: UnitOfWork, visitor: Visitor, thread: Thread, row: Attachment) -> dict[str, Any]:
    day = int(clock.now().timestamp()) // 86_400
    signed = tokens.file_key(uow.keys.signing, str(row.id), visitor.id, day)
    address = f"files/{row.id}?visitor={visitor.id}&day={day}&key={signed}"
    return {
        "id": str(row.id),
        "name": opened(row, thread.key).name,
        "size": row.size,
        "mime": row.mime,
        "kind": row.kind,
        "inline": may_show(row.mime),
        "width": row.width,
        "height": row.height,
        "url": address,
        "thumb": f"{address}&thumb=1" if row.thumb_id else "",
    }


async def _natives(uow: UnitOfWork, shown: Shown, ids: Sequence[UUID]) -> dict[UUID, str]:
    if not ids:
        return {}
    values = {"ids": list(ids), "place": shown.visitor.place(shown.thread).key}
    rows = await uow.session.execute(_NATIVES, values)
    return {row.message_id: row.native for row in rows}


_NATIVES = select(MessageCopy.message_id, MessageCopy.native).where(
    MessageCopy.message_id == func.any(bindparam("ids", type_=ARRAY(Uuid()))),
    MessageCopy.place_key == bindparam("place"),
)


async def _reactions(uow: UnitOfWork, me: UUID, ids: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    found: dict[UUID, list[dict[str, Any]]] = {}
    if not ids:
        return found
    rows = await uow.session.execute(_REACTIONS, {"me": me, "ids": list(ids)})
    for message_id, emoji, count, mine in rows:
        found.setdefault(message_id, []).append({"emoji": emoji, "count": count, "mine": bool(mine)})
    return found


_REACTIONS = (
    select(
        Reaction.message_id,
        Reaction.emoji,
        func.count(),
        func.bool_or(Reaction.person_id == bindparam("me")),
    )
    .where(Reaction.message_id == func.any(bindparam("ids", type_=ARRAY(Uuid()))))
    .group_by(Reaction.message_id, Reaction.emoji)
    .order_by(func.min(Reaction.at))
)


# --- facts ------------------------------------------------------------------------------


async def _events(uow: UnitOfWork, shown: Shown, since: Mapping[UUID, int]) -> list[EventRow]:
    asked = {part: since.get(part, 0) for part in shown.parts if part in shown.own}
    return list(await uow.session.scalars(_FACTS, _after(asked)))[::-1]


_FACTS = (
    select(EventRow)
    .join(_SINCE, _SINCE.c.part == EventRow.conversation_id)
    .where(EventRow.seq > _SINCE.c.upto, EventRow.name.in_(facts.NAMES))
    .order_by(EventRow.at.desc(), EventRow.seq.desc())
    .limit(PAGE)
)


def _fact_items(
    uow: UnitOfWork, events: Sequence[EventRow], persons: Mapping[UUID, Known]
) -> list[dict[str, Any]]:
    named = uow.settings.show_agent_names
    return [
        {
            "kind": "fact",
            "id": f"e{event.id}",
            "name": event.name,
            "seq": event.seq or 0,
            "text": words,
            "at": event.at.isoformat(),
        }
        for event in events
        if (words := facts.line(event, persons, named))
    ]


async def _offer_items(uow: UnitOfWork, shown: Shown) -> list[dict[str, Any]]:
    """The articles that were offered, and what came of it: on every page, since it changes."""
    row = await suggesting.of_ticket(uow, shown.opened.ticket.id)
    made = await offer_card.card(uow, row, shown.opened.ticket) if row is not None else None
    if row is None or made is None:
        return []
    return [
        {
            "kind": "card",
            "id": f"s{row.id}",
            "seq": 0,
            "at": row.asked_at.isoformat(),
            "card": render.card(made),
        }
    ]


# --- where it stands --------------------------------------------------------------------


async def _status(
    uow: UnitOfWork, shown: Shown, persons: Mapping[UUID, Known], marks: _Marks
) -> dict[str, Any]:
    ticket = shown.opened.ticket
    agent = persons.get(ticket.assignee_id) if ticket.assignee_id else None
    known = await people.know(uow, shown.person)
    return {
        "number": ticket.number,
        "status": ticket.status,
        "agent": await _agent(uow, ticket, agent) if agent is not None else None,
        "waiting": ticket.assignee_id is None
        and ticket.first_answer_at is None
        and ticket.status in (Status.open, Status.in_progress),
        "rating": ticket.rating,
        "may_rate": ticket.first_answer_at is not None or not ticket.live,
        "seen": marks.seen,
        "seen_part": str(shown.opened.thread.id),
        "unread": marks.unread,
        "read": marks.end,
        "email": known.email,
        "name": known.name,
    }


async def _agent(uow: UnitOfWork, ticket: Ticket, agent: Known) -> dict[str, Any]:
    return {
        "name": agent.shown if uow.settings.show_agent_names else uow.settings.name,
        "away": agent.availability == Availability.away or not agent.active,
        "here": await _is_there(uow, ticket, agent.id),
    }


async def _is_there(uow: UnitOfWork, ticket: Ticket, agent: UUID) -> bool:
    """Whoever was given a chat by a rule may not be at work, and whoever answered may have gone
    home since: who sits at the desk is there, and who has just answered, wherever from."""
    answered, now = ticket.last_staff_at, clock.now()
    if answered is not None and answered > now - JUST_NOW:
        return True
    person = await uow.session.get(Person, agent)
    seen = person.last_seen_at if person is not None else None
    return seen is not None and seen > now - HERE


_OF_STAFF = and_(Message.conversation_id == bindparam("conversation"), Message.side == "staff", *_IS_FOR_THEM)
_MARKS = select(
    select(func.max(Participant.read_seq))
    .join(Person, Person.id == Participant.person_id)
    .where(Participant.ticket_id == bindparam("ticket"), Person.role != "requester")
    .scalar_subquery(),
    select(func.max(Message.seq)).where(_OF_STAFF).scalar_subquery(),
    select(func.count())
    .select_from(Message)
    .where(
        _OF_STAFF,
        Message.deleted_at.is_(None),
        Message.seq
        > func.coalesce(
            select(Participant.read_seq)
            .where(Participant.ticket_id == bindparam("ticket"), Participant.person_id == bindparam("reader"))
            .scalar_subquery(),
            0,
        ),
    )
    .scalar_subquery(),
    exists().where(Suggestion.ticket_id == bindparam("ticket")),
    select(func.min(Message.seq))
    .where(
        Message.conversation_id == bindparam("conversation"),
        Message.visible_at > bindparam("now"),
        Message.audience == Audience.everyone,
        Message.deleted_at.is_(None),
    )
    .scalar_subquery(),
)


@dataclass(frozen=True, slots=True)
class _Marks:
    """Up to which number staff has read, by their marks or because they answered; how much of what they
    said the visitor has not; whether articles were offered; how far a visitor has read who has read all
    that is shown, which ends before a reply that is still held."""

    seen: int
    unread: int
    offered: bool
    end: int


async def _marks(uow: UnitOfWork, shown: Shown) -> _Marks:
    values = {
        "ticket": shown.opened.ticket.id,
        "conversation": shown.opened.thread.id,
        "reader": shown.person.id,
        "now": clock.now(),
    }
    read, answered, unread, offered, held = (await uow.session.execute(_MARKS, values)).one()
    end = held - 1 if held is not None else shown.opened.thread.conversation.seq
    return _Marks(max(read or 0, answered or 0), int(unread or 0), offered, end)


async def _unread(uow: UnitOfWork, conversation_id: UUID, read_seq: int) -> int:
    count = await uow.session.scalar(
        select(func.count())
        .select_from(Message)
        .where(
            Message.conversation_id == conversation_id,
            Message.seq > read_seq,
            Message.side == "staff",
            Message.deleted_at.is_(None),
            *_IS_FOR_THEM,
        ),
        {"now": clock.now()},
    )
    return int(count or 0)


# --- cursors ----------------------------------------------------------------------------


def _cursor(shown: Shown, now: datetime) -> str:
    parts = [f"{part.hex}:{thread.conversation.seq}" for part, thread in sorted(shown.parts.items())]
    return ",".join([str(int(now.timestamp() * 1000)), *parts])


def _parse_cursor(cursor: str) -> tuple[dict[UUID, int], datetime]:
    """What a cursor says; nothing when it is not one of ours, and then all is shown."""
    try:
        moment, *parts = cursor[:2_000].split(",")
        pairs = (part.split(":") for part in parts)
        since = {UUID(hex=part): int(seq) for part, seq in pairs}
        return since, datetime.fromtimestamp(int(moment) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return {}, clock.now()


def _moment(stamp: str) -> datetime:
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError:
        return clock.now() + timedelta(days=1)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
