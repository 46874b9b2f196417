"""Quality review: leads find calls by what they were like, open one, mark it, and say why."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from io import StringIO
from types import SimpleNamespace
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from core.access import Permission
from core.calls import access, finding, reviewing
from core.calls.finding import Filter, Found
from core.calls.model import CallState, Verdict
from core.calls.reviewing import Moment, Said
from core.db import UnitOfWork
from core.errors import Invalid
from core.i18n import N_, _
from core.ids import id_in
from webui.csv_files import cell
from webui.deps import Staff, TheSite, Uow
from webui.pages import desk_filters
from webui.pages.admin_shell import given_by
from webui.pages.kb_shell import link
from webui.pages.ticket_files import headers_of
from webui.sessions import Viewer
from webui.site import Site
from webui.staff import answered, staff_page

router = APIRouter()
HERE = "/desk/calls"
WHICH = {"due": N_("To review"), "reviewed": N_("Reviewed"), "": N_("All calls")}
STATES = {
    CallState.ended: N_("Ended"), CallState.failed: N_("Ended by a fault"),
}  # fmt: skip
VERDICTS = {
    Verdict.good: N_("Well done"),
    Verdict.coach: N_("To talk about"),
    Verdict.problem: N_("Something went wrong"),
}
MOST_ROWS = 5_000
Word = Annotated[str, Query(max_length=60)]
Words = Annotated[str, Query(max_length=500)]


@router.get(HERE)
async def calls(
    request: Request, uow: Uow, viewer: Staff, which: Word = "due", agent: Word = "", team: Word = "",
    state: Word = "", rating: Word = "", minutes: Word = "", recorded: Word = "", since: Word = "",
    until: Word = "", q: Words = "", after: Word = "",
) -> Response:  # fmt: skip
    given = {
        "agent": agent, "team": team, "state": state, "rating": rating, "minutes": minutes,
        "recorded": recorded, "since": since, "until": until, "q": q,
    }  # fmt: skip
    page = await finding.page(uow, viewer.actor, _filter(viewer, given, which), after=after)
    return await staff_page(
        request, uow, viewer, "call/list.html", rows=page.rows, given=given, which=which,
        tabs=[
            SimpleNamespace(text=_(words), url=link(HERE, which=key or "all", **given), current=key == which or (not key and which == "all"), count=await finding.due(uow, viewer.actor) if key == "due" else None)
            for key, words in WHICH.items()
        ],
        filters=await _filters(uow, given), filtered=any(given.values()), states=STATES, share=uow.settings.review_percent,
        csv=link(f"{HERE}.csv", which=which, **given), reset=link(HERE, which=which),
        newer=link(HERE, which=which, **given) if after else None,
        older=link(HERE, which=which, **given, after=page.next) if page.next else None,
    )  # fmt: skip


@router.get(HERE + ".csv")
async def as_csv(
    uow: Uow, viewer: Staff, site: TheSite, which: Word = "", agent: Word = "", team: Word = "", state: Word = "",
    rating: Word = "", minutes: Word = "", recorded: Word = "", since: Word = "", until: Word = "", q: Words = "",
) -> Response:  # fmt: skip
    """The same list for a spreadsheet."""
    viewer.actor.require(Permission.see_reports)
    given = {
        "agent": agent, "team": team, "state": state, "rating": rating, "minutes": minutes,
        "recorded": recorded, "since": since, "until": until, "q": q,
    }  # fmt: skip
    lines = _lines(site, viewer, _filter(viewer, given, which))
    return StreamingResponse(
        lines, media_type="text/csv; charset=utf-8", headers=headers_of("calls.csv", inline=False)
    )


@router.post("/tickets/{number}/calls/{call_id}/review")
async def review(request: Request, uow: Uow, viewer: Staff, number: int, call_id: UUID) -> Response:
    """A whole mark, one for each of the desk's questions, a verdict and words."""
    given = await given_by(request)
    questions = reviewing.questions(uow)
    said = Said(
        mark=given.whole("mark", 0),
        verdict=_verdict(given.text("verdict")),
        comment=given.text("comment"),
        answers=tuple(
            (question, given.whole(f"answer{index}", 0))
            for index, question in enumerate(questions)
            if given.text(f"answer{index}")
        ),
        shared=given.on("shared"),
    )
    await reviewing.give(uow, viewer.actor, call_id, said, version=given.version)
    return answered(request, f"/tickets/{number}/calls/{call_id}#reviews", _("Your review is kept."))


@router.post("/tickets/{number}/calls/{call_id}/remarks")
async def remark(request: Request, uow: Uow, viewer: Staff, number: int, call_id: UUID) -> Response:
    """Words about a second of the recording."""
    given = await given_by(request)
    await reviewing.remark(
        uow, viewer.actor, call_id, Moment(_seconds(given.text("second")), given.text("text"))
    )
    return answered(request, f"/tickets/{number}/calls/{call_id}#reviews", _("Your remark is kept."))


async def reviews_of(uow: UnitOfWork, viewer: Viewer, call_id: UUID) -> SimpleNamespace:
    """What the page of a call shows of its reviews."""
    call, opened = await access.get(uow, viewer.actor, call_id)
    found = await reviewing.of_call(uow, viewer.actor, call, opened)
    names = dict(await desk_filters.colleagues(uow))
    mine = next((one for one in found if one.row.reviewer_id == viewer.actor.id), None)
    return SimpleNamespace(
        may=viewer.actor.may(Permission.see_reports) and not call.live and bool(opened.key),
        mine=mine,
        answers=dict(mine.answers) if mine is not None else {},
        questions=reviewing.questions(uow),
        verdicts=[(key.value, _(words)) for key, words in VERDICTS.items()],
        all=[
            SimpleNamespace(
                by=names.get(str(one.row.reviewer_id), "–"), mark=one.row.mark,
                verdict=_(VERDICTS[Verdict(one.row.verdict)]), comment=one.comment, answers=one.answers,
                moments=one.moments, shared=one.row.shared, at=one.row.updated_at,
            )
            for one in found
        ],
    )  # fmt: skip


async def _lines(site: Site, viewer: Viewer, wanted: Filter) -> AsyncIterator[str]:
    columns = (
        "ticket", "call", "began", "seconds", "state", "agents", "rating", "loss", "round_trip_ms",
        "frozen_seconds", "recorded", "marks",
    )  # fmt: skip
    yield _row(columns)
    after, count = "", 0
    while count < MOST_ROWS:
        async with site.desk.unit(viewer.actor) as uow:
            page = await finding.page(uow, viewer.actor, wanted, after=after, most=200)
            lines = [_row(_cells(one)) for one in page.rows]
        for line in lines:
            yield line
        count += len(page.rows)
        if page.next is None:
            return
        after = page.next


def _cells(one: Found) -> tuple[object, ...]:
    return (
        one.number, one.call.id, (one.call.started_at or one.call.created_at).isoformat(), one.call.seconds,
        one.call.state, ", ".join(one.agents), one.rating or "",
        "" if one.loss is None else round(one.loss, 4), round(one.round_trip or 0), round(one.frozen, 1),
        "yes" if one.recorded else "no", " ".join(map(str, one.marks)),
    )  # fmt: skip


def _row(cells: tuple[object, ...]) -> str:
    out = StringIO()
    csv.writer(out).writerow([cell(each) for each in cells])
    return out.getvalue()


def _filter(viewer: Viewer, given: dict[str, str], which: str) -> Filter:
    zone = viewer.known.zone if viewer.known else ZoneInfo("UTC")
    wanted = Filter(
        which=which if which in WHICH else "",
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
        "agent": (_("Agent"), await desk_filters.colleagues(uow)),
        "team": (_("Team"), await desk_filters.teams(uow)),
        "state": (_("Every end"), [(key.value, _(words)) for key, words in STATES.items()]),
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


def _verdict(typed: str) -> Verdict:
    try:
        return Verdict(typed)
    except ValueError:
        raise Invalid(_("Please choose one of the list."), field="verdict") from None


def _seconds(typed: str) -> float:
    """`75`, `75.5` or `1:15`."""
    minutes, _colon, seconds = typed.strip().rpartition(":")
    try:
        return (float(minutes) if minutes else 0) * 60 + float(seconds)
    except ValueError:
        raise Invalid(_("A moment is written like this: 1:15"), field="second") from None


def _day(typed: str, zone: ZoneInfo) -> datetime | None:
    try:
        day = date.fromisoformat(typed.strip())
    except ValueError:
        return None
    return datetime.combine(day, time(), zone).astimezone(UTC) if 2000 <= day.year <= 2200 else None
