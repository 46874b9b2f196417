"""A requester's own tickets: the list, a new one by form, the conversation, and its end."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Annotated, Any
from urllib.parse import quote, urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from markupsafe import Markup
from sqlalchemy import ColumnElement, select
from starlette.datastructures import FormData, UploadFile

from core.calls import access as calls
from core.calls.model import CallState
from core.conversations import attachments
from core.conversations import service as conversations
from core.conversations.model import Attachment, Conversation, Message
from core.conversations.service import Saying
from core.db import UnitOfWork
from core.errors import DeskError, Forbidden, Invalid, NotFound
from core.files.size import in_words
from core.files.sniff import may_show
from core.i18n import _
from core.ids import new_id
from core.kb.stuck import note_article
from core.markdown import to_html
from core.people.model import Organisation, Person
from core.tickets import access, fact_words, fields, joining, queries
from core.tickets import service as tickets
from core.tickets import timeline as lines
from core.tickets.access import Opened
from core.tickets.fields import CustomField
from core.tickets.lines import FactLine, FileLine, Line
from core.tickets.model import LIVE, Category, Priority, Status, SurveyAnswer, Ticket
from webui.deps import SignedIn, TheSite, Uow
from webui.pages import portal_articles
from webui.public import attempt, show
from webui.rendering import html, is_fragment, see_other
from webui.sessions import Viewer

router = APIRouter()

PAGE = 20
CHANNEL = "portal"
MOST_CATEGORIES = 500
_CHUNK = 64 * 1024
_LINK = re.compile(r"[\w-]{1,80}", re.ASCII)
_FILE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
_DONE = {
    "opened": lambda: _("Your request is here. We write as soon as there is an answer."),
    "sent": lambda: _("Sent."),
    "followed": lambda: _("The old ticket is closed, so this became a new one."),
    "closed": lambda: _("The ticket is closed."),
    "reopened": lambda: _("The ticket is open again."),
    "rated": lambda: _("Thank you for your rating."),
    "edited": lambda: _("Your message is changed."),
    "deleted": lambda: _("Your message is deleted."),
    "joined": lambda: _("Joined. You find everything under “My tickets”."),
}


# --- the list ---------------------------------------------------------------------------


@router.get("/my")
async def mine(
    request: Request,
    uow: Uow,
    viewer: SignedIn,
    status: Annotated[str, Query(max_length=20)] = "",
    of: Annotated[str, Query(max_length=20)] = "",
    after: Annotated[str | None, Query(max_length=300)] = None,
    before: Annotated[str | None, Query(max_length=300)] = None,
) -> Response:
    shared = await _shares(uow, viewer)
    where = _whose(viewer, shared and of == "organisation") & _in_status(status)
    found = await queries.page(uow, viewer.actor, where, after=after, before=before, limit=PAGE)
    rows = [
        SimpleNamespace(
            number=row.number, url=f"/my/tickets/{row.number}", subject=row.subject, status=row.status,
            updated_at=row.updated_at, unread=row.unread and row.requester_id == viewer.actor.id,
        )
        for row in found.rows
    ]  # fmt: skip
    kept = {"status": status, "of": of if shared else ""}
    return show(
        request, "portal/list.html", done=_DONE, rows=rows, tabs=_status_tabs(status, kept),
        newer=_list_url(kept | {"before": found.previous or ""}) if found.previous else None,
        older=_list_url(kept | {"after": found.next or ""}) if found.next else None,
        shared=shared, of=of, filtered=bool(status), mine_url=_list_url({"status": status}),
        shared_url=_list_url({"status": status, "of": "organisation"}),
    )  # fmt: skip


# --- a new ticket -----------------------------------------------------------------------


@router.get("/my/new")
async def new_page(
    request: Request,
    uow: Uow,
    viewer: SignedIn,
    category: Annotated[str | None, Query(max_length=40)] = None,
    article: Annotated[str, Query(max_length=40)] = "",
    again: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """First the category, then the questions that go with it; without categories all at once. The
    `article` that did not help is noted on the ticket; `again` says what was written before."""
    choices = await _categories(uow)
    if choices and category is None:
        return show(request, "portal/category.html", choices=choices, article=article)
    given = {"article": article} | await portal_articles.written_before(uow, viewer, again)
    return await _new_form(request, uow, choices, category or "", given=given)


@router.post("/my/tickets")
async def create(request: Request, uow: Uow, viewer: SignedIn) -> Response:
    _may_write(viewer)
    form = await request.form(max_files=20, max_fields=500)
    given = {name: value for name, value in form.items() if isinstance(value, str)}
    person, once = _person(viewer), _uuid(given.get("once", ""))
    if once is not None and (number := await _made_before(uow, viewer, once)) is not None:
        return see_other(f"/my/tickets/{number}")
    kept: list[UUID] = []
    try:
        kept = await _files(uow, viewer, form)
        category = given.get("category", "")
        category_id = _uuid(category)
        if category and category_id is None:
            raise Invalid(_("There is no such category."), field="category")
        asked = await fields.of_category(uow, category_id)
        wanted = tickets.Request(
            subject=_required(given, "subject"),
            text=_required(given, "text"),
            category_id=category_id,
            priority=_priority(given.get("priority", "")),
            fields={field.id: given.get(f"field_{field.id}") for field in asked},
            channel=CHANNEL,
            language=person.locale,
            files=kept,
            message_id=once or new_id(),
        )
        async with attempt(uow):
            opened = await tickets.open_ticket(uow, viewer.actor, person, wanted)
            shown = [str(each) for each in form.getlist("suggested")]
            await portal_articles.after_opening(
                uow,
                viewer,
                opened,
                shown,
                f"{wanted.subject}\n{wanted.text}",
                dismissed=bool(given.get("dismissed")),
            )
            if article := given.get("article", ""):
                await note_article(uow, viewer.actor, opened.number, article)
    except Invalid as error:
        asked = await fields.of_category(uow, _uuid(given.get("category", "")))
        custom = {field.id for field in asked}
        field = f"field_{error.field}" if error.field in custom else error.field or "text"
        return await _new_form(
            request, uow, await _categories(uow), given.get("category", ""),
            given=given, errors=_wrong(given, asked) | {field: error.words}, kept=kept, status=error.status,
        )  # fmt: skip
    finally:
        await form.close()
    return see_other(f"/my/tickets/{opened.number}?done=opened")


@router.post("/my/uploads")
async def upload(request: Request, uow: Uow, viewer: SignedIn) -> Response:
    """A file on its way, before the message it belongs to: `{"id": …}`."""
    _may_write(viewer)
    form = await request.form()
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Invalid(_("Choose a file."), field="file")
        row = await attachments.upload(uow, _person(viewer).id, file.filename or "", _chunks(file))
    finally:
        await form.close()
    return JSONResponse({"id": str(row.id)})


# --- a ticket ---------------------------------------------------------------------------


@router.get("/t/{link}")
async def by_link(request: Request, uow: Uow, viewer: SignedIn, link: str) -> Response:
    """Where mails lead: to the ticket, for those who may see it."""
    if not _LINK.fullmatch(link):
        raise NotFound(_("There is no such ticket."))
    try:
        opened = await access.by_link(uow, viewer.actor, link)
    except NotFound:
        if await _begun_earlier(uow, viewer, link):
            return see_other(f"/account/earlier?next={quote('/t/' + link)}")
        raise
    base = "/tickets" if viewer.staff else "/my/tickets"
    return see_other(f"{base}/{opened.number}")


@router.get("/my/tickets/{number}")
async def ticket_page(
    request: Request,
    uow: Uow,
    viewer: SignedIn,
    number: int,
    before: Annotated[str | None, Query(max_length=300)] = None,
) -> Response:
    if viewer.staff:
        return see_other(f"/tickets/{number}")
    return await _ticket(request, uow, viewer, await access.get(uow, viewer.actor, number), before=before)


@router.get("/my/tickets/{number}/timeline")
async def timeline_fragment(request: Request, uow: Uow, viewer: SignedIn, number: int) -> Response:
    opened = await access.get(uow, viewer.actor, number)
    return Response(await _timeline_html(request, uow, viewer, opened), media_type="text/html")


@router.post("/my/tickets/{number}/messages")
async def reply(request: Request, uow: Uow, viewer: SignedIn, number: int) -> Response:
    _may_write(viewer)
    opened = await access.change(uow, viewer.actor, number)
    form = await request.form(max_files=20, max_fields=500)
    body, once = str(form.get("body") or ""), _uuid(str(form.get("message_id") or ""))
    if once is not None and (before := await _made_before(uow, viewer, once)) is not None:
        return see_other(f"/my/tickets/{before}")
    kept: list[UUID] = []
    try:
        kept = await _files(uow, viewer, form)
        saying = Saying(
            text=body,
            via=CHANNEL,
            files=kept,
            language=opened.ticket.language,
            filed_under=opened.subject,
            id=once or new_id(),
        )
        requester = await uow.session.get(Person, opened.ticket.requester_id)
        assert requester is not None
        async with attempt(uow):
            heard, _message = await tickets.hear(uow, opened, viewer.actor, saying, requester)
    except DeskError as error:
        if is_fragment(request):
            raise
        opened = await access.get(uow, viewer.actor, number)
        return await _ticket(request, uow, viewer, opened, body=body, error=error)
    finally:
        await form.close()
    return see_other(
        f"/my/tickets/{heard.number}?done={'sent' if heard.number == opened.number else 'followed'}"
    )


@router.get("/my/tickets/{number}/messages/{message_id}/edit")
async def edit_page(request: Request, uow: Uow, viewer: SignedIn, number: int, message_id: UUID) -> Response:
    opened, message = await _own_message(uow, viewer, number, message_id)
    text = conversations.read(opened.thread, message)
    return show(request, "portal/edit.html", number=number, id=message_id, text=text, errors={})


@router.post("/my/tickets/{number}/messages/{message_id}")
async def edit(request: Request, uow: Uow, viewer: SignedIn, number: int, message_id: UUID) -> Response:
    _may_write(viewer)
    opened, message = await _own_message(uow, viewer, number, message_id, lock=True)
    text = str((await request.form()).get("text") or "")
    try:
        await tickets.edit_message(uow, viewer.actor, opened, message, text)
    except Invalid as error:
        return show(
            request, "portal/edit.html", status=error.status, number=number, id=message_id, text=text,
            errors={"text": error.words},
        )  # fmt: skip
    return see_other(f"/my/tickets/{number}?done=edited")


@router.post("/my/tickets/{number}/messages/{message_id}/delete")
async def delete(request: Request, uow: Uow, viewer: SignedIn, number: int, message_id: UUID) -> Response:
    _may_write(viewer)
    opened, message = await _own_message(uow, viewer, number, message_id, lock=True)
    await conversations.delete(uow, opened.thread, viewer.actor, message)
    return see_other(f"/my/tickets/{number}?done=deleted")


@router.post("/my/tickets/{number}/close")
async def close(request: Request, uow: Uow, viewer: SignedIn, number: int) -> Response:
    await _own(uow, viewer, number)
    await tickets.close(uow, viewer.actor, number)
    return see_other(f"/my/tickets/{number}?done=closed")


@router.post("/my/tickets/{number}/reopen")
async def reopen(request: Request, uow: Uow, viewer: SignedIn, number: int) -> Response:
    _may_write(viewer)
    opened = await _own(uow, viewer, number)
    try:
        async with attempt(uow):
            await tickets.reopen(uow, viewer.actor, number)
    except DeskError as error:
        opened = await access.get(uow, viewer.actor, number)
        return await _ticket(request, uow, viewer, opened, error=error)
    return see_other(f"/my/tickets/{number}?done=reopened")


@router.post("/my/tickets/{number}/rating")
async def rate(request: Request, uow: Uow, viewer: SignedIn, number: int) -> Response:
    opened = await _own(uow, viewer, number)
    form = await request.form()
    score, comment = str(form.get("score") or ""), str(form.get("comment") or "")
    try:
        async with attempt(uow):
            value = int(score) if score.isascii() and score.isdigit() and len(score) < 4 else 0
            await tickets.rate(uow, viewer.actor, number, value, comment)
    except DeskError as error:
        opened = await access.get(uow, viewer.actor, number)
        return await _ticket(request, uow, viewer, opened, error=error, comment=comment)
    return see_other(f"/my/tickets/{number}?done=rated")


# --- files ------------------------------------------------------------------------------


@router.get("/my/files/{file_id}")
async def file(request: Request, uow: Uow, viewer: SignedIn, site: TheSite, file_id: UUID) -> Response:
    opened = await _file(uow, viewer, file_id)
    shown = may_show(opened.row.mime) and opened.row.kind == "image"
    return StreamingResponse(
        opened.read(site.desk.means.files),
        media_type=opened.row.mime if shown else "application/octet-stream",
        headers=_file_headers(opened.name, opened.row.size, inline=shown),
    )


@router.get("/my/files/{file_id}/thumb")
async def thumb(request: Request, uow: Uow, viewer: SignedIn, site: TheSite, file_id: UUID) -> Response:
    opened = await _file(uow, viewer, file_id)
    return StreamingResponse(
        opened.read_thumb(site.desk.means.files),
        media_type="image/webp",
        headers=_file_headers("thumb.webp", None, inline=True),
    )


# --- what a page shows ------------------------------------------------------------------


async def _ticket(
    request: Request,
    uow: UnitOfWork,
    viewer: Viewer,
    opened: Opened,
    *,
    before: str | None = None,
    body: str = "",
    comment: str = "",
    error: DeskError | None = None,
) -> Response:
    ticket, is_mine = opened.ticket, opened.ticket.requester_id == viewer.actor.id
    may_rate = is_mine and (not ticket.live or ticket.first_answer_at is not None)
    category = await uow.session.get(Category, ticket.category_id) if ticket.category_id else None
    answer = await uow.session.get(SurveyAnswer, ticket.id) if ticket.rating is not None else None
    return show(
        request, "portal/ticket.html", status=error.status if error else 200, done=_DONE,
        ticket=ticket, subject=opened.subject, is_mine=is_mine, error=error,
        category=category.name if category else "", facts=await fields.answered(uow, opened.ticket.category_id, opened.fields),
        timeline=Markup(await _timeline_html(request, uow, viewer, opened, before)),  # noqa: S704  our own template
        live_url=None if before else f"/live?ticket={opened.number}", is_old=before is not None,
        body=body, comment=comment,
        may_close=is_mine and ticket.status != Status.closed and ticket.merged_into_id is None,
        may_reopen=is_mine and not ticket.live and ticket.merged_into_id is None and tickets.young(uow, opened),
        call_runs=await _call_runs(uow, ticket.id), may_rate=may_rate, rated=answer is not None,
        merged_into=await _merged_into(uow, viewer, ticket),
        offer=await portal_articles.offer_of(uow, viewer, opened),
    )  # fmt: skip


async def _call_runs(uow: UnitOfWork, ticket_id: UUID) -> bool:
    found = await calls.live_of(uow, ticket_id)
    return found is not None and found.state != CallState.scheduled


async def _timeline_html(
    request: Request, uow: UnitOfWork, viewer: Viewer, opened: Opened, before: str | None = None
) -> str:
    found = await lines.timeline(uow, viewer.actor, opened, before=before)
    if before is None and viewer.actor.id is not None:
        await tickets.mark_read(uow, opened, viewer.actor.id, found.upto)
    zone = viewer.known.zone if viewer.known is not None else None
    items = [_item(viewer, opened, line, zone) for line in found.lines]
    older = f"/my/tickets/{opened.number}?before={found.before}" if found.has_older else None
    return html(request, "portal/timeline.html", items=items, older=older)


def _item(viewer: Viewer, opened: Opened, line: Line, zone: Any) -> SimpleNamespace:
    if isinstance(line, FactLine):
        words = fact_words.sentence(line, zone) if zone is not None else fact_words.sentence(line)
        return SimpleNamespace(fact=True, id=f"fact-{line.id}", text=words, at=line.at, icon=_icon(line.name))
    base = f"/my/tickets/{opened.number}/messages/{line.id}"
    menu = SimpleNamespace(edit_url=f"{base}/edit", delete_url=f"{base}/delete")
    return SimpleNamespace(
        fact=False,
        id=line.id,
        kind="bot" if line.author.kind != "person" else "agent" if line.side == "staff" else "requester",
        author=SimpleNamespace(id=line.author.id or opened.ticket.id, name=line.author.name),
        html=Markup(to_html(line.text)),  # noqa: S704  sanitised there
        at=line.at,
        edited=line.edited,
        deleted=line.deleted,
        hidden=line.hidden,
        attachments=[_attachment(each) for each in line.files],
        menu=menu if line.own and not line.hidden else None,
    )


def _attachment(each: FileLine) -> SimpleNamespace:
    url = f"/my/files/{each.id}"
    return SimpleNamespace(
        name=each.name,
        url=url,
        thumb_url=f"{url}/thumb" if each.thumb else None,
        size_text=in_words(each.size),
    )


def _icon(name: str) -> str:
    return {"ticket.resolved": "check", "ticket.closed": "lock", "ticket.claimed": "user"}.get(name, "info")


async def _merged_into(uow: UnitOfWork, viewer: Viewer, ticket: Ticket) -> int | None:
    if ticket.merged_into_id is None:
        return None
    try:
        return (await access.by_id(uow, viewer.actor, ticket.merged_into_id)).number
    except NotFound:
        return None


def _wrong(given: dict[str, str], asked: Sequence[CustomField]) -> dict[str, str]:
    """All that is wrong with a form, so that it is mended in one go."""
    checks: dict[str, Callable[[], object]] = {
        "subject": lambda: _required(given, "subject"),
        "text": lambda: _required(given, "text"),
    }
    for field in asked:
        name = f"field_{field.id}"
        checks[name] = partial(fields.value_of, field, given.get(name))
    found = {}
    for name, check in checks.items():
        try:
            check()
        except Invalid as error:
            found[name] = error.words
    return found


async def _new_form(
    request: Request,
    uow: UnitOfWork,
    choices: Sequence[tuple[str, str]],
    category: str,
    *,
    given: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
    kept: Sequence[UUID] = (),
    status: int = 200,
) -> Response:
    values = given or {}
    known = dict(choices)
    chosen = category if category in known else ""
    asked = [
        SimpleNamespace(
            name=f"field_{field.id}", label=field.label, required=field.required, hint=field.hint or None,
            kind=field.type, options=[(option, option) for option in field.options],
            value=values.get(f"field_{field.id}"),
            error=(errors or {}).get(f"field_{field.id}"),
        )
        for field in await fields.of_category(uow, _uuid(chosen))
    ]  # fmt: skip
    return show(
        request, "portal/new.html", status=status, asked=asked, category=chosen, choices=choices,
        category_name=known.get(chosen, ""), given=values, errors=errors or {},
        kept=[str(each) for each in kept], once=values.get("once") or str(new_id()),
        limit_mb=uow.settings.attachment_mb,
    )  # fmt: skip


async def _categories(uow: UnitOfWork) -> list[tuple[str, str]]:
    """The tree as a list of paths, such as “Billing › Refund”; what hangs under a retired
    category is retired with it."""
    rows = await uow.session.scalars(
        select(Category)
        .where(Category.active)
        .order_by(Category.position, Category.name)
        .limit(MOST_CATEGORIES)
    )
    below: dict[UUID | None, list[Category]] = {}
    for row in rows:
        below.setdefault(row.parent_id, []).append(row)
    found: list[tuple[str, str]] = []
    waiting = [(row, row.name) for row in reversed(below.get(None, []))]
    while waiting:
        row, path = waiting.pop()
        found.append((str(row.id), path))
        waiting += [(child, f"{path} › {child.name}") for child in reversed(below.get(row.id, []))]
    return found


# --- who may ----------------------------------------------------------------------------


def _person(viewer: Viewer) -> Person:
    assert viewer.person is not None
    return viewer.person


def _may_write(viewer: Viewer) -> None:
    if _person(viewer).blocked_at is not None:
        raise Forbidden(
            _("You cannot write here any more. If this is a mistake, please use another way to reach us.")
        )


async def _own(uow: UnitOfWork, viewer: Viewer, number: int) -> Opened:
    """A ticket whose end is the viewer's to decide: theirs, not a colleague's."""
    opened = await access.change(uow, viewer.actor, number)
    if opened.ticket.requester_id != viewer.actor.id:
        raise Forbidden(_("Only who asked can do that."))
    return opened


async def _own_message(
    uow: UnitOfWork, viewer: Viewer, number: int, message_id: UUID, *, lock: bool = False
) -> tuple[Opened, Message]:
    """One's own message, and the conversation it lies in (another than the ticket's, where
    tickets were merged); everyone else's is not there."""
    opened = await (access.change if lock else access.get)(uow, viewer.actor, number)
    message = await tickets.message_in(uow, opened, message_id)
    if (
        message.author_id != viewer.actor.id
        or message.deleted_at is not None
        or message.hidden_at is not None
    ):
        raise NotFound(_("There is no such message."))
    if message.conversation_id != opened.thread.id:
        opened = await access.by_message(uow, viewer.actor, message, lock=lock)
    if lock:
        await uow.session.refresh(message)
    return opened, message


async def _made_before(uow: UnitOfWork, viewer: Viewer, once: UUID) -> int | None:
    """The number of the ticket in which this browser's message stands already: the same form
    sent twice is one message."""
    row = (
        await uow.session.execute(
            select(Ticket.number, Message.author_id)
            .select_from(Message)
            .join(Conversation, Conversation.id == Message.conversation_id)
            .join(Ticket, Ticket.conversation_id == Conversation.id)
            .where(Message.id == once)
        )
    ).one_or_none()
    if row is None:
        return None
    number, author_id = row
    if author_id != viewer.actor.id:
        raise Invalid(_("This form was used already. Please reload the page."))
    return int(number)


async def _begun_earlier(uow: UnitOfWork, viewer: Viewer, link: str) -> bool:
    requester_id = await uow.session.scalar(select(Ticket.requester_id).where(Ticket.link == link[:80]))
    return requester_id is not None and await joining.is_earlier(uow, _person(viewer), requester_id)


async def _shares(uow: UnitOfWork, viewer: Viewer) -> bool:
    """Whether the viewer's organisation lets its members see each other's tickets."""
    if viewer.actor.organisation is None or viewer.staff:
        return False
    return bool(
        await uow.session.scalar(
            select(Organisation.members_see_all).where(Organisation.id == viewer.actor.organisation)
        )
    )


def _whose(viewer: Viewer, organisation: bool) -> ColumnElement[bool]:
    if organisation:
        return Ticket.organisation_id == viewer.actor.organisation
    return Ticket.requester_id == viewer.actor.id


_STATUSES = {
    "open": LIVE,
    "waiting": (Status.waiting,),
    "done": (Status.resolved, Status.closed),
}


def _in_status(status: str) -> ColumnElement[bool]:
    wanted = _STATUSES.get(status, tuple(Status))
    return Ticket.status.in_([each.value for each in wanted])


def _status_tabs(status: str, kept: dict[str, str]) -> list[SimpleNamespace]:
    names = (("", _("All")), ("open", _("Open")), ("waiting", _("Waiting for me")), ("done", _("Done")))
    return [
        SimpleNamespace(text=text, url=_list_url(kept | {"status": code}), current=status == code)
        for code, text in names
    ]


def _list_url(query: dict[str, str]) -> str:
    asked = urlencode({name: value for name, value in query.items() if value})
    return f"/my?{asked}" if asked else "/my"


# --- what a form holds ------------------------------------------------------------------


async def _files(uow: UnitOfWork, viewer: Viewer, form: FormData) -> list[UUID]:
    """The files of a form: those that went up before, and those that come with it."""
    kept = [found for each in form.getlist("attachment") if (found := _uuid(str(each))) is not None]
    for each in form.getlist("files"):
        if isinstance(each, UploadFile) and each.filename:
            row = await attachments.upload(uow, _person(viewer).id, each.filename, _chunks(each))
            kept.append(row.id)
    await uow.session.flush()
    return kept


async def _chunks(upload: UploadFile) -> AsyncIterator[bytes]:
    while data := await upload.read(_CHUNK):
        yield data


def _required(given: dict[str, str], name: str) -> str:
    value = given.get(name, "")
    if not value.strip():
        words = {
            "subject": _("Please say in a few words what it is about."),
            "text": _("Please tell us what happened."),
        }
        raise Invalid(words[name], field=name)
    return value


def _priority(value: str) -> Priority | None:
    return Priority(value) if value in (Priority.low, Priority.normal, Priority.high) else None


def _uuid(value: str) -> UUID | None:
    try:
        return UUID(value) if value else None
    except ValueError:
        return None


async def _file(uow: UnitOfWork, viewer: Viewer, file_id: UUID) -> attachments.OpenFile:
    """A file that the viewer may have: in a message they may read, or their own before it is sent."""
    missing = NotFound(_("There is no such file."))
    row = await uow.session.get(Attachment, file_id)
    if row is None:
        raise missing
    if row.message_id is None:
        if row.uploader_id != viewer.actor.id or viewer.actor.id is None:
            raise missing
        return attachments.opened(row, await uow.keys.of_person(uow.session, viewer.actor.id))
    message = await uow.session.get(Message, row.message_id)
    assert message is not None
    try:
        opened = await access.by_message(uow, viewer.actor, message)
        line = await lines.line(uow, viewer.actor, opened, message.id)
    except NotFound:
        raise missing from None
    if file_id not in {each.id for each in line.files}:
        raise missing
    return attachments.opened(row, opened.key)


def _file_headers(name: str, size: int | None, *, inline: bool) -> dict[str, str]:
    """Nothing uploaded runs in the desk's origin: the type is ours, never the sender's, and the
    page it would be is in a sandbox without rights."""
    kind = "inline" if inline else "attachment"
    headers = {
        "content-disposition": f"{kind}; filename*=UTF-8''{quote(name)}",
        "content-security-policy": _FILE_POLICY,
        "cache-control": "no-store",
    }
    return headers if size is None else headers | {"content-length": str(size)}
