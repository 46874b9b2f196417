"""Shared macros: answers that everyone can use, with variables and verbs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup

from core import markdown
from core.admin import service
from core.db import UnitOfWork
from core.errors import NotFound
from core.i18n import _
from core.tickets import macros
from core.tickets.model import Macro
from core.tickets.routing import PRIORITIES
from webui.deps import Uow
from webui.pages.admin_shell import Given, ManagesDesk, done, given_by, show, trying
from webui.sessions import Viewer

router = APIRouter()


@router.get("/admin/macros")
async def listed(request: Request, uow: Uow, viewer: ManagesDesk) -> Response:
    rows = await macros.listed(uow, viewer.actor, retired=True)
    shared = [row for row in rows if row.owner_id is None]
    return await show(request, uow, viewer, "admin/macros.html", area="macros", macros=shared)


@router.get("/admin/macros/new")
async def new(request: Request, uow: Uow, viewer: ManagesDesk) -> Response:
    return await _form(request, uow, viewer, None, _values({}, "", ""))


@router.post("/admin/macros")
async def make(request: Request, uow: Uow, viewer: ManagesDesk) -> Response:
    given = await given_by(request)
    if given.text("step") == "preview":
        return await _form(request, uow, viewer, None, _typed(given), preview=_preview(uow, viewer, given))
    async with trying(uow) as trial:
        await macros.make(uow, viewer.actor, **_fields(given), shared=True)
    if trial.failed:
        return await _form(
            request, uow, viewer, None, _typed(given), errors=trial.errors, status=trial.status
        )
    return done("/admin/macros", "made")


@router.get("/admin/macros/{macro_id:uuid}")
async def macro(request: Request, uow: Uow, viewer: ManagesDesk, macro_id: UUID) -> Response:
    found = await _shared(uow, viewer, macro_id)
    return await _form(request, uow, viewer, found, _values(found.actions, found.name, found.body))


@router.post("/admin/macros/{macro_id:uuid}")
async def change(request: Request, uow: Uow, viewer: ManagesDesk, macro_id: UUID) -> Response:
    given = await given_by(request)
    found = await _shared(uow, viewer, macro_id)
    if given.text("step") == "preview":
        return await _form(request, uow, viewer, found, _typed(given), preview=_preview(uow, viewer, given))
    async with trying(uow) as trial:
        await macros.change(uow, viewer.actor, macro_id, version=given.version, **_fields(given))
    if trial.failed:
        found = await _shared(uow, viewer, macro_id)
        return await _form(
            request, uow, viewer, found, _typed(given), errors=trial.errors, status=trial.status
        )
    return done("/admin/macros")


@router.post("/admin/macros/{macro_id:uuid}/active")
async def restore(request: Request, uow: Uow, viewer: ManagesDesk, macro_id: UUID) -> Response:
    given = await given_by(request)
    await _shared(uow, viewer, macro_id)
    await macros.change(uow, viewer.actor, macro_id, active=True, version=given.version)
    return done("/admin/macros", "restored")


@router.post("/admin/macros/{macro_id:uuid}/active/delete")
async def retire(request: Request, uow: Uow, viewer: ManagesDesk, macro_id: UUID) -> Response:
    given = await given_by(request)
    await _shared(uow, viewer, macro_id)
    await macros.change(uow, viewer.actor, macro_id, active=False, version=given.version)
    return done("/admin/macros", "retired")


async def _form(
    request: Request,
    uow: UnitOfWork,
    viewer: Viewer,
    found: Macro | None,
    values: SimpleNamespace,
    **context: Any,
) -> Response:
    teams = await service.teams(uow.session)
    return await show(
        request,
        uow,
        viewer,
        "admin/macro.html",
        area="macros",
        macro=found,
        version=found.version if found else -1,
        values=values,
        variables=[("{" + name + "}", _(words)) for name, words in macros.VARIABLES.items()],
        teams=[(str(line.team.id), line.team.name) for line in teams],
        priorities=[(key, _(name)) for key, name in PRIORITIES.items()],
        assign=[("me", _("Whoever uses it")), ("nobody", _("Nobody"))],
        moves=[("resolve", _("Resolved")), ("wait", _("Waiting for the requester")), ("close", _("Closed"))],
        **context,
    )


async def _shared(uow: UnitOfWork, viewer: Viewer, macro_id: UUID) -> Macro:
    found = await macros.get(uow, viewer.actor, macro_id)
    if found.owner_id is not None:
        raise NotFound(_("There is no such macro."))
    return found


def _fields(given: Given) -> dict[str, Any]:
    return {
        "name": given.text("name"),
        "body": given.text("body"),
        "actions": {
            "priority": given.text("priority"),
            "add_tags": given.text("add_tags"),
            "remove_tags": given.text("remove_tags"),
            "team": given.text("team"),
            "assign": given.text("assign"),
            "move": given.text("move"),
        },
    }


def _typed(given: Given) -> SimpleNamespace:
    fields = _fields(given)
    return SimpleNamespace(name=fields["name"], body=fields["body"], **fields["actions"])


def _values(actions: dict[str, Any], name: str, body: str) -> SimpleNamespace:
    return SimpleNamespace(
        name=name,
        body=body,
        priority=actions.get("priority", ""),
        add_tags=", ".join(actions.get("add_tags", ())),
        remove_tags=", ".join(actions.get("remove_tags", ())),
        team=actions.get("team", ""),
        assign=actions.get("assign", ""),
        move=actions.get("move", ""),
    )


def _preview(uow: UnitOfWork, viewer: Viewer, given: Given) -> Markup:
    """The text for a made-up ticket, drawn as a message would be."""
    example = {
        "requester.name": "Ada Lovelace",
        "requester.first_name": "Ada",
        "ticket.number": "42",
        "ticket.subject": _("The printer is on fire"),
        "agent.name": viewer.known.shown if viewer.known else "",
        "team.name": _("Support"),
        "desk.name": uow.settings.name,
    }
    return Markup(markdown.to_html(macros.fill(given.text("body"), example)))  # noqa: S704  sanitised there
