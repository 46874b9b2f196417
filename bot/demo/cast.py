"""The people of the demo desk: requesters and their companies, agents, a lead, an admin."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from bot.demo.settings import Made
from bot.demo.texts import ProfileNote, Requester, Staff, people, profile_notes
from core import clock
from core.access import Actor
from core.admin import organisations
from core.admin import service as desk
from core.chat import Sender
from core.db import UnitOfWork
from core.people import service
from core.people.model import Availability, Person
from core.people.service import Profile
from core.tickets.service import tag_ids


@dataclass(frozen=True, slots=True)
class Member:
    """A person with what they may do."""

    person: Person
    actor: Actor

    @property
    def id(self) -> UUID:
        return self.person.id


Cast = Mapping[str, Member]
"""Everyone by their address."""


async def first(uow: UnitOfWork) -> Member:
    """The admin, who sets up the desk before anyone else is there."""
    person = await _add(uow, people().admin, "admin")
    return Member(person, service.actor_from(uow, person))


async def gather(uow: UnitOfWork, made: Made, admin: Member, rng: random.Random) -> Cast:
    """Everyone. The agents are offline, so that nobody is chosen but by the story."""
    cast = {people().admin.email: admin}
    companies = {
        each.name: await organisations.make(
            uow,
            admin.actor,
            name=each.name,
            domains=each.domain,
            members_see_all=each.name.startswith("Sundby"),
        )
        for each in people().organisations
    }
    for staff in (*people().agents, people().lead):
        cast[staff.email] = await _staff(uow, made, admin.actor, staff)
    notes = {language: _shuffled(rng, language) for language in ("en", "de")}
    for place, requester in enumerate(people().requesters):
        about = notes[requester.language].pop() if place % 2 and notes[requester.language] else ""
        cast[requester.email] = await _requester(uow, requester, companies, about, place)
    return cast


async def come_to_work(uow: UnitOfWork, cast: Cast) -> None:
    """Who is there at the end of the story: most are available, one is away, one is off."""
    states = [Availability.available] * 4 + [Availability.away, Availability.offline]
    states += [Availability.available, Availability.away]
    for staff, state in zip((*people().agents, people().lead, people().admin), states, strict=True):
        person = await service.get(uow, cast[staff.email].id)
        await service.set_availability(uow, person, state)
        if state is not Availability.offline:
            await service.touch(uow, person.id, clock.now())


async def _staff(uow: UnitOfWork, made: Made, admin: Actor, staff: Staff) -> Member:
    lead = staff is people().lead
    person = await _add(uow, staff, "lead" if lead else "agent")
    person.capacity = 40 if lead else 30
    person.skills = sorted(await tag_ids(uow, staff.skills, make=True))
    teams = [made.teams[team] for team in staff.teams]
    await desk.join_teams(uow, admin, person, teams)
    await uow.session.flush()
    return Member(person, service.actor_from(uow, person, frozenset(teams)))


async def _add(uow: UnitOfWork, staff: Staff, role: str) -> Person:
    person = await service.add(
        uow,
        name=staff.name,
        display_name=staff.name.split(" ", 1)[0],
        email=staff.email,
        role=role,
        locale=staff.languages[0],
        profile=Profile(zone=staff.time_zone),
        verified=True,
    )
    person.preferences = {"languages": list(staff.languages)}
    return person


async def _requester(
    uow: UnitOfWork, requester: Requester, companies: dict[str, UUID], about: str, place: int
) -> Member:
    """Two of three came by the chat of the site, which vouched for them; the others signed up."""
    company = requester.organisation or ""
    if place % 3:
        sender = Sender(
            external=f"customer-{place}",
            name=requester.name,
            email=requester.email,
            locale=requester.language,
            zone=requester.time_zone,
            vouched=True,
        )
        person = await service.recognise(uow, sender, "webchat", "main")
    else:
        person = await service.add(
            uow, name=requester.name, email=requester.email, locale=requester.language,
            profile=Profile(zone=requester.time_zone),
        )  # fmt: skip
    phone = f"+49 40 5550 {1000 + place * 37}" if place % 4 == 0 else ""
    if about or company or phone:
        told = {"about": about, "company": company, "phone": phone}
        await service.change(uow, person, profile=told)
    if place % 10 != 9:
        await service.verify_email(uow, person)
    if company:
        person.organisation_id = companies[company]
    await uow.session.flush()
    return Member(person, service.actor_from(uow, person))


def _shuffled(rng: random.Random, language: str) -> list[str]:
    notes: list[ProfileNote] = [note for note in profile_notes() if note.language == language]
    rng.shuffle(notes)
    return [note.text for note in notes]
