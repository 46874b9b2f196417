"""Persons, how platforms know them, and how they are grouped."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy import Identity as Counted
from sqlalchemy.orm import Mapped, mapped_column

from core import clock
from core.db import Base
from core.ids import new_id


class Availability(StrEnum):
    available = "available"
    away = "away"
    offline = "offline"


class Role(Base):
    """A named set of permissions that an admin may change."""

    __tablename__ = "role"

    name: Mapped[str] = mapped_column(primary_key=True)
    permissions: Mapped[list[str]]


class Person(Base):
    """One human. Name, address and profile (time zone, phone, about) are sealed under the
    person's own key. `skills` are ids of tags.

    `email_digest` finds a whole address, `name_terms` finds beginnings of names and
    addresses; both are keyed hashes. `email_verified_at` is set once the address has proved
    to be theirs.
    """

    __tablename__ = "person"
    __table_args__ = (
        Index("ix_person_name_terms", "name_terms", postgresql_using="gin"),
        Index("ix_person_email_digest", "email_digest", postgresql_where=text("email_digest is not null")),
        Index(
            "uq_person_email_verified",
            "email_digest",
            unique=True,
            postgresql_where=text("email_verified_at is not null"),
        ),
        Index("ix_person_role", "role"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    version: Mapped[int] = mapped_column(default=1)
    role: Mapped[str] = mapped_column(ForeignKey("role.name"), default="requester")
    name: Mapped[bytes | None] = mapped_column(default=None)
    display_name: Mapped[bytes | None] = mapped_column(default=None)
    email: Mapped[bytes | None] = mapped_column(default=None)
    profile: Mapped[bytes | None] = mapped_column(default=None)
    email_digest: Mapped[bytes | None] = mapped_column(default=None)
    email_verified_at: Mapped[datetime | None] = mapped_column(default=None)
    name_terms: Mapped[list[int]] = mapped_column(default_factory=list)
    locale: Mapped[str] = mapped_column(default="en")
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"), default=None)
    active: Mapped[bool] = mapped_column(default=True)
    blocked_at: Mapped[datetime | None] = mapped_column(default=None)
    erased_at: Mapped[datetime | None] = mapped_column(default=None)
    availability: Mapped[str] = mapped_column(default=Availability.offline.value)
    capacity: Mapped[int] = mapped_column(default=20)
    skills: Mapped[list[int]] = mapped_column(default_factory=list)
    preferences: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    last_assigned_at: Mapped[datetime | None] = mapped_column(default=None)
    last_seen_at: Mapped[datetime | None] = mapped_column(default=None)
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class Identity(Base):
    """How one platform knows a person. `digest` finds it; the platform's id itself is sealed."""

    __tablename__ = "identity"
    __table_args__ = (
        Index("uq_identity_digest", "digest", unique=True),
        Index("ix_identity_person_id", "person_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    platform: Mapped[str]
    digest: Mapped[bytes]
    external: Mapped[bytes | None] = mapped_column(default=None)
    verified_at: Mapped[datetime | None] = mapped_column(default=None)
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class Organisation(Base):
    """A customer's company; name and domains are sealed under the desk's key."""

    __tablename__ = "organisation"

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    version: Mapped[int] = mapped_column(default=1)
    name: Mapped[bytes]
    domains: Mapped[bytes | None] = mapped_column(default=None)
    domain_digests: Mapped[list[int]] = mapped_column(default_factory=list)
    members_see_all: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class AssignMode(StrEnum):
    manual = "manual"
    least_open = "least_open"
    round_robin = "round_robin"
    skill = "skill"


class Team(Base):
    __tablename__ = "team"

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    version: Mapped[int] = mapped_column(default=1)
    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    assign_mode: Mapped[str] = mapped_column(default=AssignMode.manual.value)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class TeamMember(Base):
    __tablename__ = "team_member"
    __table_args__ = (Index("ix_team_member_person_id", "person_id"),)

    team_id: Mapped[UUID] = mapped_column(ForeignKey("team.id"), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)


class CredentialKind(StrEnum):
    password = "password"  # noqa: S105  a kind, not a secret
    totp = "totp"
    recovery = "recovery"
    passkey = "passkey"
    oidc = "oidc"


class Credential(Base):
    """One way to prove who one is. `secret` is a hash (argon2id) or sealed, by kind; `digest`
    finds what is looked up by value (a recovery code, later a passkey's id)."""

    __tablename__ = "credential"
    __table_args__ = (Index("ix_credential_person_id_kind", "person_id", "kind"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    kind: Mapped[str]
    secret: Mapped[bytes]
    digest: Mapped[bytes | None] = mapped_column(default=None)
    confirmed_at: Mapped[datetime | None] = mapped_column(default=None)
    used_at: Mapped[datetime | None] = mapped_column(default=None)
    counter: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class Session(Base):
    """A signed-in browser. The cookie holds a token, the row its digest; what the browser and
    its address look like is sealed under the person's key."""

    __tablename__ = "session"
    __table_args__ = (
        Index("uq_session_digest", "digest", unique=True),
        Index("ix_session_person_id", "person_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    digest: Mapped[bytes]
    seen_from: Mapped[bytes | None] = mapped_column(default=None)
    strong: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    last_seen_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    expires_at: Mapped[datetime] = mapped_column()
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)


class OneTimeLink(Base):
    """A link that works once: sign-in, invitation, verification of an address."""

    __tablename__ = "one_time_link"
    __table_args__ = (Index("uq_one_time_link_digest", "digest", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    purpose: Mapped[str]
    digest: Mapped[bytes]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None] = mapped_column(default=None)
    data: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class ApiToken(Base):
    """A token of the API: a keyed hash, and the first letters to recognise it by."""

    __tablename__ = "api_token"
    __table_args__ = (Index("uq_api_token_digest", "digest", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    name: Mapped[bytes]
    shown: Mapped[str]
    digest: Mapped[bytes]
    scopes: Mapped[list[str]] = mapped_column(default_factory=list)
    expires_at: Mapped[datetime | None] = mapped_column(default=None)
    last_used_at: Mapped[datetime | None] = mapped_column(default=None)
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class Erased(Base):
    """The list of erased persons, applied again after every restore."""

    __tablename__ = "erased"

    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class Tag(Base):
    """A word that the desk puts on tickets, or a skill of agents; rows elsewhere hold its id,
    so that no ticket gives the word away."""

    __tablename__ = "tag"
    __table_args__ = (Index("uq_tag_name", "name", unique=True),)

    id: Mapped[int] = mapped_column(BigInteger(), Counted(always=False), primary_key=True, init=False)
    name: Mapped[str]
    active: Mapped[bool] = mapped_column(default=True)
