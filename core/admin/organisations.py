"""Organisations: customers' companies. Name and domains are sealed under the desk's key."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select

from core import text
from core.access import Actor, Permission
from core.admin.service import ChangedMeanwhile, record
from core.crypto.fields import Unreadable, seal_json, seal_text, unseal_json, unseal_text
from core.db import UnitOfWork
from core.errors import Invalid, NotFound
from core.i18n import _
from core.people.companies import domain_digest
from core.people.model import Organisation, Person

NAME_CHARACTERS = 120
MOST_DOMAINS = 50
PAGE = 50
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}")


@dataclass(frozen=True, slots=True)
class Company:
    """An organisation in the clear."""

    id: UUID
    version: int
    name: str
    domains: tuple[str, ...]
    members_see_all: bool
    active: bool
    members: int = 0


async def listed(
    uow: UnitOfWork, actor: Actor, *, before: UUID | None = None, most: int = PAGE
) -> tuple[list[Company], UUID | None]:
    """A page, the newest first (names are sealed and cannot be sorted by the database)."""
    actor.require(Permission.see_people)
    query = select(Organisation).order_by(Organisation.id.desc()).limit(most + 1)
    if before is not None:
        query = query.where(Organisation.id < before)
    rows = list(await uow.session.scalars(query))
    counts = await _members(uow, [row.id for row in rows])
    shown = [_clear(uow, row, counts.get(row.id, 0)) for row in rows[:most]]
    return shown, shown[-1].id if len(rows) > most else None


async def get(uow: UnitOfWork, actor: Actor, organisation_id: UUID) -> Company:
    actor.require(Permission.see_people)
    row = await uow.session.get(Organisation, organisation_id)
    if row is None:
        raise NotFound(_("There is no such organisation."))
    counts = await _members(uow, [row.id])
    return _clear(uow, row, counts.get(row.id, 0))


async def make(
    uow: UnitOfWork, actor: Actor, *, name: str, domains: str = "", members_see_all: bool = False
) -> UUID:
    actor.require(Permission.manage_staff)
    row = Organisation(name=b"")
    await _fill(uow, row, name, domains, members_see_all)
    uow.session.add(row)
    await uow.session.flush()
    record(uow, actor, "organisation", row.id, "made")
    return row.id


async def change(
    uow: UnitOfWork,
    actor: Actor,
    organisation_id: UUID,
    *,
    version: int,
    name: str,
    domains: str,
    members_see_all: bool,
) -> None:
    actor.require(Permission.manage_staff)
    row = await _locked(uow, organisation_id, version)
    await _fill(uow, row, name, domains, members_see_all)
    row.version += 1
    record(uow, actor, "organisation", row.id)


async def keep(uow: UnitOfWork, actor: Actor, organisation_id: UUID, *, version: int, active: bool) -> None:
    """Retire an organisation or take it into use again; a retired one shares no tickets."""
    actor.require(Permission.manage_staff)
    row = await _locked(uow, organisation_id, version)
    row.active = active
    if not active:
        row.members_see_all = False
        row.domain_digests = []
    elif row.domains is not None:
        row.domain_digests = _digests(uow, _domains_of(uow, row))
    row.version += 1
    record(uow, actor, "organisation", row.id, "restored" if active else "retired")


def parse_domains(typed: str) -> tuple[str, ...]:
    """Domains from what was typed: one a line or separated by commas, an @ before them forgiven."""
    found: dict[str, None] = {}
    for part in re.split(r"[\s,;]+", typed.strip()):
        domain = text.folded_address(part).lstrip("@").rstrip(".")
        if not domain:
            continue
        try:
            ascii_form = text.ascii_domain(domain)
        except UnicodeError:
            ascii_form = ""
        if not _DOMAIN.fullmatch(ascii_form) or len(ascii_form) > 253:
            raise Invalid(_("“{domain}” is no domain.").format(domain=part[:60]), field="domains")
        found[ascii_form] = None
    if len(found) > MOST_DOMAINS:
        raise Invalid(_("At most {most} domains, please.").format(most=MOST_DOMAINS), field="domains")
    return tuple(found)


async def _fill(uow: UnitOfWork, row: Organisation, name: str, typed: str, members_see_all: bool) -> None:
    clean = text.line(name, field="name", most=NAME_CHARACTERS)
    domains = parse_domains(typed)
    digests = _digests(uow, domains)
    taken = await uow.session.scalar(
        select(Organisation.id).where(
            Organisation.domain_digests.overlap(digests), Organisation.id != row.id, Organisation.active
        )
    )
    if digests and taken is not None:
        raise Invalid(_("One of these domains belongs to another organisation."), field="domains")
    row.name = seal_text(uow.keys.desk, clean, "organisation.name", row.id)
    row.domains = seal_json(uow.keys.desk, list(domains), "organisation.domains", row.id)
    row.domain_digests = digests
    row.members_see_all = members_see_all


async def _locked(uow: UnitOfWork, organisation_id: UUID, version: int) -> Organisation:
    row = await uow.session.get(Organisation, organisation_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(_("There is no such organisation."))
    if row.version != version:
        raise ChangedMeanwhile
    return row


async def _members(uow: UnitOfWork, ids: Sequence[UUID]) -> dict[UUID, int]:
    rows = await uow.session.execute(
        select(Person.organisation_id, func.count())
        .where(Person.organisation_id.in_(ids))
        .group_by(Person.organisation_id)
    )
    return {one: count for one, count in rows if one is not None}


def _clear(uow: UnitOfWork, row: Organisation, members: int) -> Company:
    try:
        name = unseal_text(uow.keys.desk, row.name, "organisation.name", row.id)
    except Unreadable:
        name = _("(unreadable)")
    return Company(row.id, row.version, name, _domains_of(uow, row), row.members_see_all, row.active, members)


def _domains_of(uow: UnitOfWork, row: Organisation) -> tuple[str, ...]:
    if row.domains is None:
        return ()
    try:
        return tuple(unseal_json(uow.keys.desk, row.domains, "organisation.domains", row.id))
    except Unreadable:
        return ()


def _digests(uow: UnitOfWork, domains: Sequence[str]) -> list[int]:
    return sorted(domain_digest(uow, domain) for domain in domains)
