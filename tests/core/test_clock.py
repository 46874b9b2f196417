"""The desk's clock is its database's, counted on by one that nobody sets; ids rise with it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from core import clock
from core import ids as core_ids
from core.ids import new_id

SECOND = 10**9
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a process that has not reached its database yet; what is measured here ends with the test."""
    monkeypatch.setattr(clock, "_to_ours", None)
    monkeypatch.setattr(core_ids, "_newest", 0)
    return


def _off(from_: timedelta = timedelta()) -> float:
    return abs((clock.now() - datetime.now(UTC) - from_).total_seconds())


def test_before_it_was_measured_it_is_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _off() < 0.5
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + 3600 * SECOND)
    assert _off(HOUR) < 0.5


def test_a_machine_whose_clock_is_set_goes_on_by_the_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    at = clock.ticks()
    clock.measured(datetime.now(UTC), at - SECOND // 100, at + SECOND // 100)
    real = time.time_ns
    for wrong in (-3600, 3600):
        monkeypatch.setattr(time, "time_ns", lambda by=wrong: real() + by * SECOND)
        assert _off() < 0.5


def test_the_databases_time_counts_where_the_two_are_apart() -> None:
    at = clock.ticks()
    clock.measured(datetime.now(UTC) - HOUR, at - SECOND // 100, at + SECOND // 100)
    assert _off(-HOUR) < 0.5


def test_a_slow_answer_moves_nothing() -> None:
    at = clock.ticks()
    clock.measured(datetime.now(UTC), at, at)
    before = clock.nanoseconds() - clock.ticks()
    at = clock.ticks()
    clock.measured(datetime.now(UTC) + timedelta(seconds=3), at - 5 * SECOND, at + 5 * SECOND)
    assert abs(clock.nanoseconds() - clock.ticks() - before) < SECOND // 1000


def test_ids_rise_also_when_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    at = clock.ticks()
    clock.measured(datetime.now(UTC), at, at)
    ids = [new_id() for _ in range(5_000)]
    clock.measured(datetime.now(UTC) - HOUR, clock.ticks(), clock.ticks())
    ids += [new_id() for _ in range(5_000)]
    assert ids == sorted(set(ids))
    assert {(one.version, one.variant) for one in ids} == {(7, "specified in RFC 4122")}


def test_an_id_tells_when_it_was_made() -> None:
    at = clock.ticks()
    clock.measured(datetime.now(UTC) + HOUR, at, at)
    made = datetime.fromtimestamp((new_id().int >> 80) / 1000, UTC)
    assert abs((made - datetime.now(UTC) - HOUR).total_seconds()) < 1
