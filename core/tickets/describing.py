"""What a ticket is about: priority, category, tags, subject, fields, requester."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from core import text
from core.access import Actor, Permission
from core.conversations import service as conversations
from core.conversations.model import Message
from core.crypto import words
from core.crypto.fields import seal_json, seal_text
from core.db import UnitOfWork
from core.errors import Invalid, Refused
from core.i18n import _
from core.people.model import Person, Tag
from core.tickets import access, fields, lifecycle
from core.tickets.access import Opened
from core.tickets.changing import add_participant, record, rewrap, rewrap_children, unchanged
from core.tickets.events import (
    RequesterChanged,
    TicketCategorised,
    TicketFieldsChanged,
    TicketRenamed,
    TicketTagged,
)
from core.tickets.model import Category, Priority

MOST_TAGS = 30


async def prioritise(
    uow: UnitOfWork, actor: Actor, number: int, priority: Priority, *, was: str | None = None
) -> Opened:
    """Set the priority; `was` is the one the asker saw, so that no change is lost silently."""
    actor.require(Permission.change_ticket)
    opened = await access.change(uow, actor, number)
    if was is not None:
        unchanged(opened.ticket.priority, was)
    record(uow, opened, actor, lifecycle.prioritise(opened.ticket, priority))
    return opened


async def categorise(
    uow: UnitOfWork,
    actor: Actor,
    number: int,
    category_id: UUID | None,
    *,
    was: UUID | None = None,
    check_was: bool = False,
) -> Opened:
    actor.require(Permission.change_ticket)
    opened = await access.change(uow, actor, number)
    if check_was:
        unchanged(opened.ticket.category_id, was)
    if category_id is not None:
        category = await uow.session.get(Category, category_id)
        if category is None or not category.active:
            raise Invalid(_("There is no such category."), field="category")
    if opened.ticket.category_id == category_id:
        raise lifecycle.AlreadySo(_("Ticket {number} has that category already.").format(number=number))
    event = TicketCategorised(
        subject=opened.ticket.id, number=number, before=opened.ticket.category_id, after=category_id
    )
    opened.ticket.category_id = category_id
    record(uow, opened, actor, event)
    return opened


async def tag(
    uow: UnitOfWork, actor: Actor, number: int, *, add: Sequence[str] = (), remove: Sequence[str] = ()
) -> Opened:
    """Put tags on and take them off; a new word becomes a tag of the desk."""
    actor.require(Permission.change_ticket)
    opened = await access.change(uow, actor, number)
    adding, removing = await tag_ids(uow, add, make=True), await tag_ids(uow, remove)
    current = set(opened.ticket.tags)
    added, removed = set(adding) - current, set(removing) & current
    if not added and not removed:
        return opened
    if len(current | added) > MOST_TAGS:
        raise Invalid(_("At most {most} tags on a ticket.").format(most=MOST_TAGS), field="tags")
    opened.ticket.tags = sorted((current | added) - removed)
    record(
        uow,
        opened,
        actor,
        TicketTagged(
            subject=opened.ticket.id,
            number=number,
            added=tuple(sorted(added)),
            removed=tuple(sorted(removed)),
        ),
    )
    return opened


async def rename(
    uow: UnitOfWork, actor: Actor, number: int, subject: str, *, was: str | None = None
) -> Opened:
    actor.require(Permission.change_ticket)
    opened = await access.change(uow, actor, number)
    if was is not None:
        unchanged(opened.subject, was)
    new = text.line(subject, field="subject")
    if new == opened.subject:
        return opened
    opened.ticket.subject = seal_text(opened.key, new, "ticket.subject", opened.ticket.id)
    await _file_under(uow, opened, new)
    record(uow, opened, actor, TicketRenamed(subject=opened.ticket.id, number=number))
    return opened


async def set_fields(uow: UnitOfWork, actor: Actor, number: int, values: dict[str, Any]) -> Opened:
    """Set custom fields; those not named stay."""
    actor.require(Permission.change_ticket)
    opened = await access.change(uow, actor, number)
    before = opened.fields
    after = await fields.checked(uow, opened.ticket.category_id, before | values, before)
    changed = tuple(
        sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    )
    if changed:
        opened.ticket.fields = seal_json(opened.key, after, "ticket.fields", opened.ticket.id)
        record(
            uow, opened, actor, TicketFieldsChanged(subject=opened.ticket.id, number=number, fields=changed)
        )
    return opened


async def change_requester(uow: UnitOfWork, actor: Actor, number: int, requester_id: UUID) -> Opened:
    """The ticket is someone else's: its one data key is wrapped by the new requester's key."""
    actor.require(Permission.change_ticket)
    opened = await access.change(uow, actor, number)
    person = await uow.session.get(Person, requester_id)
    if person is None or not person.active or person.erased_at is not None:
        raise Invalid(_("There is no such person."), field="requester")
    if person.id == opened.ticket.requester_id:
        return opened
    if not opened.key:
        raise Refused(_("Its requester was erased: nothing in it can be read any more."))
    event = RequesterChanged(
        subject=opened.ticket.id, number=number, before=opened.ticket.requester_id, after=person.id
    )
    await rewrap(uow, opened.thread, person.id)
    await rewrap_children(uow, opened.thread, person.id)
    opened.ticket.requester_id = person.id
    opened.ticket.organisation_id = person.organisation_id
    await add_participant(uow, opened.ticket.id, person.id, "requester")
    record(uow, opened, actor, event)
    return opened


async def tag_ids(uow: UnitOfWork, names: Sequence[str], *, make: bool = False) -> list[int]:
    """The ids of tags by name; with `make`, unknown names become tags."""
    wanted = list(
        dict.fromkeys(text.line(name, field="tags", most=40).casefold() for name in names if name.strip())
    )
    if not wanted:
        return []
    if make:
        await uow.session.execute(
            insert(Tag).values([{"name": name} for name in wanted]).on_conflict_do_nothing()
        )
    return list(await uow.session.scalars(select(Tag.id).where(Tag.name.in_(wanted))))


async def _file_under(uow: UnitOfWork, opened: Opened, subject: str) -> None:
    """Each message is also found by the subject's words: by those of the new one, and no longer
    by those of the old."""
    query = select(Message).where(Message.conversation_id == opened.thread.id, Message.deleted_at.is_(None))
    for message in await uow.session.scalars(query):
        body = conversations.read(opened.thread, message)
        names = await conversations.file_names(uow, opened.thread, message)
        message.terms = words.terms(uow.keys.words, " ".join((subject, body, *names)), opened.ticket.language)
