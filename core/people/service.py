"""Persons: recognise who speaks, keep what they tell about themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Uuid, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from core import clock, text
from core.access import Actor, ActorKind, Permission
from core.chat import Sender
from core.crypto import words
from core.crypto.fields import Unreadable, seal_json, seal_text, unseal_json, unseal_text
from core.db import UnitOfWork
from core.errors import Conflict, Invalid, NotFound, Refused
from core.i18n import _, supported
from core.people import companies
from core.people.events import (
    AvailabilityChanged,
    EmailVerified,
    PersonAdded,
    PersonBlocked,
    PersonChanged,
    PersonDeactivated,
    PersonReactivated,
    PersonUnblocked,
    RoleGiven,
)
from core.people.model import Availability, Identity, Person, TeamMember

NAME_CHARACTERS = 120
EMAIL_CHARACTERS = 254
MOST_IDENTITIES = 50
"""Accounts of one person at one platform that are looked through."""
_NOT_IN_ADDRESSES = frozenset('<>,;:"\ufffd')


@dataclass(frozen=True, slots=True)
class Profile:
    """What a person tells about themselves; sealed as one value."""

    zone: str = "UTC"
    phone: str = ""
    company: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """A person in the clear, for showing: made per request, never kept."""

    id: UUID
    name: str
    display_name: str
    email: str
    profile: Profile
    role: str
    locale: str
    active: bool = True
    erased: bool = False
    email_verified: bool = False
    blocked: bool = False
    availability: str = Availability.offline.value

    @property
    def shown(self) -> str:
        return self.display_name or self.name or self.email or _("Visitor")

    @property
    def zone(self) -> ZoneInfo:
        return zone_of(self.profile.zone)


def digest_of_identity(uow: UnitOfWork, platform: str, installation: str, external: str) -> bytes:
    return words.digest(uow.keys.lookup, f"{platform}|{installation}|{external}")


def digest_of_email(uow: UnitOfWork, email: str) -> bytes:
    return words.digest(uow.keys.lookup, f"email|{text.folded_address(email)}")


async def add(
    uow: UnitOfWork,
    *,
    name: str = "",
    email: str = "",
    role: str = "requester",
    locale: str = "en",
    profile: Profile | None = None,
    display_name: str = "",
    platform: str = "desk",
    verified: bool = False,
    person_id: UUID | None = None,
) -> Person:
    """A new person with a key of their own. An address is not proved by being told."""
    person = Person(role=role, locale=supported(locale))
    if person_id is not None:
        person.id = person_id
    uow.session.add(person)
    await uow.session.flush()
    key = uow.keys.new_person(uow.session, person.id)
    _write(uow, person, key, name=name, email=email, display_name=display_name, profile=profile or Profile())
    if verified:
        person.email_verified_at = clock.now()
    await uow.session.flush()
    uow.emit(PersonAdded(subject=person.id, role=role, platform=platform))
    return person


async def recognise(uow: UnitOfWork, sender: Sender, platform: str, installation: str) -> Person:
    """The person behind a sender; a new one when the platform's id is not known yet."""
    digest = digest_of_identity(uow, platform, installation, sender.external)
    person = await _recognised(uow, digest, sender)
    if person is not None:
        return person
    # Two first messages at once: the lock lets the second one find what the first has made.
    await uow.session.execute(
        select(func.pg_advisory_xact_lock(int.from_bytes(digest[:8], "big", signed=True)))
    )
    person = await by_identity(uow, digest)
    if person is not None:
        return person
    person = await add(
        uow,
        name=text.line(sender.name[:NAME_CHARACTERS], field="name", most=NAME_CHARACTERS, required=False),
        email=email_or_nothing(sender.email),
        locale=sender.locale,
        profile=Profile(zone=sender.zone or "UTC"),
        platform=platform,
    )
    identity = Identity(person_id=person.id, platform=platform, digest=digest)
    await _keep_external(uow, identity, sender.external)
    if sender.vouched:
        identity.verified_at = clock.now()
    uow.session.add(identity)
    await uow.session.flush()
    return person


async def _recognised(uow: UnitOfWork, digest: bytes, sender: Sender) -> Person | None:
    """The person of an identity. One that was linked by its digest alone learns its id now."""
    row = (
        await uow.session.execute(
            select(Person, Identity)
            .join(Identity, Identity.person_id == Person.id)
            .where(Identity.digest == digest)
        )
    ).one_or_none()
    if row is None:
        return None
    person, identity = row
    if identity.external is None and person.erased_at is None:
        await _keep_external(uow, identity, sender.external)
    found: Person = person
    return found


async def _keep_external(uow: UnitOfWork, identity: Identity, external: str) -> None:
    key = await uow.keys.of_person(uow.session, identity.person_id)
    identity.external = seal_text(key, external, "identity.external", identity.id)


async def by_identity(uow: UnitOfWork, digest: bytes) -> Person | None:
    found: Person | None = await uow.session.scalar(_BY_IDENTITY, {"digest": digest})
    return found


_BY_IDENTITY = (
    select(Person)
    .join(Identity, Identity.person_id == Person.id)
    .where(Identity.digest == bindparam("digest"))
)


async def external_at(uow: UnitOfWork, person_id: UUID, platform: str, installation: str) -> str:
    """What one installation of a platform calls a person; empty when it does not know them."""
    rows = await uow.session.scalars(
        select(Identity)
        .where(Identity.person_id == person_id, Identity.platform == platform, Identity.external.is_not(None))
        .order_by(Identity.created_at.desc())
        .limit(MOST_IDENTITIES)
    )
    for row in list(rows):
        key = await uow.keys.of_person(uow.session, person_id)
        external = unseal_text(key, row.external or b"", "identity.external", row.id)
        if row.digest == digest_of_identity(uow, platform, installation, external):
            return external
    return ""


async def by_email(uow: UnitOfWork, email: str, *, verified: bool = True) -> Person | None:
    """The person to whom an address has proved to belong (or who merely told it)."""
    query = select(Person).where(
        Person.email_digest == digest_of_email(uow, email), Person.erased_at.is_(None)
    )
    if verified:
        query = query.where(Person.email_verified_at.is_not(None))
    found: Person | None = await uow.session.scalar(query.order_by(Person.created_at).limit(1))
    return found


async def get(uow: UnitOfWork, person_id: UUID) -> Person:
    person = await uow.session.get(Person, person_id)
    if person is None:
        raise NotFound(_("There is no such person."))
    return person


async def actor_of(uow: UnitOfWork, person: Person) -> Actor:
    """What a person may do now, by role and teams; a deactivated one may do nothing."""
    teams: frozenset[UUID] = frozenset()
    if person.role != "requester":
        rows = await uow.session.scalars(select(TeamMember.team_id).where(TeamMember.person_id == person.id))
        teams = frozenset(rows)
    return actor_from(uow, person, teams)


def actor_from(uow: UnitOfWork, person: Person, teams: frozenset[UUID] = frozenset()) -> Actor:
    permissions = uow.means.roles.get(person.role, frozenset()) if person.active else frozenset[Permission]()
    return Actor(
        id=person.id,
        kind=ActorKind.person,
        role=person.role,
        permissions=permissions,
        teams=teams,
        organisation=person.organisation_id,
    )


async def known(
    session: AsyncSession, uow: UnitOfWork, ids: Sequence[UUID | None] | set[UUID | None]
) -> dict[UUID, Known]:
    """Many persons in the clear, by one query; erased ones have no name."""
    wanted = {pid for pid in ids if pid is not None}
    if not wanted:
        return {}
    persons = list(await session.scalars(_KNOWN, {"ids": list(wanted)}))
    keys = await uow.keys.of_persons(session, wanted)
    return {person.id: in_the_clear(person, keys.get(person.id)) for person in persons}


_KNOWN = select(Person).where(Person.id == func.any(bindparam("ids", type_=ARRAY(Uuid()))))


async def know(uow: UnitOfWork, person: Person) -> Known:
    keys = await uow.keys.of_persons(uow.session, (person.id,))
    return in_the_clear(person, keys.get(person.id))


def in_the_clear(person: Person, key: bytes | None) -> Known:
    if key is None or person.erased_at is not None:
        return Known(
            person.id, _("Erased person"), "", "", Profile(), person.role, person.locale, False, True
        )
    raw = _open_json(person, key)
    return Known(
        id=person.id,
        name=_open(person.name, key, "person.name", person),
        display_name=_open(person.display_name, key, "person.display_name", person),
        email=_open(person.email, key, "person.email", person),
        profile=Profile(**{k: str(v) for k, v in raw.items() if k in Profile.__dataclass_fields__}),
        role=person.role,
        locale=person.locale,
        active=person.active,
        email_verified=person.email_verified_at is not None,
        blocked=person.blocked_at is not None,
        availability=person.availability,
    )


async def change(
    uow: UnitOfWork,
    person: Person,
    *,
    name: str | None = None,
    display_name: str | None = None,
    email: str | None = None,
    locale: str | None = None,
    profile: dict[str, str] | None = None,
    proved: bool = False,
) -> Person:
    """Keep what was told about a person; a new address is unproved again. In place of one that was proved,
    and of staff, it is taken only when it is `proved`: whoever reads its mail can sign in."""
    key = await uow.keys.of_person(uow.session, person.id)
    before = in_the_clear(person, key)
    changed: list[str] = []
    if locale is not None and supported(locale) != person.locale:
        person.locale = supported(locale)
        changed.append("locale")
    new_profile = before.profile if profile is None else replace(before.profile, **_checked_profile(profile))
    new = {
        "name": before.name
        if name is None
        else text.line(name, field="name", most=NAME_CHARACTERS, required=False),
        "display_name": before.display_name
        if display_name is None
        else text.line(display_name, field="display_name", most=NAME_CHARACTERS, required=False),
        "email": before.email if email is None else checked_email(email),
    }
    changed += [field for field, value in new.items() if value != getattr(before, field)]
    if new_profile != before.profile:
        changed.append("profile")
    if not changed:
        return person
    if "email" in changed:
        if person.role != "requester" and not proved:
            raise Refused(_("The address of a colleague changes only by a link that is sent to the new one."))
        if person.email_verified_at is not None and not proved:
            raise Refused(
                _("This address belongs to an account: only its owner changes it, by a link to the new one.")
            )
        person.email_verified_at = None
    _write(uow, person, key, profile=new_profile, **new)
    person.version += 1
    uow.emit(PersonChanged(subject=person.id, fields=tuple(changed)))
    return person


async def tell(uow: UnitOfWork, person: Person, *, name: str, email: str) -> None:
    """What somebody says of themselves where nothing proves it, such as in the web chat. Of a person with an
    account nothing changes by it: else whoever has their old browser could move the account to another address."""
    if person.role == "requester" and person.email_verified_at is None:
        await change(uow, person, name=name, email=email)


async def verify_email(uow: UnitOfWork, person: Person) -> None:
    """The address proved to be theirs; raises `Conflict` when another person proved it first."""
    if person.email_verified_at is not None or person.email_digest is None:
        return
    other = await uow.session.scalar(
        select(Person.id).where(
            Person.email_digest == person.email_digest,
            Person.email_verified_at.is_not(None),
            Person.id != person.id,
        )
    )
    if other is not None:
        raise Conflict(_("This address belongs to another account already."))
    person.email_verified_at = clock.now()
    if person.role == "requester" and person.organisation_id is None:
        person.organisation_id = await companies.of_email(uow, (await know(uow, person)).email)
    uow.emit(EmailVerified(subject=person.id))


async def give_role(uow: UnitOfWork, person: Person, role: str) -> None:
    """Change a person's role. The last active admin keeps it: a desk needs one."""
    if role not in uow.means.roles:
        raise Invalid(_("There is no such role."), field="role")
    if person.role == role:
        return
    await _not_the_last_admin(uow, person)
    uow.emit(RoleGiven(subject=person.id, before=person.role, after=role))
    person.role = role
    person.version += 1


async def deactivate(uow: UnitOfWork, person: Person) -> None:
    if not person.active:
        return
    await _not_the_last_admin(uow, person)
    person.active = False
    person.availability = Availability.offline.value
    person.version += 1
    uow.emit(PersonDeactivated(subject=person.id))


async def reactivate(uow: UnitOfWork, person: Person) -> None:
    if person.active or person.erased_at is not None:
        return
    person.active = True
    person.version += 1
    uow.emit(PersonReactivated(subject=person.id))


async def block(uow: UnitOfWork, person: Person, *, blocked: bool = True) -> None:
    """A blocked requester is heard no more; what they said stays."""
    if (person.blocked_at is not None) == blocked:
        return
    person.blocked_at = clock.now() if blocked else None
    uow.emit(PersonBlocked(subject=person.id) if blocked else PersonUnblocked(subject=person.id))


async def set_availability(uow: UnitOfWork, person: Person, availability: Availability) -> None:
    if person.availability == availability.value:
        return
    uow.emit(AvailabilityChanged(subject=person.id, before=person.availability, after=availability.value))
    person.availability = availability.value


async def touch(uow: UnitOfWork, person_id: UUID, at: datetime) -> None:
    person = await uow.session.get(Person, person_id)
    if person is not None:
        person.last_seen_at = at


def checked_email(email: str) -> str:
    """An address that can be one (RFC 5321 lengths; one @, a dot in the domain), or nothing."""
    address = text.line(email, field="email", most=EMAIL_CHARACTERS, required=False)
    if not address:
        return ""
    local, at, domain = address.rpartition("@")
    fine = (
        at
        and local
        and len(local) <= 64
        and "." in domain.strip(".")
        and " " not in address
        and "@" not in local
    )
    if not fine or any(not char.isprintable() or char in _NOT_IN_ADDRESSES for char in address):
        raise Invalid(_("This does not look like an e-mail address."), field="email")
    return address


def email_or_nothing(email: str) -> str:
    try:
        return checked_email(email)
    except Invalid:
        return ""


def zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def _write(
    uow: UnitOfWork, person: Person, key: bytes, *, name: str, email: str, display_name: str, profile: Profile
) -> None:
    person.name = seal_text(key, name, "person.name", person.id) if name else None
    person.display_name = (
        seal_text(key, display_name, "person.display_name", person.id) if display_name else None
    )
    person.email = seal_text(key, email, "person.email", person.id) if email else None
    person.email_digest = digest_of_email(uow, email) if email else None
    person.profile = seal_json(key, asdict(profile), "person.profile", person.id)
    person.name_terms = words.prefixes(uow.keys.words, f"{name} {display_name} {email}")


def _checked_profile(profile: dict[str, str]) -> dict[str, str]:
    checked: dict[str, str] = {}
    for field, value in profile.items():
        if field not in Profile.__dataclass_fields__:
            raise Invalid(_("There is no such field."), field=field)
        if field == "zone" and zone_of(value).key != value:
            raise Invalid(_("There is no such time zone."), field="zone")
        checked[field] = text.line(value, field=field, most=500, required=False)
    return checked


def _open(sealed: bytes | None, key: bytes, field: str, person: Person) -> str:
    if sealed is None:
        return ""
    try:
        return unseal_text(key, sealed, field, person.id)
    except Unreadable:
        return ""


def _open_json(person: Person, key: bytes) -> dict[str, object]:
    if person.profile is None:
        return {}
    try:
        value = unseal_json(key, person.profile, "person.profile", person.id)
    except Unreadable:
        return {}
    return value if isinstance(value, dict) else {}


async def _not_the_last_admin(uow: UnitOfWork, person: Person) -> None:
    if person.role != "admin":
        return
    others = await uow.session.scalar(
        select(func.count())
        .select_from(Person)
        .where(Person.role == "admin", Person.active, Person.id != person.id)
    )
    if not others:
        raise Conflict(_("This is the last admin: give the role to someone else first."))
