"""What happens to persons, teams, roles and sign-ins. Security facts have a fixed vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from core.events import Event, register


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonEvent(Event):
    thing: ClassVar[str] = "person"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class PersonAdded(PersonEvent):
    name: ClassVar[str] = "person.added"
    role: str = "requester"
    platform: str = "desk"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class PersonInvited(PersonEvent):
    name: ClassVar[str] = "person.invited"
    role: str = "agent"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class PersonChanged(PersonEvent):
    """`fields` names what was changed, never the values."""

    name: ClassVar[str] = "person.changed"
    fields: tuple[str, ...] = ()


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class RoleGiven(PersonEvent):
    name: ClassVar[str] = "person.role_given"
    before: str
    after: str


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDeactivated(PersonEvent):
    name: ClassVar[str] = "person.deactivated"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class PersonReactivated(PersonEvent):
    name: ClassVar[str] = "person.reactivated"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class PersonBlocked(PersonEvent):
    name: ClassVar[str] = "person.blocked"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class PersonUnblocked(PersonEvent):
    name: ClassVar[str] = "person.unblocked"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class PersonErased(PersonEvent):
    name: ClassVar[str] = "person.erased"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class AvailabilityChanged(PersonEvent):
    name: ClassVar[str] = "person.availability_changed"
    before: str
    after: str


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailVerified(PersonEvent):
    name: ClassVar[str] = "person.email_verified"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn(PersonEvent):
    name: ClassVar[str] = "session.started"
    how: str = "link"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class SignInFailed(PersonEvent):
    name: ClassVar[str] = "session.refused"
    how: str = "password"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOut(PersonEvent):
    name: ClassVar[str] = "session.ended"
    session: UUID | None = None


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialAdded(PersonEvent):
    name: ClassVar[str] = "credential.added"
    kind: str


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRemoved(PersonEvent):
    name: ClassVar[str] = "credential.removed"
    kind: str


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class LinkIssued(PersonEvent):
    """A one-time link was made; `purpose` is sign_in, invite or verify."""

    name: ClassVar[str] = "link.issued"
    purpose: str


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class TokenMade(PersonEvent):
    name: ClassVar[str] = "token.made"
    token: UUID
    scopes: tuple[str, ...] = ()


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRevoked(PersonEvent):
    name: ClassVar[str] = "token.revoked"
    token: UUID


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class DeskChanged(Event):
    """The desk itself was changed: a team, category, rule, macro, role, setting.

    `what` is the kind of thing, `key` its id or setting name, `how` made, changed, retired.
    """

    name: ClassVar[str] = "desk.changed"
    thing: ClassVar[str] = "desk"
    what: str
    key: str
    how: str = "changed"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityLinked(PersonEvent):
    """Another chat proved to be the same person's."""

    name: ClassVar[str] = "person.identity_linked"
    platform: str = ""
