"""A small world: agents in teams, requesters with addresses, tickets opened as by the web chat."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from bot.tell import Tell, Teller
from core import clock
from core.access import Actor
from core.chat import Place
from core.desk import Desk
from core.ids import new_id
from core.people import service as people
from core.people.model import Person, Tag, Team, TeamMember
from core.tickets import service as tickets
from core.tickets.model import Ticket


class Clock:
    """A clock that a test moves: `with clock.fixed(Clock())`."""

    def __init__(self, at: datetime | None = None) -> None:
        self.at = at or datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **by: float) -> None:
        self.at += timedelta(**by)


async def team(desk: Desk, name: str = "Support", mode: str = "manual") -> UUID:
    async with desk.unit() as uow:
        made = Team(name=name, assign_mode=mode)
        uow.session.add(made)
        return made.id


async def agent(
    desk: Desk,
    name: str,
    *,
    role: str = "agent",
    teams: tuple[UUID, ...] = (),
    email: str = "",
    availability: str = "available",
    capacity: int = 20,
    skills: tuple[str, ...] = (),
    locale: str = "en",
    here: bool = True,
) -> Person:
    async with desk.unit() as uow:
        person = await people.add(uow, name=name, role=role, email=email, verified=bool(email), locale=locale)
        person.availability, person.capacity = availability, capacity
        person.last_seen_at = clock.now() + timedelta(hours=2) if here else None
        for skill in skills:
            tag = Tag(name=skill)
            uow.session.add(tag)
            await uow.session.flush()
            person.skills = [*person.skills, tag.id]
        for one in teams:
            uow.session.add(TeamMember(team_id=one, person_id=person.id))
        return person


async def requester(
    desk: Desk,
    name: str = "Ada",
    *,
    email: str = "ada@example.org",
    verified: bool = True,
    locale: str = "en",
    zone: str = "UTC",
) -> Person:
    async with desk.unit() as uow:
        return await people.add(
            uow,
            name=name,
            email=email,
            verified=verified and bool(email),
            locale=locale,
            profile=people.Profile(zone=zone),
        )


async def actor(desk: Desk, person: Person) -> Actor:
    async with desk.unit() as uow:
        return await people.actor_of(uow, person)


async def opened(
    desk: Desk,
    person: Person,
    text: str = "The printer is on fire",
    *,
    by: Person | None = None,
    **request: object,
) -> Ticket:
    """A ticket that was opened in the web chat, by its requester unless said otherwise."""
    who = await actor(desk, by or person)
    values: dict[str, object] = {
        "channel": "webchat",
        "place": Place("webchat", "main", str(person.id), str(new_id())),
    }
    async with desk.unit(who) as uow:
        made = await tickets.open_ticket(uow, who, person, tickets.Request(text=text, **(values | request)))  # type: ignore[arg-type]
        return made.ticket


async def says(desk: Desk, person: Person, ticket: Ticket, text: str) -> None:
    """The requester says more."""
    from core.conversations.service import Saying
    from core.tickets import access

    who = await actor(desk, person)
    async with desk.unit(who) as uow:
        found = await access.by_id(uow, who, ticket.id, lock=True)
        await tickets.hear(uow, found, who, Saying(text=text, via="webchat"), person)


async def told(desk: Desk, *tellers: Teller) -> None:
    """Everything that happened was told."""
    tell = Tell(desk, tellers)
    while await tell.read():
        pass


async def fresh(desk: Desk, ticket: Ticket) -> Ticket:
    async with desk.unit() as uow:
        found = await uow.session.get(Ticket, ticket.id)
        assert found is not None
        return found
