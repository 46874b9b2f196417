"""Who gets a ticket: never who cannot take it, and always for the reason the team has set."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.tickets.assignment import AgentLoad, choose

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ANN, BOB, CYD = (UUID(int=n) for n in (1, 2, 3))


def agent(id: UUID, open_tickets: int = 0, capacity: int = 5, **more: object) -> AgentLoad:
    facts = {"availability": "available"} | more
    return AgentLoad(id=id, open_tickets=open_tickets, capacity=capacity, **facts)  # type: ignore[arg-type]


def test_by_hand_nobody_is_chosen() -> None:
    assert choose([agent(ANN)], "manual").agent_id is None


def test_nobody_in_an_empty_team() -> None:
    assert choose([], "least_open").agent_id is None


def test_who_cannot_take_it_is_passed_over_with_a_reason() -> None:
    team = [
        agent(ANN, availability="away"),
        agent(BOB, 5),
        agent(CYD, skills={"tax"}),
    ]
    choice = choose(team, "least_open", {"tax", "law"})
    assert choice.agent_id is None
    assert choice.why == "Nobody in the team can take it now."
    assert choice.passed_over == {
        ANN: "is away",
        BOB: "has no room left: 5 of 5",
        CYD: "lacks the skill law",
    }


def test_among_equals_the_one_who_waited_longest() -> None:
    team = [
        agent(ANN, 1, last_assigned_at=NOON),
        agent(BOB, 1, last_assigned_at=NOON - timedelta(hours=1)),
        agent(CYD, 2),
    ]
    assert choose(team, "least_open").agent_id == BOB
    assert choose(team, "round_robin").agent_id == CYD


def test_by_expertise_the_language_comes_first_then_the_room() -> None:
    team = [
        agent(ANN, 0, skills={"tax"}, languages={"en"}),
        agent(BOB, 3, skills={"tax"}, languages={"de"}),
        agent(CYD, 3, capacity=10, skills={"tax"}, languages={"de"}),
    ]
    assert choose(team, "skill", {"tax"}, "de").agent_id == CYD
    assert choose(team, "skill", {"tax"}, "fr").agent_id == ANN
    assert choose(team, "skill", {"tax"}, "de").why.startswith("Has the skills, speaks the language")


AGENTS = st.builds(
    AgentLoad,
    id=st.uuids(),
    open_tickets=st.integers(0, 6),
    capacity=st.integers(0, 6),
    availability=st.sampled_from(["available", "away", "offline"]),
    skills=st.frozensets(st.sampled_from(["tax", "law"])),
    languages=st.frozensets(st.sampled_from(["en", "de"])),
    last_assigned_at=st.none() | st.datetimes(timezones=st.just(UTC)),
)
TEAMS = st.lists(AGENTS, max_size=8, unique_by=lambda each: each.id)
MODES = st.sampled_from(["least_open", "round_robin", "skill"])
NEEDS = st.frozensets(st.sampled_from(["tax", "law"]), max_size=1)
LANGUAGES = st.sampled_from([None, "en", "de"])


@given(TEAMS, MODES, NEEDS, LANGUAGES, st.randoms())
def test_never_who_cannot_take_it(team, mode, needs, language, dice) -> None:  # type: ignore[no-untyped-def]
    choice = choose(team, mode, needs, language)
    able = {
        each.id
        for each in team
        if each.availability == "available" and each.open_tickets < each.capacity and needs <= each.skills
    }
    assert (choice.agent_id in able) if able else (choice.agent_id is None)
    assert set(choice.passed_over) == {each.id for each in team} - able
    dice.shuffle(team)
    assert choose(team, mode, needs, language).agent_id == choice.agent_id, "the order of the list is nothing"


@given(TEAMS)
def test_least_open_is_the_least_of_those_who_can(team: list[AgentLoad]) -> None:
    chosen = choose(team, "least_open").agent_id
    able = [each for each in team if each.availability == "available" and each.open_tickets < each.capacity]
    by_id = {each.id: each for each in team}
    if chosen:
        assert by_id[chosen].open_tickets == min(each.open_tickets for each in able)


@pytest.mark.parametrize("mode", ["round_robin", "least_open"])
@given(st.integers(1, 6), st.integers(1, 30))
def test_over_many_tickets_everyone_gets_as_many(mode: str, size: int, picks: int) -> None:
    team = {UUID(int=n): agent(UUID(int=n), capacity=100) for n in range(size)}
    got: Counter[UUID] = Counter(dict.fromkeys(team, 0))
    for n in range(picks):
        chosen = choose(list(team.values()), mode).agent_id
        assert chosen
        got[chosen] += 1
        before = team[chosen]
        team[chosen] = replace(
            before, open_tickets=before.open_tickets + 1, last_assigned_at=NOON + timedelta(minutes=n)
        )
    assert max(got.values()) - min(got.values()) <= 1
