"""Deliveries: what waits, what was given up, and inbound that could not be worked on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from core import inbox
from core.admin import deliveries
from core.admin.health import depths
from core.admin.service import record
from core.db import UnitOfWork
from core.i18n import N_, _
from webui.deps import Uow
from webui.pages.admin_shell import ManagesDeliveries, done, link, show
from webui.pages.desk_filters import channels

router = APIRouter()
HERE = "/admin/deliveries"
KINDS = {
    "post": N_("Message"),
    "edit": N_("Change of a message"),
    "delete": N_("Deletion of a message"),
    "react": N_("Reaction"),
    "mark": N_("Mark on a message"),
    "open": N_("New thread"),
    "file": N_("File"),
    "mail": N_("Mail"),
}
ERRORS = {
    "gone": N_("The place is gone, or the bot may not write there."),
    "shut_out": N_(
        "The channel was archived, or the bot was removed from it; it is kept until the bot is let in again."
    ),
    "thread_gone": N_("The thread was deleted there."),
    "retry_after": N_("The platform asked to wait."),
    "token_revoked": N_("The platform does not take our token; it is kept until the connection holds again."),
    "not_supported": N_("The platform cannot do that."),
    "MissingPermission": N_("The bot lacks the right to do that there."),
    "TimeoutError": N_("The platform did not answer in time."),
    "PostFailed": N_("The platform refused it."),
    "ConnectionError": N_("The platform could not be reached."),
}


@router.get(HERE)
async def dead(
    request: Request, uow: Uow, viewer: ManagesDeliveries, platform: str = "", after: str = ""
) -> Response:
    return await _page(request, uow, viewer, "dead", platform, after)


@router.get(HERE + "/due")
async def due(
    request: Request, uow: Uow, viewer: ManagesDeliveries, platform: str = "", after: str = ""
) -> Response:
    return await _page(request, uow, viewer, "due", platform, after)


@router.get(HERE + "/parked")
async def parked(request: Request, uow: Uow, viewer: ManagesDeliveries, after: str = "") -> Response:
    before = _uuid(after)
    rows = list(await inbox.in_state(uow.session, "parked", before=before, most=51))
    lines = [
        SimpleNamespace(
            id=row.id,
            platform=deliveries.platform_of(row.place_key),
            at=row.at,
            attempts=row.attempts,
            error=row.error or "",
        )
        for row in rows[:50]
    ]
    return await show(
        request,
        uow,
        viewer,
        "admin/parked.html",
        area="deliveries",
        lines=lines,
        states=await _states(uow, "parked"),
        newer=f"{HERE}/parked" if before else None,
        older=link(f"{HERE}/parked", after=rows[49].id) if len(rows) > 50 else None,
    )


@router.post(HERE + "/{delivery_id:uuid}/again")
async def again(request: Request, uow: Uow, viewer: ManagesDeliveries, delivery_id: UUID) -> Response:
    did = await deliveries.send_again(uow, viewer.actor, delivery_id)
    return done(HERE, "queued" if did else "nothing")


@router.post(HERE + "/{delivery_id:uuid}/delete")
async def cancel(request: Request, uow: Uow, viewer: ManagesDeliveries, delivery_id: UUID) -> Response:
    did = await deliveries.cancel(uow, viewer.actor, delivery_id)
    return done(HERE, "cancelled" if did else "nothing")


@router.post(HERE + "/parked/{inbound_id:uuid}/again")
async def try_again(request: Request, uow: Uow, viewer: ManagesDeliveries, inbound_id: UUID) -> Response:
    return await _decide(uow, viewer, inbound_id, again=True)


@router.post(HERE + "/parked/{inbound_id:uuid}/delete")
async def discard(request: Request, uow: Uow, viewer: ManagesDeliveries, inbound_id: UUID) -> Response:
    return await _decide(uow, viewer, inbound_id, again=False)


async def _decide(uow: UnitOfWork, viewer: ManagesDeliveries, inbound_id: UUID, *, again: bool) -> Response:
    row = await deliveries.inbound(uow, inbound_id)
    did = False
    if row is not None and row.state == "parked":
        did = await (inbox.release(uow, row.key) if again else inbox.discard(uow, row.key))
    if did:
        record(uow, viewer.actor, "inbound", inbound_id, "released" if again else "discarded")
    code = ("released" if again else "discarded") if did else "nothing"
    return done(f"{HERE}/parked", code)


async def _page(
    request: Request,
    uow: UnitOfWork,
    viewer: ManagesDeliveries,
    state: Literal["due", "dead"],
    platform: str,
    after: str,
) -> Response:
    here = HERE if state == "dead" else f"{HERE}/{state}"
    known = channels(uow)
    states = await _states(uow, state)
    page = await deliveries.listed(uow, viewer.actor, state, platform=platform, after=after)
    return await show(
        request,
        uow,
        viewer,
        "admin/deliveries.html",
        area="deliveries",
        state=state,
        here=here,
        page_=page,
        words={code: _(words) for code, words in ERRORS.items()},
        platform=platform,
        platforms=[(name, known[name]) for name in ("mail", *uow.means.chats)],
        channels=known,
        kinds={code: _(text) for code, text in KINDS.items()},
        states=states,
        all_sent=not any(one.count for one in states[:2]),
        newer=link(here, platform=platform) if after else None,
        older=link(here, platform=platform, after=page.next) if page.next else None,
    )


async def _states(uow: UnitOfWork, current: str) -> list[SimpleNamespace]:
    waiting = await depths(uow.session)
    return [
        SimpleNamespace(text=text, url=url, current=key == current, count=count)
        for key, text, url, count in (
            ("dead", _("Given up"), HERE, waiting.deliveries["dead"]),
            ("due", _("Waiting"), f"{HERE}/due", waiting.deliveries["due"]),
            ("parked", _("Parked inbound"), f"{HERE}/parked", waiting.inbound["parked"]),
        )
    ]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
