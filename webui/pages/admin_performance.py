"""Performance: how fast the desk is, what waits, what fails, who is here, over all its parts. Renews itself."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from core.admin import performance
from core.admin.health import COUNTED_TO
from core.admin.performance import PartLine, Performance, Speed
from core.db import UnitOfWork
from core.files.size import in_words
from core.i18n import N_, _, decimal
from core.lease import DESK
from webui.deps import Uow
from webui.pages.admin_shell import SeesHealth, show
from webui.sessions import Viewer

router = APIRouter()
STEPS = {
    "inbound": N_("From what came in to its commit"),
    "page": N_("From an event to an open page"),
    "delivery": N_("To {platform}"),
    "request": N_("Answers of the web"),
}
PARTS = {
    "all": N_("All in one"),
    "web": N_("Web"),
    "gateway": N_("Gateway"),
    "worker": N_("Worker"),
}
DONE = {
    "message.said": N_("Messages"),
    "ticket.opened": N_("New tickets"),
    "ticket.claimed": N_("Claimed"),
    "ticket.resolved": N_("Resolved"),
}
SIGN_INS = {
    "done": N_("Sign-ins"),
    "wrong": N_("Wrong passwords and codes"),
    "unknown": N_("Sign-in to no account"),
}
REFUSED = {
    "401": N_("Not signed in"),
    "403": N_("Refused"),
    "429": N_("Slowed down"),
}
STATES = {
    "open": N_("Open"),
    "in_progress": N_("In progress"),
    "waiting": N_("Waiting"),
    "unassigned": N_("Nobody has"),
}


@router.get("/admin/performance")
async def page(request: Request, uow: Uow, viewer: SeesHealth) -> Response:
    return await show(
        request, uow, viewer, "admin/performance.html", area="performance", **await _seen(uow, viewer)
    )


@router.get("/admin/performance/now")
async def now(request: Request, uow: Uow, viewer: SeesHealth) -> Response:
    """The numbers alone, for the page that renews itself."""
    return await show(
        request, uow, viewer, "admin/performance_now.html", area="performance", **await _seen(uow, viewer)
    )


async def _seen(uow: UnitOfWork, viewer: Viewer) -> dict[str, Any]:
    seen = await performance.look(uow, viewer.actor)
    return {
        "seen": seen,
        "speeds": [(_step(one), one.times) for one in seen.speeds],
        "headline": _headline(seen),
        "done": [(_(words), seen.activity.done.get(name, 0)) for name, words in DONE.items()],
        "states": [(_(words), seen.depths.tickets.get(name, 0)) for name, words in STATES.items()],
        "points": _points(seen),
        "troubles": _troubles(seen),
        "part_name": _part_name,
        "led": _led,
        "counted_to": COUNTED_TO,
        "in_words": in_words,
        "decimal": decimal,
    }


def _part_name(name: str) -> str:
    return _(PARTS.get(name, name))


def _led(part: PartLine) -> str:
    """What it leads, where that is not all there is: a process that is alone leads the desk."""
    if part.name != "gateway":
        return ""
    return ", ".join(_("the desk") if one == DESK else _connection(one) for one in part.leads)


def _connection(lease: str) -> str:
    platform, _slash, name = lease.partition("/")
    return f"{platform.title()} {name}".strip()


def _step(one: Speed) -> str:
    return _(STEPS.get(one.step, one.step)).format(platform=one.platform.title())


def _headline(seen: Performance) -> list[tuple[str, float | None]]:
    """The p95 of each step; of the platforms the slowest."""
    found: dict[str, float | None] = dict.fromkeys(STEPS)
    for one in seen.speeds:
        if one.step in found:
            found[one.step] = max(found[one.step] or 0.0, one.times.p95)
    return [(_("To the platforms") if step == "delivery" else _(STEPS[step]), found[step]) for step in STEPS]


def _points(seen: Performance) -> list[tuple[str, int]]:
    """What was written each minute, oldest first."""
    last = len(seen.minutes) - 1
    return [
        (
            _("{n} min ago").format(n=last - place) if place < last else _("now"),
            one.from_requesters + one.from_staff,
        )
        for place, one in enumerate(seen.minutes)
    ]


def _troubles(seen: Performance) -> list[tuple[str, int]]:
    """Words and how often in five minutes."""
    named = [(_("Answers with an error of ours"), seen.errors)]
    named += [(_(REFUSED.get(code, code)), count) for code, count in seen.refused.items()]
    named += [(_(SIGN_INS.get(code, code)), count) for code, count in seen.sign_ins.items()]
    return named + [
        (_("Calls to {platform}: {error}").format(platform=one.platform.title(), error=one.error), one.count)
        for one in seen.failed
    ]
