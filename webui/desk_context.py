"""What every staff page needs around its own content: navigation with counts, addresses, flashes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import orjson
from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from sqlalchemy import select

from core.access import Permission
from core.admin import moderation
from core.db import UnitOfWork
from core.errors import DeskError
from core.i18n import N_, _
from core.kb import listing
from core.notices import service as notices
from core.people.model import Availability, Team
from core.people.naming import named
from core.tickets import queries, views
from core.tickets.lifecycle import AlreadyClaimed
from core.tickets.queries import Queue
from webui import rendering
from webui.deps import site_of
from webui.sessions import Viewer

FLASH_CHARACTERS = 1_500
STATES = {Availability.available: "here", Availability.away: "away", Availability.offline: "offline"}
ROLES = {"requester": N_("Requester"), "agent": N_("Agent"), "lead": N_("Lead"), "admin": N_("Admin")}
QUEUES: tuple[tuple[Queue, str, str, str], ...] = (
    (Queue.mine, N_("Mine"), "inbox", "mine"),
    (Queue.unassigned, N_("Unassigned"), "bell", "unassigned"),
    (Queue.my_teams, N_("My teams"), "users", "my-teams"),
    (Queue.waiting, N_("Waiting"), "hourglass", "waiting"),
    (Queue.snoozed, N_("Snoozed"), "moon", "snoozed"),
    (Queue.resolved, N_("Resolved"), "check", "resolved"),
    (Queue.all, N_("All tickets"), "list", "all"),
)
"""The queues in the order of the navigation: queue, words, icon, name in addresses."""
COUNTED = (Queue.mine, Queue.unassigned, Queue.my_teams, Queue.waiting, Queue.snoozed)
URLS = {
    "profile": "/account",
    "security": "/account/security",
    "availability": "/desk/availability",
    "theme": "/desk/theme",
    "sign_out": "/sign-out",
    "notices": "/notices",
    "bell": "/fragments/bell",
    "mine": "/desk/queues/mine",
    "palette": "/desk/palette.json",
    "search": "/search",
    "ticket": "/tickets/{number}",
    "offers": "/desk/offers",
    "me": "/desk/me",
}
_ADMIN = (
    Permission.manage_staff, Permission.manage_desk, Permission.manage_deliveries, Permission.moderate,
    Permission.see_audit, Permission.see_health,
)  # fmt: skip


async def staff_page(
    request: Request,
    uow: UnitOfWork,
    viewer: Viewer,
    template: str,
    *,
    status: int = 200,
    flashes: Sequence[Any] = (),
    live: Sequence[int] = (),
    counts: Mapping[Queue, int] | None = None,
    **context: Any,
) -> HTMLResponse:
    """A page in the staff's frame. `flashes` ({text, tone}) are said beside the one that an earlier
    form left behind; `live` are the numbers of the tickets that the page shows; `counts` are those of the
    queues, where the page has them already."""
    said = list(flashes) + taken(request)
    frame = await frame_of(request, uow, viewer, counts) | {
        "flashes": said,
        "live_url": "/live" + ("?" + "&".join(f"ticket={number}" for number in live) if live else ""),
    }
    response = rendering.page(request, template, status=status, **(frame | context))
    if (name := flash_name(request)) in request.cookies:
        response.delete_cookie(name, path="/", secure=site_of(request).secure, httponly=True, samesite="lax")
    return response


async def counted(uow: UnitOfWork, viewer: Viewer) -> dict[Queue, int]:
    """How many tickets lie in the queues of the navigation, and how many are offered to the viewer."""
    return await queries.counts(uow, viewer.actor, (*COUNTED, Queue.offered))


async def frame_of(
    request: Request, uow: UnitOfWork, viewer: Viewer, counts: Mapping[Queue, int] | None = None
) -> dict[str, Any]:
    """What `layout.html` asks for."""
    assert viewer.person is not None
    assert viewer.known is not None
    preferences = viewer.person.preferences
    path = request.url.path
    if counts is None:
        counts = await counted(uow, viewer)
    return myself(viewer) | {
        "nav": SimpleNamespace(
            home_url="/desk", new_url="/desk/new", sections=await nav_sections(uow, viewer, path, counts)
        ),
        "urls": URLS | {"nav": f"/desk/nav?at={path}"},
        "unread": await notices.unread(uow.session, viewer.known.id),
        "keys_on": preferences.get("keys", True) not in (False, "off"),
        "offers": await offers_of(uow, viewer) if counts[Queue.offered] else [],
        "dock_current": {"/desk/queues/mine": "mine", "/desk/new": "new", "/notices": "notices"}.get(path),
    }


def myself(viewer: Viewer) -> dict[str, Any]:
    """The viewer's own corner of the navigation."""
    assert viewer.person is not None
    assert viewer.known is not None
    chosen = viewer.person.preferences.get("theme", "auto")
    return {
        "me": SimpleNamespace(
            id=viewer.known.id,
            name=viewer.known.shown,
            role_text=_(ROLES.get(viewer.known.role, viewer.known.role)),
            state=STATES[Availability(viewer.person.availability)],
        ),
        "theme": chosen if chosen in ("auto", "light", "dark") else "auto",
        "urls": URLS,
    }


async def nav_sections(
    uow: UnitOfWork, viewer: Viewer, path: str, counts: Mapping[Queue, int] | None = None
) -> list[SimpleNamespace]:
    """The navigation: queues with counts, the viewer's teams, saved views, the admin's pages."""
    if counts is None:
        counts = await queries.counts(uow, viewer.actor, COUNTED)
    sections = [SimpleNamespace(title=None, items=_queues(counts, path))]
    for title, items in (
        (_("Teams"), await _teams(uow, viewer, path)),
        (_("Saved views"), await _views(uow, viewer, path)),
        (_("Desk"), await _desk(uow, viewer, path)),
    ):
        if items:
            sections.append(SimpleNamespace(title=title, items=items))
    return sections


async def offers_of(uow: UnitOfWork, viewer: Viewer) -> list[SimpleNamespace]:
    """The chats that are offered to the viewer right now."""
    if not viewer.actor.may(Permission.claim_ticket):
        return []
    page = await queries.page(uow, viewer.actor, Queue.offered, "-created_at", limit=3)
    return [
        SimpleNamespace(
            number=row.number, subject=row.subject, requester=row.requester_name, at=row.created_at
        )
        for row in page.rows
    ]


# --- after a form -----------------------------------------------------------------------


def answered(request: Request, url: str, words: str = "", tone: str = "good", **facts: Any) -> Response:
    """After a form: the plain browser goes to `url`, where `words` are said once; a script gets
    the words and `facts` as JSON and refreshes what it shows; with `go` it goes there too."""
    response: Response = rendering.see_other(url)
    if rendering.is_fragment(request):
        told = {"done": words, "tone": tone, "url": url, **facts}
        response = JSONResponse(told, headers={"cache-control": "no-store"})
        if not facts.get("go"):
            return response
    if words:
        flash(request, response, words, tone)
    return response


def flash(request: Request, response: Response, words: str, tone: str = "good") -> None:
    """Let the next page say something: kept in the browser of whoever is told, nowhere else."""
    text = words if len(words) <= FLASH_CHARACTERS else words[:FLASH_CHARACTERS] + "…"
    value = base64.urlsafe_b64encode(orjson.dumps({"text": text, "tone": tone})).decode()
    name, secure = flash_name(request), site_of(request).secure
    response.set_cookie(name, value, max_age=60, httponly=True, samesite="lax", secure=secure, path="/")


def flash_name(request: Request) -> str:
    """Bound to this host over TLS, like the session: a neighbour's page puts no words into ours."""
    return "__Host-deskbell-flash" if site_of(request).secure else "deskbell-flash"


def taken(request: Request) -> list[SimpleNamespace]:
    """What an earlier form left to be said."""
    try:
        value = orjson.loads(base64.urlsafe_b64decode(request.cookies.get(flash_name(request), "")))
    except (binascii.Error, ValueError):
        return []
    if not isinstance(value, dict):
        return []
    tone = value.get("tone")
    return [
        SimpleNamespace(
            text=str(value.get("text", "")), tone=tone if tone in ("good", "warn", "bad") else "good"
        )
    ]


async def told(uow: UnitOfWork, error: DeskError) -> str:
    """The words of an error, with the name of the colleague who was first."""
    if isinstance(error, AlreadyClaimed):
        found = await named(uow, [error.by])
        if error.by in found:
            return _("{name} has claimed ticket {number} already.").format(
                name=found[error.by].shown, number=error.number
            )
    return error.words


# --- the navigation ---------------------------------------------------------------------


def _queues(counts: Mapping[Queue, int], path: str) -> list[SimpleNamespace]:
    return [
        SimpleNamespace(
            text=_(text), icon=icon, url=f"/desk/queues/{name}", count=counts.get(queue), loud=queue is Queue.mine,
            current=path == f"/desk/queues/{name}",
        )
        for queue, text, icon, name in QUEUES
    ]  # fmt: skip


async def _teams(uow: UnitOfWork, viewer: Viewer, path: str) -> list[SimpleNamespace]:
    if not viewer.actor.teams:
        return []
    teams = await uow.session.execute(
        select(Team.id, Team.name)
        .where(Team.id.in_(viewer.actor.teams), Team.active)
        .order_by(Team.name)
        .limit(12)
    )
    return [
        SimpleNamespace(
            text=team.name,
            mark=team.name[:2],
            url=f"/desk/teams/{team.id}",
            current=path == f"/desk/teams/{team.id}",
        )
        for team in teams
    ]


async def _views(uow: UnitOfWork, viewer: Viewer, path: str) -> list[SimpleNamespace]:
    if not viewer.actor.may(Permission.change_ticket):
        return []
    return [
        SimpleNamespace(
            text=view.name,
            mark=initials(view.name),
            url=f"/desk/views/{view.id}",
            current=path == f"/desk/views/{view.id}",
        )
        for view in await views.views(uow, viewer.actor)
    ]


def initials(name: str) -> str:
    """Two letters by which a view is told from others where there is no room for its name."""
    words = [word for word in name.split() if word[:1].isalnum()]
    return "".join(word[0] for word in words[:2]).upper() if len(words) > 1 else name[:2]


async def _desk(uow: UnitOfWork, viewer: Viewer, path: str) -> list[SimpleNamespace]:
    items = await _articles(uow, viewer, path)
    if viewer.actor.may(Permission.see_reports):
        items.append(
            SimpleNamespace(
                text=_("Quality"), icon="star", url="/desk/quality", current=path.startswith("/desk/quality")
            )
        )
    if not any(viewer.actor.may(permission) for permission in _ADMIN):
        return items
    here = "/admin/moderation"
    held = await moderation.waiting(uow) if viewer.actor.may(Permission.moderate) else 0
    items.append(
        SimpleNamespace(
            text=_("Admin"), icon="settings", url="/admin",
            current=path.startswith("/admin") and not (held and path.startswith(here)),
        )
    )  # fmt: skip
    if held:
        items.append(
            SimpleNamespace(
                text=_("Quarantine"),
                icon="flag",
                url=here,
                count=held,
                loud=True,
                current=path.startswith(here),
            )
        )
    return items


async def _articles(uow: UnitOfWork, viewer: Viewer, path: str) -> list[SimpleNamespace]:
    """The knowledge base, with what waits for whoever may publish."""
    if not viewer.actor.may(Permission.write_articles):
        return []
    waits = await listing.to_review(uow) if viewer.actor.may(Permission.publish_articles) else 0
    here = "/desk/articles"
    return [
        SimpleNamespace(
            text=_("Articles"), icon="book", url=here, count=waits or None, current=path.startswith(here)
        )
    ]
