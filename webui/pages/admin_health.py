"""Health: the database, what waits, how fast the desk answers. Renews itself every ten seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from core.admin import health
from core.db import UnitOfWork
from core.files.size import in_words
from core.i18n import N_, _, decimal
from webui.deps import TheSite, Uow
from webui.pages.admin_shell import SeesHealth, show
from webui.site import Site

router = APIRouter()
TROUBLES = {
    "parked": N_("Inbound messages are parked: their work failed five times. Look under Deliveries."),
    "dead": N_("Deliveries were given up. Look under Deliveries."),
    "held": N_("Messages wait in quarantine for somebody to decide. Look under Moderation."),
    "late": N_("The oldest due delivery has waited for more than five minutes."),
    "lag": N_("Events are dealt with too slowly."),
    "slow": N_("One request in twenty takes longer than half a second."),
    "disk": N_("Less than 1 GB of disk space is left."),
    "jobs": N_("A job of the schedule failed the last time."),
    "connections": N_("The database is close to its limit of connections."),
}


@router.get("/admin/health")
async def page(request: Request, uow: Uow, viewer: SeesHealth, site: TheSite) -> Response:
    return await show(
        request, uow, viewer, "admin/health.html", area="health", **await _seen(uow, viewer, site)
    )


@router.get("/admin/health/now")
async def now(request: Request, uow: Uow, viewer: SeesHealth, site: TheSite) -> Response:
    """The numbers alone, for the page that renews itself."""
    return await show(
        request, uow, viewer, "admin/health_now.html", area="health", **await _seen(uow, viewer, site)
    )


async def _seen(uow: UnitOfWork, viewer: SeesHealth, site: Site) -> dict[str, Any]:
    seen = await health.look(
        uow,
        viewer.actor,
        site.desk.db,
        folder=data_folder(site),
    )
    return {
        "health": seen,
        "troubles": [_(TROUBLES[code]) for code in seen.troubles],
        "counted_to": health.COUNTED_TO,
        "in_words": in_words,
        "decimal": decimal,
    }


def data_folder(site: Site) -> Path | None:
    folder = site.facts.get("data_folder")
    return folder if isinstance(folder, Path) else None
