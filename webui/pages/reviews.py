"""Quality review: leads find sessions, calls and chats alike, by what they were like."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from io import StringIO
from types import SimpleNamespace
from typing import Annotated
from zoneinfo import ZoneInfo

from babel.dates import format_timedelta
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from core.access import Permission
from core.calls.model import CallState
from core.db import UnitOfWork
from core.i18n import N_, _, language
from core.ids import id_in
from core.reviews import finding
from core.reviews.finding import Filter
from core.reviews.listing import Found
from webui.csv_files import cell
from webui.deps import Staff, TheSite, Uow
from webui.pages import desk_filters
from webui.pages.kb_shell import link
from webui.pages.ticket_files import headers_of
from webui.sessions import Viewer
from webui.site import Site
from webui.staff import staff_page

router = APIRouter()
HERE = "/desk/quality"
WHICH = {"due": N_("To review"), "reviewed": N_("Reviewed"), "": N_("All")}
KINDS = {"chat": N_("Chats"), "call": N_("Calls")}
STATES = {CallState.ended: N_("Ended"), CallState.failed: N_("Ended by a fault")}
MOST_ROWS = 5_000
Word = Annotated[str, Query(max_length=60)]
Words = Annotated[str, Query(max_length=500)]


@router.get(HERE)
async def sessions(
    request: Request, uow: Uow, viewer: Staff, which: Word = "due", kind: Word = "", agent: Word = "",
    team: Word = "", state: Word = "", rating: Word = "", minutes: Word = "", recorded: Word = "",
    since: Word = "", until: Word = "", q: Words = "", after: Word = "",
) -> Response:  # fmt: skip
    given = {
        "kind": kind, "agent": agent, "team": team, "state": state, "rating": rating, "minutes": minutes,
        "recorded": recorded, "since": since, "until": until, "q": q,
    }  # fmt: skip
    page = await finding.page(uow, viewer.actor, _filter(viewer, given, which), after=after)
    return await staff_page(
        request, uow, viewer, "reviews/list.html", rows=[_row(one) for one in page.rows], given=given, which=which,
        tabs=await _tabs(uow, viewer, given, which), filters=await _filters(uow, given), filtered=any(given.values()),
        share=uow.settings.review_percent, csv=link(f"{HERE}.csv", which=which, **given),
        reset=link(HERE, which=which), newer=link(HERE, which=which, **given) if after else None,
        older=link(HERE, which=which, **given, after=page.next) if page.next else None,
    )  # fmt: skip


@router.get(HERE + ".csv")
async def as_csv(
    uow: Uow, viewer: Staff, site: TheSite, which: Word = "", kind: Word = "", agent: Word = "", team: Word = "",
    state: Word = "", rating: Word = "", minutes: Word = "", recorded: Word = "", since: Word = "",
    until: Word = "", q: Words = "",
) -> Response:  # fmt: skip
    """The same list for a spreadsheet."""
    viewer.actor.require(Permission.see_reports)
    given = {
        "kind": kind, "agent": agent, "team": team, "state": state, "rating": rating, "minutes": minutes,
        "recorded": recorded, "since": since, "until": until, "q": q,
    }  # fmt: skip
    lines = _lines(site, viewer, _filter(viewer, given, which))
    return StreamingResponse(
        lines, media_type="text/csv; charset=utf-8", headers=headers_of("sessions.csv", inline=False)
    )


async def _tabs(uow: UnitOfWork, viewer: Viewer, given: dict[str, str], which: str) -> list[SimpleNamespace]:
    waiting = await finding.due(uow, viewer.actor)
    return [
        SimpleNamespace(
            text=_(words), url=link(HERE, which=key or "all", **given), count=waiting if key == "due" else None,
            current=key == which or (not key and which not in WHICH),
        )
        for key, words in WHICH.items()
    ]  # fmt: skip


def _row(one: Found) -> SimpleNamespace:
    base = f"/tickets/{one.number}"
    return SimpleNamespace(
        found=one,
        url=f"{base}/review" if one.call is None else f"{base}/calls/{one.call.id}",
        length=_span(one.seconds) if one.call is None else f"{one.seconds // 60}:{one.seconds % 60:02d}",
    )


def _span(seconds: int) -> str:
    """How long a chat went on: days tell enough of what took days."""
    return format_timedelta(timedelta(seconds=seconds), threshold=1.5, format="short", locale=language())


async def _lines(site: Site, viewer: Viewer, wanted: Filter) -> AsyncIterator[str]:
    columns = (
        "ticket", "kind", "call", "began", "seconds", "messages", "state", "agents", "rating", "loss", "round_trip_ms",
        "frozen_seconds", "recorded", "marks",
    )  # fmt: skip
    yield _line(columns)
    after, count = "", 0
    while count < MOST_ROWS:
        async with site.desk.unit(viewer.actor) as uow:
            page = await finding.page(uow, viewer.actor, wanted, after=after, most=200)
            lines = [_line(_cells(one)) for one in page.rows]
        for line in lines:
            yield line
        count += len(page.rows)
        if page.next is None:
            return
        after = page.next


def _cells(one: Found) -> tuple[object, ...]:
    return (
        one.number, one.kind, one.call.id if one.call else "", one.began.isoformat(), one.seconds,
        one.messages or "", one.call.state if one.call else "", ", ".join(one.agents), one.rating or "",
        "" if one.loss is None else round(one.loss, 4), round(one.round_trip or 0), round(one.frozen, 1),
        "yes" if one.recorded else "no", " ".join(map(str, one.marks)),
    )  # fmt: skip


def _line(cells: tuple[object, ...]) -> str:
    out = StringIO()
    csv.writer(out).writerow([cell(each) for each in cells])
    return out.getvalue()


def _filter(viewer: Viewer, given: dict[str, str], which: str) -> Filter:
    zone = viewer.known.zone if viewer.known else ZoneInfo("UTC")
    wanted = Filter(
        which=which if which in WHICH else "",
        kind=given["kind"] if given["kind"] in KINDS else "",
        words=given["q"].strip(),
        agent=id_in(given["agent"]),
        team=id_in(given["team"]),
        state=given["state"] if given["state"] in STATES else "",
        rating=int(given["rating"]) if given["rating"] in ("1", "2", "3", "4") else 0,
        minutes=min(int(given["minutes"]), 10_000) if given["minutes"].isascii() and given["minutes"].isdigit() else 0,
        recorded=given["recorded"] == "yes",
    )  # fmt: skip
    first, last = _day(given["since"], zone), _day(given["until"], zone)
    return replace(wanted, since=first, until=last + timedelta(days=1) if last else None)


async def _filters(uow: UnitOfWork, given: dict[str, str]) -> list[SimpleNamespace]:
    choices = {
        "kind": (_("Calls and chats"), [(key, _(words)) for key, words in KINDS.items()]),
        "agent": (_("Agent"), await desk_filters.colleagues(uow)),
        "team": (_("Team"), await desk_filters.teams(uow)),
        "state": (_("Every end of a call"), [(key.value, _(words)) for key, words in STATES.items()]),
        "rating": (
            _("Any rating"),
            [(str(n), _("{count} stars or less").format(count=n)) for n in range(1, 5)],
        ),
        "minutes": (
            _("Any length"),
            [(str(n), _("{count} minutes or more").format(count=n)) for n in (5, 15, 30, 60)],
        ),
        "recorded": (_("Recorded or not"), [("yes", _("Recorded"))]),
    }
    return [
        SimpleNamespace(name=name, label=label, options=options, value=given[name])
        for name, (label, options) in choices.items()
    ]


def _day(typed: str, zone: ZoneInfo) -> datetime | None:
    try:
        day = date.fromisoformat(typed.strip())
    except ValueError:
        return None
    return datetime.combine(day, time(), zone).astimezone(UTC) if 2000 <= day.year <= 2200 else None
