"""What moderators decide: the quarantine, reported messages, who is blocked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, tuple_

from core import inbox
from core.access import Actor, Permission
from core.admin import deliveries, staff
from core.admin.service import record
from core.chat import Edited, Said
from core.conversations import service as conversations
from core.conversations.model import Message
from core.crypto.fields import Unreadable
from core.db import UnitOfWork
from core.errors import NotFound
from core.i18n import _
from core.outbox_model import Inbound
from core.people import service as people
from core.people.model import Person
from core.people.naming import named
from core.tickets import access

PAGE = 25
MOST_COUNTED = 100
MOST_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Held:
    """A message in quarantine, in the clear for whoever decides."""

    id: UUID
    at: datetime
    platform: str
    name: str
    text: str
    files: int
    reason: str


@dataclass(frozen=True, slots=True)
class Reported:
    """A message that someone found improper."""

    id: UUID
    at: datetime
    reported_at: datetime
    ticket: int
    author: str
    text: str
    note: bool


@dataclass(frozen=True, slots=True)
class Blocked:
    id: UUID
    name: str
    at: datetime


async def held(
    uow: UnitOfWork, actor: Actor, *, before: UUID | None = None, most: int = PAGE
) -> tuple[list[Held], UUID | None]:
    """A page of the quarantine, the newest first."""
    actor.require(Permission.moderate)
    rows = list(await inbox.in_state(uow.session, "held", before=before, most=most + 1))
    return [_held(uow, row) for row in rows[:most]], rows[most - 1].id if len(rows) > most else None


async def waiting(uow: UnitOfWork) -> int:
    """How many messages wait in quarantine, counted up to a hundred."""
    # The second condition says no more, but the index knows it.
    held = select(Inbound.id).where(
        Inbound.state == "held", Inbound.state.in_(("received", "parked", "held"))
    )
    some = held.limit(MOST_COUNTED).subquery()
    return int(await uow.session.scalar(select(func.count()).select_from(some)) or 0)


async def decide_all(uow: UnitOfWork, actor: Actor, inbound_ids: Sequence[UUID], *, let_in: bool) -> int:
    """Let several held messages in, or discard them; returns how many were still held."""
    step = release if let_in else discard
    return sum([await step(uow, actor, each) for each in inbound_ids[:MOST_AT_ONCE]])


async def release(uow: UnitOfWork, actor: Actor, inbound_id: UUID) -> bool:
    """Let a held message in: it is worked on as if it had just come."""
    return await _decide(uow, actor, inbound_id, "released")


async def discard(uow: UnitOfWork, actor: Actor, inbound_id: UUID) -> bool:
    return await _decide(uow, actor, inbound_id, "discarded")


async def block_sender(uow: UnitOfWork, actor: Actor, inbound_id: UUID) -> bool:
    """Discard what is held and hear its sender no more."""
    actor.require(Permission.moderate)
    row = await deliveries.inbound(uow, inbound_id)
    if row is None or row.state != "held":
        return False
    said = inbox.opened(uow, row)
    person = await people.recognise(uow, said.sender, said.place.platform, said.place.installation)
    await staff.block(uow, actor, person.id, blocked=True)
    return await _decide(uow, actor, inbound_id, "discarded")


async def reported(
    uow: UnitOfWork, actor: Actor, *, after: tuple[datetime, UUID] | None = None, most: int = PAGE
) -> tuple[list[Reported], tuple[datetime, UUID] | None]:
    """A page of reported messages, the newest report first."""
    actor.require(Permission.moderate)
    query = select(Message).where(Message.reported_at.is_not(None))
    if after is not None:
        query = query.where(tuple_(Message.reported_at, Message.id) < after)
    rows = list(
        await uow.session.scalars(
            query.order_by(Message.reported_at.desc(), Message.id.desc()).limit(most + 1)
        )
    )
    names = await named(uow, [row.author_id for row in rows])
    shown: list[Reported] = []
    for row in rows[:most]:
        try:
            opened = await access.by_message(uow, actor, row)
        except NotFound:
            continue
        author = names.get(row.author_id) if row.author_id else None
        shown.append(
            Reported(
                id=row.id,
                at=row.at,
                reported_at=row.reported_at or row.at,
                ticket=opened.number,
                author=author.shown if author else "",
                text=_read(opened.thread, row),
                note=row.audience == "staff",
            )
        )
    last = rows[most - 1] if len(rows) > most else None
    return shown, (last.reported_at or last.at, last.id) if last is not None else None


async def hide(uow: UnitOfWork, actor: Actor, message_id: UUID, *, hidden: bool = True) -> int:
    """Hide a message from everyone but staff, or show it again; the number of its ticket."""
    actor.require(Permission.moderate)
    message, opened = await _message(uow, actor, message_id)
    await conversations.hide(uow, opened.thread, message, hidden=hidden)
    return opened.number


async def dismiss(uow: UnitOfWork, actor: Actor, message_id: UUID) -> None:
    """A report that was wrong: the message stays as it is."""
    actor.require(Permission.moderate)
    message, _opened = await _message(uow, actor, message_id)
    if message.reported_at is not None:
        message.reported_at = None
        record(uow, actor, "report", message.id, "dismissed")


async def blocked(uow: UnitOfWork, actor: Actor, *, most: int = 200) -> list[Blocked]:
    """Blocked requesters, the latest first."""
    actor.require(Permission.moderate)
    rows = await uow.session.execute(
        select(Person.id, Person.blocked_at)
        .where(Person.blocked_at.is_not(None), Person.erased_at.is_(None))
        .order_by(Person.blocked_at.desc())
        .limit(most)
    )
    found = [(person_id, at) for person_id, at in rows if at is not None]
    names = await named(uow, [person_id for person_id, _at in found])
    return [Blocked(person_id, names[person_id].shown, at) for person_id, at in found if person_id in names]


async def _decide(uow: UnitOfWork, actor: Actor, inbound_id: UUID, how: str) -> bool:
    actor.require(Permission.moderate)
    row = await deliveries.inbound(uow, inbound_id)
    if row is None or row.state != "held":
        return False
    did = await (inbox.release(uow, row.key) if how == "released" else inbox.discard(uow, row.key))
    if did:
        record(uow, actor, "quarantine", inbound_id, how)
    return did


def _held(uow: UnitOfWork, row: Inbound) -> Held:
    platform = deliveries.platform_of(row.place_key)
    try:
        said = inbox.opened(uow, row)
    except Unreadable:
        return Held(row.id, row.at, platform, "", _("(unreadable)"), 0, row.error or "")
    text = said.text if isinstance(said, Said | Edited) else ""
    files = len(said.files) if isinstance(said, Said) else 0
    name = said.sender.name or said.sender.email or _("Visitor")
    return Held(row.id, row.at, platform, name, text, files, row.error or "")


def _read(thread: conversations.Thread, message: Message) -> str:
    if not thread.key:
        return _("(erased)")
    try:
        return conversations.read(thread, message)
    except Unreadable:
        return _("(unreadable)")


async def _message(uow: UnitOfWork, actor: Actor, message_id: UUID) -> tuple[Message, access.Opened]:
    message = await uow.session.get(Message, message_id)
    if message is None:
        raise NotFound(_("There is no such message."))
    return message, await access.by_message(uow, actor, message, lock=True)
