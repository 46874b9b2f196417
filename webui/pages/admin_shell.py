"""What the admin's pages share: who may see which, their frame, forms, and words after a form."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import FormData, UploadFile

from core.access import Permission
from core.db import UnitOfWork
from core.errors import Conflict, DeskError, Invalid, NotFound, Refused, TooMany
from core.i18n import N_, _
from webui import rendering
from webui.deps import Staff, Uow
from webui.public import attempt
from webui.sessions import Viewer
from webui.site import Site
from webui.staff import staff_page

MOST_CHARACTERS = 400_000


@dataclass(frozen=True, slots=True)
class Area:
    """One part of the admin's pages; `needs` is the permission without which it is not there."""

    key: str
    text: str
    hint: str
    url: str
    needs: Permission
    icon: str


AREAS: Mapping[str, tuple[Area, ...]] = {
    N_("People"): (
        Area("people", N_("People"), N_("Invite colleagues; roles, teams, skills; requesters"), "/admin/people", Permission.manage_staff, "users"),
        Area("organisations", N_("Organisations"), N_("Customers' companies and their domains"), "/admin/organisations", Permission.manage_staff, "globe"),
        Area("roles", N_("Roles"), N_("What each role may do"), "/admin/roles", Permission.manage_staff, "lock"),
    ),
    N_("Desk"): (
        Area("settings", N_("Settings"), N_("Name, looks, working hours, chat, limits"), "/admin/settings", Permission.manage_desk, "settings"),
        Area("platforms", N_("Connections"), N_("Connect chat platforms; desk rooms; test messages"), "/admin/platforms", Permission.manage_desk, "chat"),
        Area("teams", N_("Teams"), N_("Who works together, and how tickets are assigned"), "/admin/teams", Permission.manage_desk, "user-plus"),
        Area("categories", N_("Categories"), N_("The tree of categories and their fields"), "/admin/categories", Permission.manage_desk, "list"),
        Area("tags", N_("Tags"), N_("Words on tickets, and skills of agents"), "/admin/tags", Permission.manage_desk, "tag"),
        Area("routing", N_("Routing"), N_("Rules that say where a new ticket goes"), "/admin/routing", Permission.manage_desk, "split"),
        Area("macros", N_("Macros"), N_("Answers that everyone can use"), "/admin/macros", Permission.manage_desk, "bolt"),
    ),
    N_("Running"): (
        Area("deliveries", N_("Deliveries"), N_("What waits, and what could not be sent"), "/admin/deliveries", Permission.manage_deliveries, "send"),
        Area("outbox", N_("Outbox"), N_("Mails that were kept here instead of being sent"), "/admin/outbox", Permission.manage_desk, "mail"),
        Area("moderation", N_("Moderation"), N_("Quarantine, reports, blocked requesters"), "/admin/moderation", Permission.moderate, "flag"),
        Area("audit", N_("Audit"), N_("Who changed what, and who signed in"), "/admin/audit", Permission.see_audit, "shield"),
        Area("checkup", N_("Check-up"), N_("Asks everything the desk stands on, and how to mend it"), "/admin/checkup", Permission.manage_desk, "check"),
        Area("health", N_("Health"), N_("Database, queues, speed, memory"), "/admin/health", Permission.see_health, "heart"),
        Area("performance", N_("Performance"), N_("How fast all parts are, what fails, who is here"), "/admin/performance", Permission.see_health, "bolt"),
    ),
}  # fmt: skip

DONE: Mapping[str, str] = {
    "saved": N_("Saved."),
    "made": N_("Made."),
    "retired": N_("Switched off."),
    "restored": N_("In use again."),
    "moved": N_("Moved."),
    "blocked": N_("Blocked."),
    "unblocked": N_("No longer blocked."),
    "signed_out": N_("Signed out everywhere."),
    "erased": N_("Erased."),
    "released": N_("Released: it is being worked on now."),
    "discarded": N_("Discarded."),
    "queued": N_("It will be sent again."),
    "cancelled": N_("Cancelled."),
    "hidden": N_("Hidden from requesters."),
    "shown": N_("Shown again."),
    "dismissed": N_("Report dismissed."),
    "connected": N_("Connected."),
    "disconnected": N_("Disconnected. Its tokens are destroyed."),
    "room_added": N_("Added: new tickets show there, open ones as they change."),
    "room_removed": N_("No desk room any more."),
    "tested": N_("A test message is on its way: look there, and at “Last test” here."),
    "nothing": N_("There was nothing to do any more."),
}


def _with(*needs: Permission) -> Callable[..., Awaitable[Viewer]]:
    async def check(viewer: Staff) -> Viewer:
        """What one may not do is not there."""
        if not any(viewer.actor.may(each) for each in needs):
            raise NotFound(_("There is no such page."))
        return viewer

    return check


def _viewer(*needs: Permission) -> Any:
    return Depends(_with(*needs), scope="function")


ManagesStaff = Annotated[Viewer, _viewer(Permission.manage_staff)]
ManagesDesk = Annotated[Viewer, _viewer(Permission.manage_desk)]
ManagesDeliveries = Annotated[Viewer, _viewer(Permission.manage_deliveries)]
Moderates = Annotated[Viewer, _viewer(Permission.moderate)]
SeesAudit = Annotated[Viewer, _viewer(Permission.see_audit)]
SeesHealth = Annotated[Viewer, _viewer(Permission.see_health)]
AnyAdmin = Annotated[Viewer, _viewer(*{area.needs for group in AREAS.values() for area in group})]


# --- forms ------------------------------------------------------------------------------


class Given:
    """What a form said. Reading a field that does not fit raises `Invalid` with its name."""

    def __init__(self, form: FormData) -> None:
        self.form = form

    def text(self, name: str, default: str = "") -> str:
        value = self.form.get(name)
        return value[:MOST_CHARACTERS] if isinstance(value, str) else default

    def texts(self, name: str) -> list[str]:
        return [value[:MOST_CHARACTERS] for value in self.form.getlist(name) if isinstance(value, str)]

    def lines(self, name: str) -> list[str]:
        """What stands in a textarea, a line each, without empty ones."""
        return [line.strip() for line in self.text(name).splitlines() if line.strip()]

    def on(self, name: str) -> bool:
        return bool(self.text(name))

    def whole(self, name: str, default: int | None = None) -> int:
        raw = self.text(name).strip()
        if not raw and default is not None:
            return default
        try:
            number = int(raw)
        except ValueError:
            raise Invalid(_("A whole number is expected here."), field=name) from None
        if abs(number) > 10**12:
            raise Invalid(_("This number is too large."), field=name)
        return number

    def id(self, name: str) -> UUID | None:
        raw = self.text(name).strip()
        return _id(raw, name) if raw else None

    def ids(self, name: str) -> list[UUID]:
        return [_id(raw, name) for raw in self.texts(name) if raw]

    def upload(self, name: str) -> UploadFile | None:
        """A file field, which has no name where nothing was chosen. Whoever reads it closes it."""
        value = self.form.get(name)
        return value if isinstance(value, UploadFile) else None

    @property
    def version(self) -> int:
        return self.whole("version", -1)


async def given_by(request: Request) -> Given:
    return Given(await request.form(max_files=20, max_fields=500))


@dataclass(slots=True)
class Trial:
    """How a step went: nothing in `errors` means well."""

    errors: dict[str, str] = field(default_factory=dict)
    status: int = 200

    @property
    def failed(self) -> bool:
        return bool(self.errors)


@asynccontextmanager
async def trying(uow: UnitOfWork) -> AsyncIterator[Trial]:
    """Do a step whose refusal is shown beside its field: nothing of it stays then."""
    trial = Trial()
    try:
        async with attempt(uow):
            yield trial
    except (Invalid, Conflict, Refused, TooMany) as error:
        trial.status = error.status
        trial.errors = _errors_of(error)


async def take_effect(uow: UnitOfWork, site: Site) -> None:
    """Commit now and read settings and roles anew: the change holds from the next request on, in
    this process, not only when its loops have heard of it."""
    await uow.session.commit()
    await site.desk.refresh()


def _errors_of(error: DeskError) -> dict[str, str]:
    many = getattr(error, "words_by_field", None)
    if many:
        return dict(many)
    name = error.field if isinstance(error, Invalid) else None
    return {name or "form": error.words}


def _id(raw: str, name: str) -> UUID:
    try:
        return UUID(raw)
    except ValueError:
        raise Invalid(_("Please choose one of the list."), field=name) from None


# --- answers ----------------------------------------------------------------------------


def done(url: str, code: str = "saved") -> Response:
    """After a form that worked: look there, with a word about it."""
    return rendering.see_other(f"{url}{'&' if '?' in url else '?'}done={code}")


def link(path: str, **query: object) -> str:
    """An address with those parts of a query that say something."""
    said = {name: value for name, value in query.items() if value not in (None, "", False)}
    return f"{path}?{urlencode(said)}" if said else path


async def show(
    request: Request,
    uow: Uow,
    viewer: Viewer,
    template: str,
    *,
    area: str = "",
    status: int = 200,
    **context: Any,
) -> HTMLResponse:
    """An admin's page in the staff's frame, with the tabs of its group."""
    said = DONE.get(request.query_params.get("done", ""))
    return await staff_page(
        request,
        uow,
        viewer,
        template,
        status=status,
        flashes=[SimpleNamespace(text=_(said), tone="good")] if said else [],
        tabs=tabs_of(viewer, area),
        trail=[(_("Admin"), "/admin")],
        **({"errors": {}} | context),
    )


def tabs_of(viewer: Viewer, key: str) -> list[SimpleNamespace]:
    """The neighbours of an area, as far as the viewer may see them."""
    for group in AREAS.values():
        if any(area.key == key for area in group):
            return [
                SimpleNamespace(text=_(area.text), url=area.url, current=area.key == key)
                for area in group
                if viewer.actor.may(area.needs)
            ]
    return []


def areas_of(viewer: Viewer) -> list[SimpleNamespace]:
    """All that a viewer may see here, group by group."""
    groups = [
        SimpleNamespace(
            title=_(title),
            areas=[
                SimpleNamespace(text=_(each.text), hint=_(each.hint), url=each.url, icon=each.icon)
                for each in group
                if viewer.actor.may(each.needs)
            ],
        )
        for title, group in AREAS.items()
    ]
    return [group for group in groups if group.areas]
