"""The demo's texts keep their promises: enough of them, in both languages, none twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from rapidfuzz import fuzz

from bot.demo.texts import (
    SLOTS,
    Dialogue,
    Outcome,
    Requester,
    Staff,
    Topic,
    Turn,
    check,
    check_people,
    dialogues,
    fill,
    people,
    profile_notes,
    slot_values,
    slots_of,
)
from core.errors import Invalid


def test_there_are_enough_of_three_to_twelve_turns() -> None:
    assert len(dialogues()) >= 156
    lengths = Counter(len(one.turns) for one in dialogues())
    assert set(lengths) <= set(range(3, 13))
    assert sum(count for turns, count in lengths.items() if turns >= 7) >= 25


def test_every_topic_comes_in_both_languages() -> None:
    seen = Counter((one.topic, one.language) for one in dialogues())
    assert len(get_args(Topic)) == 12
    assert min(seen[topic, "en"] for topic in get_args(Topic)) >= 8
    assert min(seen[topic, "de"] for topic in get_args(Topic)) >= 5
    german = sum(one.language == "de" for one in dialogues()) / len(dialogues())
    assert 0.35 <= german <= 0.45


@pytest.mark.parametrize(
    ("least", "wanted"),
    [
        (8, lambda one: one.outcome == "merged"),
        (15, lambda one: one.rating in {1, 2}),
        (15, lambda one: one.rating in {1, 2} and one.rating_comment),
        (30, lambda one: one.rating in {4, 5}),
        (30, lambda one: any(turn.files for turn in one.turns)),
        (20, lambda one: any(turn.by in {"note", "note2"} for turn in one.turns)),
        (10, lambda one: one.reopened),
        (10, lambda one: one.escalated),
        (3, lambda one: one.final_team != one.team),
        (8, lambda one: one.outcome == "waiting"),
        (6, lambda one: one.outcome == "open"),
        (6, lambda one: any("```" in text for text in one.texts)),
    ],
    ids=[
        "merges", "bad ratings", "bad ratings with comment", "good ratings", "files", "notes",
        "reopened", "escalations", "hand-overs", "waiting", "unanswered", "code",
    ],
)  # fmt: skip
def test_what_happens_at_a_desk_happens_here(least: int, wanted: Callable[[Dialogue], object]) -> None:
    assert sum(bool(wanted(one)) for one in dialogues()) >= least


def test_each_team_channel_and_outcome_occurs() -> None:
    assert {one.team for one in dialogues()} == {"care", "workshop", "billing"}
    assert {one.channel for one in dialogues()} == {"webchat", "slack", "discord", "telegram"}
    assert {one.outcome for one in dialogues()} == set(get_args(Outcome))


def test_no_two_turns_are_nearly_the_same() -> None:
    texts = [turn.text for one in dialogues() for turn in one.turns if len(turn.text) >= 30]
    alike = [pair for pair in combinations(texts, 2) if fuzz.ratio(*pair, score_cutoff=75)]
    assert not alike


def test_agents_write_without_the_slips_of_the_hurried() -> None:
    slips = (" dont ", " cant ", " i ", " pls ", " thx ", "!!!", "??")
    wrong = [
        (one.id, turn.text)
        for one in dialogues()
        for turn in one.turns
        if turn.by in {"agent", "agent2"} and any(slip in f" {turn.text} " for slip in slips)
    ]
    assert not wrong


def test_all_slots_are_known_and_can_be_filled() -> None:
    values = dict.fromkeys(SLOTS, "x")
    for one in dialogues():
        for text in one.texts:
            assert slots_of(text) <= SLOTS
            assert "{" not in fill(text, values)
    assert {slot for one in dialogues() for text in one.texts for slot in slots_of(text)} == SLOTS


def test_a_slot_without_a_value_is_named() -> None:
    with pytest.raises(Invalid, match=r"\{bike\}"):
        fill("my {bike}", {})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda one: replace(one, id="battery-01"), "id is not"),
        (lambda one: replace(one, turns=one.turns[:2]), "2 turns"),
        (lambda one: replace(one, rating_comment="About {colour}"), "unknown slots"),
        (lambda one: replace(one, rating_comment="Half a {brace"), "brace"),
        (lambda one: replace(one, amount=(9, 1)), "no range"),
        (lambda one: replace(one, solution=None), "its solution is None"),
        (lambda one: replace(one, outcome="merged"), "merged into"),
        (lambda one: replace(one, outcome="open"), "was answered"),
        (lambda one: replace(one, turns=(*one.turns[:-1], replace(one.turns[-1], then=None))), "last step"),
        (lambda one: replace(one, turns=(Turn("agent", "Hello?", 0), *one.turns)), "does not open"),
    ],
)
def test_a_broken_dialogue_is_refused_with_its_id(change: Callable[[Dialogue], Dialogue], words: str) -> None:
    good = next(one for one in dialogues() if one.id == "battery-en-01")
    with pytest.raises(Invalid, match=words) as refused:
        check([change(good)])
    assert "battery-" in refused.value.words


def test_a_text_that_stands_twice_is_refused() -> None:
    good = next(one for one in dialogues() if one.id == "battery-en-01")
    with pytest.raises(Invalid, match="the same turn as in battery-en-01"):
        check([good, replace(good, id="battery-en-99", subject="x", rating_comment=None, solution="y")])


def test_the_people_of_the_demo() -> None:
    found = people()
    assert (len(found.requesters), len(found.agents), len(found.organisations)) == (60, 6, 4)
    reserved = ("example.com", "example.org", "example.net")
    everyone: list[Requester | Staff] = [*found.requesters, *found.agents, found.lead, found.admin]
    for one in everyone:
        domain = one.email.rpartition("@")[2]
        assert one.email.isascii()
        assert domain in reserved or domain.endswith(tuple(f".{end}" for end in reserved))
        ZoneInfo(one.time_zone)
    german = sum(one.language == "de" for one in found.requesters)
    assert 20 <= german <= 28
    members = Counter(one.organisation for one in found.requesters)
    assert min(members[one.name] for one in found.organisations) >= 2


def test_each_team_has_agents_for_each_of_its_topics_and_languages() -> None:
    found = people()
    for one in dialogues():
        assert any(
            one.final_team in agent.teams and one.language in agent.languages
            for agent in (*found.agents, found.lead)
        )


def test_an_address_that_stands_twice_is_refused() -> None:
    found = people()
    twin = replace(found.requesters[0], name="Somebody Else")
    with pytest.raises(Invalid, match="the same address"):
        check_people(replace(found, requesters=(*found.requesters, twin)))


def test_slot_values_and_profile_notes() -> None:
    assert len(slot_values().bike) >= 5
    assert min(len(slot_values().city[language]) for language in ("en", "de")) >= 10
    assert len({one.text for one in profile_notes()}) == len(profile_notes()) == 40
