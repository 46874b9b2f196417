"""The bell and the page of notices; and the links that turn a kind of mail off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from sqlalchemy import select

from core.access import Permission
from core.db import UnitOfWork
from core.errors import NotFound
from core.i18n import _, set_language
from core.notices import service as notices
from core.notices import unsubscribe
from core.notices.rules import KINDS
from core.people.model import Person
from core.people.service import Known
from core.tickets.model import Ticket
from webui import public, rendering
from webui.deps import Staff, Uow, site_of
from webui.pages.kb_shell import text_url
from webui.rendering import see_other
from webui.sessions import ANYONE, Viewer
from webui.staff import staff_page

router = APIRouter()
PAGE = 40
LATEST = 10
_ICONS = {
    "team_ticket": "inbox",
    "assigned": "user",
    "mention": "at",
    "reply": "reply",
    "offered": "bell",
    "woken": "clock",
    "undelivered": "alert",
    "bad_rating": "star",
    "call_asked": "phone",
    "call_invited": "phone",
    "call_soon": "clock",
    "review_shared": "star",
    "reported": "flag",
    "held": "shield",
    "connection": "alert",
    "review_asked": "eye",
    "article_published": "check",
    "article_returned": "reply",
}
_PAGES = {
    "reported": ("/admin/moderation/reported", Permission.moderate),
    "held": ("/admin/moderation", Permission.moderate),
    "connection": ("/admin/platforms", Permission.manage_desk),
}
"""Notices that lead to where one decides, not to a ticket."""

_REVIEW = {"review_asked": ("review",)}
"""What of an article a notice leads to; else its editor."""


# --- the bell ---------------------------------------------------------------------------


@router.get("/notices")
async def notices_page(
    request: Request,
    uow: Uow,
    viewer: Staff,
    before: Annotated[UUID | None, Query()] = None,
    after: Annotated[UUID | None, Query()] = None,
) -> Response:
    shown = await notices.listed(uow, viewer.actor, before=before, after=after, most=PAGE)
    unread = await notices.unread(uow.session, _me(viewer))
    return await staff_page(
        request,
        uow,
        viewer,
        "notices/list.html",
        rows=[_row(one) for one in shown],
        new=unread,
        newer_url=f"/notices?after={shown[0].id}" if shown and (before or after) else None,
        older_url=f"/notices?before={shown[-1].id}" if len(shown) == PAGE else None,
    )


@router.get("/fragments/bell")
async def bell(request: Request, uow: Uow, viewer: Staff) -> Response:
    """The bell with its count and the latest notices, fetched anew when the bell rings."""
    unread = await notices.unread(uow.session, _me(viewer))
    shown = await notices.listed(uow, viewer.actor, most=LATEST)
    return rendering.page(request, "notices/bell.html", unread=unread, rows=[_row(one) for one in shown])


@router.get("/notices/{notice_id}")
async def look(uow: Uow, viewer: Staff, notice_id: UUID) -> Response:
    """Where a notice leads; whoever follows it has read it."""
    notice = await notices.read(uow, _me(viewer), notice_id)
    if (page := _PAGES.get(notice.kind)) is not None and viewer.actor.may(page[1]):
        return see_other(page[0])
    if notice.article_text_id is not None:
        return see_other(text_url(notice.article_text_id, *_REVIEW.get(notice.kind, ())))
    number = await _number(uow, notice.ticket_id)
    if number is None:
        return see_other("/notices")
    if notice.kind == "review_shared":
        return see_other(f"/tickets/{number}/review")
    return see_other(f"/tickets/{number}" + (f"#message-{notice.message_id}" if notice.message_id else ""))


@router.post("/notices/read")
async def read_all(uow: Uow, viewer: Staff) -> Response:
    await notices.read_all(uow, _me(viewer))
    return see_other("/notices")


@router.post("/notices/{notice_id}/read")
async def read_one(uow: Uow, viewer: Staff, notice_id: UUID) -> Response:
    await notices.read(uow, _me(viewer), notice_id)
    return see_other("/notices")


# --- without signing in -----------------------------------------------------------------


async def _unit_without_token(request: Request) -> AsyncIterator[UnitOfWork]:
    """A unit for requests that a mail program makes on its own: they carry no form token, and
    need none, for the address itself is signed and can do but one thing."""
    async with site_of(request).desk.unit(ANYONE) as uow:
        request.state.viewer = Viewer(ANYONE, "")
        yield uow


Anyones = Annotated[UnitOfWork, Depends(_unit_without_token, scope="function")]


@router.get("/unsubscribe/{token}")
async def unsubscribe_page(request: Request, uow: Anyones, token: str) -> Response:
    """Only asks: programs that follow every link of a mail must not turn anything off."""
    person, kind = await _subscription(uow, token)
    return _unsubscribe(request, uow, person, kind, token, state="asked")


@router.post("/unsubscribe/{token}")
async def unsubscribe_now(request: Request, uow: Anyones, token: str) -> Response:
    """By the button of the page, or by a mail program in one click (RFC 8058)."""
    person, kind = await _subscription(uow, token)
    notices.set_preference(person, kind, "mail", False)
    return _unsubscribe(request, uow, person, kind, token, state="off")


@router.post("/unsubscribe/{token}/delete")
async def subscribe_again(request: Request, uow: Anyones, token: str) -> Response:
    person, kind = await _subscription(uow, token)
    notices.set_preference(person, kind, "mail", True)
    return _unsubscribe(request, uow, person, kind, token, state="on")


async def _subscription(uow: UnitOfWork, token: str) -> tuple[Person, str]:
    person_id, kind = unsubscribe.read(uow.keys.signing, token)
    person = await uow.session.get(Person, person_id, with_for_update=True)
    if person is None or person.erased_at is not None:
        raise NotFound(_("This link does not work any more."))
    set_language(person.locale)
    return person, kind


def _unsubscribe(
    request: Request, uow: UnitOfWork, person: Person, kind: str, token: str, *, state: str
) -> Response:
    return public.show(
        request, "notices/unsubscribe.html", kind=_(KINDS[kind].label), token=token, state=state, links=[]
    )


def _me(viewer: Viewer) -> UUID:
    return cast(Known, viewer.known).id


async def _number(uow: UnitOfWork, ticket_id: UUID | None) -> int | None:
    number: int | None = await uow.session.scalar(select(Ticket.number).where(Ticket.id == ticket_id))
    return number


def _row(shown: notices.Shown) -> SimpleNamespace:
    return SimpleNamespace(
        id=shown.id,
        text=shown.text,
        about=shown.about,
        at=shown.at,
        new=shown.new,
        url=f"/notices/{shown.id}",
        icon=_ICONS.get(shown.kind, "bell"),
    )
