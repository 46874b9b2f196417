"""Check-up: everything the desk stands on is asked, when an admin wants to know. `deskbell doctor` is the same."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request
from fastapi.responses import Response

from core.access import Permission
from core.admin import checkup
from core.admin.checkup import Line
from core.db import UnitOfWork
from core.errors import NotFound
from core.i18n import _
from webui.deps import TheSite, Uow, staff, visit
from webui.pages.admin_shell import ManagesDesk, show
from webui.sessions import Viewer

router = APIRouter()


@router.get("/admin/checkup")
async def page(request: Request, uow: Uow, viewer: ManagesDesk) -> Response:
    return await _shown(request, uow, viewer)


@router.post("/admin/checkup")
async def look(request: Request, site: TheSite) -> Response:
    """Others are asked, which may take a while: not inside a transaction."""
    async with visit(request) as uow:
        _manages(request)
    lines = await site.examine() if site.examine is not None else []
    async with visit(request) as uow:
        return await _shown(request, uow, _manages(request), lines)


async def _shown(
    request: Request, uow: UnitOfWork, viewer: Viewer, lines: Sequence[Line] | None = None
) -> Response:
    return await show(
        request,
        uow,
        viewer,
        "admin/checkup.html",
        area="checkup",
        lines=lines,
        worst=checkup.worst(lines or ()),
        title_of=checkup.title,
    )


def _manages(request: Request) -> Viewer:
    """What one may not do is not there."""
    viewer = staff(request)
    if not viewer.actor.may(Permission.manage_desk):
        raise NotFound(_("There is no such page."))
    return viewer
