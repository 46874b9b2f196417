"""Times of several processes, added up: never told too fast, and forgotten after five minutes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core import pace
from core.pace import GROWTH, SHORTEST, WITHIN, Pace, times
from core.seldom import Seldom

SECONDS = st.floats(min_value=0, max_value=500, allow_nan=False)


@given(st.lists(SECONDS, min_size=1, max_size=80), st.integers(min_value=1, max_value=4))
def test_a_percentile_is_a_quarter_too_slow_at_most(seen: list[float], parts: int) -> None:
    processes = [Pace() for _n in range(parts)]
    for place, seconds in enumerate(seen):
        processes[place % parts].note("x", seconds, at=1.0)
    found = times(one.steps(at=1.0).get("x", {}) for one in processes)
    assert found is not None
    assert found.count == len(seen)
    true = sorted(seen)[-(-len(seen) * 95 // 100) - 1]
    assert true <= found.p95 * 1.0000001
    assert found.p95 <= max(SHORTEST, true * GROWTH) * 1.0000001


def test_what_is_longer_ago_is_forgotten() -> None:
    here = Pace()
    here.note("x", 0.1, at=0.0)
    here.count("error", at=0.0)
    here.note("x", 0.1, at=WITHIN)
    assert sum(here.steps(at=WITHIN)["x"].values()) == 2
    assert sum(here.steps(at=WITHIN + 1)["x"].values()) == 1
    assert here.counts(at=WITHIN + 1) == {}
    assert times([]) is None


def test_names_without_end_are_not_kept() -> None:
    here = Pace()
    for number in range(1_000):
        here.note(str(number), 0.1, at=0.0)
        here.count(str(number), at=0.0)
    assert len(here.steps(at=0.0)) == len(here.counts(at=0.0)) == pace.MOST_NAMES


def test_a_line_that_hundreds_cause_is_written_now_and_then() -> None:
    now = 100.0
    seldom = Seldom(5.0, now=lambda: now)
    assert [seldom.due() for _refused in range(300)] == [1] + [0] * 299
    now += 5.0
    assert seldom.due() == 300
    assert seldom.due() == 0
