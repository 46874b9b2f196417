"""The admin's front page: what there is to look after."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from webui.deps import Uow
from webui.pages.admin_shell import AnyAdmin, areas_of, show

router = APIRouter()


@router.get("/admin")
async def admin(request: Request, uow: Uow, viewer: AnyAdmin) -> Response:
    return await show(request, uow, viewer, "admin/home.html", groups=areas_of(viewer))
