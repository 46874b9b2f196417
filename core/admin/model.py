"""The audit: who changed the desk itself, chained by hashes so that a change is seen."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity
from sqlalchemy.orm import Mapped, mapped_column

from core import clock
from core.db import Base


class AuditSeal(Base):
    """One batch of events sealed: `hash` covers the batch and the seal before it."""

    __tablename__ = "audit_seal"

    id: Mapped[int] = mapped_column(BigInteger(), Identity(always=False), primary_key=True, init=False)
    first_tx: Mapped[int]
    first_event: Mapped[int]
    last_tx: Mapped[int]
    last_event: Mapped[int]
    count: Mapped[int]
    hash: Mapped[bytes]
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class DeskFact(Base):
    """Facts about this installation of the desk: when it was made, by which version."""

    __tablename__ = "desk_fact"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[dict[str, Any]]
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)


__all__ = ["AuditSeal", "DeskFact"]
