"""What endpoints ask for by type: the site, a unit of work, the viewer, staff only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, cast

from fastapi import Depends, Request

from core.access import SYSTEM
from core.db import UnitOfWork
from core.errors import DeskError, NotFound
from core.i18n import _, set_language
from webui import security, sessions
from webui.sessions import Viewer
from webui.site import Site

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class SignInFirst(DeskError):
    """A page that needs a person: the browser is sent to sign in and comes back."""

    code = "sign_in"
    status = 401


def site_of(request: Request) -> Site:
    return cast(Site, request.app.state.site)


async def unit(request: Request) -> AsyncIterator[UnitOfWork]:
    """One unit of work a request, as the viewer; changing requests need the form's token.

    It must be asked for with `scope="function"` (see `Uow`): else the answer would be sent
    before the commit.
    """
    site = site_of(request)
    async with site.desk.unit(SYSTEM) as uow:
        viewer = await sessions.viewer_of(uow, request, site.secure)
        uow.actor = viewer.actor
        request.state.viewer = viewer
        set_language(sessions.language_of(request, viewer, uow.settings.language))
        if request.method not in SAFE_METHODS:
            await _ours(request, uow, viewer)
        yield uow


async def _ours(request: Request, uow: UnitOfWork, viewer: Viewer) -> None:
    if request.headers.get("sec-fetch-site") == "cross-site":
        security.check_csrf(uow.keys.signing, viewer.csrf_secret, "")
    given = request.headers.get("x-csrf-token", "")
    if not given and _is_form(request):
        form = await request.form(max_files=20, max_fields=500)
        given = str(form.get("csrf", ""))
    security.check_csrf(uow.keys.signing, viewer.csrf_secret, given)


def _is_form(request: Request) -> bool:
    kind = request.headers.get("content-type", "")
    return kind.startswith(("application/x-www-form-urlencoded", "multipart/form-data"))


Uow = Annotated[UnitOfWork, Depends(unit, scope="function")]


async def _viewer(request: Request, uow: Uow) -> Viewer:
    return cast(Viewer, request.state.viewer)


async def _signed_in(request: Request, uow: Uow) -> Viewer:
    viewer = cast(Viewer, request.state.viewer)
    if not viewer.signed_in:
        raise SignInFirst(_("Please sign in."))
    return viewer


async def _staff(request: Request, uow: Uow) -> Viewer:
    viewer = await _signed_in(request, uow)
    if not viewer.staff:
        # Requesters are not told which pages the desk has.
        raise NotFound(_("There is no such page."))
    return viewer


AnyViewer = Annotated[Viewer, Depends(_viewer, scope="function")]
SignedIn = Annotated[Viewer, Depends(_signed_in, scope="function")]
Staff = Annotated[Viewer, Depends(_staff, scope="function")]
TheSite = Annotated[Site, Depends(site_of)]
