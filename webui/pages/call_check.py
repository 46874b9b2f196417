"""Whether calls would work from the reader's network, for whoever is signed in: before anybody is called."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse

from core.errors import Unavailable
from core.i18n import _
from webui import rendering
from webui.deps import SignedIn, TheSite

router = APIRouter(prefix="/call/check")


@router.get("")
async def page(request: Request, viewer: SignedIn) -> HTMLResponse:
    return rendering.page(
        request, "call/network.html", base="/call/check", back="/desk" if viewer.actor.staff else "/my"
    )


@router.get("/ice")
async def ice(viewer: SignedIn, site: TheSite) -> JSONResponse:
    """The relays of this desk, with credentials that end by themselves."""
    if site.media is None or viewer.actor.id is None:
        raise Unavailable(_("Calls cannot be reached now. Please try again in a moment."))
    servers = (await site.media()).ice_servers(viewer.actor.id)
    return JSONResponse(
        [{"urls": list(one.urls), "username": one.username, "credential": one.credential} for one in servers]
    )
