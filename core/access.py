"""Who acts, and what they may do.

Permissions are asked for by name in every service; roles are rows that hold permissions, so
an admin can change what a role may do. What a person may not see is `NotFound`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from core.errors import Forbidden
from core.i18n import _


class Permission(StrEnum):
    open_ticket = "ticket.open"
    see_team_tickets = "ticket.see_team"
    see_all_tickets = "ticket.see_all"
    reply = "ticket.reply"
    note = "ticket.note"
    claim_ticket = "ticket.claim"
    assign_ticket = "ticket.assign"
    change_ticket = "ticket.change"
    resolve_ticket = "ticket.resolve"
    merge_tickets = "ticket.merge"
    see_people = "people.see"
    change_people = "people.change"
    manage_staff = "people.manage_staff"
    manage_desk = "desk.manage"
    manage_own_macros = "macro.own"
    moderate = "desk.moderate"
    see_audit = "desk.audit"
    see_reports = "desk.reports"
    see_health = "desk.health"
    manage_deliveries = "desk.deliveries"
    export_tickets = "ticket.export"
    use_api = "api.use"
    write_articles = "kb.write"
    publish_articles = "kb.publish"
    teach = "kb.teach"


class ActorKind(StrEnum):
    person = "person"
    bot = "bot"
    rule = "rule"
    system = "system"


_AGENT = frozenset(
    {
        Permission.open_ticket,
        Permission.see_team_tickets,
        Permission.see_all_tickets,
        Permission.reply,
        Permission.note,
        Permission.claim_ticket,
        Permission.assign_ticket,
        Permission.change_ticket,
        Permission.resolve_ticket,
        Permission.merge_tickets,
        Permission.see_people,
        Permission.change_people,
        Permission.manage_own_macros,
        Permission.export_tickets,
        Permission.use_api,
        Permission.write_articles,
    }
)
_LEAD = _AGENT | {
    Permission.see_reports,
    Permission.moderate,
    Permission.manage_deliveries,
    Permission.see_health,
    Permission.publish_articles,
}

DEFAULT_ROLES: dict[str, frozenset[Permission]] = {
    "requester": frozenset({Permission.open_ticket}),
    "agent": _AGENT,
    "lead": _LEAD,
    "admin": frozenset(Permission),
}
STAFF_ROLES = ("agent", "lead", "admin")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: a person with their permissions and teams, or the desk itself.

    `scopes` limits an API token further; None means no such limit.
    """

    id: UUID | None
    kind: ActorKind = ActorKind.person
    role: str = "requester"
    permissions: frozenset[Permission] = frozenset()
    teams: frozenset[UUID] = frozenset()
    organisation: UUID | None = None
    scopes: frozenset[str] | None = field(default=None)

    @property
    def staff(self) -> bool:
        return self.role in STAFF_ROLES or self.kind is not ActorKind.person

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    def require(self, permission: Permission) -> None:
        """Raise `Forbidden` unless the actor has the permission."""
        if permission not in self.permissions:
            raise Forbidden(_("You are not allowed to do that."), permission=permission.value)


SYSTEM = Actor(None, ActorKind.system, role="system", permissions=frozenset(Permission))
RULE = Actor(None, ActorKind.rule, role="system", permissions=frozenset(Permission))
BOT = Actor(None, ActorKind.bot, role="system", permissions=frozenset(Permission))
