"""Signing in and up, and the sessions of a person. Nothing here tells who has an account.

An address that merely was told (in the chat, or by someone who signs up) proves nothing: an
account comes to life, and takes a password, only through a link sent to its address. So nobody
can prepare an account for someone else's address and wait in it.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, exists, select, update

from core import clock, metrics
from core.crypto.fields import Unreadable, seal_text, unseal_json, unseal_text
from core.db import UnitOfWork
from core.errors import Conflict, Forbidden, NotFound
from core.i18n import _
from core.people import credentials, links
from core.people import service as people
from core.people.events import SignedOut, SignInFailed
from core.people.links import PATHS, Purpose
from core.people.model import Identity, OneTimeLink, Person, Session

log = structlog.get_logger("core.sign_in")
FRESH = timedelta(minutes=15)
_NEW_ADDRESS = "one_time_link.address"
MOST_SESSIONS = 50
BY_MAIL = frozenset({"link", "proof", "invite"})
"""Ways in that prove a mailbox, or the machine: who forgot their password comes by them."""


# --- in ---------------------------------------------------------------------------------


async def by_password(uow: UnitOfWork, email: str, password: str) -> Person | None:
    """The person with this address and password, or None; takes as long either way."""
    person = await _account(uow, email) or await _staff_of(uow, email)
    fits = await credentials.check_password(uow, person, password)
    if person is None:
        # Whose it might be is known to nobody: the line says when, and the budget from where.
        metrics.count_sign_in("unknown")
        log.warning("sign_in.refused", how="password", reason="no_account")
        return None
    if not fits or not person.active:
        refused(uow, person, "password")
        return None
    return person


async def request_link(uow: UnitOfWork, email: str, back: str = "") -> None:
    """Send a sign-in link if the address is known; say nothing either way.

    An address known from a conversation only gets a link that proves it, and a fresh account:
    earlier conversations are offered afterwards, never given away with it.
    """
    address = people.email_or_nothing(email)
    if not address:
        return
    person = await _account(uow, address)
    if person is not None:
        if person.active:
            await _mail_sign_in(uow, person, "sign_in_link", back)
        return
    told = await people.by_email(uow, address, verified=False)
    if told is not None and told.active and told.role == "requester":
        known = await people.know(uow, told)
        account = await _waiting_account(uow, address) or await people.add(
            uow,
            name=known.name,
            email=address,
            locale=told.locale,
            profile=people.Profile(zone=known.profile.zone),
        )
        await _mail_proof(uow, account, back)


async def sign_up(uow: UnitOfWork, *, name: str, email: str, locale: str) -> None:
    """Ask for an account: the address gets a link that makes it, or word that it has one."""
    if not uow.settings.open_registration:
        raise Forbidden(_("Accounts are made by invitation here."))
    address = people.checked_email(email)
    known = await _account(uow, address)
    if known is not None:
        if known.active:
            await _mail_sign_in(uow, known, "account_exists", "")
        return
    account = await _waiting_account(uow, address)
    if account is None:
        profile = people.Profile(zone=uow.settings.zone)
        account = await people.add(uow, name=name, email=address, locale=locale, profile=profile)
    await _mail_proof(uow, account, "")


async def prove(uow: UnitOfWork, token: str) -> Person:
    """Use a proof up: the address is the person's, a new one replaces the old one.

    Raises `Conflict` when another account proved the same address in the meantime.
    """
    found = await links.use(uow, token, Purpose.verify)
    address = await address_of(uow, found)
    if address is not None:
        taken = await people.by_email(uow, address)
        if taken is not None and taken.id != found.person.id:
            raise Conflict(_("This address belongs to another account already."))
        await people.change(uow, found.person, email=address, proved=True)
        await uow.session.flush()
    await people.verify_email(uow, found.person)
    await links.void(uow, found.person, Purpose.verify)
    return found.person


async def address_of(uow: UnitOfWork, found: links.Found) -> str | None:
    """The new address that a proof is about; None where it is the one that is kept."""
    sealed = found.data.get("address")
    if not sealed:
        return None
    key = await uow.keys.of_person(uow.session, found.person.id)
    return unseal_text(key, base64.b64decode(str(sealed)), _NEW_ADDRESS, found.person.id)


async def ask_for_proof(uow: UnitOfWork, person: Person, email: str) -> None:
    """Send a proof to a new address; the old one stays in force until it is used. Whoever has
    the address already learns of it by mail, the asker does not."""
    address = people.checked_email(email)
    taken = await people.by_email(uow, address)
    if taken is not None and taken.id != person.id:
        if taken.active:
            await _mail_sign_in(uow, taken, "account_exists", "")
        return
    key = await uow.keys.of_person(uow.session, person.id)
    sealed = base64.b64encode(seal_text(key, address, _NEW_ADDRESS, person.id)).decode()
    await links.void(uow, person, Purpose.verify)
    token = await links.issue(uow, person, Purpose.verify, data={"address": sealed})
    await links.mail(uow, person, "verify_email", path=PATHS[Purpose.verify] + token, to=address)


async def arrived_by_mail(uow: UnitOfWork, found: links.Found) -> None:
    """A sign-in link that came by mail proves the address it went to."""
    digest = found.person.email_digest
    if digest is not None and found.data.get("mailed") == digest.hex():
        await people.verify_email(uow, found.person)


async def second_step(
    uow: UnitOfWork, person: Person, first: str, found: links.Found | None = None
) -> str | None:
    """The token that carries a person from the first factor to the second; None where there is
    no second one, or the link came from the command line."""
    if found is not None and is_waived(found):
        return None
    if not await credentials.has_totp(uow, person):
        return None
    return await links.issue(uow, person, Purpose.second, data={"first": first})


def is_waived(found: links.Found) -> bool:
    """Made on the command line: whoever runs commands on the machine has shown more than a second step."""
    return found.data.get("second") == "waived"


def refused(uow: UnitOfWork, person: Person, how: str) -> None:
    """A try that failed goes on the record of the person it was about."""
    uow.emit(SignInFailed(subject=person.id, how=how))
    metrics.count_sign_in("wrong")


def next_query(back: str) -> str:
    """`?next=` for a path to go on to; empty for the start page."""
    return f"?next={quote(back, safe='/')}" if back and back != "/" else ""


# --- sessions ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """A session for showing: the browser's name for itself, and the address it came from."""

    id: UUID
    agent: str
    address: str
    strong: bool
    created_at: datetime
    last_seen_at: datetime


async def sessions_of(uow: UnitOfWork, person: Person) -> Sequence[Seen]:
    """Where a person is signed in, the latest first."""
    key = await uow.keys.of_person(uow.session, person.id)
    rows = await uow.session.scalars(
        select(Session)
        .where(Session.person_id == person.id, Session.revoked_at.is_(None), Session.expires_at > clock.now())
        .order_by(Session.last_seen_at.desc())
        .limit(MOST_SESSIONS)
    )
    return [_seen(row, key) for row in rows]


async def revoke(uow: UnitOfWork, person: Person, session_id: UUID) -> None:
    """End one of the person's own sessions; another's is `NotFound`."""
    row = await uow.session.get(Session, session_id)
    if row is None or row.person_id != person.id or row.revoked_at is not None:
        raise NotFound(_("There is no such session."))
    row.revoked_at = clock.now()
    uow.emit(SignedOut(subject=person.id, session=row.id))


async def revoke_others(uow: UnitOfWork, person: Person, keep: UUID | None) -> int:
    """End all sessions but one; how many there were. Links that wait end with them."""
    query = update(Session).where(Session.person_id == person.id, Session.revoked_at.is_(None))
    if keep is not None:
        query = query.where(Session.id != keep)
    ended = list(await uow.session.scalars(query.values(revoked_at=clock.now()).returning(Session.id)))
    for session_id in ended:
        uow.emit(SignedOut(subject=person.id, session=session_id))
    await links.void(uow, person, Purpose.sign_in, Purpose.second)
    return len(ended)


async def change_password(uow: UnitOfWork, person: Person, password: str, session: Session | None) -> None:
    """Keep a new password and end every other session; an invitation, which would set another one, ends with them."""
    known = await people.know(uow, person)
    credentials.checked_password(password, known)
    await credentials.set_password(uow, person, password)
    await revoke_others(uow, person, session.id if session is not None else None)
    await links.void(uow, person, Purpose.invite)


async def came_by_mail(uow: UnitOfWork, session: Session | None) -> bool:
    """Whether a session was begun by a link, as whoever forgot their password does."""
    if session is None or session.seen_from is None:
        return False
    key = await uow.keys.of_person(uow.session, session.person_id)
    return _seen_from(session, key).get("first") in BY_MAIL


def is_fresh(session: Session | None) -> bool:
    """Signed in just now: whoever sits there has proved themselves a moment ago."""
    return session is not None and clock.now() - session.created_at < FRESH


# --- inside -----------------------------------------------------------------------------


async def _account(uow: UnitOfWork, email: str) -> Person | None:
    """The account of an address: proved, or of staff who were invited to it and did not come yet."""
    address = people.email_or_nothing(email)
    if not address:
        return None
    invited = exists().where(OneTimeLink.person_id == Person.id, OneTimeLink.purpose == Purpose.invite.value)
    return await people.by_email(uow, address) or await _staff_of(uow, address, invited)


async def _staff_of(uow: UnitOfWork, email: str, *also: ColumnElement[bool]) -> Person | None:
    """Staff with this address, proved or not."""
    address = people.email_or_nothing(email)
    if not address:
        return None
    staff: Person | None = await uow.session.scalar(
        select(Person)
        .where(
            Person.email_digest == people.digest_of_email(uow, address),
            Person.role != "requester",
            Person.erased_at.is_(None),
            *also,
        )
        .order_by(Person.created_at)
        .limit(1)
    )
    return staff


async def _waiting_account(uow: UnitOfWork, address: str) -> Person | None:
    """An account that waits for its proof: nobody has ever spoken as this person."""
    found: Person | None = await uow.session.scalar(
        select(Person)
        .where(
            Person.email_digest == people.digest_of_email(uow, address),
            Person.email_verified_at.is_(None),
            Person.erased_at.is_(None),
            Person.active,
            Person.role == "requester",
            ~exists().where(Identity.person_id == Person.id),
            exists().where(OneTimeLink.person_id == Person.id, OneTimeLink.purpose == Purpose.verify.value),
        )
        .order_by(Person.created_at)
        .limit(1)
    )
    return found


async def _mail_sign_in(uow: UnitOfWork, person: Person, card: str, back: str) -> None:
    digest = (person.email_digest or b"").hex()
    token = await links.issue(uow, person, Purpose.sign_in, data={"mailed": digest})
    await links.mail(uow, person, card, path=PATHS[Purpose.sign_in] + token + next_query(back))


async def _mail_proof(uow: UnitOfWork, person: Person, back: str) -> None:
    known = await people.know(uow, person)
    token = await links.issue(uow, person, Purpose.verify)
    await links.mail(
        uow, person, "verify_email", path=PATHS[Purpose.verify] + token + next_query(back), to=known.email
    )


def _seen_from(row: Session, key: bytes) -> dict[str, str]:
    if row.seen_from is None:
        return {}
    try:
        seen: dict[str, str] = unseal_json(key, row.seen_from, "session.seen_from", row.id)
    except Unreadable:
        return {}
    return seen


def _seen(row: Session, key: bytes) -> Seen:
    seen = _seen_from(row, key)
    return Seen(
        row.id, seen.get("agent", ""), seen.get("address", ""), row.strong, row.created_at, row.last_seen_at
    )
