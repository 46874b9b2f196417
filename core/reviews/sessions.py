"""A session: a call, or the chat of a ticket. Whoever looks at one goes through the ticket's own door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select

from core import clock
from core.access import Actor
from core.calls import access as calls
from core.calls.model import Call, CallPerson
from core.conversations.model import Audience, Conversation, Message
from core.db import EventRow, UnitOfWork
from core.reviews.events import SessionOpened
from core.reviews.model import Review
from core.tickets import access as tickets
from core.tickets.access import Opened
from core.tickets.model import Ticket

AGAIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Session:
    """A ticket in the clear, and the call that it is about; without one, its chat."""

    opened: Opened
    call: Call | None = None

    @property
    def live(self) -> bool:
        return self.opened.ticket.live if self.call is None else self.call.live

    @property
    def own(self) -> ColumnElement[bool]:
        """Which reviews are of it."""
        return (
            Review.ticket_id == self.opened.ticket.id if self.call is None else Review.call_id == self.call.id
        )


async def of_call(uow: UnitOfWork, actor: Actor, call_id: UUID, *, lock: bool = False) -> Session:
    call, opened = await calls.get(uow, actor, call_id, lock=lock)
    return Session(opened, call)


async def of_chat(uow: UnitOfWork, actor: Actor, number: int, *, lock: bool = False) -> Session:
    reach = tickets.change if lock else tickets.get
    return Session(await reach(uow, actor, number))


async def agents(uow: UnitOfWork, session: Session) -> Sequence[UUID]:
    """Whose work it was: the desk's people in the call; of a chat its assignee and who answered."""
    if session.call is not None:
        there = select(CallPerson.person_id).where(
            CallPerson.call_id == session.call.id, CallPerson.staff, CallPerson.joined_at.is_not(None)
        )
        return sorted(await uow.session.scalars(there))
    found = set(
        await uow.session.scalars(select(Message.author_id).where(answered(session.opened)).distinct())
    )
    return sorted(one for one in found | {session.opened.ticket.assignee_id} if one is not None)


def answered(opened: Opened) -> ColumnElement[bool]:
    """The answers of the desk's people in a ticket, notes not counted."""
    inside = select(Conversation.id).where(
        func.coalesce(Conversation.root_id, Conversation.id) == opened.ticket.conversation_id
    )
    return Message.conversation_id.in_(inside) & is_answer()


def is_answer() -> ColumnElement[bool]:
    return (
        (Message.side == "staff")
        & (Message.audience == Audience.everyone.value)
        & (Message.author_kind == "person")
        & Message.deleted_at.is_(None)
    )


def of_agent(person: UUID) -> ColumnElement[bool]:
    """The tickets whose chat was somebody's work, as a condition of a query."""
    root = func.coalesce(Conversation.root_id, Conversation.id)
    theirs = (
        select(root)
        .join(Message, Message.conversation_id == Conversation.id)
        .where(Message.author_id == person, is_answer())
    )
    return or_(Ticket.assignee_id == person, Ticket.conversation_id.in_(theirs))


async def seen(uow: UnitOfWork, actor: Actor, session: Session) -> None:
    """Write down, once an hour, that somebody opened a chat for its review; of calls the hearing tells."""
    ticket = session.opened.ticket
    known = select(EventRow.id).where(
        EventRow.subject == ticket.id,
        EventRow.name == SessionOpened.name,
        EventRow.actor_id == actor.id,
        EventRow.at > clock.now() - AGAIN,
    )
    if await uow.session.scalar(known.limit(1)) is None:
        uow.emit(SessionOpened(subject=ticket.id, number=session.opened.number), actor=actor)
