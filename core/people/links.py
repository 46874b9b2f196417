"""One-time links: sign-in, invitation, proof of an address. Only a keyed hash is stored.

Looking at a link does not use it up, so that a mail scanner that follows it burns nothing;
using it succeeds exactly once, however many try at the same moment.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import select, update

from core import clock
from core.chat import Place
from core.crypto import words
from core.crypto.fields import seal_json, unseal_json
from core.db import UnitOfWork
from core.errors import NotFound, Refused
from core.i18n import _
from core.ids import new_token
from core.outbox_model import Delivery
from core.people import service as people
from core.people.events import LinkIssued
from core.people.model import OneTimeLink, Person

_LONGEST_TOKEN = 100
SEALED = "delivery.args"


class Purpose(StrEnum):
    sign_in = "sign_in"
    invite = "invite"
    verify = "verify"
    second = "second"
    """The first factor is done, the second is awaited; lives in a cookie, never in a mail."""


LIFETIMES = {
    Purpose.sign_in: timedelta(minutes=10),
    Purpose.invite: timedelta(days=7),
    Purpose.verify: timedelta(days=1),
    Purpose.second: timedelta(minutes=10),
}
ADMIN_LIFETIME = timedelta(hours=1)
PATHS = {Purpose.sign_in: "/sign-in/link/", Purpose.invite: "/invite/", Purpose.verify: "/verify/"}


class LinkUsed(Refused):
    code = "link_used"
    status = 410

    def __init__(self) -> None:
        super().__init__(_("This link was used already. Each link works once; please ask for a new one."))


class LinkExpired(Refused):
    code = "link_expired"
    status = 410

    def __init__(self) -> None:
        super().__init__(_("This link is too old. Please ask for a new one."))


class LinkUnknown(NotFound):
    code = "link_unknown"

    def __init__(self) -> None:
        super().__init__(
            _(
                "This link does not work. Perhaps a part of it is missing: please copy it whole, or ask for a new one."
            )
        )


@dataclass(frozen=True, slots=True)
class Found:
    """A link that is good, and whose it is."""

    link: OneTimeLink
    person: Person

    @property
    def data(self) -> dict[str, Any]:
        return self.link.data


async def issue(
    uow: UnitOfWork,
    person: Person,
    purpose: Purpose,
    lifetime: timedelta | None = None,
    data: dict[str, Any] | None = None,
) -> str:
    """Make a link and return its token, which is kept nowhere. `data` holds ids, codes and
    sealed values only."""
    token = new_token()
    uow.session.add(
        OneTimeLink(
            person_id=person.id,
            purpose=purpose.value,
            digest=_digest(uow, token),
            expires_at=clock.now() + (lifetime or LIFETIMES[purpose]),
            data=data or {},
        )
    )
    if purpose is not Purpose.second:
        uow.emit(LinkIssued(subject=person.id, purpose=purpose.value))
    return token


async def look(uow: UnitOfWork, token: str, purpose: Purpose) -> Found:
    """What a link is for, without using it. Raises `LinkUnknown`, `LinkUsed` or `LinkExpired`."""
    # The rows are read anew below: what this unit changed on them must not be overwritten.
    await uow.session.flush()
    row = (
        await uow.session.execute(
            select(OneTimeLink, Person)
            .join(Person, Person.id == OneTimeLink.person_id)
            .where(OneTimeLink.digest == _digest(uow, token), OneTimeLink.purpose == purpose.value)
            .execution_options(populate_existing=True)
        )
    ).one_or_none()
    if row is None:
        raise LinkUnknown
    link, person = row
    if link.used_at is not None:
        raise LinkUsed
    if link.expires_at <= clock.now():
        raise LinkExpired
    if not person.active or person.erased_at is not None:
        raise LinkUnknown
    return Found(link, person)


async def use(uow: UnitOfWork, token: str, purpose: Purpose) -> Found:
    """Use a link up. Of many who try at once exactly one succeeds; the others get `LinkUsed`."""
    found = await look(uow, token, purpose)
    now = clock.now()
    won = await uow.session.scalar(
        update(OneTimeLink)
        .where(OneTimeLink.id == found.link.id, OneTimeLink.used_at.is_(None), OneTimeLink.expires_at > now)
        .values(used_at=now)
        .returning(OneTimeLink.id)
        .execution_options(synchronize_session=False)
    )
    if won is None:
        raise LinkUsed
    return found


async def void(uow: UnitOfWork, person: Person, *purposes: Purpose) -> None:
    """Links of a person that wait no longer work: after a password change, or a newer proof."""
    await uow.session.execute(
        update(OneTimeLink)
        .where(
            OneTimeLink.person_id == person.id,
            OneTimeLink.purpose.in_([purpose.value for purpose in purposes]),
            OneTimeLink.used_at.is_(None),
        )
        .values(used_at=clock.now())
        .execution_options(synchronize_session=False)
    )


# --- by mail ----------------------------------------------------------------------------


async def mail(uow: UnitOfWork, person: Person, card: str, **secret: str) -> Delivery:
    """Put a mail named `card` into the outbox. What it must say beside the person's own data
    (`path` of the link, `to` where the address is a new one) is sealed under their key."""
    key = await uow.keys.of_person(uow.session, person.id)
    place = Place("mail", "main", str(person.id))
    row = Delivery(kind="mail", place_key=place.key, card=card, person_id=person.id)
    row.args = {"sealed": base64.b64encode(seal_json(key, secret, SEALED, row.id)).decode()}
    uow.session.add(row)
    return row


async def mailed(uow: UnitOfWork, delivery: Delivery) -> dict[str, str]:
    """What `mail` has sealed, for whoever renders it."""
    assert delivery.person_id is not None
    key = await uow.keys.of_person(uow.session, delivery.person_id)
    value = unseal_json(key, base64.b64decode(str(delivery.args["sealed"])), SEALED, delivery.id)
    return {str(name): str(words_) for name, words_ in value.items()}


async def invite(uow: UnitOfWork, person: Person) -> str:
    """Invite a person who was added by an admin: a mail, and the path for showing it once."""
    path = PATHS[Purpose.invite] + await issue(uow, person, Purpose.invite)
    await mail(uow, person, "invite", path=path)
    return path


# --- from the command line --------------------------------------------------------------


async def first_admin_link(uow: UnitOfWork, public_url: str) -> str:
    """A sign-in link for an admin; the first admin is made when there is none.

    Who can run the command line holds the data: the link needs no second factor, so that a desk
    whose only admin lost theirs can be entered again.
    """
    admin = await uow.session.scalar(
        select(Person)
        .where(Person.role == "admin", Person.active, Person.erased_at.is_(None))
        .order_by(Person.created_at)
        .limit(1)
    )
    if admin is None:
        profile = people.Profile(zone=uow.settings.zone)
        admin = await people.add(
            uow, name="Admin", role="admin", locale=uow.settings.language, profile=profile
        )
    token = await issue(uow, admin, Purpose.sign_in, ADMIN_LIFETIME, {"second": "waived"})
    return f"{public_url.rstrip('/')}{PATHS[Purpose.sign_in]}{token}"


def _digest(uow: UnitOfWork, token: str) -> bytes:
    return words.digest(uow.keys.lookup, f"link|{token[:_LONGEST_TOKEN]}")
