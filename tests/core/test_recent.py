"""What was made a moment ago is made once, and is not kept for long."""

from __future__ import annotations

import itertools

from core.recent import Recent


def test_the_same_source_is_made_once_and_anew_after_its_time() -> None:
    moment, made = [0.0], itertools.count()
    recent = Recent[int](10, 60, now=lambda: moment[0])
    assert [recent.get("a", lambda: next(made)) for _ in range(3)] == [0, 0, 0]
    moment[0] = 61
    assert recent.get("a", lambda: next(made)) == 1


def test_it_stays_small_and_forgets_what_is_old() -> None:
    moment = [0.0]
    recent = Recent[str](10, 60, now=lambda: moment[0])
    for number in range(100):
        recent.get(str(number), lambda: "x")
    assert len(recent) == 10
    moment[0] = 61
    recent.get("new", lambda: "x")
    assert len(recent) == 1
