"""Pictures and files of articles, for whoever may read the article."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse

from core.access import Actor
from core.db import UnitOfWork
from core.errors import NotFound
from core.files.sniff import may_show
from core.kb import files
from core.kb.page import FILES
from webui.deps import AnyViewer, TheSite, Uow
from webui.pages.ticket_files import headers_of

router = APIRouter()


@router.get(FILES + "{picture_id:uuid}")
async def file(uow: Uow, viewer: AnyViewer, site: TheSite, picture_id: UUID) -> Response:
    """A file in the clear. What strangers may see, shared caches may keep for a while."""
    found = await files.read(uow, viewer.actor, picture_id)
    shown = may_show(found.row.mime)
    headers = headers_of(found.name, inline=shown) | {"content-length": str(found.row.size)}
    if await _open_to_all(uow, picture_id):
        headers["cache-control"] = "public, max-age=600"
    return StreamingResponse(
        found.read(site.desk.means.files),
        media_type=found.row.mime if shown else "application/octet-stream",
        headers=headers,
    )


async def _open_to_all(uow: UnitOfWork, file_id: UUID) -> bool:
    try:
        await files.read(uow, Actor(None), file_id)
    except NotFound:
        return False
    return True
