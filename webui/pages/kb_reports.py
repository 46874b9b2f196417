"""What came of the knowledge base, for those who see reports: charts with their figures, and files."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from types import SimpleNamespace
from typing import Annotated, Any
from uuid import UUID

from babel.dates import format_date
from babel.numbers import format_decimal, format_percent
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from core import i18n
from core.access import Permission
from core.db import UnitOfWork
from core.errors import NotFound
from core.i18n import N_, _
from core.kb import listing, report_searches, report_suggestions, reporting
from core.kb.likeness import Group
from core.kb.report_suggestions import Tally
from core.kb.reporting import SORTS, Bucket, Scope
from core.people.naming import named
from webui.csv_files import csv_file
from webui.deps import Staff, Uow
from webui.pages import kb_shell
from webui.pages.kb_shell import HERE, link, text_url
from webui.sessions import Viewer

router = APIRouter()

REPORTS = HERE + "/reports"
DAYS = {"7": N_("7 days"), "30": N_("30 days"), "90": N_("90 days"), "365": N_("A year")}
PARTS = {
    "": N_("Overview"),
    "searches": N_("Searches"),
    "suggestions": N_("Suggestions"),
    "articles": N_("By article"),
    "stale": N_("Stale articles"),
}
SORT_NAMES = {
    "useful": N_("Most useful"),
    "views": N_("Most read"),
    "liked": N_("Best liked"),
    "disliked": N_("Least liked"),
    "comments": N_("Most commented"),
    "solved": N_("Most tickets solved"),
}
CHANNELS = {
    "web": N_("Help centre"),
    "webchat": N_("Web chat"),
    "portal": N_("Web form"),
    "desk": N_("Desk"),
    "mail": N_("Mail"),
}
MOST_DAYS = 366 * 3
_CODE = re.compile(r"[A-Za-z0-9_-]{1,40}")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for."""

    days: str
    category: str
    language: str
    channel: str
    until: str
    sort: str
    page: int

    def link(self, part: str = "", **changed: object) -> str:
        url = f"{REPORTS}/{part}" if part else REPORTS
        kept: dict[str, object] = {
            "days": self.days if self.days != "30" else "", "category": self.category, "language": self.language,
            "channel": self.channel, "until": self.until,
        }  # fmt: skip
        return link(url, **(kept | changed))


Word = Annotated[str, Query(max_length=60)]


def _asked(
    days: Word = "30",
    category: Word = "",
    language: Word = "",
    channel: Word = "",
    until: Word = "",
    sort: Word = "useful",
    page: Annotated[int, Query(ge=1, le=1_000)] = 1,
) -> Asked:
    number = min(int(days), MOST_DAYS) if days.isascii() and days.isdigit() and int(days[:6]) else 30
    chosen = sort if sort in SORTS else "useful"
    return Asked(str(number), category, _code(language), _code(channel), until, chosen, page)


async def _reads(viewer: Staff) -> Viewer:
    """What one may not do is not there."""
    if not viewer.actor.may(Permission.see_reports):
        raise NotFound(_("There is no such page."))
    return viewer


Wanted = Annotated[Asked, Depends(_asked)]
Reads = Annotated[Viewer, Depends(_reads, scope="function")]


@router.get(REPORTS)
async def overview(request: Request, uow: Uow, viewer: Reads, asked: Wanted) -> Response:
    of = await _scope(uow, asked)
    views = await reporting.views_by_day(uow, viewer.actor, of)
    searches = await report_searches.by_day(uow, viewer.actor, of)
    offers = await report_suggestions.by_day(uow, viewer.actor, of)
    tally = await report_suggestions.total(uow, viewer.actor, of)
    best = await reporting.articles(uow, viewer.actor, of, limit=10)
    sought, empty = (sum(values[place] for values in searches.values()) for place in range(2))
    return await _show(
        request, uow, viewer, asked, of, "kb/reports.html", "",
        tiles=[
            _tile(_("Articles read"), _number(sum(values[0] for values in views.values()))),
            _tile(_("Searches"), _number(sought), asked.link("searches")),
            _tile(_("Searches without result"), _share(empty, sought), asked.link("searches")),
            _tile(_("Suggestions shown"), _number(tally.shown), asked.link("suggestions")),
            _tile(_("of which solved it"), _share(tally.solved, tally.shown), asked.link("suggestions")),
            _tile(_("Tickets avoided"), _number(tally.held), asked.link("suggestions")),
        ],
        charts=[
            _chart(_("Articles read"), [_("Readings")], reporting.buckets(of, views, 1), of),
            _chart(
                _("Searches"), [_("Found something"), _("Found nothing")],
                _parted(reporting.buckets(of, searches, 2)), of,
            ),
            _chart(
                _("Suggestions"), [_("Solved it"), _("Did not")],
                [Bucket(each.day, (each.values[1], each.values[0] - each.values[1]))
                 for each in reporting.buckets(of, offers, 2)], of,
            ),
        ],
        best=[(row, text_url(row.text_id)) for row in best if row.views],
        most=max((row.views for row in best), default=0), number=_number,
    )  # fmt: skip


@router.get(REPORTS + "/searches")
async def searches_page(request: Request, uow: Uow, viewer: Reads, asked: Wanted) -> Response:
    of = await _scope(uow, asked)
    wanted = await report_searches.to_write(uow, viewer.actor, of, limit=60)
    asked_most = await report_searches.most_asked(uow, viewer.actor, of, limit=30)
    return await _show(
        request, uow, viewer, asked, of, "kb/report_searches.html", "searches",
        wanted=[_group(each) for each in wanted], asked_most=[_group(each) for each in asked_most],
        most=max((each.count for each in asked_most), default=0),
        files=[
            (_("What to write next"), asked.link("to-write.csv")),
            (_("All searches"), asked.link("searches.csv")),
        ],
    )  # fmt: skip


@router.get(REPORTS + "/suggestions")
async def suggestions_page(request: Request, uow: Uow, viewer: Reads, asked: Wanted) -> Response:
    of = await _scope(uow, asked)
    tally = await report_suggestions.total(uow, viewer.actor, of)
    offers = reporting.buckets(of, await report_suggestions.by_day(uow, viewer.actor, of), 2)
    by_channel = await report_suggestions.by(uow, viewer.actor, of, "channel")
    by_language = await report_suggestions.by(uow, viewer.actor, of, "language")
    return await _show(
        request, uow, viewer, asked, of, "kb/report_suggestions.html", "suggestions",
        tally=tally, percent=_percent, number=_number,
        outcomes=[(text, count, _share(count, tally.shown)) for text, count in _outcomes(tally)],
        of_chart=_chart(
            _("Suggestions"), [_("Solved it"), _("Did not")],
            [Bucket(each.day, (each.values[1], each.values[0] - each.values[1])) for each in offers], of,
        ),
        tables=[
            (_("By channel"), [(_channel(name), each) for name, each in by_channel]),
            (_("By language"), [(kb_shell.language_name(name), each) for name, each in by_language]),
        ],
        files=[(_("Suggestions"), asked.link("suggestions.csv"))],
    )  # fmt: skip


@router.get(REPORTS + "/articles")
async def articles_page(request: Request, uow: Uow, viewer: Reads, asked: Wanted) -> Response:
    of = await _scope(uow, asked)
    offset = (asked.page - 1) * reporting.PAGE
    rows = await reporting.articles(
        uow, viewer.actor, of, sort=asked.sort, limit=reporting.PAGE + 1, offset=offset
    )
    more = len(rows) > reporting.PAGE
    shown = rows[: reporting.PAGE]
    return await _show(
        request, uow, viewer, asked, of, "kb/report_articles.html", "articles",
        rows=[(row, text_url(row.text_id)) for row in shown], percent=_percent, number=_number,
        topics=dict(await kb_shell.categories(uow)), most=max((row.views for row in shown), default=0),
        newer=asked.link("articles", sort=asked.sort, page=asked.page - 1) if asked.page > 1 else None,
        older=asked.link("articles", sort=asked.sort, page=asked.page + 1) if more else None,
        files=[(_("By article"), asked.link("articles.csv", sort=asked.sort))],
    )  # fmt: skip


@router.get(REPORTS + "/stale")
async def stale_page(request: Request, uow: Uow, viewer: Reads, asked: Wanted) -> Response:
    of = await _scope(uow, asked)
    rows = await reporting.stale(uow, viewer.actor, of)
    owners = await named(uow, [row.owner_id for row in rows])
    return await _show(
        request, uow, viewer, asked, of, "kb/report_stale.html", "stale",
        rows=[
            SimpleNamespace(
                row=row, url=text_url(row.text_id), past=row.past(of.until), due=_day(row.review_by),
                owner=owners.get(row.owner_id) if row.owner_id else None,
                language=kb_shell.language_name(row.language),
            )
            for row in rows
        ],
        topics=dict(await kb_shell.categories(uow)),
        files=[(_("Stale articles"), asked.link("stale.csv"))],
    )  # fmt: skip


# --- files ------------------------------------------------------------------------------


@router.get(REPORTS + "/days.csv")
async def days_csv(uow: Uow, viewer: Reads, asked: Wanted) -> Response:
    """Each day: readings, searches, offers."""
    of = await _scope(uow, asked)
    views = await reporting.views_by_day(uow, viewer.actor, of)
    searches = await report_searches.by_day(uow, viewer.actor, of)
    offers = await report_suggestions.by_day(uow, viewer.actor, of)
    heads = [
        _("Day"), _("Articles read"), _("Searches"), _("Searches without result"), _("Suggestions shown"),
        _("of which solved it"),
    ]  # fmt: skip
    days = [date.fromordinal(of.since.toordinal() + at) for at in range(of.days)]
    rows = [
        (day.isoformat(), *views.get(day, (0,)), *searches.get(day, (0, 0)), *offers.get(day, (0, 0)))
        for day in days
    ]
    return csv_file(_name("days", of), heads, rows)


@router.get(REPORTS + "/{which}.csv")
async def file(uow: Uow, viewer: Reads, asked: Wanted, which: str) -> Response:
    made = _FILES.get(which)
    if made is None:
        raise NotFound(_("There is no such page."))
    of = await _scope(uow, asked)
    heads, rows = await made(uow, viewer, of, asked)
    return csv_file(_name(which, of), heads, rows)


Made = tuple[list[str], list[Sequence[object]]]


async def _searches_file(uow: UnitOfWork, viewer: Viewer, of: Scope, asked: Asked) -> Made:
    return _groups_file(await report_searches.most_asked(uow, viewer.actor, of, limit=reporting.MOST))


async def _to_write_file(uow: UnitOfWork, viewer: Viewer, of: Scope, asked: Asked) -> Made:
    return _groups_file(await report_searches.to_write(uow, viewer.actor, of, limit=reporting.MOST))


def _groups_file(groups: Sequence[Group]) -> Made:
    heads = [_("Searched for"), _("Also as"), _("Times"), _("Last"), _("Language")]
    return heads, [
        (each.words, " | ".join(each.others), each.count, each.last.isoformat(timespec="minutes"), each.language)
        for each in groups
    ]  # fmt: skip


async def _suggestions_file(uow: UnitOfWork, viewer: Viewer, of: Scope, asked: Asked) -> Made:
    heads = [
        _("By"), _("Name"), _("Suggestions shown"), _("of which solved it"), _("Tickets avoided"),
        _("Not what was needed"), _("Asked for a human"), _("Dismissed"), _("No answer"),
    ]  # fmt: skip
    lines: list[Sequence[object]] = [
        ("", "", *_tallied(await report_suggestions.total(uow, viewer.actor, of)))
    ]
    for what in ("channel", "language"):
        found = await report_suggestions.by(uow, viewer.actor, of, what)
        lines += [(what, name, *_tallied(tally)) for name, tally in found]
    return heads, lines


async def _articles_file(uow: UnitOfWork, viewer: Viewer, of: Scope, asked: Asked) -> Made:
    topics = dict(await kb_shell.categories(uow))
    rows = await reporting.articles(uow, viewer.actor, of, sort=asked.sort, limit=reporting.MOST)
    heads = [
        _("Number"), _("Article"), _("Language"), _("Topic"), _("Articles read"), _("Helped"), _("Did not help"),
        _("Comments"), _("Tickets solved"),
    ]  # fmt: skip
    return heads, [
        (
            row.number, row.title, row.language, topics.get(str(row.category_id), ""), row.views, row.yes,
            row.no, row.comments, row.solved,
        )
        for row in rows
    ]  # fmt: skip


async def _stale_file(uow: UnitOfWork, viewer: Viewer, of: Scope, asked: Asked) -> Made:
    rows = await reporting.stale(uow, viewer.actor, of, limit=reporting.MOST)
    owners = await named(uow, [row.owner_id for row in rows])
    heads = [_("Number"), _("Article"), _("Language"), _("Look at it by"), _("Revisions behind"), _("Owner")]
    return heads, [
        (
            row.number, row.title, row.language, row.review_by.isoformat() if row.review_by else "", row.behind,
            owners[row.owner_id].shown if row.owner_id in owners else "",
        )
        for row in rows
    ]  # fmt: skip


_FILES: dict[str, Callable[[UnitOfWork, Viewer, Scope, Asked], Awaitable[Made]]] = {
    "searches": _searches_file,
    "to-write": _to_write_file,
    "suggestions": _suggestions_file,
    "articles": _articles_file,
    "stale": _stale_file,
}


# --- what the pages share ---------------------------------------------------------------


async def _scope(uow: UnitOfWork, asked: Asked) -> Scope:
    return await reporting.scope(
        uow, days=int(asked.days), category=_uuid(asked.category), language=asked.language,
        channel=asked.channel, until=_date(asked.until),
    )  # fmt: skip


async def _show(
    request: Request,
    uow: UnitOfWork,
    viewer: Viewer,
    asked: Asked,
    of: Scope,
    template: str,
    part: str,
    **context: Any,
) -> Response:
    days = {asked.days: i18n.ngettext("%(n)s day", "%(n)s days", of.days) % {"n": of.days}} | {
        key: _(text) for key, text in DAYS.items()
    }
    filters = [
        ("days", _("Period"), sorted(days.items(), key=lambda pair: int(pair[0])), asked.days, ""),
        ("category", _("Topic"), await kb_shell.categories(uow), asked.category, _("All topics")),
        (
            "language", _("Language"),
            [(code, kb_shell.language_name(code)) for code in await listing.languages(uow)],
            asked.language, _("All languages"),
        ),
        (
            "channel", _("Channel"), [(name, _channel(name)) for name in await reporting.channels(uow, of)],
            asked.channel, _("All channels"),
        ),
    ]  # fmt: skip
    if part == "articles":
        sorts = [(key, _(text)) for key, text in SORT_NAMES.items()]
        filters.append(("sort", _("Sorted by"), sorts, asked.sort, ""))
    return await kb_shell.show(
        request, uow, viewer, template, part="reports", here=asked.link(part).split("?")[0],
        reports=[
            SimpleNamespace(text=_(text), url=asked.link(key), current=key == part, count=None)
            for key, text in PARTS.items()
        ],
        filters=[
            SimpleNamespace(name=name, label=label, options=options, value=value, empty=empty)
            for name, label, options, value, empty in filters
        ],
        until=asked.until,
        filtered=any((asked.category, asked.language, asked.channel, asked.until)) or asked.days != "30",
        span=_("{since} to {until}").format(since=_day(of.since), until=_day(of.until)),
        **({"files": [(_("By day"), asked.link("days.csv"))]} | context),
    )  # fmt: skip


def _chart(title: str, names: Sequence[str], buckets: Sequence[Bucket], of: Scope) -> SimpleNamespace:
    """What `chart` of kb/charts.html draws: bars of stacked parts, and the same as a table."""
    highest = max((sum(each.values) for each in buckets), default=0)
    top = _round_up(highest)
    step = 600 / max(len(buckets), 1)
    bars = []
    for at, bucket in enumerate(buckets):
        parts, low = [], 0.0
        for place, value in enumerate(bucket.values):
            height = 100 * value / top
            parts.append(
                SimpleNamespace(place=place, y=round(100 - low - height, 2), height=round(height, 2))
            )
            low += height
        words = ", ".join(
            f"{name}: {_number(value)}" for name, value in zip(names, bucket.values, strict=True)
        )
        bars.append(
            SimpleNamespace(
                x=round(at * step + step * 0.12, 2), width=round(step * 0.76, 2), parts=parts,
                title=f"{_day(bucket.day)}: {words}",
            )
        )  # fmt: skip
    return SimpleNamespace(
        title=title, names=names, bars=bars, top=_number(top), middle=_number(top // 2) if top > 1 else "",
        empty=not highest, first=_day(of.since), last=_day(of.until), by_week=of.days > reporting.BY_WEEK,
        rows=[(_day(each.day), [_number(value) for value in each.values]) for each in buckets],
    )  # fmt: skip


def _round_up(value: int) -> int:
    """The next number that reads well at the top of an axis."""
    if value <= 4:
        return max(value + value % 2, 2)
    unit = 10 ** (len(str(value)) - 1)
    return next(int(unit * each) for each in (1, 2, 3, 4, 5, 6, 8, 10) if unit * each >= value)


def _parted(buckets: Sequence[Bucket]) -> list[Bucket]:
    """Totals with a part of them, as the rest and the part."""
    return [Bucket(each.day, (max(each.values[0] - each.values[1], 0), each.values[1])) for each in buckets]


def _group(group: Group) -> SimpleNamespace:
    write = link(f"{HERE}/new", title=group.words[:1].upper() + group.words[1:])
    return SimpleNamespace(
        words=group.words, others=group.others[:6], more=max(len(group.others) - 6, 0), count=group.count,
        last=group.last, language=kb_shell.language_name(group.language), write_url=write,
    )  # fmt: skip


def _tile(label: str, value: str, url: str | None = None) -> SimpleNamespace:
    return SimpleNamespace(label=label, value=value, url=url)


def _outcomes(tally: Tally) -> list[tuple[str, int]]:
    return [
        (_("That solved it"), tally.solved),
        (_("Not what was needed"), tally.not_needed),
        (_("Asked for a human"), tally.human),
        (_("Dismissed"), tally.dismissed),
        (_("No answer"), tally.unanswered),
    ]


def _tallied(tally: Tally) -> tuple[int, ...]:
    return (
        tally.shown, tally.solved, tally.held, tally.not_needed, tally.human, tally.dismissed, tally.unanswered,
    )  # fmt: skip


def _channel(name: str) -> str:
    return _(CHANNELS[name]) if name in CHANNELS else name.capitalize()


def _number(value: int) -> str:
    return str(format_decimal(value, locale=i18n.language()))


def _percent(share: float | None) -> str:
    return "–" if share is None else str(format_percent(share, "#,##0\u00a0%", locale=i18n.language()))


def _share(part: int, whole: int) -> str:
    return _percent(part / whole if whole else None)


def _day(day: date | None) -> str:
    return format_date(day, "medium", locale=i18n.language()) if day is not None else ""


def _name(which: str, of: Scope) -> str:
    return f"{which}-{of.since.isoformat()}-{of.until.isoformat()}.csv"


def _code(text: str) -> str:
    return text if _CODE.fullmatch(text) else ""


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _date(text: str) -> date | None:
    """A last day that is none, or too far away to count from, is today."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if date(2000, 1, 1) <= day <= date(2999, 12, 31) else None
