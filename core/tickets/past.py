"""The rows that a timeline is made of: messages and facts of a ticket's conversation, and of those that were
merged into it, woven together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, and_, bindparam, exists, func, or_, select, true, union_all
from sqlalchemy.dialects.postgresql import ARRAY

from core import clock
from core.access import Actor
from core.conversations.events import MessageFileLost
from core.conversations.model import Audience, Conversation, Message, Reaction
from core.db import EventRow, UnitOfWork
from core.errors import Invalid
from core.i18n import _
from core.tickets.access import Opened
from core.tickets.model import Participant, Ticket
from core.tickets.queries import AnySelect, plainly

MOST_CHANGES = 100
END = 2**62
"""Beyond every sequence number."""

FOR_REQUESTERS = (
    "ticket.opened", "ticket.claimed", "ticket.resolved", "ticket.closed", "ticket.reopened",
    "ticket.merged", "ticket.split", "call.asked", "call.rang", "call.scheduled", "call.joined", "call.ended",
    "call.missed", "call.declined", "call.interrupted", "call.recording_started", "call.recording_stopped",
)  # fmt: skip
"""The facts that the requester's side reads."""


@dataclass(frozen=True, slots=True)
class Part:
    """A conversation of the timeline, the ticket's own or one that was merged in, and its key."""

    id: UUID
    number: int
    key: bytes
    own: bool


async def parts_of(uow: UnitOfWork, opened: Opened) -> list[Part]:
    own = opened.thread.conversation
    parts = [Part(own.id, opened.number, opened.key, True)]
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
        parts.append(Part(conversation_id, number, key, False))
    return parts


MESSAGE = (
    Message.id, Message.conversation_id, Message.seq, Message.kind, Message.audience, Message.author_id,
    Message.author_kind, Message.side, Message.body, Message.reply_to_id, Message.via, Message.at,
    Message.visible_at, Message.edited_at, Message.deleted_at, Message.hidden_at, Message.reported_at,
    Message.revision, Message.files, exists().where(Reaction.message_id == Message.id).label("reacted"),
)  # fmt: skip
FACT = (
    EventRow.id, EventRow.conversation_id, EventRow.seq, EventRow.name, EventRow.actor_id,
    EventRow.actor_kind, EventRow.data, EventRow.at,
)  # fmt: skip


UNTOLD = ("message.", "conversation.")
"""Messages are lines of their own, so their events are not; but for a file that is missing there."""
FILE_LOST = MessageFileLost.name
MOVING = frozenset(
    {"ticket.merged", "ticket.split", "ticket.requester_changed", "ticket.offered", "ticket.passed"}
)
"""Facts after which other lines stand where they stood, or under another name; offers become one line."""
EVENTS_AFTER = (
    select(*FACT, EventRow.subject)
    .where(EventRow.conversation_id == bindparam("own"), EventRow.seq > bindparam("after"))
    .order_by(EventRow.seq)
    .limit(MOST_CHANGES + 1)
)
MESSAGES_CHANGED = (
    select(*MESSAGE)
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


async def stands(uow: UnitOfWork, opened: Opened) -> tuple[bool, int]:
    """Whether conversations were merged into this one, and how far its requester has read."""
    ticket, own = opened.ticket, opened.thread.conversation.id
    values = {"own": own, "ticket": ticket.id, "person": ticket.requester_id}
    is_woven, reached = (await uow.session.execute(_STANDS, values)).one()
    return is_woven, reached or 0


async def between(
    uow: UnitOfWork,
    actor: Actor,
    parts: Sequence[Part],
    span: Mapping[UUID, tuple[int, int]],
    most: int,
    *,
    newest: bool = True,
) -> list[Any]:
    """Messages and facts of each conversation inside its span, `most` of each and each kind."""
    now = clock.now()
    found: list[Any] = []
    for columns, model in ((MESSAGE, Message), (FACT, EventRow)):
        walks: list[AnySelect] = []
        for part in parts:
            low, high = span[part.id]
            visible = readable(actor, now) if model is Message else told(actor, part)
            walks.append(
                select(*columns)
                .where(model.conversation_id == part.id, model.seq > low, model.seq < high, visible)
                .order_by(model.seq.desc() if newest else model.seq.asc())
                .limit(plainly(most))
            )
        rows = await uow.session.execute(walks[0] if len(walks) == 1 else union_all(*walks))
        found += rows.all()
    return found


def readable(actor: Actor, now: datetime) -> ColumnElement[bool]:
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


def told(actor: Actor, part: Part) -> ColumnElement[bool]:
    """Which facts the reader sees. Messages are lines of their own, so their events are not; of a
    merge, the line in the ticket that lives on is enough."""
    facts = (
        or_(EventRow.name == FILE_LOST, EventRow.name.not_like("message.%"))
        & EventRow.name.not_like("conversation.%")
        if actor.staff
        else EventRow.name.in_(FOR_REQUESTERS)
    )
    if part.own:
        return facts
    return and_(facts, ~and_(EventRow.name == "ticket.merged", EventRow.data["source"].as_boolean()))


# --- woven together ---------------------------------------------------------------------


def weave(found: Iterable[Any], most: int) -> list[Any]:
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


def cursor_of(parts: Sequence[Part], position: Mapping[UUID, int], taken: Sequence[Any]) -> str:
    """Where each conversation continues: `number-seq`, joined by dots."""
    reached = dict(position)
    for each in taken:
        reached[each.conversation_id] = min(reached[each.conversation_id], each.seq)
    return ".".join(f"{part.number}-{reached[part.id]}" for part in parts if reached[part.id] < END)


def positions(parts: Sequence[Part], cursor: str | None) -> dict[UUID, int]:
    position = {part.id: END for part in parts}
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
