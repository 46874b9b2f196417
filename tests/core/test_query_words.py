"""The search box understands what it can, searches for the rest, and refuses nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.conditions import bind, matches, parse, to_json, words_of
from core.tickets.model import Priority, Status
from core.tickets.query_words import (
    FILTERS,
    MAX_LENGTH,
    TICKET_FIELDS,
    Filter,
    Query,
    names_in,
    parse_query,
    to_condition,
    to_text,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ME, ADA, BILLING = (UUID(int=n) for n in (1, 2, 3))
ASKER = {"me": [ME], "mine": [BILLING]}
IDS = {("requester", "ada l"): [ADA, ME], ("team", "billing"): [BILLING]}
TICKET = {
    "status": "open",
    "priority": "high",
    "assignee": ME,
    "team": BILLING,
    "requester": ADA,
    "tags": ["vip"],
    "channel": "webchat",
    "created": NOW - timedelta(days=3),
    "has_file": True,
    "snoozed_until": None,
}


def filters(*each: tuple[str, str] | tuple[str, str, bool]) -> Query:
    return Query(filters=tuple(Filter(*one) for one in each))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Query()),
        ("  \t\n ", Query()),
        ("printer fire", Query(words=("printer", "fire"))),
        ('"on fire" printer', Query(words=("printer",), phrases=("on fire",))),
        ("„brennt  lichterloh“", Query(phrases=("brennt lichterloh",))),
        ('"never closed', Query(phrases=("never closed",))),
        ("status:open assignee:me", filters(("status", "open"), ("assignee", "me"))),
        ("Status:In-Progress", filters(("status", "in_progress"))),
        ('status:"in progress"', filters(("status", "in_progress"))),
        ("-tag:x tag:VIP", filters(("tag", "x", True), ("tag", "VIP"))),
        ('requester:"ada l"', filters(("requester", "ada l"))),
        ("requester:“ada l”", filters(("requester", "ada l"))),
        ("before:2026-11-01 after:7d", filters(("before", "2026-11-01"), ("after", "-7d"))),
        ("after:-2W", filters(("after", "-2w"))),
        ("before:2026-11-01T08:30Z", filters(("before", "2026-11-01T08:30Z"))),
        ("has:file is:snoozed", filters(("has", "file"), ("is", "snoozed"))),
        ("-refund e-mail", Query(words=("e-mail",), filters=(Filter("words", "refund", True),))),
        ('-"on fire"', filters(("words", "on fire", True))),
        ("team:a:b", filters(("team", "a:b"))),
        ("see https://example.org/x at 10:30", Query(words=("see", "https://example.org/x", "at", "10:30"))),
        ("Re: printer", Query(words=("Re:", "printer"))),
        ("- -- ! ? *", Query()),
        ("a\0b\ud800c", Query(words=("a", "b", "c"))),
    ],
)
def test_what_is_understood(text: str, expected: Query) -> None:
    query = parse_query(text)
    assert query == expected
    assert query.problems == ()


@pytest.mark.parametrize(
    ("text", "expected", "problem"),
    [
        ("colour:red", Query(words=("colour:red",)), "There is no filter “colour”"),
        ('colour:"dark red"', Query(words=("colour",), phrases=("dark red",)), "There is no filter “colour”"),
        ("-colour:red", filters(("words", "colour:red", True)), "There is no filter “colour”"),
        ("status:broken", Query(words=("status:broken",)), "it may be open, in_progress, waiting"),
        ("before:soon", Query(words=("before:soon",)), "“soon” is no time"),
        ("before:2026-02-30", Query(words=("before:2026-02-30",)), "is no time"),
        ("tag:", Query(), "“tag:” needs a value"),
        ('tag:"" x', Query(words=("x",)), "“tag:” needs a value"),
        ("x" * 600, Query(words=("x" * MAX_LENGTH,)), "Only the first 500 characters"),
    ],
)
def test_what_is_not_understood_is_searched_and_said(text: str, expected: Query, problem: str) -> None:
    query = parse_query(text)
    assert query == expected
    assert len(query.problems) == 1
    assert problem in query.problems[0]


def test_the_closed_values_are_those_of_tickets() -> None:
    for status in Status:
        assert parse_query(f"status:{status.value}") == filters(("status", status.value))
    for priority in Priority:
        assert parse_query(f"priority:{priority.value}") == filters(("priority", priority.value))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", True),
        ("printer -fire", True),
        ("status:closed", False),
        ("status:closed status:open", True),
        ("-status:closed", True),
        ("-status:open -status:closed", False),
        ("priority:high channel:WebChat", True),
        ("assignee:me team:billing", True),
        ("team:mine assignee:Me -requester:me", True),
        ("assignee:nobody-knows", False),
        ("-assignee:nobody-knows", True),
        ("assignee:none", False),
        ("assignee:none assignee:me", True),
        ("is:unassigned", False),
        ("is:snoozed", False),
        ("-is:snoozed", True),
        ('requester:"ada l"', True),
        ("category:none", True),
        ("tag:VIP", True),
        ("tag:none", False),
        ("tag:vip -tag:x", True),
        ("after:7d", True),
        ("after:2d", False),
        ("after:7d before:2d", True),
        ("before:2026-11-20", False),
        ("before:2026-11-21 after:2026-11-19", True),
        ("has:file", True),
    ],
)
def test_filters_are_conditions(text: str, found: bool) -> None:
    condition = bind(to_condition(parse_query(text), IDS), ASKER)
    assert matches(condition, TICKET, NOW) is found


def test_the_names_that_need_ids() -> None:
    query = parse_query('team:billing team:billing -assignee:me requester:"ada l" category:none tag:x')
    assert names_in(query) == (("team", "billing"), ("requester", "ada l"))


def test_a_search_can_be_kept_as_a_view() -> None:
    condition = to_condition(parse_query("status:open -tag:x after:7d assignee:me is:snoozed has:file"), IDS)
    assert parse(to_json(condition), TICKET_FIELDS) == condition


TYPED = st.text() | st.lists(
    st.sampled_from(
        [*(f"{name}:" for name in FILTERS), "-", '"', "“", " ", "x", "open", "file", "a:", "7d", ":", "ä"]
    )
).map("".join)


@given(TYPED)
@example("-" * MAX_LENGTH)
@example('-tag:-"x')
@example('--x -"-x" -"tag:y"')
def test_any_text_is_a_query_and_can_be_written_again(text: str) -> None:
    query = parse_query(text)
    again = parse_query(to_text(query))
    if len(to_text(query)) <= MAX_LENGTH:
        assert again == query
    for word in query.words:
        assert words_of(word)
    assert matches(bind(to_condition(query, {}), ASKER), TICKET, NOW) in (True, False)


WORDS = st.text("abcäß-'.", min_size=1, max_size=8).filter(lambda word: words_of(word) and word[0] != "-")
PHRASES = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)
KNOWN = (
    st.builds(Filter, st.just("status"), st.sampled_from([status.value for status in Status]), st.booleans())
    | st.builds(Filter, st.sampled_from(["tag", "team", "requester", "assignee"]), PHRASES, st.booleans())
    | st.builds(Filter, st.sampled_from(["before", "after"]), st.sampled_from(["2026-11-01", "-7d"]))
    | st.builds(Filter, st.just("words"), PHRASES, st.just(True))
)


@given(
    st.builds(
        Query,
        words=st.lists(WORDS, max_size=5).map(tuple),
        phrases=st.lists(PHRASES, max_size=3).map(tuple),
        filters=st.lists(KNOWN, max_size=4).map(tuple),
    )
)
def test_what_is_written_is_read_back(query: Query) -> None:
    assert parse_query(to_text(query)) == query
    assert parse_query(to_text(query)).problems == ()
