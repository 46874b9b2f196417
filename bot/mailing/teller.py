"""Tells people: from an event to notices in the bell and mails in the outbox."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, bindparam, func, select, update
from sqlalchemy import cast as sql_cast

from bot.mailing.cards import CARDS
from bot.tell import about
from core.access import Permission
from core.calls.model import Call, CallPerson
from core.chat import Place
from core.conversations.model import Message, Seat
from core.db import EventRow, UnitOfWork
from core.desk import Desk
from core.notices import service as notices
from core.notices.rules import KINDS, Happened, Hearing, hear, wants
from core.outbox_model import Delivery
from core.people.model import Person, TeamMember
from core.ports.bus import Signal
from core.tickets.model import Participant, Ticket

WAIT = timedelta(seconds=60)
"""An answer is mailed only after this time, together with those that follow it meanwhile, and
not at all when it was read in the chat by then."""
MOST_HEARERS = 200
_CALLS = ("call.asked", "call.scheduled", "call.rang", "call.invited", "call.reminded")
_OF_CONNECTIONS = ("desk.installation_broken", "desk.room_removed", "desk.room_shut")
_OF_NO_TICKET = (
    "inbound.held", "article.sent_for_review", "article.returned", "article.published", *_OF_CONNECTIONS,
)  # fmt: skip
_TOLD_OF = ("ticket.", "review.given", "message.said", "message.undelivered", "message.reported")


class Telling:
    """A teller for `bot.tell`. `pushing` names the platforms that tell their people of an answer
    by themselves, wherever they are: those need no mail."""

    def __init__(self, desk: Desk, pushing: Collection[str] = (), wait: timedelta = WAIT) -> None:
        self.desk = desk
        self.pushing = frozenset(pushing)
        self.wait = wait

    async def __call__(self, uow: UnitOfWork, event: EventRow) -> None:
        if event.name in _OF_NO_TICKET:
            await self._tell_by_bell(uow, event)
        if not event.name.startswith(_TOLD_OF) and event.name not in _CALLS:
            return
        found = await _ticket_of(uow, event)
        if found is None:
            return
        ticket, message = found
        heard = hear(await _happened(uow, event, ticket, message))
        persons = await _persons(uow, heard)
        for hearing in heard:
            person = persons.get(hearing.person)
            if person is not None:
                await self._tell(uow, hearing, person, event, ticket, message)

    async def _tell_by_bell(self, uow: UnitOfWork, event: EventRow) -> None:
        """Of what belongs to no ticket."""
        heard = hear(await _happened_apart(uow, event))
        persons = await _persons(uow, heard)
        article = event.data.get("text")
        for hearing in heard:
            person = persons.get(hearing.person)
            if person is not None and wants(person.preferences, hearing.kind, "bell"):
                await notices.make(
                    uow,
                    hearing.kind,
                    [person.id],
                    article_text_id=UUID(str(article)) if article else None,
                    actor_id=event.actor_id,
                    at=event.at,
                )
                self._ring(uow, person.id)

    async def _tell(
        self,
        uow: UnitOfWork,
        hearing: Hearing,
        person: Person,
        event: EventRow,
        ticket: Ticket,
        message: Message | None,
    ) -> None:
        if wants(person.preferences, hearing.kind, "bell"):
            await notices.make(
                uow,
                hearing.kind,
                [person.id],
                ticket_id=ticket.id,
                message_id=message.id if message else None,
                actor_id=event.actor_id,
                at=event.at,
            )
            self._ring(uow, person.id)
        if wants(person.preferences, hearing.kind, "mail") and person.email is not None:
            await self._mail(uow, hearing, event, ticket, message)

    def _ring(self, uow: UnitOfWork, person_id: UUID) -> None:
        uow.after(lambda: self.desk.bus.publish(Signal("notice", {"person": str(person_id)})))

    async def _mail(
        self, uow: UnitOfWork, hearing: Hearing, event: EventRow, ticket: Ticket, message: Message | None
    ) -> None:
        assert hearing.kind in CARDS
        args: dict[str, Any] = {"ticket": str(ticket.id)}
        if event.name == "call.rang" and await _is_pushed(uow, ticket, self.pushing):
            return
        if hearing.kind.startswith("call"):
            args["call"] = str(event.subject)
        if hearing.kind == "answered":
            assert message is not None
            if not await _is_pushed(uow, ticket, self.pushing):
                await self._mail_answer(uow, hearing, ticket, message)
            return
        if message is not None:
            args["message"] = str(message.id)
        if (by := event.actor_id) is not None:
            args["by"] = str(by)
        uow.session.add(_row(hearing, ticket, args, event.at))
        await uow.session.flush()

    async def _mail_answer(self, uow: UnitOfWork, hearing: Hearing, ticket: Ticket, message: Message) -> None:
        """Add the answer to the mail that waits, or begin one."""
        waiting = (
            update(Delivery)
            .where(
                Delivery.place_key == _place(hearing, ticket),
                Delivery.card == "answered",
                Delivery.state == "due",
                Delivery.lease_until.is_(None),
                sql_cast(Delivery.args["upto"].astext, Integer) < message.seq,
            )
            .values(args=Delivery.args.concat(func.jsonb_build_object("upto", message.seq)))
            .execution_options(synchronize_session=False)
        )
        if getattr(await uow.session.execute(waiting), "rowcount", 0):
            return
        args = {"ticket": str(ticket.id), "from": message.seq, "upto": message.seq}
        due = max(message.visible_at or message.at, message.at) + self.wait
        row = _row(hearing, ticket, args, due)
        row.message_id, row.conversation_id = message.id, message.conversation_id
        uow.session.add(row)
        await uow.session.flush()


def make_teller(desk: Desk, *, pushing: Collection[str] = (), wait: timedelta = WAIT) -> Telling:
    return Telling(desk, pushing, wait)


def _row(hearing: Hearing, ticket: Ticket, args: dict[str, Any], due: datetime) -> Delivery:
    return Delivery(
        kind="mail",
        place_key=_place(hearing, ticket),
        card=hearing.kind,
        args=args,
        person_id=hearing.person,
        due_at=due,
    )


def _place(hearing: Hearing, ticket: Ticket) -> str:
    """One thread for each ticket: a sign-in link must not wait behind an answer that is held."""
    return Place("mail", "main", str(hearing.person), str(ticket.id)).key


async def _ticket_of(uow: UnitOfWork, event: EventRow) -> tuple[Ticket, Message | None] | None:
    """The ticket that an event is about, where it was merged the one that it went into."""
    message: Message | None = None
    if event.name.startswith("message."):
        message = await uow.session.get(Message, event.subject)
        if message is None or message.deleted_at is not None:
            return None
        ticket = about(uow).tickets.get(message.conversation_id) or await uow.session.scalar(
            select(Ticket).where(Ticket.conversation_id == message.conversation_id)
        )
    elif event.name.startswith("call."):
        call = await uow.session.get(Call, event.subject)
        ticket = await uow.session.get(Ticket, call.ticket_id) if call is not None else None
    else:
        ticket = await uow.session.get(Ticket, event.subject)
    for _step in range(20):
        if ticket is None or ticket.merged_into_id is None:
            break
        ticket = await uow.session.get(Ticket, ticket.merged_into_id)
    return None if ticket is None else (ticket, message)


async def _happened(uow: UnitOfWork, event: EventRow, ticket: Ticket, message: Message | None) -> Happened:
    return Happened(
        name=event.name,
        data=event.data,
        actor=event.actor_id,
        requester=ticket.requester_id,
        assignee=ticket.assignee_id,
        offered_to=ticket.offered_to_id,
        followers=await _followers(uow, ticket),
        team=await _team(uow, ticket) if _needs_team(event) else frozenset(),
        leads=await _leads(uow, ticket) if event.name == "ticket.rated" else frozenset(),
        called=await _called(uow, event) if event.name == "call.reminded" else frozenset(),
        moderators=await _who_may(uow, Permission.moderate)
        if event.name == "message.reported"
        else frozenset(),
        author=message.author_id if message else None,
        by_staff=message is not None and message.side == "staff",
        opening=message is not None and message.side == "requester" and message.seq <= 2,
    )


async def _happened_apart(uow: UnitOfWork, event: EventRow) -> Happened:
    held, asked = event.name == "inbound.held", event.name == "article.sent_for_review"
    return Happened(
        name=event.name,
        data=event.data,
        actor=event.actor_id,
        moderators=await _who_may(uow, Permission.moderate) if held else frozenset(),
        admins=await _who_may(uow, Permission.manage_desk) if event.name in _OF_CONNECTIONS else frozenset(),
        publishers=await _who_may(uow, Permission.publish_articles) if asked else frozenset(),
    )


def _needs_team(event: EventRow) -> bool:
    return event.name in ("ticket.opened", "ticket.assigned", "call.asked")


async def _called(uow: UnitOfWork, event: EventRow) -> frozenset[UUID]:
    query = select(CallPerson.person_id).where(CallPerson.call_id == event.subject, CallPerson.staff)
    return frozenset(await uow.session.scalars(query))


async def _followers(uow: UnitOfWork, ticket: Ticket) -> frozenset[UUID]:
    """The staff who follow a ticket: they are about to hear of it."""
    return _meet(uow, await uow.session.scalars(_FOLLOWERS, {"ticket": ticket.id}))


def _meet(uow: UnitOfWork, persons: Iterable[Person]) -> frozenset[UUID]:
    found = {person.id: person for person in persons}
    about(uow).persons.update(found)
    return frozenset(found)


_FOLLOWERS = (
    select(Person)
    .join(Participant, Participant.person_id == Person.id)
    .where(
        Participant.ticket_id == bindparam("ticket"),
        Participant.kind.in_(("follower", "agent")),
        Person.active,
        Person.role != "requester",
    )
    .limit(MOST_HEARERS)
)


async def _team(uow: UnitOfWork, ticket: Ticket) -> frozenset[UUID]:
    """The active members of the ticket's team; all staff where it has none."""
    query = select(Person.id).where(Person.active, Person.role != "requester").limit(MOST_HEARERS)
    if ticket.team_id is not None:
        query = query.join(TeamMember, TeamMember.person_id == Person.id).where(
            TeamMember.team_id == ticket.team_id
        )
    return frozenset(await uow.session.scalars(query))


async def _leads(uow: UnitOfWork, ticket: Ticket) -> frozenset[UUID]:
    """The leads of the ticket's team; every lead where it has none of its own."""
    query = select(Person.id).where(Person.active, Person.role == "lead").limit(MOST_HEARERS)
    if ticket.team_id is not None:
        own = query.join(TeamMember, TeamMember.person_id == Person.id).where(
            TeamMember.team_id == ticket.team_id
        )
        if found := frozenset(await uow.session.scalars(own)):
            return found
    return frozenset(await uow.session.scalars(query))


async def _who_may(uow: UnitOfWork, permission: Permission) -> frozenset[UUID]:
    """Those whose role has a permission."""
    roles = [name for name, permissions in uow.means.roles.items() if permission in permissions]
    query = select(Person.id).where(Person.active, Person.role.in_(roles)).limit(MOST_HEARERS)
    return frozenset(await uow.session.scalars(query))


async def _persons(uow: UnitOfWork, heard: Sequence[Hearing]) -> dict[UUID, Person]:
    """Those who hear: active, and still what the kind of notice is for."""
    ids = [hearing.person for hearing in heard]
    if not ids:
        return {}
    met = about(uow).persons
    if missing := [one for one in ids if one not in met]:
        _meet(uow, await uow.session.scalars(select(Person).where(Person.id.in_(missing))))
    rows = [met[one] for one in ids if one in met]
    kinds = {hearing.person: KINDS[hearing.kind] for hearing in heard}
    return {
        person.id: person
        for person in rows
        if person.active and (not kinds[person.id].staff or person.role != "requester")
    }


async def _is_pushed(uow: UnitOfWork, ticket: Ticket, platforms: Collection[str]) -> bool:
    if not platforms:
        return False
    places = await uow.session.scalars(
        select(Seat.place_key).where(
            Seat.conversation_id == ticket.conversation_id, Seat.active, Seat.side == "requester"
        )
    )
    return any(Place.from_key(place).platform in platforms for place in places)
