"""Join links: one person, one call, signed. A link is good until it expires, is revoked, or the
call is over; nothing of it is stored but what its signature covers."""

from __future__ import annotations

import hmac
from hashlib import sha256
from uuid import UUID

from core import clock
from core.calls.model import Call, CallPerson
from core.db import UnitOfWork
from core.errors import NotFound, Refused
from core.i18n import _

PREFIX = "/c/"
_LENGTH = 32 + 40


class LinkOver(Refused):
    """The link was good once."""

    code = "link_over"
    status = 410


def path(uow: UnitOfWork, row: CallPerson) -> str:
    """Where this person joins; the same as long as the link is good."""
    return f"{PREFIX}{row.id.hex}{_signature(uow, row)}"


async def follow(uow: UnitOfWork, token: str, *, over: bool = False) -> tuple[Call, CallPerson]:
    """Whose link it is, and for which call. Raises `NotFound` for one that we never made, and
    `LinkOver` for one that was good; with `over`, the link still serves to rate a call that ended."""
    row = await uow.session.get(CallPerson, _id(token))
    if row is None or not hmac.compare_digest(token[32:].encode(), _signature(uow, row).encode()):
        raise unknown()
    call = await uow.session.get(Call, row.call_id)
    assert call is not None
    if call.live and row.expires_at <= clock.now():
        raise LinkOver(_("This link is too old. Please ask for a new one."))
    if not over:
        check_live(call)
    return call, row


def check_live(call: Call) -> None:
    """Raise `LinkOver` for a call to which no link leads any more."""
    if not call.live:
        raise LinkOver(_("This call is over."))


def _signature(uow: UnitOfWork, row: CallPerson) -> str:
    told = f"call|{row.id.hex}|{row.call_id.hex}|{row.person_id.hex}|{row.turn}"
    return hmac.new(uow.keys.signing, told.encode(), sha256).hexdigest()[:40]


def _id(token: str) -> UUID:
    try:
        if len(token) != _LENGTH:
            raise ValueError
        return UUID(hex=token[:32])
    except ValueError:
        raise unknown() from None


def unknown() -> NotFound:
    """What a link is answered that we never made, or that leads nobody to this call any more."""
    return NotFound(
        _(
            "This link does not work. Perhaps a part of it is missing: please copy it whole, or ask for a new one."
        )
    )
