"""Find people by the beginning of a name or an address, by a whole address, or by a ticket's number.

The database knows keyed hashes only (of prefixes of 3 to 12 letters, and of whole addresses), so
what is found there is opened and looked at once more before it is shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select, text

from core.access import Actor, Permission
from core.crypto import words
from core.db import UnitOfWork
from core.errors import Invalid
from core.i18n import _
from core.people.model import Person
from core.people.service import Known, digest_of_email, in_the_clear

MOST_WORDS = 6
MOST_TEXT = 254
LONGEST_HASHED = 12
_WORD = re.compile(r"\w+", re.UNICODE)
_NUMBER = re.compile(r"#\s*(\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class FoundPeople:
    """A page of people, the newest first; `next` continues it."""

    people: list[Known] = field(default_factory=list)
    next: UUID | None = None


async def find(
    uow: UnitOfWork,
    actor: Actor,
    typed: str,
    *,
    role: str | None = None,
    staff: bool | None = None,
    after: UUID | None = None,
    limit: int = 20,
) -> FoundPeople:
    """Who fits what was typed: every word begins a word of the name or address. `#42` is the
    requester of a ticket. Raises `Forbidden` for requesters."""
    actor.require(Permission.see_people)
    if len(typed) > MOST_TEXT:
        raise Invalid(_("This is too long: at most {most} characters.").format(most=MOST_TEXT), field="q")
    limit = max(1, min(limit, 100))
    folded = _WORD.findall(words.fold(typed))[:MOST_WORDS]
    query = select(Person).where(Person.erased_at.is_(None))
    if typed.strip():
        query = query.where(_fits(uow, typed, folded))
    if role is not None:
        query = query.where(Person.role == role)
    if staff is not None:
        query = query.where((Person.role != "requester") if staff else (Person.role == "requester"))
    kept: list[Known] = []
    while len(kept) <= limit:
        page = query if after is None else query.where(Person.id < after)
        found = list(await uow.session.scalars(page.order_by(Person.id.desc()).limit(limit + 1)))
        if not found:
            break
        kept += [
            known for known in await _clear(uow, found) if _NUMBER.search(typed) or _begins(known, folded)
        ]
        after = found[-1].id
        if len(found) <= limit:
            break
    return FoundPeople(kept[:limit], kept[limit - 1].id if len(kept) > limit else None)


async def ids_by_name(uow: UnitOfWork, typed: str, *, staff: bool = False, most: int = 100) -> list[UUID]:
    """The ids of those whom a filter such as `requester:ada` means; at most `most`. Names only
    lead to ids here: whoever asks must guard what the ids lead to."""
    folded = _WORD.findall(words.fold(typed[:MOST_TEXT]))[:MOST_WORDS]
    query = select(Person).where(Person.erased_at.is_(None), _fits(uow, typed, folded))
    if staff:
        query = query.where(Person.role != "requester")
    found = list(await uow.session.scalars(query.order_by(Person.id.desc()).limit(most)))
    return [known.id for known in await _clear(uow, found) if _begins(known, folded)]


def _fits(uow: UnitOfWork, typed: str, folded: list[str]) -> ColumnElement[bool]:
    if number := _NUMBER.fullmatch(typed.strip()):
        # The table of tickets lies above this part: only its name is known here.
        return Person.id.in_(
            text("select requester_id from ticket where number = :number").bindparams(number=int(number[1]))
        )
    by_words = Person.name_terms.contains([words.prefix(uow.keys.words, word) for word in folded])
    if "@" in typed:
        return or_(Person.email_digest == digest_of_email(uow, typed), by_words)
    return and_(by_words, Person.name_terms != []) if not folded else by_words


async def _clear(uow: UnitOfWork, persons: list[Person]) -> list[Known]:
    keys = await uow.keys.of_persons(uow.session, [person.id for person in persons])
    return [in_the_clear(person, keys[person.id]) for person in persons if person.id in keys]


def _begins(known: Known, folded: list[str]) -> bool:
    """Hashes end after twelve letters, words need not."""
    if all(len(word) <= LONGEST_HASHED for word in folded):
        return True
    own = _WORD.findall(words.fold(f"{known.name} {known.display_name} {known.email}"))
    return all(any(each.startswith(word) for each in own) for word in folded)
