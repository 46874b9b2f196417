"""Who has a ticket: claimed, given back, assigned, handed over, passed on."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import update

from core import clock
from core.access import Actor, Permission
from core.db import UnitOfWork
from core.errors import Conflict, Invalid
from core.i18n import _
from core.people.model import Person, Team
from core.tickets import access, lifecycle
from core.tickets.access import Opened
from core.tickets.changing import record, unchanged
from core.tickets.events import TicketPassed
from core.tickets.talking import note


async def claim(uow: UnitOfWork, actor: Actor, number: int) -> Opened:
    """Take a ticket. Of two who claim at once exactly one wins; the other learns who did."""
    actor.require(Permission.claim_ticket)
    opened = await access.change(uow, actor, number)
    assert actor.id is not None
    record(uow, opened, actor, lifecycle.claim(opened.ticket, actor.id, clock.now()))
    return opened


async def release(uow: UnitOfWork, actor: Actor, number: int) -> Opened:
    """Give a ticket back to the queue: one's own, or anyone's with the right to assign."""
    opened = await access.change(uow, actor, number)
    if opened.ticket.assignee_id != actor.id:
        actor.require(Permission.assign_ticket)
    actor.require(Permission.claim_ticket)
    record(uow, opened, actor, lifecycle.release(opened.ticket, clock.now()))
    return opened


async def assign(
    uow: UnitOfWork,
    actor: Actor,
    number: int,
    *,
    to: UUID | None = None,
    team: UUID | None = None,
    was: UUID | None = None,
    check_was: bool = False,
) -> Opened:
    """Give it to an agent or a team. With `check_was`, `was` is the assignee the asker saw."""
    actor.require(Permission.assign_ticket)
    opened = await access.change(uow, actor, number)
    if check_was:
        unchanged(opened.ticket.assignee_id, was)
    if to is not None:
        agent = await uow.session.get(Person, to)
        if agent is None or not agent.active or agent.role == "requester":
            raise Invalid(_("This person cannot take tickets."), field="to")
    if team is not None:
        found = await uow.session.get(Team, team)
        if found is None or not found.active:
            raise Invalid(_("There is no such team."), field="team")
    record(uow, opened, actor, lifecycle.assign(opened.ticket, to=to, team=team, now=clock.now()))
    if to is not None:
        await uow.session.execute(update(Person).where(Person.id == to).values(last_assigned_at=clock.now()))
    return opened


async def hand_over(
    uow: UnitOfWork,
    actor: Actor,
    number: int,
    *,
    to: UUID | None = None,
    team: UUID | None = None,
    words: str = "",
    mentions: Sequence[UUID] = (),
    was: UUID | None = None,
) -> Opened:
    """Give it to a colleague or a team, with a note of what they should know: both or neither.
    `was` is the assignee the asker saw."""
    actor.require(Permission.assign_ticket)
    if words.strip():
        await note(uow, actor, number, words, mentions=mentions)
    return await assign(uow, actor, number, to=to, team=team, was=was, check_was=True)


async def pass_on(uow: UnitOfWork, actor: Actor, number: int, *, reason: str = "passed") -> Opened:
    """Decline an offered chat: it goes to the next free agent."""
    actor.require(Permission.claim_ticket)
    opened = await access.change(uow, actor, number)
    offered = opened.ticket.offered_to_id
    if offered is None or (reason == "passed" and offered != actor.id):
        raise Conflict(_("This chat is not offered to you any more."))
    opened.ticket.offered_to_id = None
    opened.ticket.offered_until = None
    record(
        uow, opened, actor, TicketPassed(subject=opened.ticket.id, number=number, by=offered, reason=reason)
    )
    return opened
