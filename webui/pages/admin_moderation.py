"""Moderation: the quarantine, reported messages, blocked requesters."""

from __future__ import annotations

from types import SimpleNamespace
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from core.admin import moderation, staff
from core.i18n import N_, _
from core.paging import cursor_of, read_cursor
from webui.deps import Uow
from webui.pages.admin_shell import Moderates, done, given_by, link, show
from webui.pages.desk_filters import CHANNELS

router = APIRouter()
HERE = "/admin/moderation"
REASONS = {
    "block_word": N_("Holds a blocked word"),
    "trap": N_("Filled a field that no person sees"),
    "too_quick": N_("Sent faster than a person writes"),
    "same_text": N_("The same text came too often"),
}


@router.get(HERE)
async def held(request: Request, uow: Uow, viewer: Moderates, after: str = "") -> Response:
    lines, following = await moderation.held(uow, viewer.actor, before=_uuid(after))
    return await show(
        request,
        uow,
        viewer,
        "admin/held.html",
        area="moderation",
        parts=_parts("held"),
        lines=lines,
        channels={name: _(text) for name, text in CHANNELS.items()},
        reasons={code: _(words) for code, words in REASONS.items()},
        newer=HERE if after else None,
        older=link(HERE, after=following) if following else None,
    )


@router.post(HERE + "/several")
async def several(request: Request, uow: Uow, viewer: Moderates) -> Response:
    """What is ticked is let in or discarded."""
    given = await given_by(request)
    let_in = given.text("verb") == "release"
    count = await moderation.decide_all(uow, viewer.actor, given.ids("held"), let_in=let_in)
    return done(HERE, ("released" if let_in else "discarded") if count else "nothing")


@router.post(HERE + "/{inbound_id:uuid}/release")
async def release(request: Request, uow: Uow, viewer: Moderates, inbound_id: UUID) -> Response:
    did = await moderation.release(uow, viewer.actor, inbound_id)
    return done(HERE, "released" if did else "nothing")


@router.post(HERE + "/{inbound_id:uuid}/delete")
async def discard(request: Request, uow: Uow, viewer: Moderates, inbound_id: UUID) -> Response:
    did = await moderation.discard(uow, viewer.actor, inbound_id)
    return done(HERE, "discarded" if did else "nothing")


@router.post(HERE + "/{inbound_id:uuid}/block")
async def block(request: Request, uow: Uow, viewer: Moderates, inbound_id: UUID) -> Response:
    did = await moderation.block_sender(uow, viewer.actor, inbound_id)
    return done(HERE, "blocked" if did else "nothing")


@router.get(HERE + "/reported")
async def reported(request: Request, uow: Uow, viewer: Moderates, after: str = "") -> Response:
    lines, following = await moderation.reported(uow, viewer.actor, after=read_cursor(after))
    here = f"{HERE}/reported"
    return await show(
        request,
        uow,
        viewer,
        "admin/reported.html",
        area="moderation",
        parts=_parts("reported"),
        lines=lines,
        newer=here if after else None,
        older=link(here, after=cursor_of(following[0], following[1])) if following else None,
    )


@router.post(HERE + "/reported/{message_id:uuid}/hide")
async def hide(request: Request, uow: Uow, viewer: Moderates, message_id: UUID) -> Response:
    await moderation.hide(uow, viewer.actor, message_id)
    return done(f"{HERE}/reported", "hidden")


@router.post(HERE + "/reported/{message_id:uuid}/delete")
async def dismiss(request: Request, uow: Uow, viewer: Moderates, message_id: UUID) -> Response:
    await moderation.dismiss(uow, viewer.actor, message_id)
    return done(f"{HERE}/reported", "dismissed")


@router.get(HERE + "/blocked")
async def blocked(request: Request, uow: Uow, viewer: Moderates) -> Response:
    return await show(
        request,
        uow,
        viewer,
        "admin/blocked.html",
        area="moderation",
        parts=_parts("blocked"),
        lines=await moderation.blocked(uow, viewer.actor),
    )


@router.post(HERE + "/blocked/{person_id:uuid}/delete")
async def unblock(request: Request, uow: Uow, viewer: Moderates, person_id: UUID) -> Response:
    await staff.block(uow, viewer.actor, person_id, blocked=False)
    return done(f"{HERE}/blocked", "unblocked")


def _parts(current: str) -> list[SimpleNamespace]:
    return [
        SimpleNamespace(text=text, url=url, current=key == current)
        for key, text, url in (
            ("held", _("Quarantine"), HERE),
            ("reported", _("Reported messages"), f"{HERE}/reported"),
            ("blocked", _("Blocked requesters"), f"{HERE}/blocked"),
        )
    ]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
