"""What every verb on a ticket ends with: the fact is recorded, the ticket marked as changed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from core import clock
from core.access import Actor
from core.conversations.model import Conversation, Message
from core.conversations.service import Thread
from core.db import UnitOfWork
from core.errors import Conflict
from core.events import Event
from core.i18n import _
from core.tickets import access
from core.tickets.access import Opened
from core.tickets.model import Participant


def unchanged(now_is: object, was: object) -> None:
    """Raise `Conflict` when what the asker saw is no longer so."""
    if now_is != was:
        raise Conflict(_("Someone changed this in the meantime. Look again, then decide."))


def record(
    uow: UnitOfWork, opened: Opened, actor: Actor, event: Event, *, at: datetime | None = None
) -> None:
    """Put a fact about the ticket on its timeline."""
    moment = at or clock.now()
    opened.ticket.version += 1
    changed_at(opened, moment)
    uow.emit(event, conversation=opened.thread.id, seq=opened.thread.next_seq(), actor=actor, at=moment)


def touched(opened: Opened, at: datetime, message: Message) -> None:
    """Count a message that was just said on the ticket."""
    opened.ticket.version += 1
    changed_at(opened, at)
    opened.ticket.messages += 1
    opened.ticket.has_file = opened.ticket.has_file or message.files > 0


def changed_at(opened: Opened, at: datetime) -> None:
    """What comes late, as after an outage, is no newer change: searches rely on no message being newer
    than its ticket's last change."""
    opened.ticket.updated_at = max(opened.ticket.updated_at, at)


async def add_participant(uow: UnitOfWork, ticket_id: UUID, person_id: UUID, kind: str) -> bool:
    """Put somebody on the ticket; True unless they were on it (who only read it becomes more)."""
    row = await uow.session.get(Participant, (ticket_id, person_id))
    if row is None:
        uow.session.add(Participant(ticket_id=ticket_id, person_id=person_id, kind=kind))
        return True
    if row.kind == "reader":
        row.kind = kind
        return True
    return False


async def rewrap(uow: UnitOfWork, thread: Thread, owner_id: UUID) -> None:
    """The conversation's data key is wrapped by another owner's key from now on."""
    owner_key = await uow.keys.of_person(uow.session, owner_id)
    thread.conversation.wrapped_key = uow.keys.wrap_data_key(owner_key, thread.id, thread.key)
    thread.conversation.owner_id = owner_id


async def rewrap_children(uow: UnitOfWork, thread: Thread, owner_id: UUID) -> list[Conversation]:
    """The conversations that were merged into this one go to the new owner's key with it."""
    query = select(Conversation).where(Conversation.root_id == thread.id).with_for_update()
    children = list(await uow.session.scalars(query))
    for child in children:
        key = await access.thread_key(uow.session, uow.keys, child)
        if key:
            await rewrap(uow, Thread(child, key), owner_id)
    return children
