"""Where a service of its own carries calls: its client for browsers, and what it tells by webhook."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from core.errors import NotFound
from core.i18n import _
from webui.deps import TheSite
from webui.site import CallService, Site

CLIENT = "/calls/client.mjs"
HOOK = "/calls/hook"
router = APIRouter()


@router.get(CLIENT)
async def client(site: TheSite) -> FileResponse:
    """The service's own client, from where the admin put it: it is not part of Deskbell."""
    return FileResponse(
        _service(site).client, media_type="text/javascript", headers={"cache-control": "max-age=3600"}
    )


@router.post(HOOK)
async def hook(request: Request, site: TheSite) -> Response:
    """Signed by the service; whatever is not is refused by whoever takes it."""
    service = _service(site)
    await service.hook(await request.body(), request.headers.get("authorization", ""))
    return Response(status_code=204)


def _service(site: Site) -> CallService:
    if site.call_service is None:
        raise NotFound(_("There is no such page."))
    return site.call_service
