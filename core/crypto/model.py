"""Where wrapped keys lie. The master key is never in the database."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from core import clock
from core.db import Base


class IntermediateKey(Base):
    """The one key between the master key and all others; `master` names the master key that
    wraps it (a fingerprint). The newest not retired one wraps what is new."""

    __tablename__ = "intermediate_key"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    wrapped: Mapped[bytes]
    master: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    retired_at: Mapped[datetime | None] = mapped_column(default=None)


class DeskKey(Base):
    """A key of the desk itself: for word hashes, for installations, for signing links."""

    __tablename__ = "desk_key"

    name: Mapped[str] = mapped_column(primary_key=True)
    wrapped: Mapped[bytes]
    intermediate_id: Mapped[UUID]


class PersonKey(Base):
    """A person's key. Destroying this row is what erases a person; backups keep this table
    in a file of its own with a short life."""

    __tablename__ = "person_key"

    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    wrapped: Mapped[bytes]
    intermediate_id: Mapped[UUID]
