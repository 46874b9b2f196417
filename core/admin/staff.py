"""What an admin does with people: invite, give role, teams and skills, switch off, sign out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import delete, func, select, update

from core import clock
from core.access import SYSTEM, Actor, Permission
from core.admin import service as desk
from core.admin.service import check_version, record
from core.db import UnitOfWork
from core.errors import Invalid, NotFound, Refused
from core.i18n import _
from core.people import links, sign_in
from core.people import service as people
from core.people.events import PersonChanged, PersonInvited
from core.people.model import ApiToken, Organisation, Person, Tag, TeamMember
from core.tickets import service as tickets
from core.tickets.model import LIVE, Participant, Ticket

LARGEST_CAPACITY = 500
MOST_SKILLS = 50
MOST_RELEASED = 500
_ROLES_LOCK = 4_202_643


async def invite(
    uow: UnitOfWork,
    actor: Actor,
    *,
    email: str,
    name: str,
    role: str,
    team_ids: Collection[UUID] = (),
    locale: str | None = None,
) -> tuple[Person, str]:
    """Add a colleague and mail an invitation; the person, and the link's path to be shown once."""
    actor.require(Permission.manage_staff)
    address = people.checked_email(email)
    if not address:
        raise Invalid(_("An invitation needs an address."), field="email")
    if role not in uow.means.roles or role == "requester":
        raise Invalid(_("Please choose one of the list."), field="role")
    if await _has_account(uow, address):
        raise Invalid(
            _("Someone with this address has an account already: look for them and give them the role."),
            field="email",
        )
    profile = people.Profile(zone=uow.settings.zone)
    person = await people.add(
        uow,
        name=name,
        email=address,
        role=role,
        locale=locale or uow.settings.language,
        profile=profile,
    )
    uow.emit(PersonInvited(subject=person.id, role=role), actor=actor)
    await desk.join_teams(uow, actor, person, team_ids)
    return person, await links.invite(uow, person)


async def invite_again(uow: UnitOfWork, actor: Actor, person: Person) -> str:
    """A new invitation; the one before works no more."""
    actor.require(Permission.manage_staff)
    if person.role == "requester" or not person.active:
        raise Refused(_("Only active colleagues can be invited."))
    if person.email_digest is None:
        raise Refused(_("There is no address to which an invitation could be sent."))
    await links.void(uow, person, links.Purpose.invite)
    uow.emit(PersonInvited(subject=person.id, role=person.role), actor=actor)
    return await links.invite(uow, person)


async def change(
    uow: UnitOfWork,
    actor: Actor,
    person_id: UUID,
    *,
    version: int,
    role: str,
    team_ids: Collection[UUID] = (),
    skills: Sequence[str] = (),
    capacity: int | None = None,
) -> Person:
    """Set role, teams, skills (names of tags) and capacity. Whoever becomes a requester leaves
    their teams and what they followed or worked on, and signs in anew. Raises `Conflict` for the last admin."""
    person = await _locked(uow, actor, person_id, version)
    before = person.version
    await _alone(uow)
    await people.give_role(uow, person, role)
    is_staff = person.role != "requester"
    changed = [
        name
        for name, did in (
            ("teams", await desk.join_teams(uow, actor, person, team_ids if is_staff else ())),
            ("skills", await _set_skills(uow, actor, person, skills if is_staff else ())),
            ("capacity", _set_capacity(person, capacity)),
        )
        if did
    ]
    if not is_staff:
        await _leave_all(uow, person)
        await shut_out(uow, person)
        await give_back(uow, person)
    if changed:
        uow.emit(PersonChanged(subject=person.id, fields=tuple(changed)), actor=actor)
    if changed and person.version == before:
        person.version += 1
    return person


async def place_in(
    uow: UnitOfWork, actor: Actor, person_id: UUID, *, version: int, organisation_id: UUID | None
) -> Person:
    """Put a requester into an organisation by hand, or take them out."""
    person = await _locked(uow, actor, person_id, version)
    if organisation_id is not None:
        found = await uow.session.get(Organisation, organisation_id)
        if found is None or (not found.active and found.id != person.organisation_id):
            raise Invalid(_("There is no such organisation."), field="organisation")
    if person.organisation_id != organisation_id:
        person.organisation_id = organisation_id
        person.version += 1
        uow.emit(PersonChanged(subject=person.id, fields=("organisation",)), actor=actor)
    return person


async def deactivate(uow: UnitOfWork, actor: Actor, person_id: UUID) -> int:
    """Switch an account off: signed out everywhere, tokens revoked, live tickets given back to
    their queue. Returns how many tickets that were."""
    person = await _person(uow, actor, person_id)
    if person.id == actor.id:
        raise Refused(_("You cannot deactivate yourself; ask another admin."))
    await _alone(uow)
    await people.deactivate(uow, person)
    await shut_out(uow, person)
    return await give_back(uow, person)


async def reactivate(uow: UnitOfWork, actor: Actor, person_id: UUID) -> None:
    person = await _person(uow, actor, person_id)
    await people.reactivate(uow, person)


async def block(uow: UnitOfWork, actor: Actor, person_id: UUID, *, blocked: bool) -> None:
    """Block a requester, or hear them again. Moderators may; staff cannot be blocked."""
    actor.require(Permission.moderate)
    person = await uow.session.get(Person, person_id, with_for_update=True, populate_existing=True)
    if person is None:
        raise NotFound(_("There is no such person."))
    if blocked and person.role != "requester":
        raise Refused(_("Only requesters can be blocked; deactivate a colleague instead."))
    await people.block(uow, person, blocked=blocked)


async def sign_out_everywhere(uow: UnitOfWork, actor: Actor, person_id: UUID) -> int:
    """End all sessions of a person; how many there were."""
    person = await _person(uow, actor, person_id)
    return await sign_in.revoke_others(uow, person, None)


async def shut_out(uow: UnitOfWork, person: Person) -> None:
    """No session, no waiting link and no token of this person works any more."""
    await sign_in.revoke_others(uow, person, None)
    await links.void(uow, person, *links.Purpose)
    await uow.session.execute(
        update(ApiToken)
        .where(ApiToken.person_id == person.id, ApiToken.revoked_at.is_(None))
        .values(revoked_at=clock.now())
    )


async def give_back(uow: UnitOfWork, person: Person) -> int:
    """Live tickets of someone who is gone return to their queue."""
    numbers = await uow.session.scalars(
        select(Ticket.number)
        .where(Ticket.assignee_id == person.id, Ticket.status.in_(LIVE))
        .order_by(Ticket.number)
        .limit(MOST_RELEASED)
    )
    count = 0
    for number in list(numbers):
        await tickets.release(uow, SYSTEM, number)
        count += 1
    return count


async def skills_of(uow: UnitOfWork, person: Person) -> list[str]:
    rows = await uow.session.scalars(select(Tag.name).where(Tag.id.in_(person.skills)).order_by(Tag.name))
    return list(rows)


async def teams_of(uow: UnitOfWork, person: Person) -> list[UUID]:
    return list(
        await uow.session.scalars(select(TeamMember.team_id).where(TeamMember.person_id == person.id))
    )


async def _has_account(uow: UnitOfWork, address: str) -> bool:
    found = await uow.session.scalar(
        select(Person.id)
        .where(
            Person.email_digest == people.digest_of_email(uow, address),
            Person.erased_at.is_(None),
            (Person.role != "requester") | Person.email_verified_at.is_not(None),
        )
        .limit(1)
    )
    return found is not None


async def _person(uow: UnitOfWork, actor: Actor, person_id: UUID) -> Person:
    actor.require(Permission.manage_staff)
    person = await uow.session.get(Person, person_id, with_for_update=True, populate_existing=True)
    if person is None:
        raise NotFound(_("There is no such person."))
    if person.erased_at is not None:
        raise Refused(_("This person was erased."))
    return person


async def _locked(uow: UnitOfWork, actor: Actor, person_id: UUID, version: int) -> Person:
    person = await _person(uow, actor, person_id)
    check_version(person, version)
    return person


async def _alone(uow: UnitOfWork) -> None:
    """Two admins who demote each other at the same moment must not both succeed."""
    await uow.session.execute(select(func.pg_advisory_xact_lock(_ROLES_LOCK)))


async def _set_skills(uow: UnitOfWork, actor: Actor, person: Person, names: Sequence[str]) -> bool:
    wanted = list(dict.fromkeys(desk.tag_name(name, field="skills") for name in names if name.strip()))
    if len(wanted) > MOST_SKILLS:
        raise Invalid(_("At most {most} skills, please.").format(most=MOST_SKILLS), field="skills")
    known = dict((await uow.session.execute(select(Tag.name, Tag.id).where(Tag.name.in_(wanted)))).all())
    for name in wanted:
        if name not in known:
            tag = Tag(name=name)
            uow.session.add(tag)
            await uow.session.flush()
            known[name] = tag.id
            record(uow, actor, "tag", tag.id, "made")
    skills = sorted(known[name] for name in wanted)
    if skills == sorted(person.skills):
        return False
    person.skills = skills
    return True


def _set_capacity(person: Person, capacity: int | None) -> bool:
    if capacity is None or capacity == person.capacity:
        return False
    if not 0 <= capacity <= LARGEST_CAPACITY:
        raise Invalid(
            _("A number from 0 to {most} is expected here.").format(most=LARGEST_CAPACITY), field="capacity"
        )
    person.capacity = capacity
    return True


async def _leave_all(uow: UnitOfWork, person: Person) -> None:
    await uow.session.execute(delete(TeamMember).where(TeamMember.person_id == person.id))
    await uow.session.execute(
        delete(Participant).where(Participant.person_id == person.id, Participant.kind != "requester")
    )
