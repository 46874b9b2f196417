"""The condition language: what it accepts, what it says, what holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import conditions as c
from core.errors import Invalid

NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
FIELDS = c.Fields.of(
    c.Field(name="subject", kind=c.Kind.text, label="Subject", folded=True),
    c.Field(name="code", kind=c.Kind.text, label="Code"),
    c.Field(name="rating", kind=c.Kind.number, label="Rating"),
    c.Field(
        name="priority",
        kind=c.Kind.choice,
        label="Priority",
        choices={"low": "Low", "normal": "Normal", "high": "High"},
        ordered=True,
    ),
    c.Field(name="channel", kind=c.Kind.choice, label="Channel", choices={"web": "Web", "mail": "Mail"}),
    c.Field(name="open", kind=c.Kind.bool, label="Working hours"),
    c.Field(name="updated", kind=c.Kind.time, label="Updated"),
    c.Field(name="words", kind=c.Kind.words, label="Words"),
    c.Field(name="tags", kind=c.Kind.set, label="Tags"),
    c.Field(name="assignee", kind=c.Kind.id, label="Assignee", names=("me",)),
)
ANN = uuid4()


def holds(json: object, **facts: object) -> bool:
    return c.matches(c.parse(json, FIELDS), facts, NOW)


def only(field: str, op: str, value: object = None) -> dict[str, object]:
    return {"field": field, "op": op} | ({} if value is None else {"value": value})


@pytest.mark.parametrize(
    ("json", "fact", "expected"),
    [
        (only("code", "is", "A1"), "A1", True),
        (only("code", "is", "A1"), "a1", False),
        (only("code", "is_not", "A1"), "a1", True),
        (only("subject", "contains", "STRASSE"), c.fold("Die Straße"), True),
        (only("code", "starts_with", "A%"), "A1", False),
        (only("code", "in", ["A1", "B2"]), "B2", True),
        (only("code", "empty"), "", True),
        (only("rating", "ge", 4), 4, True),
        (only("rating", "lt", 4), 4, False),
        (only("rating", "is", 0.1), 0.1, True),
        (only("rating", "in", [1, 2.5]), 2.5, True),
        (only("priority", "ge", "normal"), "high", True),
        (only("priority", "lt", "normal"), "high", False),
        (only("open", "is", True), True, True),
        (only("open", "is_not", True), False, True),
        (only("updated", "after", "-7d"), NOW - timedelta(days=6), True),
        (only("updated", "before", "-7d"), NOW - timedelta(days=6), False),
        (only("updated", "before", "2026-11-10"), NOW, False),
        (only("updated", "after", "2026-11-10"), NOW, False),
        (only("updated", "after", "2026-11-09"), NOW, True),
        (only("updated", "before", "2026-11-10T12:00:01Z"), NOW, True),
        (only("words", "contains", "Refund, invoice!"), {"invoice", "refund", "x"}, True),
        (only("words", "contains", "refund invoice"), {"refund"}, False),
        (only("words", "in", ["refund", "invoice"]), {"refund"}, True),
        (only("words", "starts_with", "Refun"), {"refunds"}, True),
        (only("tags", "contains", "vip"), ["vip"], True),
        (only("tags", "in", ["x", "vip"]), ["vip"], True),
        (only("tags", "not_empty"), [], False),
        (only("assignee", "is", str(ANN)), ANN, True),
        (only("assignee", "in", [str(ANN)]), uuid4(), False),
    ],
)
def test_what_holds(json: dict[str, object], fact: object, expected: bool) -> None:
    assert holds(json, **{str(json["field"]): fact}) is expected
    assert holds({"not": json}, **{str(json["field"]): fact}) is not expected


@pytest.mark.parametrize("absent", [True, False])
@pytest.mark.parametrize(
    ("field", "op", "value", "expected"),
    [
        ("code", "is", "A1", False),
        ("code", "is_not", "A1", True),
        ("code", "contains", "A", False),
        ("rating", "lt", 5, False),
        ("rating", "ge", 5, False),
        ("priority", "le", "high", False),
        ("open", "is", False, False),
        ("open", "is_not", True, True),
        ("updated", "before", "+1d", False),
        ("words", "contains", "x", False),
        ("tags", "in", ["x"], False),
        ("tags", "empty", None, True),
        ("assignee", "not_empty", None, False),
    ],
)
def test_what_is_missing_equals_nothing(
    absent: bool, field: str, op: str, value: object, expected: bool
) -> None:
    facts = {} if absent else {field: None}
    json = {"field": field, "op": op, "value": value}
    assert holds(json, **facts) is expected
    assert holds({"not": json}, **facts) is not expected


def test_a_day_is_a_day_of_the_zone_of_now() -> None:
    berlin = NOW.astimezone(ZoneInfo("Europe/Berlin"))
    just_after_midnight_in_berlin = datetime(2026, 11, 9, 23, 30, tzinfo=UTC)
    condition = c.parse(only("updated", "before", "2026-11-10"), FIELDS)
    assert not c.matches(condition, {"updated": just_after_midnight_in_berlin}, berlin)
    assert c.matches(condition, {"updated": just_after_midnight_in_berlin}, NOW)


def test_names_are_bound_to_ids() -> None:
    mine = c.parse(only("assignee", "is", "me"), FIELDS)
    others = c.parse(only("assignee", "is_not", "me"), FIELDS)
    with pytest.raises(ValueError, match="not bound"):
        c.matches(mine, {"assignee": ANN}, NOW)
    assert c.matches(c.bind(mine, {"me": [ANN]}), {"assignee": ANN}, NOW)
    assert not c.matches(c.bind(others, {"me": [ANN]}), {"assignee": ANN}, NOW)
    assert c.matches(c.bind(others, {"me": [ANN]}), {}, NOW)
    assert not c.matches(c.bind(mine, {"me": []}), {"assignee": ANN}, NOW)


@pytest.mark.parametrize(
    ("json", "path", "words"),
    [
        (None, "/", "a condition is expected"),
        ([], "/", "a condition is expected"),
        ({}, "/", "exactly one of"),
        ({"all": [], "any": []}, "/", "exactly one of"),
        ({"all": {}}, "/all", "a list of conditions"),
        ({"any": []}, "/any", "at least one"),
        ({"all": [{"not": {"field": "nope", "op": "is"}}]}, "/all/0/not/field", "no field “nope”"),
        ({"field": ["code"], "op": "is"}, "/field", "no field"),
        (only("code", "lt", "a"), "/op", "it may be is, is_not"),
        (only("code", "is"), "/value", "a text is expected"),
        (only("code", "is", "  "), "/value", "a text is expected"),
        (only("code", "is", "a\0"), "/value", "cannot be stored"),
        (only("code", "is", "\ud800"), "/value", "cannot be stored"),
        (only("code", "is", "x" * 201), "/value", "too long"),
        (only("code", "in", []), "/value", "at least one value"),
        (only("code", "in", ["x"] * 101), "/value", "at most 100"),
        (only("code", "in", ["x", 3]), "/value/1", "a text is expected"),
        (only("code", "empty", "x"), "/value", "takes no value"),
        (only("code", "is", "x") | {"extra": 1}, "/", "“extra” is not known"),
        (only("rating", "is", True), "/value", "a number is expected"),
        (only("rating", "is", float("nan")), "/value", "too large"),
        (only("rating", "is", 10**400), "/value", "too large"),
        (only("priority", "is", "extreme"), "/value", "is not one of low, normal, high"),
        (only("channel", "lt", "web"), "/op", "cannot be tested"),
        (only("open", "is", "yes"), "/value", "true or false"),
        (only("updated", "before", "soon"), "/value", "is no time"),
        (only("updated", "before", "2026-02-30"), "/value", "is no time"),
        (only("updated", "before", "9999-12-31"), "/value", "is no time"),
        (only("updated", "before", "-99999d"), "/value", "is no time"),
        (only("words", "contains", "!?"), "/value", "at least one word"),
        (only("words", "in", ["two words"]), "/value/0", "exactly one word"),
        (only("assignee", "is", "mine"), "/value", "not an id"),
    ],
)
def test_what_is_wrong_is_said_with_its_path(json: object, path: str, words: str) -> None:
    with pytest.raises(Invalid, match=words) as caught:
        c.parse(json, FIELDS)
    assert caught.value.field == path
    assert f"At {path}:" in caught.value.words


def test_depth_and_size_are_bounded() -> None:
    leaf: dict[str, object] = only("open", "is", True)
    deep = leaf
    for _ in range(c.MAX_DEPTH - 1):
        deep = {"not": deep}
    c.parse(deep, FIELDS)
    with pytest.raises(Invalid, match="deep"):
        c.parse({"not": deep}, FIELDS)
    c.parse({"all": [leaf] * (c.MAX_NODES - 1)}, FIELDS)
    with pytest.raises(Invalid, match="too long"):
        c.parse({"all": [leaf] * c.MAX_NODES}, FIELDS)
    endless: dict[str, object] = {}
    endless["not"] = endless
    with pytest.raises(Invalid, match="deep"):
        c.parse(endless, FIELDS)


def test_in_words() -> None:
    condition = c.parse(
        {
            "all": [
                only("priority", "ge", "normal"),
                {"any": [only("tags", "contains", "vip"), only("assignee", "is", str(ANN))]},
                {"not": only("rating", "in", [1, 2.5])},
                only("updated", "before", "-7d"),
                only("subject", "empty"),
            ]
        },
        FIELDS,
    )
    assert c.describe(condition, {ANN: "Ann"}) == (
        "Priority is at least Normal and (Tags contains “vip” or Assignee is Ann) "
        "and not (Rating is one of 1, 2.5) and Updated is before 7 days ago and Subject is empty"
    )
    assert c.describe(c.always()) == "always"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("-1d", "1 day ago"),
        ("-2w", "2 weeks ago"),
        ("+3h", "in 3 hours"),
        ("0m", "now"),
        ("2026-11-01", "2026-11-01"),
    ],
)
def test_times_in_words(value: str, words: str) -> None:
    assert c.describe(c.parse(only("updated", "after", value), FIELDS)) == f"Updated is after {words}"


def test_a_trace_says_which_parts_held() -> None:
    condition = c.parse(
        {
            "all": [
                {"not": only("open", "is", True)},
                {"any": [only("rating", "gt", 3), only("code", "is", "x")]},
            ]
        },
        FIELDS,
    )
    trace = c.explain(condition, {"open": False, "rating": 2, "code": "x"}, NOW)
    assert trace.held
    assert c.describe_trace(trace) == [
        "✓ all of these:",
        "  ✓ not this:",
        "    ✗ Working hours is yes",
        "  ✓ at least one of these:",
        "    ✗ Rating is above 3",
        "    ✓ Code is “x”",
    ]


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert c.fold(c.fold(text)) == c.fold(text)
    assert all(c.words_of(word) == (word,) for word in c.words_of(text))


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.floats()
        | st.integers()
        | st.text()
        | st.sampled_from(["is", "in", "code"]),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["all", "any", "not", "field", "op", "value"]), inner)
        ),
        max_leaves=15,
    )
)
def test_any_json_parses_or_is_refused_in_words(json: object) -> None:
    try:
        condition = c.parse(json, FIELDS)
    except Invalid:
        return
    assert c.parse(c.to_json(condition), FIELDS) == condition


def test_operators_are_offered_by_kind() -> None:
    assert c.operators(FIELDS["priority"])[-1] is c.Op.not_empty
    assert c.Op.lt not in c.operators(FIELDS["channel"])
