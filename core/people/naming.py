"""Many persons' names at once, for lists and timelines: one query, nothing else decrypted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Text, Uuid, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY

from core.access import Actor
from core.crypto.fields import Unreadable, unseal_text
from core.crypto.model import PersonKey
from core.db import UnitOfWork
from core.i18n import _, language
from core.people.model import Person


@dataclass(frozen=True, slots=True)
class Named:
    """What a person is called. `public` is what the other side may read: never an address."""

    id: UUID
    shown: str
    public: str
    role: str = "requester"
    active: bool = True
    erased: bool = False
    availability: str = "offline"

    @property
    def staff(self) -> bool:
        return self.role != "requester"


_COLUMNS = (
    select(
        Person.id,
        Person.name,
        Person.display_name,
        Person.email,
        Person.role,
        Person.active,
        Person.erased_at,
        Person.availability,
        PersonKey.wrapped,
        PersonKey.intermediate_id,
    )
    .join(PersonKey, PersonKey.person_id == Person.id, isouter=True)
)  # fmt: skip
# One array, not a list of values: the statement stays the same for any number of people.
_BY_ID = _COLUMNS.where(Person.id == any_(bindparam("ids", type_=ARRAY(Uuid()))))
_BY_ROLE = (
    _COLUMNS.where(Person.active, Person.role == any_(bindparam("roles", type_=ARRAY(Text()))))
    .order_by(Person.id)
    .limit(bindparam("most"))
)


async def named(uow: UnitOfWork, ids: Iterable[UUID | None]) -> dict[UUID, Named]:
    """Names by id; who does not exist is missing, who was erased has a name that says so. A page asks for the
    same few people several times: each is looked up once in a unit of work."""
    wanted = {each for each in ids if each is not None}
    memo: dict[UUID, Named] = uow.memo.setdefault(f"people.named {language()}", {})
    if missing := wanted - memo.keys():
        memo |= await _named(uow, _BY_ID, {"ids": list(missing)})
    return {each: memo[each] for each in wanted if each in memo}


async def named_by_role(uow: UnitOfWork, roles: Iterable[str], most: int = 300) -> dict[UUID, Named]:
    """The active people of some roles."""
    return await _named(uow, _BY_ROLE, {"roles": sorted(roles), "most": most})


async def _named(uow: UnitOfWork, statement: Any, values: dict[str, Any]) -> dict[UUID, Named]:
    rows = await uow.session.execute(statement, values)
    found: dict[UUID, Named] = {}
    for pid, name, display, email, role, active, erased_at, availability, wrapped, intermediate in rows:
        if wrapped is None or erased_at is not None:
            found[pid] = Named(pid, _("Erased person"), _("Erased person"), role, False, True)
            continue
        key = await uow.keys.open_person(uow.session, pid, wrapped, intermediate)
        called = _open(key, display, "person.display_name", pid) or _open(key, name, "person.name", pid)
        shown = called or _open(key, email, "person.email", pid) or _("Visitor")
        public = called or (_("Visitor") if role == "requester" else _("Support"))
        found[pid] = Named(pid, shown, public, role, active, False, availability)
    return found


def name_for(uow: UnitOfWork, reader: Actor, who: Named | None) -> str:
    """What a reader may call someone: requesters read agents' display names, or the desk's name
    where the desk does not show them."""
    if who is None:
        return ""
    if reader.staff or who.id == reader.id:
        return who.shown
    if who.staff and not uow.settings.show_agent_names:
        return uow.settings.name
    return who.public


def _open(key: bytes, sealed: bytes | None, field: str, person_id: UUID) -> str:
    if sealed is None:
        return ""
    try:
        return unseal_text(key, sealed, field, person_id)
    except Unreadable:
        return ""
