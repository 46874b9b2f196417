"""Which organisation an address belongs to, by its domain: only keyed hashes of domains are known."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from sqlalchemy import select

from core import text
from core.crypto import words
from core.db import UnitOfWork
from core.people.model import Organisation


async def of_email(uow: UnitOfWork, email: str) -> UUID | None:
    """The organisation of a proved address; None for a domain that belongs to none."""
    domain = email.rpartition("@")[2].strip()
    if not domain:
        return None
    found: UUID | None = await uow.session.scalar(
        select(Organisation.id)
        .where(Organisation.active, Organisation.domain_digests.contains([domain_digest(uow, domain)]))
        .order_by(Organisation.id)
        .limit(1)
    )
    return found


def domain_digest(uow: UnitOfWork, domain: str) -> int:
    """The hash under which a domain is filed, in its ASCII form (RFC 5890)."""
    folded = text.folded_address(domain).rstrip(".")
    with suppress(UnicodeError):
        folded = text.ascii_domain(folded)
    return words.hashed(uow.keys.lookup, f"domain|{folded}")
