"""Beside a call: the ticket's conversation with its files, for both sides; for the desk's side also notes,
macros and what the ticket is about."""

from __future__ import annotations

from types import SimpleNamespace
from urllib.parse import unquote
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, Field

from core import clock
from core.access import SYSTEM
from core.calls import access as calls
from core.conversations import attachments
from core.conversations.model import Attachment, Audience, Message
from core.conversations.service import Saying
from core.errors import Forbidden, Invalid, NotFound
from core.files.sniff import may_show
from core.i18n import _
from core.people.naming import Named, named
from core.tickets import access, fields, macros, queries, timeline
from core.tickets import service as tickets
from core.tickets.access import Opened
from webui import bodies, rendering
from webui.deps import TheSite, Uow, visit
from webui.pages.call_room import PREFIX, Visit, change, come
from webui.pages.ticket_files import headers_of

router = APIRouter(prefix="/c")
LINES = 60
MOST_FILES = 10


class WordsIn(BaseModel):
    text: str = Field("", max_length=8_000)
    id: UUID
    note: bool = False
    files: list[UUID] = Field(default_factory=list, max_length=MOST_FILES)


@router.get("/{token}/talk")
async def talk(request: Request, uow: Uow, token: str) -> HTMLResponse:
    """The ticket's conversation; for a guest, what was said since they were asked in."""
    here = await come(uow, token)
    _call, opened = await calls.change(uow, here.call.id)
    found = await timeline.timeline(uow, here.actor, opened, limit=LINES)
    lines = [one for one in found.lines if not one.fact and (not _guest(here, opened) or one.at >= here.row.invited_at)]  # fmt: skip
    return rendering.page(request, "call/talk.html", lines=lines, base=PREFIX + token)


@router.post("/{token}/messages")
async def say(uow: Uow, token: str, body: WordsIn) -> Response:
    """Say something in the ticket's conversation; the desk's side can also note something for itself."""
    here, opened = await change(uow, token)
    if not body.text.strip() and not body.files:
        raise Invalid(_("Please write something."), field="text")
    if body.note:
        _only_staff(here)
        await tickets.note(
            uow, here.actor, opened.number, body.text, files=body.files, via="call", message_id=body.id
        )
    elif here.row.staff:
        await tickets.reply(
            uow, here.actor, opened.number, body.text, files=body.files, via="call", hold=0, message_id=body.id
        )  # fmt: skip
    elif await tickets.said_before(uow, here.actor, body.id) is None:
        saying = Saying(text=body.text, via="call", id=body.id, filed_under=opened.subject, files=body.files)
        await tickets.hear(uow, opened, here.actor, saying, here.person)
    return Response(status_code=204)


@router.post("/{token}/files")
async def upload(request: Request, site: TheSite, token: str) -> JSONResponse:
    """A file on its way: the body itself, its name in `X-File-Name`. A message then names its id."""
    async with visit(request) as uow:
        here = await come(uow, token)
    name = unquote(request.headers.get("x-file-name", ""))[:500]
    if bodies.is_form(request):
        raise Invalid(_("Choose a file."), field="file")
    bodies.allow_files(request, site.desk.means.settings.attachment_mb)
    means = site.desk.means
    async with (
        attachments.receiving(means, name, request.stream()) as received,
        site.desk.unit(here.actor) as uow,
    ):
        row = await attachments.keep(uow, here.row.person_id, received)
    return JSONResponse({"id": str(row.id)})


@router.get("/{token}/files/{file_id}")
async def file(uow: Uow, site: TheSite, token: str, file_id: UUID) -> Response:
    """A file of what this person can read here."""
    here = await come(uow, token)
    _call, opened = await calls.get(uow, SYSTEM, here.call.id)
    row = await uow.session.get(Attachment, file_id)
    message = await uow.session.get(Message, row.message_id) if row is not None and row.message_id else None
    if row is None or message is None or not _reads(here, opened, message) or not row.object_id:
        raise NotFound(_("There is no such file."))
    found = attachments.opened(row, opened.key)
    shown = may_show(row.mime)
    headers = headers_of(found.name, inline=shown) | {"content-length": str(row.size)}
    mime = row.mime if shown else "application/octet-stream"
    return StreamingResponse(found.read(site.desk.means.files), media_type=mime, headers=headers)


@router.get("/{token}/ticket")
async def about(request: Request, uow: Uow, token: str) -> HTMLResponse:
    """What the ticket is about, and the macros at hand: for the desk's side."""
    here = await come(uow, token)
    _only_staff(here)
    opened = await access.by_id(uow, here.actor, here.call.ticket_id)
    row = await queries.row(uow, here.actor, opened.number)
    names = await named(uow, [opened.ticket.requester_id, opened.ticket.assignee_id])
    return rendering.page(
        request, "call/ticket.html", base=PREFIX + token, ticket=row, subject=opened.subject,
        requester=_name(names, opened.ticket.requester_id), assignee=_name(names, opened.ticket.assignee_id),
        fields=await fields.answered(uow, opened.ticket.category_id, opened.fields),
        macros=[SimpleNamespace(id=one.id, name=one.name) for one in await macros.listed(uow, here.actor)],
    )  # fmt: skip


@router.get("/{token}/macros/{macro_id}")
async def macro(uow: Uow, token: str, macro_id: UUID) -> JSONResponse:
    """A macro's text for this ticket."""
    here = await come(uow, token)
    _only_staff(here)
    opened = await access.by_id(uow, here.actor, here.call.ticket_id)
    found = await macros.get(uow, here.actor, macro_id)
    return JSONResponse({"body": await macros.render(uow, here.actor, found, opened)})


def _guest(here: Visit, opened: Opened) -> bool:
    return not here.row.staff and here.row.person_id != opened.ticket.requester_id


def _reads(here: Visit, opened: Opened, message: Message) -> bool:
    if message.conversation_id != opened.thread.id or message.deleted_at or message.hidden_at:
        return False
    if here.row.staff:
        return True
    held = message.visible_at is not None and message.visible_at > clock.now()
    since = message.at >= here.row.invited_at or not _guest(here, opened)
    return message.audience == Audience.everyone and not held and since


def _only_staff(here: Visit) -> None:
    if not here.row.staff:
        raise Forbidden(_("You are not allowed to do that."))


def _name(names: dict[UUID, Named], person: UUID | None) -> str:
    return names[person].shown if person in names else ""
