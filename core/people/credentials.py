"""Ways to prove who one is: a password (argon2id, RFC 9106), a code of an authenticator app
(TOTP, RFC 6238), recovery codes. Passkeys and single sign-on have their kinds in the table.

A password is hashed in a thread, a few at a time: each hash takes its memory on purpose.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TypeVar
from uuid import UUID

import pyotp
import segno
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, func, select, update

from core import clock
from core.crypto import words
from core.crypto.fields import seal_text, unseal_text
from core.db import UnitOfWork
from core.errors import Invalid, Refused
from core.i18n import _
from core.people.common_passwords import most_common
from core.people.events import CredentialAdded, CredentialRemoved
from core.people.model import Credential, CredentialKind, Person
from core.people.service import Known

SHORTEST = 10
LONGEST = 200
STEP_SECONDS = 30
ENROLMENT = timedelta(minutes=15)
"""So long a secret waits for its first code: who finds a browser open later is not shown it."""
RECOVERY_CODES = 10
_RECOVERY_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_SECRET_FIELD = "credential.secret"  # noqa: S105  where a sealed value lies, not a secret

_hasher = PasswordHasher()
_threads = ThreadPoolExecutor(4, thread_name_prefix="argon2")
T = TypeVar("T")


@cache
def _nobody() -> str:
    """The hash against which the passwords of people who do not exist are checked, so that it
    takes as long as for those who do."""
    return _hasher.hash(secrets.token_hex(16))


# --- passwords --------------------------------------------------------------------------


def checked_password(password: str, known: Known | None = None) -> str:
    """A password that may be used; raises `Invalid` that says what to do about it.

    Length first, no rules about signs, known-bad words refused: NIST SP 800-63B-4, 3.1.1.2.
    """
    if len(password) < SHORTEST:
        raise Invalid(
            _("A password needs at least {least} characters.").format(least=SHORTEST), field="password"
        )
    if len(password) > LONGEST:
        raise Invalid(_("A password has at most {most} characters.").format(most=LONGEST), field="password")
    if any(0xD800 <= ord(char) <= 0xDFFF or char == "\0" for char in password):
        raise Invalid(_("This password holds a sign that cannot be kept."), field="password")
    folded = words.fold(password)
    if _is_common(folded):
        raise Invalid(
            _("This password is among the first that anyone would guess. Several words in a row are better."),
            field="password",
        )
    if known is not None and _is_about(folded, known):
        raise Invalid(_("This password is made of your own name or address."), field="password")
    return password


async def set_password(uow: UnitOfWork, person: Person, password: str) -> None:
    """Keep a new password in place of the old one; `checked_password` comes first."""
    hashed = (await _in_turn(_hasher.hash, password)).encode()
    row = await _of_kind(uow, person.id, CredentialKind.password)
    if row is None:
        uow.session.add(Credential(person_id=person.id, kind=CredentialKind.password.value, secret=hashed))
    else:
        row.secret, row.created_at = hashed, clock.now()
    uow.emit(CredentialAdded(subject=person.id, kind=CredentialKind.password.value))


async def check_password(uow: UnitOfWork, person: Person | None, given: str) -> bool:
    """Whether a password is a person's. Costs the same when there is no such person, or no
    password: a hash of nobody is checked then."""
    row = await _of_kind(uow, person.id, CredentialKind.password) if person is not None else None
    stored = row.secret.decode() if row is not None else _nobody()
    fits = await _in_turn(_fits, stored, given[: LONGEST + 1])
    if row is None or not fits:
        return False
    row.used_at = clock.now()
    if _hasher.check_needs_rehash(stored):
        row.secret = (await _in_turn(_hasher.hash, given)).encode()
    return True


async def has_password(uow: UnitOfWork, person: Person) -> bool:
    return await _of_kind(uow, person.id, CredentialKind.password) is not None


# --- an authenticator app ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator app needs: the secret to type, or a picture to scan (SVG as a data
    address)."""

    secret: str
    picture: str


async def begin_totp(uow: UnitOfWork, person: Person, called: str) -> Enrolment:
    """A secret that waits to be confirmed by a first code; one that waited before is dropped."""
    if await has_totp(uow, person):
        raise Refused(_("An authenticator app is set up already. Remove it first."))
    await _forget(uow, person.id, CredentialKind.totp)
    row = Credential(person_id=person.id, kind=CredentialKind.totp.value, secret=b"")
    secret = pyotp.random_base32()
    key = await uow.keys.of_person(uow.session, person.id)
    row.secret = seal_text(key, secret, _SECRET_FIELD, row.id)
    uow.session.add(row)
    return _enrolment(secret, called, uow.settings.name)


async def enrolment(uow: UnitOfWork, person: Person, called: str) -> Enrolment | None:
    """The secret that waits to be confirmed, shown again."""
    row = await _of_kind(uow, person.id, CredentialKind.totp)
    if row is None or not _waits(row):
        return None
    return _enrolment(await _secret(uow, row), called, uow.settings.name)


async def confirm_totp(uow: UnitOfWork, person: Person, code: str) -> list[str] | None:
    """A first right code switches the second factor on. Returns the recovery codes, which are
    shown once; None for a wrong code."""
    row = await _of_kind(uow, person.id, CredentialKind.totp, lock=True)
    if row is None or not _waits(row) or not await _take_step(uow, row, code):
        return None
    row.confirmed_at = clock.now()
    uow.emit(CredentialAdded(subject=person.id, kind=CredentialKind.totp.value))
    return await new_recovery_codes(uow, person)


async def has_totp(uow: UnitOfWork, person: Person) -> bool:
    row = await _of_kind(uow, person.id, CredentialKind.totp)
    return row is not None and row.confirmed_at is not None


async def check_second(uow: UnitOfWork, person: Person, code: str) -> bool:
    """A code of the app, or a recovery code. Each works once: the step of an accepted code is
    kept, and no code of that step or an earlier one is taken again (RFC 6238, 5.2)."""
    typed = re.sub(r"[\s-]", "", code).lower()
    if re.fullmatch(r"[0-9]{6}", typed):
        row = await _of_kind(uow, person.id, CredentialKind.totp, lock=True)
        return row is not None and row.confirmed_at is not None and await _take_step(uow, row, typed)
    return await _use_recovery(uow, person, typed)


async def remove_totp(uow: UnitOfWork, person: Person) -> None:
    """Switch the second factor off; its recovery codes go with it."""
    await _forget(uow, person.id, CredentialKind.totp)
    await _forget(uow, person.id, CredentialKind.recovery)
    uow.emit(CredentialRemoved(subject=person.id, kind=CredentialKind.totp.value))


async def new_recovery_codes(uow: UnitOfWork, person: Person) -> list[str]:
    """Ten fresh codes in place of the old ones; only their keyed hashes are kept."""
    await _forget(uow, person.id, CredentialKind.recovery)
    codes = ["".join(secrets.choice(_RECOVERY_ALPHABET) for _n in range(10)) for _n in range(RECOVERY_CODES)]
    for code in codes:
        uow.session.add(
            Credential(
                person_id=person.id,
                kind=CredentialKind.recovery.value,
                secret=b"",
                digest=_recovery_digest(uow, person.id, code),
            )
        )
    uow.emit(CredentialAdded(subject=person.id, kind=CredentialKind.recovery.value))
    return [f"{code[:5]}-{code[5:]}" for code in codes]


async def recovery_codes_left(uow: UnitOfWork, person: Person) -> int:
    count = await uow.session.scalar(
        select(func.count())
        .select_from(Credential)
        .where(
            Credential.person_id == person.id,
            Credential.kind == CredentialKind.recovery.value,
            Credential.used_at.is_(None),
        )
    )
    return int(count or 0)


# --- inside -----------------------------------------------------------------------------


async def _in_turn(function: Callable[..., T], *args: str) -> T:
    return await asyncio.get_running_loop().run_in_executor(_threads, function, *args)


def _fits(stored: str, given: str) -> bool:
    try:
        return _hasher.verify(stored, given)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False


def _is_common(folded: str) -> bool:
    core = folded.strip("0123456789!?.,;:-_*#$%&/+= @")
    known = most_common()
    if folded in known or core in known or len(set(folded)) < 4:
        return True
    # A short word said twice or more is that word.
    return any(
        len(folded) % size == 0 and folded == folded[:size] * (len(folded) // size)
        for size in range(1, min(6, len(folded) // 2) + 1)
    )


def _is_about(folded: str, known: Known) -> bool:
    """Nothing much is left once the person's own words are taken out."""
    about = " ".join((known.name, known.display_name, known.email, known.email.replace("@", "")))
    own = {words.fold(part) for part in re.findall(r"\w+", about)} | {words.fold(about.replace(" ", ""))}
    rest = folded
    for word in sorted(own, key=len, reverse=True):
        if len(word) >= 3:
            rest = rest.replace(word, "")
    return rest != folded and len(re.sub(r"[\W_0-9]", "", rest)) < 4


def _enrolment(secret: str, called: str, issuer: str) -> Enrolment:
    address = pyotp.TOTP(secret, interval=STEP_SECONDS).provisioning_uri(name=called, issuer_name=issuer)
    picture = segno.make(address, error="m", micro=False).svg_data_uri(
        scale=5, border=3, dark="#000", light="#fff"
    )
    return Enrolment(secret, str(picture))


def _waits(row: Credential) -> bool:
    return row.confirmed_at is None and clock.now() - row.created_at < ENROLMENT


async def _take_step(uow: UnitOfWork, row: Credential, code: str) -> bool:
    """Accept the code of this half minute or a neighbour's (clocks differ), each step once."""
    totp = pyotp.TOTP(await _secret(uow, row), interval=STEP_SECONDS)
    step = int(clock.now().timestamp()) // STEP_SECONDS
    typed = re.sub(r"\s", "", code)
    fitting = [
        near
        for near in (step - 1, step, step + 1)
        if near > row.counter and secrets.compare_digest(totp.generate_otp(near).encode(), typed.encode())
    ]
    if not fitting:
        return False
    row.counter = max(fitting)
    row.used_at = clock.now()
    return True


async def _use_recovery(uow: UnitOfWork, person: Person, code: str) -> bool:
    used = await uow.session.scalar(
        update(Credential)
        .where(
            Credential.person_id == person.id,
            Credential.kind == CredentialKind.recovery.value,
            Credential.digest == _recovery_digest(uow, person.id, code),
            Credential.used_at.is_(None),
        )
        .values(used_at=clock.now())
        .returning(Credential.id)
        .execution_options(synchronize_session=False)
    )
    return used is not None


async def _secret(uow: UnitOfWork, row: Credential) -> str:
    key = await uow.keys.of_person(uow.session, row.person_id)
    return unseal_text(key, row.secret, _SECRET_FIELD, row.id)


async def _of_kind(
    uow: UnitOfWork, person_id: UUID, kind: CredentialKind, *, lock: bool = False
) -> Credential | None:
    query = select(Credential).where(Credential.person_id == person_id, Credential.kind == kind.value)
    query = query.order_by(Credential.created_at.desc()).limit(1)
    if lock:
        await uow.session.flush()
        query = query.with_for_update().execution_options(populate_existing=True)
    found: Credential | None = await uow.session.scalar(query)
    return found


async def _forget(uow: UnitOfWork, person_id: UUID, kind: CredentialKind) -> None:
    await uow.session.execute(
        delete(Credential).where(Credential.person_id == person_id, Credential.kind == kind.value)
    )


def _recovery_digest(uow: UnitOfWork, person_id: UUID, code: str) -> bytes:
    return words.digest(uow.keys.lookup, f"recovery|{person_id}|{code}")
