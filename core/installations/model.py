"""Installations, and how far each of their channels was read."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from core import clock
from core.db import Base
from core.ids import new_id


class InstallationState(StrEnum):
    on = "on"
    off = "off"
    broken = "broken"
    """The platform refuses our token: an admin has to connect it anew."""


class Installation(Base):
    """A connection to one workspace, guild or bot. `external` is the platform's id of it, the
    `installation` of a `Place`. Tokens lie in `secrets`, sealed under the desk's key."""

    __tablename__ = "installation"
    __table_args__ = (Index("uq_installation_platform_external", "platform", "external", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    version: Mapped[int] = mapped_column(default=1)
    platform: Mapped[str]
    external: Mapped[str]
    name: Mapped[str] = mapped_column(default="")
    secrets: Mapped[bytes | None] = mapped_column(default=None)
    settings: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    state: Mapped[str] = mapped_column(default=InstallationState.on.value)
    problem: Mapped[str | None] = mapped_column(default=None)
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class Cursor(Base):
    """How far a channel was read: the platform's id or time of the last thing that is done."""

    __tablename__ = "cursor"

    platform: Mapped[str] = mapped_column(primary_key=True)
    installation: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)
