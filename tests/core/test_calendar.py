"""Working time: hours, nights, holidays, and the two days on which the clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.calendar import DAY, Calendar, Span, countries, parse_calendar, to_json
from core.errors import Invalid

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
OFFICE = (Span(9 * 60, 17 * 60),)
WEEKDAYS = dict.fromkeys(range(5), OFFICE)
EVERY_DAY = range(7)
ALL_DAY = dict.fromkeys(EVERY_DAY, (Span(0, DAY),))


def at(zone: ZoneInfo, text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def test_office_hours() -> None:
    desk = Calendar(BERLIN, WEEKDAYS)
    friday = at(BERLIN, "2026-11-20T16:00")
    monday = at(BERLIN, "2026-11-23T09:00")
    assert desk.is_open(friday)
    assert not desk.is_open(at(BERLIN, "2026-11-20T17:00"))
    assert desk.is_open(monday)
    assert desk.next_open(friday) == friday
    assert desk.next_open(at(BERLIN, "2026-11-20T17:00")) == monday
    assert desk.next_close(friday) == at(BERLIN, "2026-11-20T17:00")
    assert desk.next_close(at(BERLIN, "2026-11-20T17:00")) == at(BERLIN, "2026-11-23T17:00")
    assert desk.add_working(friday, hours(1)) == at(BERLIN, "2026-11-20T17:00")
    assert desk.add_working(friday, hours(1.5)) == at(BERLIN, "2026-11-23T09:30")
    assert desk.add_working(friday, hours(0)) == friday
    assert desk.working_between(friday, at(BERLIN, "2026-11-24T10:00")) == hours(10)
    assert desk.working_between(at(BERLIN, "2026-11-24T10:00"), friday) == -hours(10)


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    desk = Calendar(BERLIN, {4: (Span(22 * 60, 30 * 60),)}, frozenset({date(2026, 11, 27)}))
    assert desk.is_open(at(BERLIN, "2026-11-21T05:59"))
    assert not desk.is_open(at(BERLIN, "2026-11-21T06:00"))
    assert not desk.is_open(at(BERLIN, "2026-11-28T05:00")), "its evening was a holiday"
    assert desk.next_open(at(BERLIN, "2026-11-21T06:00")) == at(BERLIN, "2026-12-04T22:00")


def test_public_holidays_of_a_country() -> None:
    berlin = Calendar(BERLIN, WEEKDAYS, country="DE", subdivision="BE")
    bavaria = Calendar(BERLIN, WEEKDAYS, country="DE", subdivision="BY")
    epiphany = at(BERLIN, "2027-01-06T10:00")
    assert berlin.is_open(epiphany)
    assert not bavaria.is_open(epiphany)
    assert not berlin.is_open(at(BERLIN, "2026-12-25T10:00"))
    assert "DE" in countries()


def test_never_and_always() -> None:
    noon = at(BERLIN, "2026-11-20T12:00")
    never = Calendar(BERLIN, {})
    assert not never.is_open(noon)
    assert never.next_open(noon) is None
    assert never.next_close(noon) is None
    assert never.add_working(noon, hours(1)) is None
    assert never.working_between(noon, noon + timedelta(days=9)) == hours(0)
    always = Calendar(BERLIN, ALL_DAY)
    assert always.is_open(noon)
    assert always.next_close(noon) is None
    assert always.add_working(noon, timedelta(days=100)) == noon.astimezone(UTC) + timedelta(days=100)
    assert always.add_working(noon, timedelta(days=10_000)) is None
    assert Calendar(BERLIN, WEEKDAYS).add_working(noon, timedelta(days=10_000)) is None
    closed_on_new_year = Calendar(BERLIN, ALL_DAY, frozenset({date(2027, 1, 1)}))
    assert closed_on_new_year.next_close(noon) == at(BERLIN, "2027-01-01T00:00")
    mondays_all_off = frozenset(date(2026, 11, 23) + timedelta(weeks=n) for n in range(200))
    assert Calendar(BERLIN, {0: OFFICE}, mondays_all_off).next_open(noon) is None


@pytest.mark.parametrize(
    ("zone", "day", "start", "end", "expected"),
    [
        # Berlin, spring: 02:00 becomes 03:00.
        (BERLIN, "2026-03-29", "00:00", "24:00", 23),
        (BERLIN, "2026-03-29", "01:00", "04:00", 2),
        (BERLIN, "2026-03-29", "02:30", "04:00", 1),
        (BERLIN, "2026-03-29", "01:00", "02:30", 1),
        (BERLIN, "2026-03-29", "02:10", "02:50", 0),
        # Berlin, autumn: 03:00 becomes 02:00.
        (BERLIN, "2026-10-25", "00:00", "24:00", 25),
        (BERLIN, "2026-10-25", "01:00", "04:00", 4),
        (BERLIN, "2026-10-25", "02:30", "04:00", 2.5),
        (BERLIN, "2026-10-25", "01:00", "02:30", 1.5),
        # New York, spring and autumn: 02:00 becomes 03:00, and 02:00 becomes 01:00.
        (NEW_YORK, "2026-03-08", "00:00", "24:00", 23),
        (NEW_YORK, "2026-03-08", "02:30", "09:00", 6),
        (NEW_YORK, "2026-11-01", "00:00", "24:00", 25),
        (NEW_YORK, "2026-11-01", "01:30", "09:00", 8.5),
        (NEW_YORK, "2026-11-01", "00:00", "01:30", 1.5),
        (NEW_YORK, "2026-10-31", "22:00", "06:00", 9),
        # No midnight on this day in Beirut; half an hour in Lord Howe; no such day at all in Apia.
        (ZoneInfo("Asia/Beirut"), "2026-03-29", "00:00", "06:00", 5),
        (ZoneInfo("Australia/Lord_Howe"), "2026-10-04", "00:00", "06:00", 5.5),
        (ZoneInfo("Pacific/Apia"), "2011-12-30", "09:00", "17:00", 0),
    ],
)
def test_real_time_inside_the_hours_on_the_wall(
    zone: ZoneInfo, day: str, start: str, end: str, expected: float
) -> None:
    first = date.fromisoformat(day)
    name = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[first.weekday()]
    desk = parse_calendar({"zone": str(zone), "week": {name: [[start, end]]}})
    a = datetime(first.year, first.month, first.day, 12, tzinfo=zone) - timedelta(days=2)
    assert desk.working_between(a, a + timedelta(days=5)) == hours(expected)
    if expected:
        opened = desk.next_open(a)
        assert opened is not None
        assert desk.next_close(opened) == opened + hours(expected)
        assert desk.add_working(a, hours(expected)) == opened + hours(expected)


def test_hours_that_touch_in_the_repeated_hour_touch_in_truth() -> None:
    desk = parse_calendar(
        {"zone": "Europe/Berlin", "week": {"sun": [["00:00", "02:30"], ["02:30", "06:00"]]}}
    )
    midnight = at(BERLIN, "2026-10-25T00:00")
    assert desk.next_close(midnight) == at(BERLIN, "2026-10-25T06:00")
    assert desk.working_between(midnight, at(BERLIN, "2026-10-26T00:00")) == hours(7)
    twice = at(BERLIN, "2026-10-25T02:15"), at(BERLIN, "2026-10-25T02:15", fold=1)
    assert all(map(desk.is_open, twice))
    assert desk.working_between(*twice) == hours(1)
    assert desk.next_open(twice[1]) == datetime(2026, 10, 25, 1, 15, tzinfo=UTC)


WEEKS = st.lists(st.tuples(st.integers(0, 7 * DAY - 1), st.integers(1, DAY)), min_size=1, max_size=8)
ZONES = st.sampled_from(
    [BERLIN, NEW_YORK, *map(ZoneInfo, ["UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "Asia/Beirut"])]
)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
HOLIDAYS = st.frozensets(st.dates(date(2026, 1, 1), date(2027, 12, 31)), max_size=10)


def calendar_of(zone: ZoneInfo, pieces: list[tuple[int, int]], holidays: frozenset[date]) -> Calendar:
    """Pieces that overlap an earlier one are left out."""
    calendar = Calendar(zone, {}, holidays)
    for start, length in pieces:
        day, minute = divmod(start, DAY)
        week = {**calendar.week, day: (*calendar.week.get(day, ()), Span(minute, minute + length))}
        try:
            calendar = Calendar(zone, week, holidays)
        except ValueError:
            continue
    return calendar


@settings(max_examples=150, deadline=None)
@given(ZONES, WEEKS, HOLIDAYS, MOMENTS, st.timedeltas(timedelta(seconds=1), timedelta(days=30)))
def test_adding_and_measuring_are_inverse(
    zone: ZoneInfo, pieces: list[tuple[int, int]], holidays: frozenset[date], a: datetime, amount: timedelta
) -> None:
    desk = calendar_of(zone, pieces, holidays)
    b = desk.add_working(a, amount)
    assume(b is not None)
    assert b is not None
    assert desk.working_between(a, b) == amount
    just_before = b - timedelta(microseconds=1)
    assert desk.working_between(a, just_before) < amount, "it is the earliest such moment"
    assert desk.is_open(just_before)


@settings(max_examples=150, deadline=None)
@given(ZONES, WEEKS, HOLIDAYS, MOMENTS, MOMENTS, MOMENTS)
def test_measures_add_up(
    zone: ZoneInfo,
    pieces: list[tuple[int, int]],
    holidays: frozenset[date],
    a: datetime,
    b: datetime,
    c: datetime,
) -> None:
    desk = calendar_of(zone, pieces, holidays)
    a, b, c = sorted([a, b, c])
    whole = desk.working_between(a, c)
    assert desk.working_between(a, b) + desk.working_between(b, c) == whole
    assert timedelta(0) <= whole <= c - a
    back = desk.add_working(a, whole)
    assert back is not None
    assert back <= c


@settings(max_examples=150, deadline=None)
@given(ZONES, WEEKS, HOLIDAYS, MOMENTS)
def test_open_is_what_lies_between_opening_and_closing(
    zone: ZoneInfo, pieces: list[tuple[int, int]], holidays: frozenset[date], moment: datetime
) -> None:
    desk = calendar_of(zone, pieces, holidays)
    opens, closes = desk.next_open(moment), desk.next_close(moment)
    assert (opens == moment) is desk.is_open(moment)
    if opens is not None and closes is not None:
        assert moment <= opens < closes
        assert desk.is_open(opens)
        assert not desk.is_open(closes)
    assert parse_calendar(to_json(desk)) == Calendar(
        desk.zone, {day: tuple(sorted(desk.week[day])) for day in sorted(desk.week)}, desk.holidays
    )


@pytest.mark.parametrize(
    ("json", "path", "words"),
    [
        (None, "/", "opening hours"),
        ({"zone": "Berlin"}, "/zone", "no time zone"),
        ({"zone": "../etc/passwd"}, "/zone", "no time zone"),
        ({"zone": "UTC", "hours": {}}, "/", "“hours” is not known"),
        ({"zone": "UTC", "week": []}, "/week", "days with their"),
        ({"zone": "UTC", "week": {"monday": []}}, "/week/monday", "days are mon, tue"),
        ({"zone": "UTC", "week": {"mon": "9-5"}}, "/week/mon", "a list of at most"),
        ({"zone": "UTC", "week": {"mon": [["09:00"]]}}, "/week/mon/0", "an opening and a closing"),
        ({"zone": "UTC", "week": {"mon": [["9", "17:00"]]}}, "/week/mon/0/0", "a time such as"),
        ({"zone": "UTC", "week": {"mon": [["09:00", "24:01"]]}}, "/week/mon/0/1", "a time such as"),
        ({"zone": "UTC", "week": {"mon": [["24:00", "24:00"]]}}, "/week/mon/0/0", "begins at 00:00"),
        (
            {"zone": "UTC", "week": {"mon": [["09:00", "12:00"], ["11:00", "13:00"]]}},
            "/week",
            "two spans overlap",
        ),
        (
            {"zone": "UTC", "week": {"sun": [["22:00", "06:00"]], "mon": [["05:00", "13:00"]]}},
            "/week",
            "two spans overlap",
        ),
        ({"zone": "UTC", "holidays": ["24.12."]}, "/holidays/0", "a day such as"),
        ({"zone": "UTC", "holidays": "2026-12-24"}, "/holidays", "a list of at most"),
        ({"zone": "UTC", "country": "Atlantis"}, "/country", "no holidays are known"),
        ({"zone": "UTC", "country": "DE", "subdivision": "XX"}, "/subdivision", "DE has"),
        ({"zone": "UTC", "subdivision": "BE"}, "/subdivision", "needs its country"),
    ],
)
def test_what_is_wrong_is_said_with_its_path(json: object, path: str, words: str) -> None:
    with pytest.raises(Invalid, match=words) as caught:
        parse_calendar(json)
    assert caught.value.field == path


def test_settings_are_read_and_written() -> None:
    json = {
        "zone": "Europe/Berlin",
        "week": {"mon": [["09:00", "12:00"], ["13:00", "24:00"]], "fri": [["22:00", "06:00"]]},
        "holidays": ["2026-12-24"],
        "country": "DE",
        "subdivision": "BE",
    }
    assert to_json(parse_calendar(json)) == json
