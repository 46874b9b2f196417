"""Conversations that someone began before they had an account: found by their address, joined
to the account by their own press, never silently."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, exists, func, select, update

from core.access import Actor, Permission
from core.conversations.model import Message, Seat
from core.crypto.fields import seal_text, unseal_text
from core.db import UnitOfWork
from core.errors import NotFound
from core.i18n import _
from core.people import service as people
from core.people.model import Identity, OneTimeLink, Person
from core.tickets import access, service
from core.tickets.model import Participant, Ticket

MOST_PERSONS = 20
MOST_SHOWN = 5
MOST_JOINED = 500


@dataclass(frozen=True, slots=True)
class Beginning:
    """A ticket as it is offered: enough to recognise one's own."""

    number: int
    subject: str
    channel: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Earlier:
    """Someone who once gave this address: what they began, the newest first."""

    person_id: UUID
    called: str
    tickets: list[Beginning]
    count: int


async def earlier(uow: UnitOfWork, person: Person) -> list[Earlier]:
    """Who may be joined to an account; nobody before its address is proved."""
    found = []
    for other in await _candidates(uow, person):
        mine = Ticket.requester_id == other.id
        count = int(await uow.session.scalar(select(func.count()).select_from(Ticket).where(mine)) or 0)
        tickets = await uow.session.scalars(
            select(Ticket).where(mine).order_by(Ticket.created_at.desc()).limit(MOST_SHOWN)
        )
        begun = [await _beginning(uow, other, ticket) for ticket in tickets]
        found.append(Earlier(other.id, (await people.know(uow, other)).name, begun, count))
    return found


async def is_earlier(uow: UnitOfWork, person: Person, requester_id: UUID) -> bool:
    """Whether a ticket's requester is one whom this account may join."""
    return any(other.id == requester_id for other in await _candidates(uow, person))


async def join(uow: UnitOfWork, person: Person, other_id: UUID) -> int:
    """Everything of the earlier self becomes the account's: tickets, what was said, the places
    where it was said. Returns how many tickets moved; `NotFound` for anyone else's."""
    other = next((one for one in await _candidates(uow, person) if one.id == other_id), None)
    if other is None:
        raise NotFound(_("There is nothing to join."))
    return await absorb(uow, person, other)


async def absorb(uow: UnitOfWork, person: Person, other: Person) -> int:
    """`other` was `person` all along: tickets, words, places and identities become theirs. For
    callers who have proof of it; returns how many tickets moved."""
    await uow.session.refresh(other, with_for_update=True)
    actor = _for_this_once(person)
    numbers = await uow.session.scalars(
        select(Ticket.number)
        .where(Ticket.requester_id == other.id)
        .order_by(Ticket.number)
        .limit(MOST_JOINED)
    )
    moved = 0
    for number in list(numbers):
        opened = await service.change_requester(uow, actor, number, person.id)
        await uow.session.execute(
            delete(Participant).where(
                Participant.ticket_id == opened.ticket.id, Participant.person_id == other.id
            )
        )
        moved += 1
    await _move_words(uow, person, other)
    await _move_identities(uow, person, other)
    await _retire(uow, other)
    return moved


async def _candidates(uow: UnitOfWork, person: Person) -> list[Person]:
    """Persons who told this address without proving it and have tickets. A blocked one is not
    offered: joining must not lift the block."""
    if person.email_verified_at is None or person.email_digest is None:
        return []
    query = (
        select(Person)
        .where(
            Person.email_digest == person.email_digest,
            Person.email_verified_at.is_(None),
            Person.id != person.id,
            Person.role == "requester",
            Person.active,
            Person.blocked_at.is_(None),
            Person.erased_at.is_(None),
            exists().where(Ticket.requester_id == Person.id),
        )
        .order_by(Person.created_at.desc())
        .limit(MOST_PERSONS)
    )
    return list(await uow.session.scalars(query))


async def _beginning(uow: UnitOfWork, other: Person, ticket: Ticket) -> Beginning:
    reader = Actor(other.id, permissions=frozenset())
    opened = await access.by_id(uow, reader, ticket.id)
    return Beginning(ticket.number, opened.subject, ticket.channel, ticket.created_at)


def _for_this_once(person: Person) -> Actor:
    """The person themselves, with the rights that this one step needs."""
    needed = frozenset({Permission.change_ticket, Permission.see_all_tickets})
    return replace(Actor(person.id), permissions=needed)


async def _move_words(uow: UnitOfWork, person: Person, other: Person) -> None:
    """What the earlier self said is the account's own: it may be edited and deleted by it."""
    await uow.session.execute(
        update(Message)
        .where(Message.author_id == other.id)
        .values(author_id=person.id)
        .execution_options(synchronize_session=False)
    )
    await uow.session.execute(
        update(Seat)
        .where(Seat.person_id == other.id)
        .values(person_id=person.id)
        .execution_options(synchronize_session=False)
    )


async def _move_identities(uow: UnitOfWork, person: Person, other: Person) -> None:
    """Who speaks there from now on is the account; the platform's id moves under its key."""
    old = await uow.keys.of_person(uow.session, other.id)
    new = await uow.keys.of_person(uow.session, person.id)
    for row in await uow.session.scalars(
        select(Identity).where(Identity.person_id == other.id).with_for_update()
    ):
        if row.external is not None:
            external = unseal_text(old, row.external, "identity.external", row.id)
            row.external = seal_text(new, external, "identity.external", row.id)
        row.person_id = person.id


async def _retire(uow: UnitOfWork, other: Person) -> None:
    """Nobody is behind the earlier self any more: it keeps no address and waits for nothing."""
    await people.change(uow, other, email="", name="", display_name="", proved=True)
    await uow.session.execute(delete(OneTimeLink).where(OneTimeLink.person_id == other.id))
    await people.deactivate(uow, other)
