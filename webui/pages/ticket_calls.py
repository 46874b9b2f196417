"""Calls from the desk's and the requester's ticket page: press, and be led to one's own link."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from core.calls import access, join_links, reach, service
from core.errors import NotFound
from core.i18n import _
from core.tickets import access as tickets
from webui.deps import SignedIn, Staff, TheSite, Uow
from webui.rendering import see_other

router = APIRouter()


@router.post("/tickets/{number}/calls")
async def call(request: Request, uow: Uow, viewer: Staff, site: TheSite, number: int) -> Response:
    """Call the other side. A ticket that has a call leads to that one."""
    _made, mine = await service.ask(uow, viewer.actor, number)
    reach.require(site.public_url)
    return see_other(join_links.path(uow, mine))


@router.get("/tickets/{number}/call")
async def come(uow: Uow, viewer: Staff, number: int) -> Response:
    """To one's own link of the call that runs."""
    opened = await tickets.get(uow, viewer.actor, number)
    if await access.live_of(uow, opened.ticket.id) is None:
        raise NotFound(_("This ticket has no call now."))
    _made, mine = await service.ask(uow, viewer.actor, number)
    return see_other(join_links.path(uow, mine))


@router.post("/my/tickets/{number}/calls")
async def ask(request: Request, uow: Uow, viewer: SignedIn, site: TheSite, number: int) -> Response:
    """The requester asks for a call, or comes to the one that runs."""
    _made, mine = await service.ask(uow, viewer.actor, number)
    reach.require(site.public_url)
    return see_other(join_links.path(uow, mine))
