"""Roles: what each may do, as one table of switches."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from core.access import STAFF_ROLES, Permission
from core.admin import service
from core.admin.service import REQUESTER_MAY
from core.db import UnitOfWork
from core.i18n import N_, _
from webui.deps import TheSite, Uow
from webui.pages.admin_shell import ManagesStaff, done, given_by, show, take_effect, trying
from webui.sessions import Viewer

router = APIRouter()
ROLE_NAMES = {
    "requester": N_("Requester"),
    "agent": N_("Agent"),
    "lead": N_("Lead"),
    "admin": N_("Admin"),
}
GROUPS = {
    N_("Tickets"): {
        Permission.open_ticket: N_("Open tickets"),
        Permission.see_team_tickets: N_("See tickets of own teams"),
        Permission.see_all_tickets: N_("See all tickets"),
        Permission.reply: N_("Reply to requesters"),
        Permission.note: N_("Write internal notes"),
        Permission.claim_ticket: N_("Claim and release"),
        Permission.assign_ticket: N_("Assign to others"),
        Permission.change_ticket: N_("Change priority, category, tags, fields"),
        Permission.resolve_ticket: N_("Resolve, close, reopen"),
        Permission.merge_tickets: N_("Merge, split, link"),
        Permission.export_tickets: N_("Export tickets"),
        Permission.manage_own_macros: N_("Keep own macros"),
        Permission.use_api: N_("Use the API with tokens of their own"),
    },
    N_("Articles"): {
        Permission.write_articles: N_("Write articles, ask for a review"),
        Permission.publish_articles: N_("Review, publish and archive articles"),
        Permission.teach: N_("Look at what suggestions learned, and undo it"),
    },
    N_("People"): {
        Permission.see_people: N_("See requesters and colleagues"),
        Permission.change_people: N_("Change requesters' data"),
        Permission.manage_staff: N_("Invite, give roles, deactivate, erase"),
    },
    N_("Desk"): {
        Permission.manage_desk: N_("Change teams, categories, rules, macros, settings"),
        Permission.moderate: N_("Hide messages, block requesters, look at the quarantine"),
        Permission.manage_deliveries: N_("Send again what could not be sent"),
        Permission.see_reports: N_("See reports"),
        Permission.see_audit: N_("See the audit"),
        Permission.see_health: N_("See the desk's health"),
    },
}


@router.get("/admin/roles")
async def roles(request: Request, uow: Uow, viewer: ManagesStaff) -> Response:
    return await _page(request, uow, viewer)


@router.post("/admin/roles/{name}")
async def change(request: Request, uow: Uow, viewer: ManagesStaff, site: TheSite, name: str) -> Response:
    given = await given_by(request)
    async with trying(uow) as trial:
        await service.change_role(
            uow,
            viewer.actor,
            name,
            was=given.text("was").split(),
            permissions=given.texts("permission"),
        )
    if trial.failed:
        return await _page(request, uow, viewer, errors=trial.errors, status=trial.status)
    await take_effect(uow, site)
    return done("/admin/roles")


async def _page(request: Request, uow: UnitOfWork, viewer: Viewer, **context: Any) -> Response:
    shown = [
        {
            "name": role.name,
            "text": _(ROLE_NAMES.get(role.name, role.name)),
            "has": set(role.permissions),
            "was": " ".join(sorted(role.permissions)),
            "fixed": role.name == "admin",
            "may_have": {each.value for each in (Permission if role.name in STAFF_ROLES else REQUESTER_MAY)},
        }
        for role in await service.roles(uow.session)
    ]
    groups = [
        (_(title), [(permission.value, _(words)) for permission, words in group.items()])
        for title, group in GROUPS.items()
    ]
    return await show(
        request, uow, viewer, "admin/roles.html", area="roles", roles=shown, groups=groups, **context
    )
