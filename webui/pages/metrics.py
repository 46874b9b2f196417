"""/metrics for Prometheus: to whoever asks from this machine, or brings the token."""

from __future__ import annotations

import hmac
import ipaddress

from fastapi import APIRouter, Request
from fastapi.responses import Response

from core import metrics
from core.admin.health import depths, disk
from core.errors import NotFound
from core.i18n import _
from webui.deps import TheSite
from webui.pages.admin_health import data_folder
from webui.site import Site

router = APIRouter()
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


@router.get("/metrics")
async def exposition(request: Request, site: TheSite) -> Response:
    if not (_by_token(request, site) or _from_here(request)):
        raise NotFound(_("There is no such page."))
    async with site.desk.db.sessions() as session:
        waiting = await depths(session)
    free, _total = disk(data_folder(site))
    body = metrics.exposition(site.desk.db, waiting, disk_free=free)
    return Response(body, media_type=metrics.CONTENT_TYPE, headers={"cache-control": "no-store"})


def _by_token(request: Request, site: Site) -> bool:
    wanted = str(site.facts.get("metrics_token") or "")
    kind, _space, given = request.headers.get("authorization", "").partition(" ")
    if not wanted or kind.casefold() != "bearer":
        return False
    return hmac.compare_digest(given.strip().encode("utf-8", "replace"), wanted.encode())


def _from_here(request: Request) -> bool:
    """From this machine itself. What a proxy on it passes on comes from elsewhere, and says so. Nor for a page in a
    browser of this machine whose name was made to lead here (DNS rebinding): it asks by that name."""
    if any(name in request.headers for name in FORWARDED):
        return False
    return _is_this_machine(request.url.hostname) and _is_this_machine(request.client and request.client.host)


def _is_this_machine(named: str | None) -> bool:
    if named == "localhost":
        return True
    try:
        return ipaddress.ip_address(named or "").is_loopback
    except ValueError:
        return False
