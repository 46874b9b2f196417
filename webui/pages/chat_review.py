"""The chat of a ticket as it is reviewed: read from its beginning, with what was remarked at each message.

Leads open it; agents when a review of theirs is shared with them. Whoever does is written down."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from core.access import Permission
from core.calls import queries as calls
from core.db import UnitOfWork
from core.errors import NotFound
from core.i18n import _
from core.people.naming import named
from core.reviews import service as reviews
from core.reviews import sessions
from core.reviews.sessions import Session
from core.tickets import timeline
from core.tickets.lines import Line, MessageLine
from webui.deps import Staff, Uow
from webui.pages.review_forms import path_of, reviews_of
from webui.pages.ticket_lines import drawn, drawn_message
from webui.sessions import Viewer
from webui.staff import staff_page

router = APIRouter()
LINES = 200


@router.get("/tickets/{number}/review")
async def page(
    request: Request, uow: Uow, viewer: Staff, number: int, at: Annotated[str, Query(max_length=40)] = "",
    before: Annotated[str | None, Query(max_length=300)] = None,
) -> Response:  # fmt: skip
    session = await sessions.of_chat(uow, viewer.actor, number)
    others = await _readable(uow, viewer, session)
    shown = await reviews_of(uow, viewer, session)
    opens = viewer.actor.may(Permission.see_reports) or bool(shown.all)
    if not opens and not others:
        raise NotFound(_("No review of this ticket is shared with you."))
    found = timeline.Timeline()
    if opens:
        await sessions.seen(uow, viewer.actor, session)
        found = await timeline.timeline(uow, viewer.actor, session.opened, before=before, limit=LINES)
    here = path_of(session)
    return await staff_page(
        request, uow, viewer, "reviews/chat.html", number=number, subject=session.opened.subject,
        items=await _items(uow, viewer, session, found.lines), drawn_message=drawn_message, reviews=shown,
        remarks=_by_message(shown.all), calls=[each.call for each in others], opens=opens, unfinished=session.live,
        rating=session.opened.ticket.rating, here=here, picked=_picked(found.lines, at),
        earlier=f"{here}?before={found.before}" if found.has_older else None, latest=here if before else None,
    )  # fmt: skip


async def _readable(uow: UnitOfWork, viewer: Viewer, session: Session) -> Sequence[Session]:
    """The calls of the ticket to which the viewer may go on from here."""
    opened = session.opened
    if viewer.actor.may(Permission.see_reports):
        held = await calls.of_ticket(uow, opened.ticket.id)
        return [Session(opened, call) for call in held if call.started_at and not call.live]
    shared = await reviews.shared_in(uow, viewer.actor, opened)
    return [each for each in shared if each.call is not None]


async def _items(
    uow: UnitOfWork, viewer: Viewer, session: Session, lines: Sequence[Line]
) -> list[SimpleNamespace]:
    """Lines to be read: nothing in them can be pressed."""
    requester = session.opened.ticket.requester_id
    who = (await named(uow, [requester])).get(requester)
    items = drawn(
        viewer, session.opened.number, lines, requester=requester, requester_name=who.shown if who else "",
        seen_upto=0, unread_after=None, mentions={}, hold_seconds=0,
    )  # fmt: skip
    for item in items:
        if item.type == "message":
            item.menu = item.held = item.reacts_url = None
            item.reactions = []
    return items


def _by_message(shown: Sequence[SimpleNamespace]) -> dict[UUID, list[SimpleNamespace]]:
    """What was remarked at each message."""
    made: dict[UUID, list[SimpleNamespace]] = {}
    for one in shown:
        for moment in one.moments:
            made.setdefault(moment.at, []).append(SimpleNamespace(by=one.by, text=moment.text))
    return made


def _picked(lines: Sequence[Line], at: str) -> MessageLine | None:
    """The message that is to be remarked on."""
    return next((each for each in lines if isinstance(each, MessageLine) and str(each.id) == at), None)
