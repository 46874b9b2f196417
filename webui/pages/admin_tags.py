"""Tags: words on tickets, and skills of agents."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from core.admin import service
from core.db import UnitOfWork
from webui.deps import Uow
from webui.pages.admin_shell import ManagesDesk, done, given_by, show, trying
from webui.sessions import Viewer

router = APIRouter()


@router.get("/admin/tags")
async def tags(request: Request, uow: Uow, viewer: ManagesDesk) -> Response:
    return await _page(request, uow, viewer)


@router.post("/admin/tags")
async def make(request: Request, uow: Uow, viewer: ManagesDesk) -> Response:
    given = await given_by(request)
    async with trying(uow) as trial:
        await service.make_tag(uow, viewer.actor, given.text("name"))
    if trial.failed:
        return await _page(
            request, uow, viewer, errors=trial.errors, status=trial.status, typed=given.text("name")
        )
    return done("/admin/tags", "made")


@router.get("/admin/tags/{tag_id:int}")
async def tag(request: Request, uow: Uow, viewer: ManagesDesk, tag_id: int) -> Response:
    return await _one(request, uow, viewer, tag_id)


@router.post("/admin/tags/{tag_id:int}")
async def rename(request: Request, uow: Uow, viewer: ManagesDesk, tag_id: int) -> Response:
    given = await given_by(request)
    async with trying(uow) as trial:
        await service.rename_tag(uow, viewer.actor, tag_id, was=given.text("was"), name=given.text("name"))
    if trial.failed:
        return await _one(
            request, uow, viewer, tag_id, errors=trial.errors, status=trial.status, typed=given.text("name")
        )
    return done("/admin/tags")


@router.post("/admin/tags/{tag_id:int}/active")
async def restore(request: Request, uow: Uow, viewer: ManagesDesk, tag_id: int) -> Response:
    await service.keep_tag(uow, viewer.actor, tag_id, active=True)
    return done("/admin/tags", "restored")


@router.post("/admin/tags/{tag_id:int}/active/delete")
async def retire(request: Request, uow: Uow, viewer: ManagesDesk, tag_id: int) -> Response:
    await service.keep_tag(uow, viewer.actor, tag_id, active=False)
    return done("/admin/tags", "retired")


async def _page(request: Request, uow: UnitOfWork, viewer: Viewer, **context: Any) -> Response:
    lines = await service.tags(uow.session, retired=True)
    return await show(request, uow, viewer, "admin/tags.html", area="tags", lines=lines, **context)


async def _one(request: Request, uow: UnitOfWork, viewer: Viewer, tag_id: int, **context: Any) -> Response:
    found = await service.tag(uow.session, tag_id)
    return await show(request, uow, viewer, "admin/tag.html", area="tags", tag=found, **context)
