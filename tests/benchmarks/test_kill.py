"""The kill benchmark in short, and that it would see what it looks for."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from benchmarks.kill.__main__ import FIGURES, SIDES, measure, summed
from benchmarks.kill.judge import CLAIMED, judge
from benchmarks.kill.script import plan
from benchmarks.kill.side import Line
from benchmarks.kill.words import CLAIM, NOTE, REPLY, SAID, Ledger

RUNS = 2


@pytest.fixture(scope="module")
async def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """All platforms side by side, as the benchmark does it."""
    kept = tmp_path_factory.mktemp("kill") / "figures.jsonl"
    found = await measure(RUNS, 1, list(SIDES), append=kept)
    lines = [json.loads(line) for line in kept.read_text().splitlines()]
    assert sorted(lines, key=str) == sorted(found, key=str)
    return {one["platform"]: one for one in found}


@pytest.mark.parametrize("platform", SIDES)
async def test_what_was_accepted_goes_on_after_a_kill(
    figures: dict[str, dict[str, Any]], platform: str
) -> None:
    """Nothing is parked, and no note reaches a requester, whenever the program was killed. What a
    platform does not tell after a pause (docs/delivery.md, the adapters' pages) is counted by the
    benchmark, and not asserted here."""
    one = figures[platform]
    assert one["kills"] == RUNS
    assert one["messages"] > RUNS
    assert one["rows"]["parked"] == 0
    assert one["leaked"] == 0


async def test_nothing_is_lost_where_the_platform_repeats_and_keeps_its_history(
    figures: dict[str, dict[str, Any]],
) -> None:
    assert figures["slack"]["lost"] == 0, figures["slack"]


def test_figures_of_several_batches_are_added() -> None:
    one = {"platform": "slack", **dict.fromkeys(FIGURES, 2)}
    assert summed([one, one], ["slack"]) == {"slack": dict.fromkeys(FIGURES, 4)}


def test_a_seed_gives_the_same_script() -> None:
    assert plan(random.Random(4), 7) == plan(random.Random(4), 7) != plan(random.Random(5), 7)


class Shown:
    """A platform on which stands what a test says."""

    name = "paper"

    def __init__(self) -> None:
        self.room: list[Line] = []
        self.direct: list[Line] = []

    async def threads(self) -> dict[str, list[Line]]:
        return {"1": self.room}

    async def chat(self, who: str) -> list[Line]:
        return self.direct


@pytest.fixture
def ledger() -> Ledger:
    made = Ledger(random.Random(1))
    for _number in range(3):
        made.new(SAID, "ada", 1)
    return made


async def seen(
    ledger: Ledger, *room: str, direct: tuple[str, ...] = (), head: str = "With: nobody yet"
) -> list[tuple[str, int]]:
    shown: Any = Shown()
    lines = [Line(str(number), text, True) for number, text in enumerate(room)]
    shown.room = [Line("head", head, True, head=True), *lines]
    shown.direct = [Line(str(number), text, True) for number, text in enumerate(direct)]
    return sorted((one.kind, one.count) for one in (await judge(shown, ledger, ["ada"])).findings)


async def test_all_is_well(ledger: Ledger) -> None:
    assert await seen(ledger, *(word.text for word in ledger.words)) == []


async def test_what_is_missing_twice_or_elsewhere_is_counted(ledger: Ledger) -> None:
    one, two, three = (word.text for word in ledger.words)
    assert await seen(ledger, one, two) == [("lost", 1)]
    assert await seen(ledger, one, two, two, two, three) == [("doubled", 2)]
    assert await seen(ledger, three, one, two) == [("reordered", 1)]


async def test_edits_and_deletions_have_to_follow(ledger: Ledger) -> None:
    texts = [word.text for word in ledger.words]
    ledger.words[0].version = 2
    ledger.words[2].gone = True
    assert await seen(ledger, *texts) == [("stale", 1), ("undead", 1)]


async def test_a_note_before_a_requester_is_a_leak(ledger: Ledger) -> None:
    texts = [word.text for word in ledger.words]
    note, reply = ledger.new(NOTE, "ada", 1), ledger.new(REPLY, "ada", 1)
    assert await seen(ledger, *texts, direct=(note.text, reply.text)) == [("leaked", 1)]
    assert await seen(ledger, *texts) == [("lost", 1)]


async def test_a_claim_is_told_once(ledger: Ledger) -> None:
    texts = [word.text for word in ledger.words]
    ledger.new(CLAIM, "ada", 1)
    assert await seen(ledger, *texts, f"Ben {CLAIMED}") == []
    assert await seen(ledger, *texts, f"Ben {CLAIMED}", f"Ben {CLAIMED}") == [("doubled", 1)]
    assert await seen(ledger, *texts) == [("lost", 1)]
    assert await seen(ledger, *texts, head="With: Ben") == []  # Begun after it.
