"""What endpoints ask for by type: the site, a unit of work, the viewer, staff only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, cast

from fastapi import Depends, Request

from core.access import SYSTEM
from core.db import UnitOfWork
from core.errors import DeskError, NotFound
from core.i18n import _, set_language
from core.rate import Budget, network_of
from webui import bodies, security, sessions
from webui.bodies import SAFE_METHODS
from webui.sessions import Viewer
from webui.site import Site

CHANGES = {True: 1_200, False: 600}
LOOKS = {True: 6_000, False: 6_000}
"""A minute, of staff and of all others. Pages that listen fetch what changes."""
MEGABYTES = 1_000
"""An hour, of all files of a requester."""


class SignInFirst(DeskError):
    """A page that needs a person: the browser is sent to sign in and comes back."""

    code = "sign_in"
    status = 401


class SecondStepFirst(DeskError):
    """The desk asks its colleagues for a second step, and this session has none."""

    code = "second_step"
    status = 403


def site_of(request: Request) -> Site:
    return cast(Site, request.app.state.site)


async def unit(request: Request) -> AsyncIterator[UnitOfWork]:
    """One unit of work a request, as `visit` opens it.

    It must be asked for with `scope="function"` (see `Uow`): else the answer would be sent
    before the commit.
    """
    async with visit(request) as uow:
        yield uow


@asynccontextmanager
async def visit(request: Request) -> AsyncIterator[UnitOfWork]:
    """A unit of work as the viewer; changing requests need the form's token. An upload uses it by
    itself, for the questions before its bytes come: they may take minutes."""
    site = site_of(request)
    if bodies.is_form(request) and request.method not in SAFE_METHODS:
        await _read_form(request, site)
    async with site.desk.unit(SYSTEM) as uow:
        viewer = await sessions.viewer_of(uow, request, site.secure)
        uow.actor = viewer.actor
        request.state.viewer = viewer
        set_language(sessions.language_of(request, viewer, uow.settings.language))
        try:
            if request.method not in SAFE_METHODS:
                await _ours(request, uow, viewer)
            _spend(request, site, viewer)
        except DeskError:
            # Files that came along are nobody's.
            await request.close()
            raise
        yield uow


async def _read_form(request: Request, site: Site) -> None:
    """Before the unit of work: whoever sends slowly must not hold a connection."""
    set_language(sessions.browsers_language(request, site.desk.means.settings.language))
    if bodies.may_hold_files(request):
        async with site.desk.unit(SYSTEM) as uow:
            viewer = await sessions.viewer_of(uow, request, site.secure)
        if viewer.signed_in:
            bodies.allow_files(request, site.desk.means.settings.attachment_mb)
    await request.form(max_files=20, max_fields=500, max_part_size=bodies.MOST_BYTES)


async def _ours(request: Request, uow: UnitOfWork, viewer: Viewer) -> None:
    if request.headers.get("sec-fetch-site") == "cross-site":
        security.check_csrf(uow.keys.signing, viewer.csrf_secret, "")
    given = request.headers.get("x-csrf-token", "")
    if not given and bodies.is_form(request):
        given = str((await request.form()).get("csrf", ""))
    security.check_csrf(uow.keys.signing, viewer.csrf_secret, given)


def _spend(request: Request, site: Site, viewer: Viewer) -> None:
    """A person's hands do not send or look at as much as this; strangers behind one address share it."""
    changes = request.method not in SAFE_METHODS
    most = CHANGES if changes else LOOKS
    kind = "changes" if changes else "looks"
    if kind not in site.facts:
        site.facts[kind] = {staff: Budget(count, 60) for staff, count in most.items()}
    address = network_of(request.client.host if request.client else "")
    who = str(viewer.person.id) if viewer.person is not None else address
    site.facts[kind][viewer.staff].take(who)
    if not viewer.staff and (size := bodies.megabytes_of(request)):
        # Else one account would fill the disk, by files that are never sent.
        site.facts.setdefault("room", Budget(MEGABYTES, 3600)).take(who, size)


Uow = Annotated[UnitOfWork, Depends(unit, scope="function")]


async def _viewer(request: Request, uow: Uow) -> Viewer:
    return cast(Viewer, request.state.viewer)


async def _signed_in(request: Request, uow: Uow) -> Viewer:
    return signed_in(request)


async def _setting_up(request: Request, uow: Uow) -> Viewer:
    return signed_in(request, may_lack_second_step=True)


async def _staff(request: Request, uow: Uow) -> Viewer:
    return staff(request)


def signed_in(request: Request, *, may_lack_second_step: bool = False) -> Viewer:
    """Who is signed in, of a request whose unit of work was opened."""
    viewer = cast(Viewer, request.state.viewer)
    if not viewer.signed_in:
        raise SignInFirst(_("Please sign in."))
    if viewer.lacks_second_step and not may_lack_second_step:
        raise SecondStepFirst(_("The desk asks colleagues for a second step: please set up an app first."))
    return viewer


def staff(request: Request) -> Viewer:
    viewer = signed_in(request)
    if not viewer.staff:
        # Requesters are not told which pages the desk has.
        raise NotFound(_("There is no such page."))
    return viewer


AnyViewer = Annotated[Viewer, Depends(_viewer, scope="function")]
SignedIn = Annotated[Viewer, Depends(_signed_in, scope="function")]
SettingUp = Annotated[Viewer, Depends(_setting_up, scope="function")]
"""Also a colleague who still lacks the second step that the desk asks for."""
Staff = Annotated[Viewer, Depends(_staff, scope="function")]
TheSite = Annotated[Site, Depends(site_of)]
