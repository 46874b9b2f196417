"""What is done with a ticket: each verb a plain form that leads back to the ticket.

A form says what its reader saw (`was…`), so that two who change the same thing at once are told
so instead of one losing silently.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import FormData, UploadFile

from core import clock
from core.access import Actor, Permission
from core.conversations import attachments
from core.conversations import service as conversations
from core.conversations.model import Draft, Message
from core.db import UnitOfWork
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.i18n import _
from core.kb import sending, suggesting
from core.markdown import to_html
from core.people.service import zone_of
from core.tickets import access, macros
from core.tickets import service as tickets
from core.tickets.access import Opened
from core.tickets.lifecycle import AlreadyClaimed, AlreadySo
from core.tickets.model import Priority, Status
from webui import rendering
from webui.deps import Staff, TheSite, Uow
from webui.desk_context import answered, told
from webui.pages import ticket
from webui.pages.ticket_files import chunks_of
from webui.pages.ticket_lines import mentioned
from webui.sessions import Viewer

router = APIRouter()
MOST_FILES = 20


# --- whose it is ------------------------------------------------------------------------


@router.post("/tickets/{number}/claim")
async def claim(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    try:
        await tickets.claim(uow, viewer.actor, number)
    except AlreadyClaimed as error:
        raise Conflict(await told(uow, error), number=number, by=error.by) from None
    return _back(request, number, _("It is yours."))


@router.post("/tickets/{number}/claim/delete")
async def release(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    await tickets.release(uow, viewer.actor, number)
    return _back(request, number, _("Given back to the queue."))


@router.post("/tickets/{number}/assignment")
async def assign(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    """To a colleague (`to`, or `me`) or a team; `was` is the assignee that the form showed."""
    form = await request.form()
    to = viewer.actor.id if form.get("to") == "me" else _id(form, "to")
    await tickets.assign(
        uow,
        viewer.actor,
        number,
        to=to,
        team=_id(form, "team"),
        was=_id(form, "was"),
        check_was="was" in form,
    )
    return _back(request, number, _("Assigned."))


@router.post("/tickets/{number}/handover")
async def hand_over(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    """To a colleague or a team, with a note for them."""
    form = await request.form()
    words = _text(form, "note")
    known = {handle.casefold(): person for handle, person in (await ticket.handles(uow)).items()}
    await tickets.hand_over(
        uow, viewer.actor, number, to=_id(form, "to"), team=_id(form, "team"), words=words,
        mentions=mentioned(words, known), was=_id(form, "was"),
    )  # fmt: skip
    return _back(request, number, _("Handed over."), go=True)


# --- where it stands --------------------------------------------------------------------


@router.post("/tickets/{number}/resolution")
async def resolve(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    form = await request.form()
    await tickets.resolve(uow, viewer.actor, number, _text(form, "solution"))
    return _back(request, number, _("Resolved."))


@router.post("/tickets/{number}/resolution/delete")
async def reopen(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    await tickets.reopen(uow, viewer.actor, number)
    return _back(request, number, _("Open again."))


@router.post("/tickets/{number}/closing")
async def close(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    await tickets.close(uow, viewer.actor, number)
    return _back(request, number, _("Closed."))


@router.post("/tickets/{number}/waiting")
async def wait(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    await tickets.wait(uow, viewer.actor, number)
    return _back(request, number, _("Waiting for the requester."))


@router.post("/tickets/{number}/snooze")
async def snooze(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    """Until a preset (`until`, UTC) or a day and time of the viewer's own zone (`at`)."""
    form = await request.form()
    await tickets.snooze(uow, viewer.actor, number, _moment(form, viewer))
    return _back(request, number, _("Snoozed. It comes back by itself."))


@router.post("/tickets/{number}/snooze/delete")
async def wake(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    await tickets.wake(uow, viewer.actor, number)
    return _back(request, number, _("Awake again."))


# --- what it is about -------------------------------------------------------------------


@router.post("/tickets/{number}/details")
async def details(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    """Status, priority, category, team and assignee: what was changed in the form, and only that."""
    form = await request.form()
    changed = {name for name in _DETAILS if name in form and _text(form, name) != _text(form, f"was_{name}")}
    for name in _DETAILS:
        if name in changed:
            await _DETAILS[name](uow, viewer.actor, number, form)
    return _back(request, number, _("Saved.") if changed else "")


@router.post("/tickets/{number}/subject")
async def rename(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    form = await request.form()
    was = _text(form, "was") if "was" in form else None
    await tickets.rename(uow, viewer.actor, number, _text(form, "subject"), was=was)
    return _back(request, number, _("Renamed."))


@router.post("/tickets/{number}/fields")
async def set_fields(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    """The custom fields that were changed in the form."""
    form = await request.form()
    opened = await access.change(uow, viewer.actor, number)
    before, changed = opened.fields, dict[str, Any]()
    for key in form:
        name = key.removeprefix("was_")
        if key == name or not _changed(form, name):
            continue
        tickets.unchanged(_plain(before.get(name)), _text(form, key))
        changed[name] = _text(form, f"field_{name}")
    if changed:
        await tickets.set_fields(uow, viewer.actor, number, changed)
    return _back(request, number, _("Saved.") if changed else "")


@router.post("/tickets/{number}/tags")
async def add_tags(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    names = [each.strip() for each in _text(await request.form(), "tag").split(",") if each.strip()]
    if not names:
        raise Invalid(_("This must not be empty."), field="tag")
    await tickets.tag(uow, viewer.actor, number, add=names)
    return _back(request, number)


@router.post("/tickets/{number}/tags/delete")
async def remove_tag(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    await tickets.tag(uow, viewer.actor, number, remove=[_text(await request.form(), "tag")])
    return _back(request, number)


@router.post("/tickets/{number}/requester")
async def change_requester(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    person = _id(await request.form(), "person")
    if person is None:
        raise Invalid(_("There is no such person."), field="person")
    await tickets.change_requester(uow, viewer.actor, number, person)
    return _back(request, number, _("The requester is changed."), go=True)


# --- who is on it -----------------------------------------------------------------------


@router.post("/tickets/{number}/followers")
async def follow(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    """Oneself, or a colleague (`person`)."""
    person = _id(await request.form(), "person")
    await tickets.follow(uow, viewer.actor, number, person)
    return _back(request, number, _("You follow this ticket.") if person is None else _("Added."))


@router.post("/tickets/{number}/followers/delete")
async def unfollow(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    person = _id(await request.form(), "person")
    await tickets.unfollow(uow, viewer.actor, number, person)
    return _back(
        request, number, _("You do not follow this ticket any more.") if person is None else _("Removed.")
    )


# --- several tickets --------------------------------------------------------------------


@router.post("/tickets/{number}/merge")
async def merge(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    into = _number(await request.form(), "into")
    target = await tickets.merge(uow, viewer.actor, number, into)
    words = _("#{number} was merged into this ticket.").format(number=number)
    return answered(request, f"/tickets/{target.number}", words, go=True)


@router.post("/tickets/{number}/split")
async def split(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    form = await request.form()
    chosen = [one for raw in form.getlist("message") if (one := _uuid(raw, "message")) is not None]
    made = await tickets.split(uow, viewer.actor, number, chosen, _text(form, "subject"))
    words = _("This ticket was split off #{number}.").format(number=number)
    return answered(request, f"/tickets/{made.number}", words, go=True)


@router.post("/tickets/{number}/links")
async def link(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    form = await request.form()
    await tickets.link(uow, viewer.actor, number, _number(form, "to"), _text(form, "kind") or "related")
    return _back(request, number, _("Linked."))


@router.post("/tickets/{number}/links/delete")
async def unlink(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    await tickets.unlink(uow, viewer.actor, number, _number(await request.form(), "to"))
    return _back(request, number, _("No longer linked."))


# --- talking ----------------------------------------------------------------------------


@router.post("/tickets/{number}/messages")
async def say(
    request: Request, uow: Uow, viewer: Staff, number: int, site: TheSite, after: ticket.Seq | None = None,
    seen: ticket.Seq = 0, lines: ticket.Lines = ticket.LINES, since: ticket.Seq | None = None,
) -> Response:  # fmt: skip
    """A reply or a note, as the composer says; `message_id` is the browser's, so that what is
    sent twice is said once. `then` does a verb besides, `macro` what goes with a macro. An open page
    that says up to where it shows the timeline (`after`) is answered with what it does not show yet."""
    form = await request.form(max_files=MOST_FILES, max_fields=500)
    kind, body = _text(form, "kind"), _text(form, "body")
    if kind not in ("reply", "note"):
        raise Invalid(_("Say whether this is a reply or a note."), field="kind")
    once = _uuid(_text(form, "message_id"), "message_id")
    done_before = once is not None and await uow.session.get(Message, once) is not None
    try:
        files = [] if done_before else await _files(uow, viewer, form)
    finally:
        await form.close()
    if kind == "note":
        known = {handle.casefold(): person for handle, person in (await ticket.handles(uow)).items()}
        opened, _message = await tickets.note(
            uow, viewer.actor, number, body, files=files, mentions=mentioned(body, known), message_id=once
        )
    else:
        reply_to = _uuid(_text(form, "reply_to"), "reply_to")
        if reply_to is not None:
            await tickets.message_in(uow, await access.get(uow, viewer.actor, number), reply_to)
        opened, _message = await tickets.reply(
            uow, viewer.actor, number, body, files=files, message_id=once, reply_to=reply_to
        )
    if not done_before:
        await _and_then(uow, viewer, number, form)
    await ticket.keep_draft(uow, viewer, opened, "", kind)
    assert viewer.actor.id is not None
    person = viewer.actor.id
    uow.after(lambda: site.presence.stops(opened.thread.id, person))
    if after is not None and rendering.is_fragment(request):
        await uow.session.flush()
        shown = ticket.Shown(after, seen, lines, since)
        return await ticket.changes_of(request, uow, site, viewer, opened, shown)
    return _back(
        request,
        number,
        _("The note is added.") if kind == "note" and not rendering.is_fragment(request) else "",
    )


@router.post("/tickets/{number}/messages/{message_id}")
async def edit(request: Request, uow: Uow, viewer: Staff, number: int, message_id: UUID) -> Response:
    opened, message = await _message_to_change(uow, viewer.actor, number, message_id)
    await tickets.edit_message(uow, viewer.actor, opened, message, _text(await request.form(), "body"))
    return _back(request, number, _("Changed."), anchor=f"#message-{message_id}", go=True)


@router.post("/tickets/{number}/messages/{message_id}/delete")
async def delete(request: Request, uow: Uow, viewer: Staff, number: int, message_id: UUID) -> Response:
    opened, message = await _message_to_change(uow, viewer.actor, number, message_id)
    await conversations.delete(uow, opened.thread, viewer.actor, message)
    return _back(request, number, _("Deleted."))


@router.post("/tickets/{number}/messages/{message_id}/take-back")
async def take_back(request: Request, uow: Uow, viewer: Staff, number: int, message_id: UUID) -> Response:
    """Before it went out: the text is in the composer again, for the plain browser as a draft."""
    opened, message = await _message_to_change(uow, viewer.actor, number, message_id)
    if message.author_id != viewer.actor.id:
        raise Forbidden(_("You can only change what you wrote yourself."))
    if message.deleted_at is not None or message.visible_at is None or message.visible_at <= clock.now():
        raise Conflict(_("It is too late: this reply has gone out."))
    body = conversations.read(opened.thread, message)
    await conversations.delete(uow, opened.thread, viewer.actor, message)
    if await uow.session.get(Draft, (viewer.actor.id, opened.thread.id)) is None:
        await ticket.keep_draft(uow, viewer, opened, body, "reply")
    return _back(request, number, _("Taken back. The text is in the composer again."), body=body)


@router.post("/tickets/{number}/messages/{message_id}/send-now")
async def send_now(
    request: Request, uow: Uow, viewer: Staff, number: int, message_id: UUID, site: TheSite
) -> Response:
    viewer.actor.require(Permission.reply)
    opened, message = await _message_to_change(uow, viewer.actor, number, message_id)
    if message.deleted_at is None:
        await tickets.send_now(uow, opened)
        uow.after(site.desk.wake.set)
    return _back(request, number, _("Sent."))


@router.post("/tickets/{number}/messages/{message_id}/reactions")
async def react(request: Request, uow: Uow, viewer: Staff, number: int, message_id: UUID) -> Response:
    """Put a reaction on a message, or take one's own off again."""
    viewer.actor.require(Permission.note)
    emoji = _text(await request.form(), "emoji")
    opened, message = await _message_to_change(uow, viewer.actor, number, message_id)
    mine = await conversations.reactions_of(uow, message, viewer.actor)
    wanted = [each for each in mine if each != emoji] if emoji in mine else [*mine, emoji]
    await conversations.react(uow, opened.thread, viewer.actor, message, wanted)
    return _back(request, number)


@router.post("/tickets/{number}/messages/{message_id}/hide")
async def hide(request: Request, uow: Uow, viewer: Staff, number: int, message_id: UUID) -> Response:
    viewer.actor.require(Permission.moderate)
    opened, message = await _message_to_change(uow, viewer.actor, number, message_id)
    await conversations.hide(uow, opened.thread, message)
    return _back(request, number, _("Hidden from requesters."))


@router.post("/tickets/{number}/messages/{message_id}/hide/delete")
async def show_again(request: Request, uow: Uow, viewer: Staff, number: int, message_id: UUID) -> Response:
    viewer.actor.require(Permission.moderate)
    opened, message = await _message_to_change(uow, viewer.actor, number, message_id)
    await conversations.hide(uow, opened.thread, message, hidden=False)
    return _back(request, number, _("Shown again."))


@router.post("/tickets/{number}/messages/{message_id}/report")
async def report(request: Request, uow: Uow, viewer: Staff, number: int, message_id: UUID) -> Response:
    opened, message = await _message_to_change(uow, viewer.actor, number, message_id)
    await conversations.report(uow, opened.thread, message)
    return _back(request, number, _("Reported. A moderator will look at it."))


@router.post("/tickets/{number}/draft")
async def draft(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    form = await request.form()
    opened = await access.get(uow, viewer.actor, number)
    await ticket.keep_draft(uow, viewer, opened, _text(form, "body"), _text(form, "kind"))
    return _back(request, number)


@router.post("/desk/preview")
async def preview(request: Request, uow: Uow, viewer: Staff) -> HTMLResponse:
    """What a message will look like."""
    return HTMLResponse(to_html(_text(await request.form(), "body")), headers={"cache-control": "no-store"})


# --- steps ------------------------------------------------------------------------------


async def _files(uow: UnitOfWork, viewer: Viewer, form: FormData) -> list[UUID]:
    """What was uploaded before, and what comes with the form itself."""
    assert viewer.actor.id is not None
    ids = [one for raw in form.getlist("attachment") if (one := _uuid(raw, "attachment")) is not None]
    for each in form.getlist("files"):
        if isinstance(each, UploadFile) and each.filename:
            row = await attachments.upload(uow, viewer.actor.id, each.filename, chunks_of(each))
            ids.append(row.id)
    await uow.session.flush()
    return ids


async def _and_then(uow: UnitOfWork, viewer: Viewer, number: int, form: FormData) -> None:
    if (macro_id := _uuid(_text(form, "macro"), "macro")) is not None:
        await macros.act(uow, viewer.actor, await macros.get(uow, viewer.actor, macro_id), number)
    if (article := _text(form, "article")).isascii() and article.isdigit() and len(article) < 19:
        await _note_article(uow, viewer, number, int(article))
    verb = {"resolve": tickets.resolve, "wait": tickets.wait}.get(_text(form, "then"))
    if verb is not None:
        try:
            await verb(uow, viewer.actor, number)
        except AlreadySo:
            return


async def _note_article(uow: UnitOfWork, viewer: Viewer, number: int, article: int) -> None:
    """An article went with the reply: it teaches when the ticket is resolved. One that is gone
    since is no reason to lose the reply."""
    opened = await access.change(uow, viewer.actor, number)
    try:
        line = await sending.by_number(uow, viewer.actor, article, suggesting.language_of(uow, opened.ticket))
    except NotFound:
        return
    await sending.note_sent(uow, viewer.actor, opened, line)


async def _message_to_change(
    uow: UnitOfWork, actor: Actor, number: int, message_id: UUID
) -> tuple[Opened, Message]:
    """A message of this ticket with its own conversation's key, everything locked."""
    opened = await access.change(uow, actor, number)
    message = await tickets.message_in(uow, opened, message_id)
    if message.conversation_id != opened.thread.id:
        opened = await access.by_message(uow, actor, message, lock=True)
    return opened, message


async def _set_status(uow: UnitOfWork, actor: Actor, number: int, form: FormData) -> None:
    opened = await access.change(uow, actor, number)
    now_is, wanted = opened.ticket.status, _text(form, "status")
    tickets.unchanged(now_is, _text(form, "was_status"))
    match wanted:
        case Status.waiting:
            await tickets.wait(uow, actor, number)
        case Status.resolved:
            await tickets.resolve(uow, actor, number)
        case Status.closed:
            await tickets.close(uow, actor, number)
        case Status.open | Status.in_progress if not opened.ticket.live:
            await tickets.reopen(uow, actor, number)
        case Status.open | Status.in_progress:
            await tickets.wake(uow, actor, number)
        case _:
            raise Invalid(_("Please choose one of the list."), field="status")


async def _set_priority(uow: UnitOfWork, actor: Actor, number: int, form: FormData) -> None:
    wanted = _text(form, "priority")
    if wanted not in set(Priority):
        raise Invalid(_("Please choose one of the list."), field="priority")
    await tickets.prioritise(uow, actor, number, Priority(wanted), was=_text(form, "was_priority"))


async def _set_category(uow: UnitOfWork, actor: Actor, number: int, form: FormData) -> None:
    await tickets.categorise(
        uow, actor, number, _id(form, "category"), was=_id(form, "was_category"), check_was=True
    )


async def _set_team(uow: UnitOfWork, actor: Actor, number: int, form: FormData) -> None:
    opened = await access.change(uow, actor, number)
    tickets.unchanged(opened.ticket.team_id, _id(form, "was_team"))
    await tickets.assign(uow, actor, number, team=_id(form, "team"))


async def _set_assignee(uow: UnitOfWork, actor: Actor, number: int, form: FormData) -> None:
    to, was = _id(form, "assignee"), _id(form, "was_assignee")
    if to is not None:
        await tickets.assign(
            uow, actor, number, to=to, was=was, check_was=_text(form, "team") == _text(form, "was_team")
        )
        return
    opened = await access.change(uow, actor, number)
    if opened.ticket.assignee_id is None and _text(form, "team") != _text(form, "was_team"):
        return
    tickets.unchanged(opened.ticket.assignee_id, was)
    await tickets.release(uow, actor, number)


_DETAILS: dict[str, Callable[[UnitOfWork, Actor, int, FormData], Any]] = {
    "category": _set_category,
    "priority": _set_priority,
    "team": _set_team,
    "assignee": _set_assignee,
    "status": _set_status,
}
"""In this order: a team takes the ticket from its agent, and only then another one gets it."""


def _back(request: Request, number: int, words: str = "", *, anchor: str = "", **facts: Any) -> Response:
    return answered(request, f"/tickets/{number}{anchor}", words, **facts)


def _changed(form: FormData, name: str) -> bool:
    given, was = _text(form, f"field_{name}"), _text(form, f"was_{name}")
    return given != was and not (was == "false" and not given) and not (was == "true" and given == "1")


def _plain(value: object) -> str:
    """An answer as the form's hidden field says it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""


def _number(form: FormData, name: str) -> int:
    raw = _text(form, name).strip().removeprefix("#")
    if not raw.isascii() or not raw.isdigit() or len(raw) > 18:
        raise Invalid(_("Give the number of a ticket."), field=name)
    return int(raw)


def _id(form: FormData, name: str) -> UUID | None:
    return _uuid(form.get(name), name)


def _uuid(raw: object, field: str) -> UUID | None:
    if not isinstance(raw, str) or not raw:
        return None
    try:
        return UUID(raw)
    except ValueError:
        raise Invalid(_("Please choose one of the list."), field=field) from None


def _moment(form: FormData, viewer: Viewer) -> datetime:
    raw = _text(form, "until") or _text(form, "at")
    try:
        moment = datetime.fromisoformat(raw)
    except ValueError:
        raise Invalid(_("Choose a day and a time."), field="until") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone_of(viewer.known.profile.zone if viewer.known else "UTC"))
    return moment
