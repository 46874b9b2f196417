"""Tokens of the API: shown once, kept as keyed hashes, known by their first letters.

A token is `dskb_`, 40 random letters and digits, and a checksum of 6, so that scanners for
leaked secrets recognise one and a mistyped one costs no query.
"""

from __future__ import annotations

import hmac
import secrets
import string
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from core import clock, text
from core.access import Permission
from core.crypto import words
from core.crypto.fields import seal_text, unseal_text
from core.db import UnitOfWork
from core.errors import Forbidden, Invalid, NotFound
from core.i18n import N_, _
from core.people.events import TokenMade, TokenRevoked
from core.people.model import ApiToken, Person

PREFIX = "dskb_"
SCOPES = {
    "tickets:read": N_("Read tickets and conversations"),
    "tickets:write": N_("Open, answer and change tickets"),
    "calls:read": N_("Read calls, and hear recordings"),
    "calls:write": N_("Make, end and change calls"),
    "people:read": N_("Read people, teams and categories"),
    "people:write": N_("Add and change people"),
    "articles:read": N_("Read articles"),
    "macros:read": N_("Read macros"),
    "macros:write": N_("Add and change macros"),
}
MOST_TOKENS = 50
LONGEST_DAYS = 366
_ALPHABET = string.digits + string.ascii_letters
_TOUCH = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Shown:
    """A token as its owner sees it in the list."""

    id: UUID
    name: str
    shown: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


async def make(
    uow: UnitOfWork, person: Person, name: str, scopes: Sequence[str], days: int | None = None
) -> str:
    """A new token in the clear, this once. `days` until it expires; None for never."""
    if Permission.use_api not in uow.means.roles.get(person.role, frozenset()):
        raise Forbidden(_("You are not allowed to do that."))
    called = text.line(name, field="name", most=80)
    chosen = sorted(set(scopes))
    if not chosen or any(scope not in SCOPES for scope in chosen):
        raise Invalid(_("Choose what the token may do."), field="scopes")
    if days is not None and not 1 <= days <= LONGEST_DAYS:
        raise Invalid(_("A token lasts between 1 and {most} days.").format(most=LONGEST_DAYS), field="days")
    if len(await of_person(uow, person)) >= MOST_TOKENS:
        raise Invalid(_("You have very many tokens. Revoke one first."), field="name")
    body = PREFIX + "".join(secrets.choice(_ALPHABET) for _n in range(40))
    token = body + _checksum(body)
    row = ApiToken(
        person_id=person.id,
        name=b"",
        shown=token[: len(PREFIX) + 4],
        digest=_digest(uow, token),
        scopes=chosen,
    )
    key = await uow.keys.of_person(uow.session, person.id)
    row.name = seal_text(key, called, "api_token.name", row.id)
    row.expires_at = clock.now() + timedelta(days=days) if days is not None else None
    uow.session.add(row)
    uow.emit(TokenMade(subject=person.id, token=row.id, scopes=tuple(chosen)))
    return token


async def find(uow: UnitOfWork, token: str) -> tuple[ApiToken, Person] | None:
    """A token that is good, and whose it is; None for any other, also where the person's role
    may use the API no more."""
    body, checksum = token[:-6], token[-6:]
    if not token.startswith(PREFIX) or not token.isascii() or len(token) != len(PREFIX) + 46:
        return None
    if not hmac.compare_digest(_checksum(body), checksum):
        return None
    row = (
        await uow.session.execute(
            select(ApiToken, Person)
            .join(Person, Person.id == ApiToken.person_id)
            .where(
                ApiToken.digest == _digest(uow, token),
                ApiToken.revoked_at.is_(None),
                Person.active,
                Person.erased_at.is_(None),
            )
        )
    ).one_or_none()
    if row is None:
        return None
    found, person = row
    if Permission.use_api not in uow.means.roles.get(person.role, frozenset()):
        return None
    now = clock.now()
    if found.expires_at is not None and found.expires_at <= now:
        return None
    if found.last_used_at is None or now - found.last_used_at > _TOUCH:
        found.last_used_at = now
    return found, person


async def of_person(uow: UnitOfWork, person: Person) -> list[Shown]:
    """A person's tokens that are not revoked, the newest first."""
    key = await uow.keys.of_person(uow.session, person.id)
    rows = await uow.session.scalars(
        select(ApiToken)
        .where(ApiToken.person_id == person.id, ApiToken.revoked_at.is_(None))
        .order_by(ApiToken.created_at.desc())
        .limit(MOST_TOKENS)
    )
    return [
        Shown(
            row.id,
            unseal_text(key, row.name, "api_token.name", row.id),
            row.shown,
            tuple(row.scopes),
            row.created_at,
            row.expires_at,
            row.last_used_at,
        )
        for row in rows
    ]


async def revoke(uow: UnitOfWork, person: Person, token_id: UUID) -> None:
    """End one of the person's own tokens; another's is `NotFound`."""
    row = await uow.session.get(ApiToken, token_id)
    if row is None or row.person_id != person.id or row.revoked_at is not None:
        raise NotFound(_("There is no such token."))
    row.revoked_at = clock.now()
    uow.emit(TokenRevoked(subject=person.id, token=row.id))


def _checksum(body: str) -> str:
    number, letters = zlib.crc32(body.encode()), ""
    for _n in range(6):
        number, index = divmod(number, len(_ALPHABET))
        letters += _ALPHABET[index]
    return letters


def _digest(uow: UnitOfWork, token: str) -> bytes:
    return words.digest(uow.keys.lookup, f"api_token|{token}")
