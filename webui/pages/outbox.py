"""The built-in outbox: for admins, what the desk would mail as long as no server is set."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from core.errors import NotFound
from core.i18n import _
from core.notices import outbox
from webui.deps import TheSite, Uow
from webui.pages.admin_shell import ManagesDesk, show

router = APIRouter(prefix="/admin/outbox")
PAGE = 30


@router.get("")
async def outbox_page(
    request: Request,
    uow: Uow,
    viewer: ManagesDesk,
    site: TheSite,
    before: Annotated[UUID | None, Query()] = None,
) -> Response:
    kept = await outbox.listed(uow, viewer.actor, before=before, most=PAGE)
    return await show(
        request,
        uow,
        viewer,
        "outbox/list.html",
        area="outbox",
        kept=kept,
        is_outbox=site.mailer_is_outbox,
        newer_url="/admin/outbox" if before else None,
        older_url=f"/admin/outbox?before={kept[-1].id}" if len(kept) == PAGE else None,
    )


@router.get("/{mail_id}")
async def mail_page(request: Request, uow: Uow, viewer: ManagesDesk, mail_id: UUID) -> Response:
    """One mail: its headers, its text, and its HTML in a frame of its own."""
    kept = await outbox.get(uow, viewer.actor, mail_id)
    return await show(request, uow, viewer, "outbox/mail.html", area="outbox", kept=kept)


@router.get("/{mail_id}/html")
async def mail_html(uow: Uow, viewer: ManagesDesk, mail_id: UUID) -> Response:
    """The HTML alone. It may be looked at, but runs nothing and reaches nothing: a sandbox
    without rights (CSP 3, 6.4.2), and inline styles only."""
    kept = await outbox.get(uow, viewer.actor, mail_id)
    if kept.mail is None:
        raise NotFound(_("This mail can no longer be read."))
    return HTMLResponse(
        kept.mail.html, headers={"content-security-policy": _ALONE, "cache-control": "no-store"}
    )


_ALONE = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox; base-uri 'none'; form-action 'none'"
)
