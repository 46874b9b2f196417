"""Who else is at a ticket: fragments for the page, and the word of its composer that one writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from core.access import Permission
from core.tickets import access
from webui import rendering
from webui.deps import Staff, TheSite, Uow
from webui.pages import desk_filters, ticket
from webui.pages.ticket_lines import handle_of

router = APIRouter()
MOST_COLLEAGUES = 8


@router.get("/tickets/{number}/lookers")
async def lookers(request: Request, uow: Uow, viewer: Staff, site: TheSite, number: int) -> Response:
    opened = await access.get(uow, viewer.actor, number)
    here = await ticket.present_in(uow, site, viewer, opened)
    return _looked_again(rendering.page(request, "desk/lookers.html", **here), here)


@router.get("/tickets/{number}/typing")
async def typing(request: Request, uow: Uow, viewer: Staff, site: TheSite, number: int) -> Response:
    opened = await access.get(uow, viewer.actor, number)
    row = await ticket.row_of(uow, viewer, number)
    here = await ticket.present_in(uow, site, viewer, opened)
    return _looked_again(rendering.page(request, "desk/typing.html", ticket=row, **here), here)


@router.post("/tickets/{number}/typing")
async def types(request: Request, uow: Uow, viewer: Staff, site: TheSite, number: int) -> Response:
    form = await request.form()
    opened = await access.get(uow, viewer.actor, number)
    assert viewer.actor.id is not None
    note = form.get("kind") == "note" or not viewer.actor.may(Permission.reply)
    site.presence.types(opened.thread.id, viewer.actor.id, note=note)
    return Response(status_code=204)


@router.get("/desk/mentions.json")
async def mentions(uow: Uow, viewer: Staff, q: Annotated[str, Query(max_length=60)] = "") -> JSONResponse:
    """Colleagues whose name or handle begins so."""
    wanted = q.casefold()
    found = [
        {"name": name, "handle": handle_of(name)}
        for _person, name in await desk_filters.colleagues(uow)
        if handle_of(name).casefold().startswith(wanted)
        or any(word.casefold().startswith(wanted) for word in name.split())
    ]
    return JSONResponse(found[:MOST_COLLEAGUES], headers={"cache-control": "no-store"})


def _looked_again(response: Response, here: Mapping[str, Any]) -> Response:
    if here["look_again"] is not None:
        response.headers["x-again"] = str(here["look_again"])
    return response
