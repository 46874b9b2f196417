"""The ticket page: the conversation as it happens, and everything about the ticket beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from types import SimpleNamespace
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BeforeValidator
from sqlalchemy import or_, select

from core import clock
from core.access import Permission
from core.calls import queries as calls
from core.calls.model import RUNNING, WAITING
from core.conversations import service as conversations
from core.conversations.model import Draft, Seat
from core.crypto.fields import Unreadable, seal_json, unseal_json, unseal_text
from core.db import UnitOfWork
from core.errors import Forbidden
from core.i18n import _
from core.ids import new_id
from core.notices import service as notices
from core.people import find
from core.people import service as people
from core.people.model import Organisation
from core.people.naming import named
from core.people.service import Known
from core.ports.bus import Signal
from core.reviews import service as reviews
from core.tickets import access, fields, macros, queries, timeline
from core.tickets import export as exporting
from core.tickets import service as tickets
from core.tickets.access import Opened
from core.tickets.lines import Line, MessageLine
from core.tickets.model import LIVE, Participant, Status, Ticket, TicketLink
from core.tickets.queries import Row
from core.tickets.search import search
from webui import rendering
from webui.deps import Staff, TheSite, Uow
from webui.desk_context import staff_page
from webui.pages import desk_filters
from webui.pages.desk_filters import channel_words
from webui.pages.ticket_lines import drawn, drawn_message, handle_of, seen_by
from webui.sessions import Viewer
from webui.site import Site

router = APIRouter()
LINES = 60
MOST_LINES = 600
HISTORY = 6
MOST_MACROS = 60
MOST_MARKED = 50
LOOK_AFTER = 0.2
"""Seconds after the end of something in which it is surely over."""


def _number(given: object) -> object:
    """What is no number is the number of no ticket."""
    if not (isinstance(given, str) and given.isascii() and given.isdigit()):
        raise access.missing(given)
    return given


Number = Annotated[int, BeforeValidator(_number)]
Before = Annotated[str | None, Query(max_length=300)]
Lines = Annotated[int, Query(ge=1, le=MOST_LINES)]
Seq = Annotated[int, Query(ge=0, le=2**62)]


@dataclass(frozen=True, slots=True)
class Shown:
    """What an open page shows of a timeline: up to where, how far read by its requester, how many lines
    it holds at least, where the viewer's read mark stood when it was opened; and the lines it was told of."""

    after: int
    seen: int = 0
    lines: int = LINES
    since: int | None = None
    marked: Sequence[UUID] = ()


@router.get("/tickets/{number}")
async def ticket_page(
    request: Request,
    uow: Uow,
    viewer: Staff,
    number: Number,
    site: TheSite,
    before: Before = None,
    lines: Lines = LINES,
) -> Response:
    opened = await access.get(uow, viewer.actor, number)
    row = await row_of(uow, viewer, number)
    read = await _read_mark(uow, viewer, opened)
    talk = await talk_of(uow, site, viewer, opened, row, before=before, lines=lines, unread_after=read)
    draft = await draft_of(uow, viewer, opened)
    shown = talk | await head_of(uow, viewer, opened, row) | await panel_of(uow, viewer, opened, row)
    return await staff_page(
        request, uow, viewer, "desk/ticket.html", live=[number], **shown,
        **await present_in(uow, site, viewer, opened), draft=draft, macros=await _macros(uow, viewer, number),
        message_id=new_id(), unread_after=read, snoozes=snoozes(_zone(viewer)),
    )  # fmt: skip


@router.get("/tickets/{number}/timeline")
async def timeline_fragment(
    request: Request, uow: Uow, site: TheSite, viewer: Staff, number: int, lines: Lines = LINES,
    since: Annotated[int | None, Query(ge=0)] = None,
) -> Response:  # fmt: skip
    """The newest lines; `since` is where the viewer's read mark stood when the page was opened."""
    opened = await access.get(uow, viewer.actor, number)
    talk = await talk_of(
        uow, site, viewer, opened, await row_of(uow, viewer, number), lines=lines, unread_after=since
    )
    return _marked(rendering.page(request, "desk/timeline.html", **talk), talk)


@router.get("/tickets/{number}/timeline/changes")
async def timeline_changes(
    request: Request, uow: Uow, site: TheSite, viewer: Staff, number: int, after: Seq = 0, seen: Seq = 0,
    lines: Lines = LINES, since: Annotated[int | None, Query(ge=0)] = None,
    line: Annotated[list[UUID], Query(max_length=MOST_MARKED)] = [],  # noqa: B006
) -> Response:  # fmt: skip
    """What a page that shows the timeline up to `after` (and read by its requester up to `seen`) does not
    show yet."""
    opened = await access.get(uow, viewer.actor, number)
    shown = Shown(after, seen, lines, since, line)
    return await changes_of(request, uow, site, viewer, opened, shown)


@router.get("/tickets/{number}/head")
async def head_fragment(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    opened = await access.get(uow, viewer.actor, number)
    return rendering.page(
        request, "desk/head.html", **await head_of(uow, viewer, opened, await row_of(uow, viewer, number))
    )


@router.get("/tickets/{number}/panel")
async def panel_fragment(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    opened = await access.get(uow, viewer.actor, number)
    row = await row_of(uow, viewer, number)
    shown = await panel_of(uow, viewer, opened, row) | await head_of(uow, viewer, opened, row)
    return rendering.page(request, "desk/panel.html", **shown)


@router.get("/tickets/{number}/people")
async def people_fragment(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    """Who takes part and how far they have read: the part of the panel that changes with what is said."""
    opened = await access.get(uow, viewer.actor, number)
    change = viewer.actor.may(Permission.change_ticket) and opened.ticket.merged_into_id is None
    return rendering.page(
        request, "desk/people.html", ticket=opened.ticket, may=SimpleNamespace(change=change),
        offered=await desk_filters.choices(uow), **await people_of(uow, viewer, opened),
    )  # fmt: skip


@router.get("/tickets/{number}/messages/{message_id}/edit")
async def edit_page(request: Request, uow: Uow, viewer: Staff, number: int, message_id: UUID) -> Response:
    opened = await access.get(uow, viewer.actor, number)
    message = await tickets.message_in(uow, opened, message_id)
    if message.author_id != viewer.actor.id or message.deleted_at is not None:
        raise Forbidden(_("You can only change what you wrote yourself."))
    at = await access.by_message(uow, viewer.actor, message)
    context: dict[str, Any] = {
        "number": number,
        "id": message_id,
        "body": conversations.read(at.thread, message),
        "note": message.kind == "note",
    }
    if rendering.is_fragment(request):
        return rendering.page(request, "desk/edit_form.html", **context)
    return await staff_page(request, uow, viewer, "desk/edit.html", **context)


@router.get("/tickets/{number}/messages/{message_id}/revisions")
async def revisions_page(
    request: Request, uow: Uow, viewer: Staff, number: int, message_id: UUID
) -> Response:
    """What a message said before it was edited."""
    opened = await access.get(uow, viewer.actor, number)
    found = await timeline.revisions(uow, viewer.actor, opened, message_id)
    now = await timeline.line(uow, viewer.actor, opened, message_id)
    return await staff_page(
        request,
        uow,
        viewer,
        "desk/revisions.html",
        number=number,
        revisions=found[::-1],
        now=now,
        subject=opened.subject,
    )


@router.get("/tickets/{number}/subject")
@router.get("/tickets/{number}/snooze")
@router.get("/tickets/{number}/resolution")
@router.get("/tickets/{number}/handover")
async def verb_page(request: Request, uow: Uow, viewer: Staff, number: int) -> Response:
    """The form of one verb as a page of its own, for browsers without script."""
    viewer.actor.require(Permission.change_ticket)
    opened = await access.get(uow, viewer.actor, number)
    name = request.url.path.rsplit("/", 1)[1]
    titles = {
        "subject": _("Subject"),
        "snooze": _("Snooze until"),
        "resolution": _("Resolve with a solution"),
        "handover": _("Hand over"),
    }
    return await staff_page(
        request, uow, viewer, "desk/verb.html", ticket=await row_of(uow, viewer, number), subject=opened.subject,
        solution=opened.solution, title=titles[name], form=f"desk/{name}_form.html", snoozes=snoozes(_zone(viewer)),
        offered=await desk_filters.choices(uow),
    )  # fmt: skip


@router.get("/tickets/{number}/split")
async def split_page(
    request: Request, uow: Uow, viewer: Staff, number: int, message: Annotated[UUID | None, Query()] = None
) -> Response:
    """The ticket's messages with a box beside each."""
    viewer.actor.require(Permission.merge_tickets)
    opened = await access.get(uow, viewer.actor, number)
    found = await timeline.timeline(uow, viewer.actor, opened, limit=timeline.MOST_LINES)
    chosen = [
        each for each in found.lines
        if isinstance(each, MessageLine) and each.from_ticket is None and not each.deleted
    ]  # fmt: skip
    return await staff_page(
        request,
        uow,
        viewer,
        "desk/split.html",
        number=number,
        subject=opened.subject,
        messages=chosen,
        picked=message,
    )


@router.get("/tickets/{number}/merge")
async def merge_page(
    request: Request, uow: Uow, viewer: Staff, number: int, q: Annotated[str, Query(max_length=400)] = ""
) -> Response:
    """Into which ticket: found by number or by words, first those of the same requester."""
    viewer.actor.require(Permission.merge_tickets)
    opened = await access.get(uow, viewer.actor, number)
    return await staff_page(
        request, uow, viewer, "desk/merge.html", number=number, subject=opened.subject, q=q,
        found=await _other_tickets(uow, viewer, opened, q.strip()),
    )  # fmt: skip


@router.get("/tickets/{number}/requester")
async def requester_page(
    request: Request, uow: Uow, viewer: Staff, number: int, q: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """Whose ticket it really is."""
    viewer.actor.require(Permission.change_ticket)
    opened = await access.get(uow, viewer.actor, number)
    found = (await find.find(uow, viewer.actor, q.strip(), limit=12)).people if q.strip() else []
    return await staff_page(
        request, uow, viewer, "desk/requester.html", number=number, subject=opened.subject, q=q, found=found
    )


@router.get("/tickets/{number}/export/{form}")
async def export(
    viewer: Staff, site: TheSite, number: int, form: exporting.Form, notes: bool = True
) -> Response:
    """The session as a file, for quality review."""
    made = await exporting.export(site.desk, viewer.actor, number, form, zone=_zone(viewer), notes=notes)
    return StreamingResponse(
        made.chunks, media_type=made.mime,
        headers={
            "content-disposition": f'attachment; filename="{made.name}"', "cache-control": "no-store",
            "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        },
    )  # fmt: skip


@router.get("/tickets/{number}/macros/{macro_id}")
async def macro_text(uow: Uow, viewer: Staff, number: int, macro_id: UUID) -> dict[str, Any]:
    """A macro's text for this ticket, to be put into the composer; and what goes with it, in words."""
    opened = await access.get(uow, viewer.actor, number)
    macro = await macros.get(uow, viewer.actor, macro_id)
    return {
        "id": str(macro.id),
        "body": await macros.render(uow, viewer.actor, macro, opened),
        "actions": _action_words(macro.actions),
    }


# --- what the page shows ----------------------------------------------------------------


async def changes_of(
    request: Request, uow: UnitOfWork, site: Site, viewer: Viewer, opened: Opened, shown: Shown
) -> Response:
    """What a page does not show yet, in two parts: `changed` and `new`. With `x-whole`, the whole timeline
    instead."""
    found = await timeline.changes(
        uow, viewer.actor, opened, after=shown.after, seen=shown.seen, marked=shown.marked
    )
    if found is None:
        row = await row_of(uow, viewer, opened.number)
        talk = await talk_of(uow, site, viewer, opened, row, lines=shown.lines, unread_after=shown.since)
        response = _marked(rendering.page(request, "desk/timeline.html", **talk), talk)
        response.headers["x-whole"] = "1"
        return response
    await _read(uow, site, viewer, opened, found.upto)
    names = await named(uow, [opened.ticket.requester_id])
    who = names.get(opened.ticket.requester_id)
    context: dict[str, Any] = {
        part: await _items(
            uow, viewer, opened, lines, who.shown if who else "", seen_upto=found.seen, unread_after=after
        )
        for part, lines, after in (("changed", found.changed, None), ("items", found.new, shown.since))
    }
    context["changed"] = [item for item in context["changed"] if item.type != "day"]
    page = rendering.page(request, "desk/timeline.html", **context, drawn_message=drawn_message)
    return _marked(page, {"upto": found.upto, "seen_upto": found.seen})


async def talk_of(
    uow: UnitOfWork, site: Site, viewer: Viewer, opened: Opened, row: Row, *, before: str | None = None,
    lines: int = LINES, unread_after: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The conversation, and the read mark moved to its end when the end is shown."""
    assert viewer.actor.id is not None
    found = await timeline.timeline(
        uow, viewer.actor, opened, before=before, limit=min(lines, timeline.MOST_LINES)
    )
    shown, older = list(found.lines), found
    while older.has_older and len(shown) < lines:
        older = await timeline.timeline(
            uow, viewer.actor, opened, before=older.before, limit=timeline.MOST_LINES
        )
        shown = [*older.lines, *shown]
    if before is None:
        await _read(uow, site, viewer, opened, found.upto)
    seen = await uow.session.get(Participant, (opened.ticket.id, opened.ticket.requester_id))
    seen_upto = seen.read_seq if seen is not None else 0
    items = await _items(
        uow, viewer, opened, shown, row.requester_name, seen_upto=seen_upto, unread_after=unread_after
    )
    more = min(lines + 2 * LINES, MOST_LINES)
    return {
        "drawn_message": drawn_message,
        "items": items,
        "ticket": row,
        "lines": lines,
        "is_old": before is not None,
        "upto": found.upto,
        "seen_upto": seen_upto,
        "seen_text": seen_by(row.requester_name),
        "earlier_url": None
        if not older.has_older
        else f"/tickets/{row.number}?lines={more}"
        if before is None and lines < MOST_LINES
        else f"/tickets/{row.number}?before={older.before}",
        "earlier_lines": more if older.has_older and before is None and lines < MOST_LINES else None,
    }


async def _items(
    uow: UnitOfWork, viewer: Viewer, opened: Opened, lines: Sequence[Line], requester_name: str, *,
    seen_upto: int, unread_after: int | None,
) -> list[SimpleNamespace]:  # fmt: skip
    """Lines as the template draws them. Colleagues are asked for only where a note may mention one."""
    mentioning = any(isinstance(each, MessageLine) and each.note and "@" in each.text for each in lines)
    return drawn(
        viewer, opened.number, lines, requester=opened.ticket.requester_id, requester_name=requester_name,
        seen_upto=seen_upto, unread_after=unread_after,
        mentions={handle.casefold(): "" for handle in await handles(uow)} if mentioning else {},
        hold_seconds=uow.settings.hold_seconds,
    )  # fmt: skip


async def _read(uow: UnitOfWork, site: Site, viewer: Viewer, opened: Opened, upto: int) -> None:
    """Who sees the end of a conversation has read it, and the requester's open chat is told."""
    assert viewer.actor.id is not None
    if await tickets.mark_read(uow, opened, viewer.actor.id, upto):
        await notices.read_all(uow, viewer.actor.id, ticket_id=opened.ticket.id)
        told = Signal("read", {"conversation": str(opened.thread.id), "upto": upto})
        uow.after(lambda: site.desk.bus.publish(told))


def _marked(response: Response, talk: Mapping[str, Any]) -> Response:
    """With where the next question for changes begins."""
    response.headers["x-seq"], response.headers["x-seen"] = str(talk["upto"]), str(talk["seen_upto"])
    return response


async def head_of(uow: UnitOfWork, viewer: Viewer, opened: Opened, row: Row) -> dict[str, Any]:
    """Subject, status, and the verbs that are lawful and allowed right now."""
    ticket, actor = opened.ticket, viewer.actor
    live, merged = ticket.live, ticket.merged_into_id is not None
    found = await calls.of_ticket(uow, ticket.id)
    return {
        "ticket": row,
        "subject": opened.subject,
        "solution": opened.solution,
        "calls": [one for one in found if one.started_at][:5],
        "runs": next((True for one in found if one.state in (*RUNNING, *WAITING)), False),
        "reviewed": await reviews.readable(uow, actor, opened, found),
        "is_mine": ticket.assignee_id == actor.id,
        "snoozed": ticket.snoozed_until is not None and ticket.snoozed_until > clock.now(),
        "channel": channel_words(ticket.channel),
        "may": SimpleNamespace(
            claim=actor.may(Permission.claim_ticket) and live and not merged and ticket.assignee_id is None,
            release=actor.may(Permission.claim_ticket) and live and ticket.assignee_id is not None
            and (ticket.assignee_id == actor.id or actor.may(Permission.assign_ticket)),
            take=actor.may(Permission.assign_ticket) and live and ticket.assignee_id not in (None, actor.id),
            resolve=actor.may(Permission.resolve_ticket) and live and not merged,
            close=actor.may(Permission.resolve_ticket) and ticket.status != Status.closed and not merged,
            reopen=actor.may(Permission.change_ticket) and not live and not merged,
            change=actor.may(Permission.change_ticket) and not merged,
            assign=actor.may(Permission.assign_ticket) and not merged,
            hand_over=actor.may(Permission.assign_ticket) and live and not merged,
            wait=actor.may(Permission.change_ticket) and live and ticket.status != Status.waiting,
            wake=actor.may(Permission.change_ticket) and live
            and (ticket.status == Status.waiting or ticket.snoozed_until is not None),
            snooze=actor.may(Permission.change_ticket) and live,
            merge=actor.may(Permission.merge_tickets) and not merged,
            export=actor.may(Permission.export_tickets),
            reply=actor.may(Permission.reply) and ticket.status != Status.closed and not merged,
            note=actor.may(Permission.note),
            call=actor.may(Permission.reply) and live and not merged and uow.settings.calls,
            article=actor.may(Permission.write_articles) and not live and not merged,
        ),
    }  # fmt: skip


async def panel_of(uow: UnitOfWork, viewer: Viewer, opened: Opened, row: Row) -> dict[str, Any]:
    ticket = opened.ticket
    requester = (await people.known(uow.session, uow, [ticket.requester_id])).get(ticket.requester_id)
    history = await queries.history_of(uow, viewer.actor, ticket.requester_id, but=ticket.id, limit=HISTORY)
    offered = await desk_filters.choices(uow)
    return {
        "requester": requester,
        "requester_facts": await _requester_facts(uow, viewer, ticket, requester),
        "offered": offered,
        "statuses": _statuses(row),
        "asked": await _asked(uow, opened),
        "history": [_short(each) for each in history.rows],
        "history_url": f'/search?q=requester:"{requester.shown}"' if requester and history.next else None,
        "links": await _links(uow, viewer, ticket),
        "held_language": ticket.language,
        **await people_of(uow, viewer, opened),
    }


async def people_of(uow: UnitOfWork, viewer: Viewer, opened: Opened) -> dict[str, Any]:
    seen = await timeline.participants(uow, viewer.actor, opened)
    return {
        "participants": [_participant(each, opened) for each in seen if each.kind != "reader"],
        "follows": any(each.who.me and each.kind == "follower" for each in seen),
    }


async def present_in(uow: UnitOfWork, site: TheSite, viewer: Viewer, opened: Opened) -> dict[str, Any]:
    """Colleagues who look at the ticket or write in it, whether the requester types, and in how many seconds to
    look again: who stops writing, or whose browser is gone, says nothing."""
    book, here = site.presence, site.presence.at(opened.thread.id, but=viewer.actor.id)
    names = await named(uow, [each.person for each in here])
    found = await uow.session.scalars(
        select(Seat.place_key).where(
            Seat.conversation_id == opened.thread.id, Seat.active, Seat.side == "requester"
        )
    )
    places = list(found)
    ends = book.ends_in(opened.thread.id, places, but=viewer.actor.id)
    return {
        "look_again": None if ends is None else round(ends + LOOK_AFTER, 1),
        "lookers": [
            SimpleNamespace(
                id=each.person, name=names[each.person].shown, typing=book.is_typing(each), note=each.note
            )
            for each in here
            if each.person in names and names[each.person].staff
        ],
        "requester_types": book.typing_at(places),
    }


async def handles(uow: UnitOfWork) -> dict[str, str]:
    """How colleagues are mentioned: handle to id."""
    return {handle_of(name): person for person, name in await desk_filters.colleagues(uow)}


async def draft_of(uow: UnitOfWork, viewer: Viewer, opened: Opened) -> SimpleNamespace:
    assert viewer.actor.id is not None
    row = await uow.session.get(Draft, (viewer.actor.id, opened.thread.id))
    if row is not None:
        key = await uow.keys.of_person(uow.session, viewer.actor.id)
        try:
            value = unseal_json(key, row.body, "draft.body", opened.thread.id)
        except Unreadable:
            value = None
        if isinstance(value, dict):
            return SimpleNamespace(
                body=str(value.get("body", "")), kind="note" if value.get("kind") == "note" else "reply"
            )
    return SimpleNamespace(body="", kind="reply")


async def keep_draft(uow: UnitOfWork, viewer: Viewer, opened: Opened, body: str, kind: str) -> None:
    """Keep what is being written, sealed under the writer's own key; an empty one is dropped."""
    assert viewer.actor.id is not None
    # The composer keeps and sends at once: whoever comes second sees what the first has left.
    key_of = (viewer.actor.id, opened.thread.id)
    row = await uow.session.get(Draft, key_of, with_for_update=True, populate_existing=True)
    if not body.strip():
        if row is not None:
            await uow.session.delete(row)
        return
    key = await uow.keys.of_person(uow.session, viewer.actor.id)
    sealed = seal_json(key, {"body": body[:50_000], "kind": kind}, "draft.body", opened.thread.id)
    if row is None:
        uow.session.add(Draft(person_id=viewer.actor.id, conversation_id=opened.thread.id, body=sealed))
    else:
        row.body, row.at = sealed, clock.now()


def snoozes(zone: ZoneInfo) -> list[tuple[str, str]]:
    """The usual times to wake up, as (UTC time, words), in the viewer's zone."""
    now = clock.now().astimezone(zone)
    nine = time(9, 0)
    tomorrow = datetime.combine(now.date() + timedelta(days=1), nine, zone)
    monday = datetime.combine(now.date() + timedelta(days=7 - now.weekday()), nine, zone)
    month = datetime.combine(now.date() + timedelta(days=28), nine, zone)
    found = [
        (now + timedelta(hours=3), _("In 3 hours")),
        (tomorrow, _("Tomorrow at 9:00")),
        (monday, _("Monday at 9:00")),
        (month, _("In four weeks")),
    ]
    return [(at.astimezone(clock.now().tzinfo).isoformat(timespec="minutes"), words) for at, words in found]


async def row_of(uow: UnitOfWork, viewer: Viewer, number: int) -> Row:
    row = await queries.row(uow, viewer.actor, number)
    if row is None:
        raise access.missing(number)
    return row


async def _read_mark(uow: UnitOfWork, viewer: Viewer, opened: Opened) -> int | None:
    """Where the viewer stopped reading; None for one who never did, to whom all is new."""
    mine = await uow.session.get(Participant, (opened.ticket.id, viewer.actor.id))
    return mine.read_seq if mine is not None and mine.read_seq else None


def _zone(viewer: Viewer) -> ZoneInfo:
    assert viewer.known is not None
    return viewer.known.zone


async def _macros(uow: UnitOfWork, viewer: Viewer, number: int) -> list[SimpleNamespace]:
    if not viewer.actor.may(Permission.reply):
        return []
    return [
        SimpleNamespace(name=each.name, url=f"/tickets/{number}/macros/{each.id}")
        for each in (await macros.listed(uow, viewer.actor))[:MOST_MACROS]
    ]


def _action_words(actions: dict[str, Any]) -> str:
    words = []
    if priority := actions.get("priority"):
        words.append(_("priority {name}").format(name=_(desk_filters.PRIORITIES[priority])))
    if tags := actions.get("add_tags"):
        words.append(_("tags {names}").format(names=", ".join(tags)))
    if actions.get("remove_tags"):
        words.append(_("without tags {names}").format(names=", ".join(actions["remove_tags"])))
    if actions.get("team"):
        words.append(_("another team"))
    if actions.get("assign"):
        words.append(_("assign to me") if actions["assign"] == "me" else _("give back to the queue"))
    if move := actions.get("move"):
        words.append({"resolve": _("resolve"), "wait": _("set waiting"), "close": _("close")}[move])
    return ", ".join(words)


def _statuses(row: Row) -> list[tuple[str, str]]:
    """What the status may become: what only a claim or a release brings about is left out."""
    texts = desk_filters.STATUSES
    working = Status.in_progress if row.assignee_id else Status.open
    wanted = [working, Status.waiting, Status.resolved, Status.closed]
    if row.status not in wanted:
        wanted.insert(0, Status(row.status))
    return [(each.value, _(texts[each])) for each in wanted]


async def _requester_facts(
    uow: UnitOfWork, viewer: Viewer, ticket: Ticket, known: Known | None
) -> list[tuple[str, Any]]:
    if known is None or known.erased:
        return []
    facts: list[tuple[str, Any]] = []
    if known.email:
        facts.append(
            (_("Mail"), known.email if known.email_verified else f"{known.email} ({_('not proved')})")
        )
    if known.profile.phone:
        facts.append((_("Phone"), known.profile.phone))
    company = known.profile.company
    if ticket.organisation_id is not None:
        row = await uow.session.get(Organisation, ticket.organisation_id)
        company = unseal_text(uow.keys.desk, row.name, "organisation.name", row.id) if row else company
    if company:
        facts.append((_("Company"), company))
    if known.profile.zone != people.Profile().zone:
        local = clock.now().astimezone(known.zone)
        facts.append((_("Local time"), f"{local:%H:%M} ({known.profile.zone})"))
    facts.append((_("Language"), {"en": _("English"), "de": _("German")}.get(known.locale, known.locale)))
    if ticket.rating is not None:
        facts.append((_("Rating"), _("{score} of 5").format(score=ticket.rating)))
    if known.blocked:
        facts.append((_("Blocked"), _("This requester is blocked.")))
    return facts


async def _asked(uow: UnitOfWork, opened: Opened) -> list[dict[str, Any]]:
    """The custom fields of the ticket's category with what was answered."""
    values = opened.fields
    return [
        {
            "name": f"field_{field.id}", "was": f"was_{field.id}", "kind": field.type, "label": field.label,
            "value": values.get(field.id), "options": [(one, one) for one in field.options],
            "required": field.required, "hint": field.hint or None,
        }
        for field in await fields.of_category(uow, opened.ticket.category_id)
    ]  # fmt: skip


def _participant(seen: timeline.Seen, opened: Opened) -> SimpleNamespace:
    role = {"requester": _("Requester"), "follower": _("Follows"), "agent": _("Agent")}.get(
        seen.kind, seen.kind
    )
    if seen.who.id == opened.ticket.assignee_id:
        role = _("Assignee")
    return SimpleNamespace(
        person=SimpleNamespace(id=seen.who.id, name=seen.who.name), id=seen.who.id,
        role_text=", ".join([role, *_read_by(seen)]), removable=seen.kind == "follower",
    )  # fmt: skip


def _read_by(seen: timeline.Seen) -> list[str]:
    """Nothing of whom nobody has told anything yet."""
    if seen.is_behind:
        return [_("has not read all") if seen.read_seq else _("has read nothing yet")]
    return [_("has read all")] if seen.read_seq else []


def _short(row: Row) -> SimpleNamespace:
    return SimpleNamespace(
        number=row.number,
        url=f"/tickets/{row.number}",
        subject=row.subject,
        status=row.status,
        updated_at=row.updated_at,
    )


async def _links(uow: UnitOfWork, viewer: Viewer, ticket: Ticket) -> list[SimpleNamespace]:
    """Tickets that belong to this one, with how; what the viewer may not see is left out."""
    words: dict[UUID, str] = {}
    rows = await uow.session.scalars(
        select(TicketLink)
        .where(or_(TicketLink.from_id == ticket.id, TicketLink.to_id == ticket.id))
        .limit(50)
    )
    for link in rows:
        forward = link.from_id == ticket.id
        words[link.to_id if forward else link.from_id] = _link_words(link.kind, forward)
    children = await uow.session.scalars(select(Ticket.id).where(Ticket.parent_id == ticket.id).limit(50))
    words |= dict.fromkeys(children, _("Part of this"))
    merged = await uow.session.scalars(select(Ticket.id).where(Ticket.merged_into_id == ticket.id).limit(50))
    words |= dict.fromkeys(merged, _("Merged into this"))
    if ticket.parent_id is not None:
        words[ticket.parent_id] = _("This is part of")
    if ticket.merged_into_id is not None:
        words[ticket.merged_into_id] = _("This was merged into")
    found = await queries.rows_of(uow, viewer.actor, list(words))
    fixed = {_("Merged into this"), _("This was merged into")}
    return [
        SimpleNamespace(**vars(_short(row)), how=words[row.id], fixed=words[row.id] in fixed) for row in found
    ]


def _link_words(kind: str, forward: bool) -> str:
    match kind:
        case "follow_up":
            return _("Follows up on") if forward else _("Followed up by")
        case "split":
            return _("Split off from") if forward else _("Split off")
        case _:
            return _("Related")


async def _other_tickets(uow: UnitOfWork, viewer: Viewer, opened: Opened, typed: str) -> list[Row]:
    if not typed:
        page = await queries.history_of(
            uow, viewer.actor, opened.ticket.requester_id, but=opened.ticket.id, limit=10
        )
        return [
            row for row in page.rows if row.merged_into is None and row.status in (*LIVE, Status.resolved)
        ]
    found = await search(uow, viewer.actor, typed, limit=10)
    rows = [hit.row for hit in found.hits]
    if found.jump is not None and (row := await queries.row(uow, viewer.actor, found.jump)) is not None:
        rows = [row, *[each for each in rows if each.number != row.number]]
    return [row for row in rows if row.number != opened.number]
