"""Working time: when a desk is open, and how much open time lies between two moments.

Opening hours are spans on the wall clock of a zone. Working time is the real time that passes
inside them: a night shift on the day the clocks go back is an hour longer, and a span that
begins inside the hour that is skipped begins when the clocks jump. Where the wall clock shows
a time twice, the first showing counts, for openings and closings alike, so that spans that
touch on paper touch in truth.

A span may run over midnight; it belongs to the day on which it begins. So it is that day's
holiday that cancels it, and a shift begun on the evening before a holiday runs to its end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from core.errors import Invalid
from core.i18n import _

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = 24 * 60
MAX_SPANS = 12
"""Spans a day."""
MAX_HOLIDAYS = 1000
PATIENCE = timedelta(days=731)
"""So long without any opening (or, when always open, without any closing) counts as never."""
HORIZON = timedelta(days=20 * 366)
"""Working time is not reckoned further ahead than this."""


@dataclass(frozen=True, order=True)
class Span:
    """Minutes of the wall clock since the midnight that begins the day; `end` may lie in the next day."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not (0 <= self.start < DAY and self.start < self.end <= self.start + DAY):
            raise ValueError(f"{self.start} to {self.end} is no span of a day")


@dataclass(frozen=True)
class Calendar:
    """Opening hours of one desk or team.

    `week` maps weekdays (0 is Monday) to spans that do not overlap; `holidays` are days on
    which no span begins, as are the public holidays of `country` (ISO code) and its
    `subdivision`, from the package `holidays`. All moments in and out are aware; out is UTC.
    """

    zone: ZoneInfo
    week: Mapping[int, tuple[Span, ...]]
    holidays: frozenset[date] = field(default=frozenset())
    country: str | None = None
    subdivision: str | None = None

    def __post_init__(self) -> None:
        if _overlap(self.week):
            raise ValueError("the spans of a week must not overlap")

    def is_open(self, at: datetime) -> bool:
        """Whether the moment lies in a span; the closing moment itself does not."""
        at = _utc(at)
        first = next(self._openings(at), None)
        return first is not None and first[0] <= at

    def next_open(self, at: datetime) -> datetime | None:
        """The moment itself when open, otherwise the next opening; None when it never opens."""
        at = _utc(at)
        first = next(self._openings(at), None)
        return None if first is None else max(first[0], at)

    def next_close(self, at: datetime) -> datetime | None:
        """When the present opening ends, or the next one when closed now; None when never.

        Spans that touch are one opening.
        """
        at, close = _utc(at), None
        for opened, closed in self._openings(at):
            if close is not None and opened > close:
                return close
            if closed - at > PATIENCE:
                return None
            close = closed
        return close

    def add_working(self, at: datetime, amount: timedelta) -> datetime | None:
        """The earliest moment by which so much working time has passed since `at`.

        None when that is never, or more than 20 years ahead. Raises ValueError for a negative
        amount.
        """
        if amount < timedelta(0):
            raise ValueError("working time is added, not taken away")
        at = _utc(at)
        if not amount:
            return at
        for opened, closed in self._openings(at):
            begin = max(opened, at)
            if begin - at > HORIZON:
                return None
            if closed - begin >= amount:
                return begin + amount
            amount -= closed - begin
        return None

    def working_between(self, a: datetime, b: datetime) -> timedelta:
        """The working time from `a` to `b`; negative when `b` is the earlier one."""
        a, b = _utc(a), _utc(b)
        if b < a:
            return -self.working_between(b, a)
        total = timedelta(0)
        for opened, closed in self._openings(a):
            if opened >= b:
                break
            total += min(closed, b) - max(opened, a)
        return total

    def is_holiday(self, day: date) -> bool:
        return day in self.holidays or (
            self.country is not None and day in _public_holidays(self.country, self.subdivision, day.year)
        )

    def _openings(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The openings that end after `at`, in order, in UTC, span by span."""
        if not any(self.week.values()):
            return
        # Yesterday's spans may run into today; the day before, where a zone skipped a whole day.
        day = at.astimezone(self.zone).date() - timedelta(days=2)
        last_opening = at
        while day.year < date.max.year - 1:
            for span in sorted(self.week.get(day.weekday(), ())) if not self.is_holiday(day) else ():
                opened, closed = self._instant(day, span.start), self._instant(day, span.end)
                if opened < closed and closed > at:
                    last_opening = closed
                    yield opened, closed
            day += timedelta(days=1)
            if datetime.combine(day, time(), UTC) - last_opening > PATIENCE:
                return

    def _instant(self, day: date, minutes: int) -> datetime:
        return _first_showing(self.zone, datetime.combine(day, time()) + timedelta(minutes=minutes))


def parse_calendar(json: object) -> Calendar:
    """A calendar from decoded JSON settings. Raises Invalid with the path as `field`.

    `{"zone": "Europe/Berlin", "week": {"mon": [["09:00", "17:00"]], "fri": [["22:00", "06:00"]]},
    "holidays": ["2026-12-24"], "country": "DE", "subdivision": "BE"}`. A day that is left out is
    closed; a span that ends at or before its beginning runs over midnight; "24:00" may end a day.
    """
    if not isinstance(json, Mapping):
        raise _wrong("/", _("opening hours are expected here"))
    if strange := set(json) - {"zone", "week", "holidays", "country", "subdivision"}:
        raise _wrong("/", _("“{key}” is not known here").format(key=min(map(str, strange))[:40]))
    zone = _parse_zone(json.get("zone"))
    week = _parse_week(json.get("week", {}))
    if _overlap(week):
        raise _wrong("/week", _("two spans overlap"))
    country, subdivision = _parse_country(json.get("country"), json.get("subdivision"))
    return Calendar(zone, week, _parse_holidays(json.get("holidays", [])), country, subdivision)


def to_json(calendar: Calendar) -> dict[str, object]:
    """The settings form of a calendar; parsing it gives the same calendar."""
    return {
        "zone": calendar.zone.key,
        "week": {
            DAYS[day]: [[_clock(span.start), _clock(span.end, end=True)] for span in spans]
            for day, spans in sorted(calendar.week.items())
        },
        "holidays": sorted(day.isoformat() for day in calendar.holidays),
        "country": calendar.country,
        "subdivision": calendar.subdivision,
    }


def countries() -> Mapping[str, list[str]]:
    """The country codes that have public holidays, each with its subdivisions."""
    from holidays import list_supported_countries  # large: only when asked for

    return dict(list_supported_countries(include_aliases=False))


def _utc(at: datetime) -> datetime:
    """All reckoning is in UTC: Python compares and subtracts moments of one zone by the wall clock."""
    if at.tzinfo is None:
        raise ValueError("a calendar needs aware moments")
    return at.astimezone(UTC)


def _first_showing(zone: ZoneInfo, wall: datetime) -> datetime:
    """The instant, in UTC, at which the wall clock first shows this time or, skipping it, a later one."""
    early = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if early.astimezone(zone).replace(tzinfo=None, fold=0) == wall:
        return early
    # The clock skips this time: look for the jump between the readings by the offsets around it.
    low, high = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), early
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        if middle.astimezone(zone).replace(tzinfo=None) < wall:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


def _overlap(week: Mapping[int, tuple[Span, ...]]) -> bool:
    """Whether two spans of the week overlap, Sunday's and the next Monday's included."""
    spans = sorted((day * DAY + span.start, day * DAY + span.end) for day in week for span in week[day])
    if not spans:
        return False
    again = (spans[0][0] + 7 * DAY, spans[0][1] + 7 * DAY)
    return any(before[1] > after[0] for before, after in pairwise([*spans, again]))


@cache
def _public_holidays(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    from holidays import country_holidays  # large: only for calendars that name a country

    return frozenset(country_holidays(country, subdiv=subdivision, years=year))


def _parse_zone(json: object) -> ZoneInfo:
    if isinstance(json, str) and json in _zones():
        return ZoneInfo(json)
    raise _wrong("/zone", _("this is no time zone; write one such as Europe/Berlin"))


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _parse_week(json: object) -> dict[int, tuple[Span, ...]]:
    if not isinstance(json, Mapping):
        raise _wrong("/week", _("days with their opening hours are expected here"))
    week = {}
    for name, spans in json.items():
        path = f"/week/{str(name)[:20]}"
        if name not in DAYS:
            raise _wrong(path, _("days are {days}").format(days=", ".join(DAYS)))
        if not isinstance(spans, list) or len(spans) > MAX_SPANS:
            raise _wrong(path, _("a list of at most {most} spans is expected here").format(most=MAX_SPANS))
        week[DAYS.index(name)] = tuple(
            sorted(_parse_span(span, f"{path}/{n}") for n, span in enumerate(spans))
        )
    return {day: spans for day, spans in sorted(week.items()) if spans}


def _parse_span(json: object, path: str) -> Span:
    if not isinstance(json, list) or len(json) != 2:
        raise _wrong(path, _("an opening and a closing time are expected here"))
    start, end = (_parse_clock(each, f"{path}/{n}") for n, each in enumerate(json))
    if start == DAY:
        raise _wrong(f"{path}/0", _("a day begins at 00:00"))
    return Span(start, end if end > start else end + DAY)


_CLOCK = re.compile(r"(\d{2}):(\d{2})", re.ASCII)


def _parse_clock(json: object, path: str) -> int:
    found = _CLOCK.fullmatch(json) if isinstance(json, str) else None
    if found:
        minutes = int(found[1]) * 60 + int(found[2])
        if int(found[2]) < 60 and minutes <= DAY:
            return minutes
    raise _wrong(path, _("a time such as 09:30 is expected here"))


def _clock(minutes: int, *, end: bool = False) -> str:
    if not (end and minutes == DAY):
        minutes %= DAY
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _parse_holidays(json: object) -> frozenset[date]:
    if not isinstance(json, list) or len(json) > MAX_HOLIDAYS:
        raise _wrong(
            "/holidays", _("a list of at most {most} days is expected here").format(most=MAX_HOLIDAYS)
        )
    return frozenset(_parse_day(day, f"/holidays/{n}") for n, day in enumerate(json))


def _parse_day(json: object, path: str) -> date:
    try:
        return datetime.strptime(json if isinstance(json, str) else "", "%Y-%m-%d").date()  # noqa: DTZ007
    except ValueError:
        raise _wrong(path, _("a day such as 2026-12-24 is expected here")) from None


def _parse_country(country: object, subdivision: object) -> tuple[str | None, str | None]:
    if country in (None, ""):
        if subdivision not in (None, ""):
            raise _wrong("/subdivision", _("a subdivision needs its country"))
        return None, None
    known = countries()
    if not isinstance(country, str) or country not in known:
        raise _wrong("/country", _("no holidays are known for this country; write a code such as DE"))
    if subdivision in (None, ""):
        return country, None
    if not isinstance(subdivision, str) or subdivision not in known[country]:
        raise _wrong(
            "/subdivision",
            _("{country} has {names}").format(
                country=country, names=", ".join(known[country]) or _("no subdivisions")
            ),
        )
    return country, subdivision


def _wrong(path: str, words: str) -> Invalid:
    return Invalid(_("At {path}: {words}.").format(path=path, words=words), field=path)
