"""Where a ticket stands: waiting, asleep, resolved, closed, open again."""

from __future__ import annotations

from datetime import datetime, timedelta

from core import clock, text
from core.access import Actor, Permission
from core.crypto.fields import seal_text
from core.db import UnitOfWork
from core.errors import Forbidden, Refused
from core.i18n import _
from core.people.model import Person
from core.tickets import access, lifecycle
from core.tickets.access import Opened
from core.tickets.changing import record
from core.tickets.talking import send_now


async def wait(uow: UnitOfWork, actor: Actor, number: int) -> Opened:
    actor.require(Permission.change_ticket)
    opened = await access.change(uow, actor, number)
    record(uow, opened, actor, lifecycle.wait(opened.ticket, clock.now()))
    return opened


async def snooze(uow: UnitOfWork, actor: Actor, number: int, until: datetime) -> Opened:
    actor.require(Permission.change_ticket)
    opened = await access.change(uow, actor, number)
    record(uow, opened, actor, lifecycle.snooze(opened.ticket, until, clock.now()))
    return opened


async def wake(uow: UnitOfWork, actor: Actor, number: int, reason: str = "person") -> Opened:
    actor.require(Permission.change_ticket)
    opened = await access.change(uow, actor, number)
    if (event := lifecycle.wake(opened.ticket, reason, clock.now())) is not None:
        record(uow, opened, actor, event)
    return opened


async def resolve(uow: UnitOfWork, actor: Actor, number: int, solution: str = "") -> Opened:
    """The request is answered; `solution` is one line for those who look for it later."""
    actor.require(Permission.resolve_ticket)
    opened = await access.change(uow, actor, number)
    kept = text.line(solution, field="solution", most=2_000, required=False)
    event = lifecycle.resolve(opened.ticket, actor.id, clock.now())
    if kept:
        opened.ticket.solution = seal_text(opened.key, kept, "ticket.solution", opened.ticket.id)
    await send_now(uow, opened)
    record(uow, opened, actor, event)
    return opened


async def close(uow: UnitOfWork, actor: Actor, number: int, reason: str = "person") -> Opened:
    """Done for good. The requester may close their own ticket."""
    opened = await access.change(uow, actor, number)
    if opened.ticket.requester_id != actor.id:
        actor.require(Permission.resolve_ticket)
    await send_now(uow, opened)
    record(uow, opened, actor, lifecycle.close(opened.ticket, reason, clock.now()))
    return opened


async def reopen(uow: UnitOfWork, actor: Actor, number: int) -> Opened:
    opened = await access.change(uow, actor, number)
    now = clock.now()
    requester = await uow.session.get(Person, opened.ticket.requester_id)
    if requester is None or requester.erased_at is not None:
        raise Refused(_("The requester of this ticket was erased: nobody could read or answer it."))
    if not actor.may(Permission.change_ticket):
        if opened.ticket.requester_id != actor.id:
            actor.require(Permission.change_ticket)
        if not young(uow, opened) and not opened.ticket.live:
            raise Forbidden(_("This ticket is too old to be reopened. Please open a new one."))
    record(uow, opened, actor, lifecycle.reopen(opened.ticket, "person", now))
    return opened


def young(uow: UnitOfWork, opened: Opened) -> bool:
    """Whether a ticket was done so lately that its requester may reopen it."""
    done = opened.ticket.resolved_at
    return done is not None and clock.now() - done <= timedelta(days=uow.settings.reopen_days)
