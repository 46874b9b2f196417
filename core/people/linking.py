"""One person, several identities: a code that is made here and entered there proves it.

Whoever makes the code keeps their account; whoever enters it comes under that account. The code is
short, since it is typed on a phone; it lives ten minutes, works once, and wrong tries are counted.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from sqlalchemy import and_, exists, func, select

from core import clock
from core.chat import Place
from core.crypto import words
from core.db import UnitOfWork
from core.errors import NotFound, Refused, TooMany
from core.i18n import _
from core.people.events import IdentityLinked, LinkIssued
from core.people.links import LinkExpired, LinkUsed
from core.people.model import Identity, OneTimeLink, Person

PURPOSE = "identity"
LIFETIME = timedelta(minutes=10)
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
"""Without letters that are read wrongly: 31^8 codes, of which a few are open at a time."""
MOST_TRIES = 5
TRIES = "identity_try"


async def may_be_known(uow: UnitOfWork, person: Person, platform: str) -> bool:
    """Whether somebody else has proved the address that the platform vouches for: it may be the same
    human. It is said to them alone, and only a code links the two."""
    if person.email_digest is None:
        return False
    vouched = exists().where(
        Identity.person_id == person.id, Identity.platform == platform, Identity.verified_at.is_not(None)
    )
    other = exists().where(
        Person.email_digest == person.email_digest,
        Person.id != person.id,
        Person.email_verified_at.is_not(None),
        Person.erased_at.is_(None),
        Person.active,
    )
    return bool(await uow.session.scalar(select(and_(vouched, other))))


def said(code: str) -> str:
    """A code as people type it, in the form in which it was made."""
    return "".join(char for char in code.casefold() if char in _ALPHABET)[:20]


async def make_code(uow: UnitOfWork, person: Person) -> str:
    """A code for one's other chat, such as `7k2p-9xqd`."""
    code = "".join(secrets.choice(_ALPHABET) for _index in range(8))
    uow.session.add(
        OneTimeLink(
            person_id=person.id,
            purpose=PURPOSE,
            digest=_digest(uow, code),
            expires_at=clock.now() + LIFETIME,
        )
    )
    uow.emit(LinkIssued(subject=person.id, purpose=PURPOSE))
    return f"{code[:4]}-{code[4:]}"


async def owner_of(uow: UnitOfWork, code: str, asker: Person) -> Person:
    """Use a code up: who made it. Wrong codes are counted against who tries."""
    row = await uow.session.scalar(
        select(OneTimeLink)
        .where(OneTimeLink.digest == _digest(uow, said(code)), OneTimeLink.purpose == PURPOSE)
        .with_for_update()
    )
    if row is None:
        raise NotFound(_("This code does not fit. Please make a new one by “link” in your other chat."))
    if row.used_at is not None:
        raise LinkUsed
    if row.expires_at <= clock.now():
        raise LinkExpired
    owner = await uow.session.get(Person, row.person_id)
    if owner is None or not owner.active:
        raise NotFound(_("This code does not fit. Please make a new one by “link” in your other chat."))
    if owner.id == asker.id:
        raise Refused(_("Enter the code in your other chat, not here."))
    row.used_at = clock.now()
    return owner


async def may_try(uow: UnitOfWork, asker: Person) -> None:
    """Count a try; after a few within ten minutes, `TooMany`. Committed by the caller even when the
    code was wrong."""
    since = clock.now() - LIFETIME
    query = (
        select(func.count())
        .select_from(OneTimeLink)
        .where(
            OneTimeLink.person_id == asker.id, OneTimeLink.purpose == TRIES, OneTimeLink.created_at > since
        )
    )
    if int(await uow.session.scalar(query) or 0) >= MOST_TRIES:
        raise TooMany(_("Too many wrong codes. Please wait ten minutes."), after=LIFETIME.total_seconds())
    uow.session.add(
        OneTimeLink(
            person_id=asker.id,
            purpose=TRIES,
            digest=secrets.token_bytes(16),
            expires_at=clock.now() + LIFETIME,
            used_at=clock.now(),
        )
    )


def linked(uow: UnitOfWork, person: Person, place: Place) -> None:
    """The fact for the audit."""
    uow.emit(IdentityLinked(subject=person.id, platform=place.platform))


async def identities(uow: UnitOfWork, person: Person) -> list[str]:
    """The platforms on which a person is known, for their profile."""
    rows = await uow.session.scalars(
        select(Identity.platform).where(Identity.person_id == person.id).distinct()
    )
    return sorted(rows)


def _digest(uow: UnitOfWork, code: str) -> bytes:
    return words.digest(uow.keys.lookup, f"identity|{code}")
