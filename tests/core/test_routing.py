"""Where a new ticket goes, and how the desk explains it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.conditions import always, parse
from core.errors import Invalid
from core.tickets.language import guess_language
from core.tickets.model import Priority
from core.tickets.routing import (
    PRIORITIES,
    Actions,
    NewTicket,
    Rule,
    actions_to_json,
    parse_actions,
    route,
    routing_fields,
    try_out,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
BILLING, TECH, ANN = uuid4(), uuid4(), uuid4()
NAMES = {BILLING: "Billing", TECH: "Technics", ANN: "Ann"}
FIELDS = routing_fields()


def rule(
    name: str, position: int, when: object = None, *, stop: bool = False, active: bool = True, **then: object
) -> Rule:
    return Rule(
        id=UUID(int=position + 1),
        name=name,
        position=position,
        condition=parse(when, FIELDS) if when else always(),
        then=Actions(**then),  # type: ignore[arg-type]
        stop=stop,
        active=active,
    )


def says(text: str, **known: object) -> NewTicket:
    return NewTicket(words=frozenset(), **known).says(text)  # type: ignore[arg-type]


MONEY = {"field": "words", "op": "in", "value": ["refund", "invoice", "rechnung"]}
GERMAN = {"field": "language", "op": "is", "value": "de"}
RULES = [
    rule("Everything", 0, team_id=TECH, assign="by_team_mode"),
    rule("Money", 1, MONEY, team_id=BILLING, add_tags=frozenset({"money"})),
    rule(
        "German money",
        2,
        {"all": [GERMAN, {"field": "tags", "op": "contains", "value": "money"}]},
        skills_needed=frozenset({"steuer"}),
    ),
    rule("Night", 3, {"field": "working_hours", "op": "is", "value": False}, priority="low", stop=True),
    rule("Old", 4, active=False, priority="urgent"),
    rule("Last", 5, {"field": "priority", "op": "ge", "value": "normal"}, add_tags=frozenset({"day"})),
]


def test_later_rules_see_what_earlier_ones_set() -> None:
    routing = route(says("Ich habe die Rechnung nicht bekommen, bitte um Hilfe"), reversed(RULES), NOW)
    assert routing.team_id == BILLING, "the last to set it, sets it"
    assert routing.tags == {"money", "day"}
    assert routing.skills_needed == {"steuer"}
    assert routing.assign == "by_team_mode"
    assert routing.priority == "normal"
    assert routing.fired == tuple(UUID(int=n) for n in (1, 2, 3, 6))


def test_a_rule_that_stops_ends_the_matter() -> None:
    routing = route(says("hello", working_hours=False), RULES, NOW)
    assert routing.fired == (UUID(int=1), UUID(int=4))
    assert (routing.team_id, routing.priority, routing.tags) == (TECH, "low", frozenset())
    assert [told.outcome for told in routing.trace] == [
        "fired", "did_not_match", "did_not_match", "fired", "inactive", "not_reached",
    ]  # fmt: skip


def test_without_rules_a_ticket_stays_as_it_is() -> None:
    ticket = says("hello", team_id=BILLING, priority="high", tags=frozenset({"x"}))
    routing = route(ticket, [], NOW)
    assert (routing.team_id, routing.priority, routing.tags) == (BILLING, "high", frozenset({"x"}))
    assert routing.fired == ()


def test_the_admin_reads_which_rule_fires_and_why() -> None:
    lines = try_out("I want my refund, please", RULES[:4], NOW, names=NAMES)
    assert lines == [
        "Language: English",
        "“Everything” fires",
        "  ✓ always",
        "  then: team Technics; assigned within the team",
        "“Money” fires",
        "  ✓ Text contains one of “refund”, “invoice”, “rechnung”",
        "  then: team Billing; tags money",
        "“German money” does not fire",
        "  ✗ all of these:",
        "    ✗ Language is German",
        "    ✓ Tags contains “money”",
        "“Night” does not fire",
        "  ✗ Within working hours is no",
        "Result: team Billing; priority Normal; tags money; assigned within the team",
    ]


def test_tags_are_folded() -> None:
    assert parse_actions({"add_tags": [" VIP "]}).add_tags == {"vip"}
    vip = parse({"field": "tags", "op": "contains", "value": "ViP"}, FIELDS)
    ticket = says("hello", tags=frozenset({"vip"}))
    tagged = rule("Vips", 0, priority="high")
    assert route(ticket, [replace(tagged, condition=vip)], NOW).priority == "high"


def test_priorities_are_those_of_tickets() -> None:
    assert list(PRIORITIES) == [priority.value for priority in Priority]


@given(
    st.builds(
        Actions,
        team_id=st.none() | st.uuids(),
        priority=st.none() | st.sampled_from(list(PRIORITIES)),
        add_tags=st.frozensets(st.sampled_from(["vip", "a b", "ä"])),
        category_id=st.none() | st.uuids(),
        assign=st.none() | st.just("by_team_mode") | st.uuids(),
        skills_needed=st.frozensets(st.sampled_from(["tax", "law"])),
    )
)
def test_actions_are_stored_and_read(then: Actions) -> None:
    assert parse_actions(actions_to_json(then)) == then


@pytest.mark.parametrize(
    ("json", "field"),
    [
        (None, None),
        ({"delete": True}, "delete"),
        ({"team": "billing"}, "team"),
        ({"team": 3}, "team"),
        ({"priority": "extreme"}, "priority"),
        ({"priority": ["high"]}, "priority"),
        ({"add_tags": "vip"}, "add_tags"),
        ({"add_tags": [" "]}, "add_tags"),
        ({"add_tags": ["x" * 41]}, "add_tags"),
        ({"add_tags": ["a\0"]}, "add_tags"),
        ({"skills": ["x"] * 21}, "skills"),
        ({"assign": "anybody"}, "assign"),
    ],
)
def test_wrong_actions_are_refused(json: object, field: str | None) -> None:
    with pytest.raises(Invalid) as caught:
        parse_actions(json)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("My printer is on fire and I can't print", "en"),
        ("hi, i cant log in to the app since yesterday", "en"),
        ("Please help!!", "en"),
        ("I’d like to know if it’s possible to get a refund", "en"),
        ("Mein Drucker brennt und ich kann nicht drucken", "de"),
        ("Hallo, ich kann mich seit gestern nicht anmelden", "de"),
        ("wo finde ich die rechnung", "de"),
        ("Könnten Sie bitte prüfen?", "de"),
        ("", None),
        ("error 404", None),
        ("404", None),
        ("Hilfe", None),
        ("KeyError: id, 0x80070005", None),
        ("Bonjour, je ne peux pas me connecter sur le site", None),
        ("Hola, no puedo entrar en mi cuenta, me da error", None),
        ("Ik kan niet inloggen met mijn wachtwoord, het is geblokkeerd", None),
        ("Jeg kan ikke logge ind, der er en fejl på siden", None),
        ("打印机坏了", None),
        ("the " * 10 + "und " * 10, None),
    ],
)
def test_the_language_is_guessed_or_left_open(text: str, language: str | None) -> None:
    assert guess_language(text) == language
