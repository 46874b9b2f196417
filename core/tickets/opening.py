"""A new ticket with its first message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import update

from core import clock, text
from core.access import RULE, Actor, Permission
from core.chat import Place
from core.conversations import service as conversations
from core.conversations.model import Message
from core.conversations.service import Saying, Thread
from core.crypto.fields import seal_json, seal_text
from core.db import UnitOfWork
from core.i18n import _
from core.people.model import Person
from core.tickets import fields, lifecycle
from core.tickets.access import Opened
from core.tickets.changing import add_participant, record, touched
from core.tickets.events import TicketOpened
from core.tickets.intake import Decision, decide
from core.tickets.model import PRIORITY_RANK, Category, Participant, Priority, Ticket, TicketLink


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is known of a ticket when it is opened."""

    text: str = ""
    subject: str = ""
    category_id: UUID | None = None
    priority: Priority | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    channel: str = "desk"
    language: str | None = None
    place: Place | None = None
    native: str = ""
    files: Sequence[UUID] = ()
    message_id: UUID | None = None
    at: datetime | None = None
    follow_up_of: Ticket | None = None
    files_follow: bool = False
    missed: bool = False


async def open_ticket(uow: UnitOfWork, actor: Actor, requester: Person, request: Request) -> Opened:
    """A new ticket with its first message; rules give it a team, a priority, tags, an agent."""
    actor.require(Permission.open_ticket)
    files = bool(request.files) or request.files_follow
    body = text.message(request.text, may_be_empty=files or bool(request.subject))
    subject = _subject(request, body)
    values = await fields.checked(uow, request.category_id, request.fields)
    decision = await _decided(uow, requester, request, f"{subject}\n{body}")
    at = request.at or clock.now()
    thread = await conversations.start(uow, requester.id)
    ticket = _ticket(thread, requester, request, decision, at)
    ticket.subject = seal_text(thread.key, subject, "ticket.subject", ticket.id)
    if values:
        ticket.fields = seal_json(thread.key, values, "ticket.fields", ticket.id)
    await uow.session.flush()
    uow.session.add(ticket)
    await uow.session.flush()
    uow.session.add(Participant(ticket_id=ticket.id, person_id=requester.id, kind="requester", added_at=at))
    if request.place is not None:
        await conversations.take_seat(uow, thread, request.place, person_id=requester.id)
    opened = Opened(ticket, thread)
    record(uow, opened, actor, _opened_fact(ticket, request, decision), at=at)
    if body or files:
        await say_for_requester(uow, opened, actor, _saying(request, subject, body, at))
    if request.follow_up_of is not None:
        uow.session.add(TicketLink(from_id=ticket.id, to_id=request.follow_up_of.id, kind="follow_up"))
    if decision.assignee_id is not None:
        await _give(uow, opened, decision.assignee_id, at)
    return opened


async def say_for_requester(uow: UnitOfWork, opened: Opened, actor: Actor, saying: Saying) -> Message:
    """A message of the requester's side; whoever else said it is on the ticket from then on: what
    they said is theirs to see, edit and delete."""
    message = await conversations.say(uow, opened.thread, actor, saying, ticket=opened.ticket.id)
    if actor.id is not None and actor.id != opened.ticket.requester_id:
        await add_participant(uow, opened.ticket.id, actor.id, "follower")
    opened.ticket.last_requester_at = message.at
    touched(opened, message.at, message)
    return message


async def still_used(uow: UnitOfWork, category_id: UUID | None) -> UUID | None:
    """A ticket's category for another one that comes of it; none where it is out of use now."""
    category = await uow.session.get(Category, category_id) if category_id else None
    return category_id if category is not None and category.active else None


def _subject(request: Request, body: str) -> str:
    given = text.line(request.subject, field="subject", required=False)
    return given or text.subject_of(body) or _("(no subject)")


async def _decided(uow: UnitOfWork, requester: Person, request: Request, words: str) -> Decision:
    language = request.language or requester.locale
    return await decide(
        uow, requester, request.channel, words, request.category_id, request.priority, language
    )


def _ticket(thread: Thread, requester: Person, request: Request, decision: Decision, at: datetime) -> Ticket:
    return Ticket(
        conversation_id=thread.id,
        requester_id=requester.id,
        organisation_id=requester.organisation_id,
        category_id=decision.category_id,
        team_id=decision.team_id,
        priority=decision.priority.value,
        priority_rank=PRIORITY_RANK[decision.priority],
        tags=list(decision.tags),
        channel=request.channel,
        language=decision.language,
        created_at=at,
        updated_at=at,
    )


def _opened_fact(ticket: Ticket, request: Request, decision: Decision) -> TicketOpened:
    return TicketOpened(
        subject=ticket.id,
        number=ticket.number,
        channel=ticket.channel,
        team=ticket.team_id,
        category=ticket.category_id,
        priority=ticket.priority,
        rules=decision.fired or None,
        follow_up_of=request.follow_up_of.number if request.follow_up_of else None,
    )


async def _give(uow: UnitOfWork, opened: Opened, agent: UUID, at: datetime) -> None:
    """The rules do, not whoever opens the ticket."""
    ticket = opened.ticket
    record(uow, opened, RULE, lifecycle.assign(ticket, to=agent, team=ticket.team_id, now=at), at=at)
    await uow.session.execute(update(Person).where(Person.id == agent).values(last_assigned_at=at))


def _saying(request: Request, subject: str, body: str, at: datetime) -> Saying:
    return Saying(
        text=body,
        via=request.channel,
        files=request.files,
        language=request.language,
        filed_under=subject,
        origin=request.place,
        native=request.native,
        id=request.message_id,
        at=at,
        files_follow=request.files_follow,
        missed=request.missed,
    )
