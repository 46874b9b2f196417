"""Live chats are offered to the next free agent, who accepts (claims) or passes.

Only who has the desk open is asked, and only for a requester who still sits there. Each offer stands for a set time. Whoever let one go by is not asked again for that ticket;
when nobody is left, the chat stays in the queue until somebody becomes free.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, select

from core import clock
from core.access import SYSTEM
from core.conversations.model import Conversation
from core.conversations.service import Thread
from core.db import EventRow, UnitOfWork
from core.people.model import AssignMode, Team
from core.tickets import agents, hours, service
from core.tickets.assignment import choose
from core.tickets.events import TicketOffered, TicketPassed
from core.tickets.model import Ticket
from core.tickets.waiting import sits_and_waits

HERE = timedelta(seconds=90)
"""So long after the last beat of an open page somebody counts as sitting in front of it."""
MOST = 20


async def offer(uow: UnitOfWork, ticket_id: UUID, channels: Collection[str]) -> UUID | None:
    """Offer a waiting chat of one of these channels to the next free agent; None when there is
    none, when it is no such chat, or when somebody is changing it right now."""
    if not _offering(uow):
        return None
    found = await _locked(uow, _waiting(channels, clock.now()).where(Ticket.id == ticket_id))
    return None if found is None else await _offer(uow, *found)


async def offer_waiting(uow: UnitOfWork, channels: Collection[str]) -> int:
    """Offer the chats that wait, the oldest first; returns how many offers were made."""
    if not _offering(uow):
        return 0
    waiting = _waiting(channels, clock.now()).with_only_columns(Ticket.id).order_by(Ticket.number).limit(MOST)
    offers = 0
    for ticket_id in list(await uow.session.scalars(waiting)):
        offers += await offer(uow, ticket_id, channels) is not None
    return offers


async def time_out(uow: UnitOfWork) -> int:
    """Take back the offers that nobody has answered in time; returns how many."""
    late = select(Ticket.id, Ticket.number).where(Ticket.offered_until <= clock.now())
    rows = (await uow.session.execute(late.order_by(Ticket.offered_until).limit(MOST))).all()
    count = 0
    for ticket_id, number in rows:
        if await _locked(uow, _tickets().where(Ticket.id == ticket_id, Ticket.offered_until <= clock.now())):
            await service.pass_on(uow, SYSTEM, number, reason="timed_out")
            count += 1
    return count


def _offering(uow: UnitOfWork) -> bool:
    return uow.settings.live_chat and hours.is_open(uow.settings, clock.now())


def _tickets() -> Select[Ticket, Conversation]:
    return select(Ticket, Conversation).join(Conversation, Conversation.id == Ticket.conversation_id)


def _waiting(channels: Collection[str], now: datetime) -> Select[Ticket, Conversation]:
    return _tickets().where(sits_and_waits(now), Ticket.offered_to_id.is_(None), Ticket.channel.in_(channels))


async def _locked(uow: UnitOfWork, query: Select[Ticket, Conversation]) -> tuple[Ticket, Conversation] | None:
    """The rows, or None when another unit holds them: who offers must never wait for those who
    work on a ticket, nor they for a whole batch of offers."""
    locking = query.with_for_update(of=(Conversation, Ticket), skip_locked=True)
    row = (await uow.session.execute(locking.execution_options(populate_existing=True))).one_or_none()
    return None if row is None else (row[0], row[1])


async def _offer(uow: UnitOfWork, ticket: Ticket, conversation: Conversation) -> UUID | None:
    await agents.alone(uow)
    team = await uow.session.get(Team, ticket.team_id) if ticket.team_id else None
    mode = team.assign_mode if team is not None else AssignMode.manual.value
    free = await agents.candidates(
        uow, ticket.team_id, but=await _asked(uow, ticket), seen_since=clock.now() - HERE
    )
    chosen = choose(
        free, AssignMode.skill if mode == AssignMode.manual else mode, (), ticket.language
    ).agent_id
    if chosen is None:
        return None
    now = clock.now()
    ticket.offered_to_id = chosen
    ticket.offered_until = now + timedelta(seconds=uow.settings.offer_seconds)
    ticket.version += 1
    uow.emit(
        TicketOffered(subject=ticket.id, number=ticket.number, to=chosen, until=ticket.offered_until),
        conversation=conversation.id,
        seq=Thread(conversation, b"").next_seq(),
        actor=SYSTEM,
    )
    await uow.session.flush()
    return chosen


async def _asked(uow: UnitOfWork, ticket: Ticket) -> set[UUID]:
    """Who has passed this chat on, and who has another offer to answer."""
    passed = await uow.session.scalars(
        select(EventRow.data["by"].astext).where(
            EventRow.subject == ticket.id, EventRow.name == TicketPassed.name
        )
    )
    busy = await uow.session.scalars(
        select(Ticket.offered_to_id).where(Ticket.offered_to_id.is_not(None), Ticket.id != ticket.id)
    )
    return {UUID(by) for by in passed} | {one for one in busy if one is not None}
