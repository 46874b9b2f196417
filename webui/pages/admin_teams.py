"""Teams: who works together, and how their tickets are assigned."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import select

from core.admin import service
from core.db import UnitOfWork
from core.i18n import N_, _
from core.people import service as people
from core.people.model import AssignMode, Person, Team
from core.people.service import Known
from webui.deps import Uow
from webui.pages.admin_shell import Given, ManagesDesk, done, given_by, show, trying
from webui.sessions import Viewer

router = APIRouter()
MOST_STAFF = 500
MODES = {
    AssignMode.manual: (N_("By hand"), N_("Agents take tickets from the queue themselves.")),
    AssignMode.least_open: (N_("Fewest open tickets"), N_("The agent with the most room gets it.")),
    AssignMode.round_robin: (N_("In turn"), N_("Whoever has waited longest for one gets it.")),
    AssignMode.skill: (N_("By skill"), N_("Who knows the matter, then who has the most room.")),
}


@router.get("/admin/teams")
async def teams(request: Request, uow: Uow, viewer: ManagesDesk) -> Response:
    lines = await service.teams(uow.session, retired=True)
    return await show(
        request, uow, viewer, "admin/teams.html", area="teams", lines=lines, modes=_mode_names()
    )


@router.get("/admin/teams/new")
async def new(request: Request, uow: Uow, viewer: ManagesDesk) -> Response:
    return await _form(request, uow, viewer, None, _blank())


@router.post("/admin/teams")
async def make(request: Request, uow: Uow, viewer: ManagesDesk) -> Response:
    given = await given_by(request)
    async with trying(uow) as trial:
        made = await service.make_team(uow, viewer.actor, **_fields(given))
        await service.change_team(
            uow,
            viewer.actor,
            made.id,
            version=made.version,
            **_fields(given),
            member_ids=given.ids("members"),
        )
    if trial.failed:
        return await _form(
            request, uow, viewer, None, _typed(given), errors=trial.errors, status=trial.status
        )
    return done("/admin/teams", "made")


@router.get("/admin/teams/{team_id:uuid}")
async def team(request: Request, uow: Uow, viewer: ManagesDesk, team_id: UUID) -> Response:
    found = await service.team(uow.session, team_id)
    return await _form(request, uow, viewer, found, await _stored(uow, found))


@router.post("/admin/teams/{team_id:uuid}")
async def change(request: Request, uow: Uow, viewer: ManagesDesk, team_id: UUID) -> Response:
    given = await given_by(request)
    async with trying(uow) as trial:
        await service.change_team(
            uow,
            viewer.actor,
            team_id,
            version=given.version,
            **_fields(given),
            member_ids=given.ids("members"),
        )
    if trial.failed:
        found = await service.team(uow.session, team_id)
        return await _form(
            request, uow, viewer, found, _typed(given), errors=trial.errors, status=trial.status
        )
    return done(f"/admin/teams/{team_id}")


@router.post("/admin/teams/{team_id:uuid}/active")
async def restore(request: Request, uow: Uow, viewer: ManagesDesk, team_id: UUID) -> Response:
    given = await given_by(request)
    await service.keep_team(uow, viewer.actor, team_id, version=given.version, active=True)
    return done(f"/admin/teams/{team_id}", "restored")


@router.post("/admin/teams/{team_id:uuid}/active/delete")
async def retire(request: Request, uow: Uow, viewer: ManagesDesk, team_id: UUID) -> Response:
    given = await given_by(request)
    await service.keep_team(uow, viewer.actor, team_id, version=given.version, active=False)
    return done("/admin/teams", "retired")


async def _form(
    request: Request,
    uow: UnitOfWork,
    viewer: Viewer,
    found: Team | None,
    values: SimpleNamespace,
    **context: Any,
) -> Response:
    return await show(
        request,
        uow,
        viewer,
        "admin/team.html",
        area="teams",
        team=found,
        values=values,
        modes=[(mode.value, _(name), _(hint)) for mode, (name, hint) in MODES.items()],
        staff=[(str(one.id), one.shown) for one in await staff_of(uow)],
        **context,
    )


async def staff_of(uow: UnitOfWork) -> list[Known]:
    """The active colleagues by name."""
    ids = await uow.session.scalars(
        select(Person.id)
        .where(Person.role != "requester", Person.active)
        .order_by(Person.id)
        .limit(MOST_STAFF)
    )
    known = await people.known(uow.session, uow, list(ids))
    return sorted(known.values(), key=lambda one: one.shown.casefold())


def _fields(given: Given) -> dict[str, str]:
    return {name: given.text(name) for name in ("name", "description", "assign_mode")}


def _blank() -> SimpleNamespace:
    return SimpleNamespace(name="", description="", assign_mode="manual", members=[], version=-1)


def _typed(given: Given) -> SimpleNamespace:
    return SimpleNamespace(**_fields(given), members=given.texts("members"), version=given.text("version"))


async def _stored(uow: UnitOfWork, found: Team) -> SimpleNamespace:
    members = await service.members(uow.session, found.id)
    return SimpleNamespace(
        name=found.name,
        description=found.description,
        assign_mode=found.assign_mode,
        members=[str(one) for one in members],
        version=found.version,
    )


def _mode_names() -> dict[str, str]:
    return {mode.value: _(name) for mode, (name, _hint) in MODES.items()}
