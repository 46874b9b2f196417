"""Who is on a ticket, and how far they have read."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert

from core import clock
from core.access import Actor, Permission
from core.db import Base, UnitOfWork
from core.errors import Invalid
from core.i18n import _
from core.people.model import Person
from core.tickets import access
from core.tickets.access import Opened
from core.tickets.changing import add_participant, record
from core.tickets.events import TicketFollowed, TicketUnfollowed
from core.tickets.model import Participant


async def follow(uow: UnitOfWork, actor: Actor, number: int, person_id: UUID | None = None) -> Opened:
    """Put oneself, or someone else, on a ticket."""
    opened = await access.change(uow, actor, number)
    who = person_id or actor.id
    if who != actor.id or not actor.staff:
        actor.require(Permission.change_ticket)
    if who is None or await uow.session.get(Person, who) is None:
        raise Invalid(_("There is no such person."), field="person")
    if await add_participant(uow, opened.ticket.id, who, "follower"):
        record(uow, opened, actor, TicketFollowed(subject=opened.ticket.id, number=number, person=who))
    return opened


async def unfollow(uow: UnitOfWork, actor: Actor, number: int, person_id: UUID | None = None) -> Opened:
    opened = await access.change(uow, actor, number)
    who = person_id or actor.id
    if who != actor.id:
        actor.require(Permission.change_ticket)
    row = await uow.session.get(Participant, (opened.ticket.id, who)) if who else None
    if row is not None and row.kind == "follower":
        await uow.session.delete(row)
        record(
            uow,
            opened,
            actor,
            TicketUnfollowed(subject=opened.ticket.id, number=number, person=row.person_id),
        )
    return opened


async def mark_read(uow: UnitOfWork, opened: Opened, person_id: UUID, upto: int) -> bool:
    """Move one's own read mark forward; True when it moved."""
    seq = min(upto, opened.thread.conversation.seq)
    values = {"ticket": opened.ticket.id, "person": person_id, "seq": seq, "now": clock.now()}
    return await uow.session.scalar(_READ, values) is not None


_TABLE = Base.metadata.tables[Participant.__tablename__]
_MARKED = insert(_TABLE).values(
    ticket_id=bindparam("ticket"),
    person_id=bindparam("person"),
    kind="reader",
    read_seq=bindparam("seq"),
    added_at=bindparam("now"),
)
_READ = _MARKED.on_conflict_do_update(
    index_elements=["ticket_id", "person_id"],
    set_={"read_seq": _MARKED.excluded.read_seq},
    where=_TABLE.c.read_seq < _MARKED.excluded.read_seq,
).returning(_TABLE.c.read_seq)
