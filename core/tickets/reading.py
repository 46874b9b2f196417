"""Rows of a timeline as lines: opened, with names for ids, for one reader. A fixed number of queries for all
of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, bindparam, exists, false, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from core import clock
from core.access import Actor
from core.conversations import undelivered
from core.conversations.attachments import of_messages
from core.conversations.model import Attachment, Audience, Message, Reaction, Seat
from core.crypto.fields import Unreadable, unseal_text
from core.db import UnitOfWork
from core.files.sniff import may_show
from core.i18n import _
from core.outbox_model import Delivery
from core.people.naming import Named, name_for, named
from core.tickets.lines import Author, FactLine, FileLine, Line, MessageLine, Quote, Reacted
from core.tickets.past import MESSAGE, Part, readable
from core.tickets.queries import Names, names_of

EXCERPT_CHARACTERS = 140


@dataclass(slots=True)
class _Reading:
    """All that lines are made of, fetched for a whole page at once."""

    parts: dict[UUID, Part]
    people: Mapping[UUID, Named] = field(default_factory=dict)
    names: Names = field(default_factory=Names)
    reactions: dict[UUID, list[tuple[str, int, bool]]] = field(default_factory=dict)
    files: Mapping[UUID, list[Attachment]] = field(default_factory=dict)
    deliveries: dict[UUID, _Fare] = field(default_factory=dict)
    quoted: dict[UUID, Any] = field(default_factory=dict)


async def lines_of(uow: UnitOfWork, actor: Actor, parts: Sequence[Part], rows: Sequence[Any]) -> list[Line]:
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
        author=author_of(uow, actor, each.author_id, each.author_kind, reading.people),
        text="" if silent else opened_text(part.key, each.body, each.id),
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
        actor=author_of(uow, actor, each.actor_id, each.actor_kind, reading.people),
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


def author_of(
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


def opened_text(key: bytes, body: bytes | None, message_id: UUID) -> str:
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
_WAITS = {
    "retry_after": undelivered.ASKED_TO_WAIT,
    "token_revoked": undelivered.TOKEN_REVOKED,
    undelivered.SHUT_OUT: undelivered.SHUT_OUT,
}
_Fare = tuple[str, str, UUID | None, timedelta]
WORTH_TELLING = timedelta(minutes=1)


async def _deliveries(uow: UnitOfWork, parts: Sequence[Part], messages: Sequence[Any]) -> dict[UUID, _Fare]:
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
    uow: UnitOfWork, actor: Actor, parts: Sequence[Part], messages: Sequence[Any]
) -> dict[UUID, Any]:
    """The messages that were replied to: those on the page, and the others by one query."""
    wanted = {each.reply_to_id for each in messages if each.reply_to_id is not None}
    found = {each.id: each for each in messages if each.id in wanted}
    if missing := wanted - found.keys():
        rows = await uow.session.execute(
            select(*MESSAGE).where(
                Message.id.in_(missing),
                Message.conversation_id.in_([part.id for part in parts]),
                readable(actor, clock.now()),
            )
        )
        found |= {each.id: each for each in rows}
    return found


def _quote(uow: UnitOfWork, actor: Actor, reading: _Reading, message_id: UUID | None) -> Quote | None:
    each = reading.quoted.get(message_id) if message_id else None
    if each is None:
        return None
    silent = each.deleted_at is not None or (each.hidden_at is not None and not actor.staff)
    text = "" if silent else opened_text(reading.parts[each.conversation_id].key, each.body, each.id)
    excerpt = " ".join(text.split())
    if len(excerpt) > EXCERPT_CHARACTERS:
        excerpt = excerpt[: EXCERPT_CHARACTERS - 1] + "…"
    author = author_of(uow, actor, each.author_id, each.author_kind, reading.people)
    return Quote(each.id, author.name, excerpt)
