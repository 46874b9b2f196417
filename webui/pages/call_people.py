"""Who may come into a call, for the desk's side of it: invite, give the call away, take a link back."""

from __future__ import annotations

from types import SimpleNamespace
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse

from core.calls import join_links, queries, service
from core.calls.model import Presence
from core.db import UnitOfWork
from core.errors import Forbidden, Invalid, NotFound
from core.i18n import N_, _
from core.ports.bus import Signal
from webui import rendering
from webui.deps import TheSite, Uow, visit
from webui.pages import desk_filters
from webui.pages.call_room import Visit, changed, come

router = APIRouter(prefix="/c")
WORDS = {
    Presence.invited: N_("is asked to come"),
    Presence.waiting: N_("waits to be let in"),
    Presence.admitted: N_("comes in"),
    Presence.present: N_("is in the call"),
    Presence.away: N_("connecting again"),
    Presence.left: N_("has left"),
    Presence.declined: N_("did not want to come"),
}


@router.get("/{token}/people")
async def people(request: Request, uow: Uow, site: TheSite, token: str) -> HTMLResponse:
    here = await _come_as_staff(uow, token)
    found = await queries.people(uow, here.actor, here.call)
    inside = {str(one.person) for one in found}
    return rendering.page(
        request, "call/people.html", base=join_links.PREFIX + token,
        people=[
            SimpleNamespace(
                id=one.person, name=one.name, words=_(WORDS[Presence(one.presence)]),
                me=one.person == here.row.person_id, url=site.public_url + join_links.path(uow, one.row),
            )
            for one in found
        ],
        colleagues=[each for each in await desk_filters.colleagues(uow) if each[0] not in inside],
    )  # fmt: skip


@router.post("/{token}/people")
async def invite(request: Request, site: TheSite, token: str) -> JSONResponse:
    """One more person may come: a colleague of the list, or whoever has an address. With `transfer`,
    call and ticket are theirs from then on."""
    form = await request.form()
    async with visit(request) as uow:
        here = await _come_as_staff(uow, token)
        colleague, address = str(form.get("colleague") or ""), str(form.get("address") or "")
        if form.get("transfer"):
            await service.transfer(uow, here.actor, here.call.id, _id(colleague))
            words = _("Call and ticket are theirs now. You may leave the call.")
        elif colleague:
            await service.invite(uow, here.actor, here.call.id, _id(colleague))
            words = _("They are told by mail and in the desk.")
        else:
            await service.invite_address(uow, here.actor, here.call.id, address)
            words = _("They get their own link by mail.")
        call = here.call.id
    changed(site, call)
    return JSONResponse({"words": words})


@router.post("/{token}/revocation")
async def revoke(request: Request, site: TheSite, token: str) -> JSONResponse:
    """A link serves no more, and whoever came by it has to leave."""
    form = await request.form()
    async with visit(request) as uow:
        here = await _come_as_staff(uow, token)
        call, person = here.call.id, _id(str(form.get("person") or ""))
        await service.revoke(uow, here.actor, call, person)
    site.desk.bus.publish(Signal("call", {"call": str(call), "to": str(person), "what": "revoked"}))
    changed(site, call)
    return JSONResponse({"words": _("The link does not work any more. “Call” makes a new one.")})


async def _come_as_staff(uow: UnitOfWork, token: str) -> Visit:
    here = await come(uow, token)
    if not here.row.staff:
        raise Forbidden(_("You are not allowed to do that."))
    return here


def _id(typed: str) -> UUID:
    try:
        return UUID(typed)
    except ValueError:
        if typed:
            raise NotFound(_("There is no such person.")) from None
        raise Invalid(_("Please choose a colleague, or write an e-mail address."), field="who") from None
