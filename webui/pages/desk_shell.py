"""What stands around every staff page: navigation, offered chats, availability, looks."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from core.errors import Invalid
from core.i18n import _
from core.people import service as people
from core.people.model import Availability
from core.tickets import service as tickets
from webui import desk_context, rendering
from webui.deps import Staff, Uow
from webui.desk_context import STATES, answered
from webui.public import local_path

router = APIRouter()
FOR_EVER = "public, max-age=31536000, immutable"


@router.get("/theme.css")
async def theme_css(accent: Annotated[str, Query(max_length=6)] = "") -> Response:
    """The desk's accent colour; its address changes with it, so it may be kept for ever."""
    colour = accent if re.fullmatch(r"[0-9a-fA-F]{6}", accent) else "0c7a6d"
    css = f"@layer tokens {{ :root {{ --accent: #{colour}; }} }}\n"
    return Response(css, media_type="text/css", headers={"cache-control": FOR_EVER})


@router.get("/desk/nav")
async def nav(
    request: Request, uow: Uow, viewer: Staff, at: Annotated[str, Query(max_length=300)] = ""
) -> Response:
    """The navigation with fresh counts, for the page at `at`."""
    return rendering.page(request, "desk/nav.html", sections=await desk_context.nav_sections(uow, viewer, at))


@router.get("/desk/me")
async def me(request: Request, uow: Uow, viewer: Staff) -> Response:
    frame = desk_context.myself(viewer)
    return rendering.page(request, "desk/me.html", **frame)


@router.get("/desk/offers")
async def offers(request: Request, uow: Uow, viewer: Staff) -> Response:
    return rendering.page(request, "desk/offers.html", offers=await desk_context.offers_of(uow, viewer))


@router.post("/desk/offers/{number}/pass")
async def pass_on(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    """Not me, not now: the chat goes to the next free agent."""
    await tickets.pass_on(uow, viewer.actor, number)
    return answered(request, "/desk", _("Passed on to the next free agent."))


@router.post("/desk/availability")
async def availability(request: Request, uow: Uow, viewer: Staff) -> Response:
    form = await request.form()
    wanted = next((state for state, name in STATES.items() if name == form.get("state")), None)
    if wanted is None:
        raise Invalid(_("Please choose one of the list."), field="state")
    assert viewer.person is not None
    await people.set_availability(uow, viewer.person, wanted)
    words = {
        Availability.available: _("You are available."),
        Availability.away: _("You are away. No chats are offered to you."),
        Availability.offline: _("You are offline. No chats are offered to you."),
    }[wanted]
    return answered(request, _back(request), words)


@router.post("/desk/theme")
async def theme(request: Request, uow: Uow, viewer: Staff) -> Response:
    form = await request.form()
    chosen = form.get("theme")
    if chosen not in ("auto", "light", "dark"):
        raise Invalid(_("Please choose one of the list."), field="theme")
    assert viewer.person is not None
    viewer.person.preferences = {**viewer.person.preferences, "theme": chosen}
    return answered(request, _back(request))


def _back(request: Request) -> str:
    """The page on this desk from which a form came, as far as the browser says."""
    base = str(request.base_url).rstrip("/")
    referer = request.headers.get("referer", "")
    return local_path(referer.removeprefix(base), "/desk") if referer.startswith(base) else "/desk"
