"""The one clock: aware UTC time, which a test may set.

Several processes, perhaps on several machines, write one desk, and its order and deadlines hang on their time. So
the clock of its database is the desk's clock: each process measures it when it opens the desk and every ten
seconds after (`core/pulse.py`), and counts on from there by a clock that nobody sets. Until then, and without a
database, it is the machine's own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

_BEGAN = datetime(1970, 1, 1, tzinfo=UTC)
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Goes on while a laptop sleeps, where there is such a clock."""
_to_ours: int | None = None
"""Nanoseconds from the steady clock to the desk's; None until it was measured."""


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return _source()


def of_this_machine() -> datetime:
    """What the machine's own clock says, right or wrong: for who compares them."""
    return datetime.now(UTC)


def seconds() -> float:
    """The present moment in seconds since 1970, for what counts in them."""
    return now().timestamp()


def nanoseconds() -> int:
    """The present moment since 1970, whatever a test has set."""
    return time.time_ns() if _to_ours is None else ticks() + _to_ours


def ticks() -> int:
    """Nanoseconds of a clock that only goes on: for both ends of a measurement."""
    return time.clock_gettime_ns(_STEADY)


def measured(theirs: datetime, before: int, after: int) -> None:
    """The database's clock read `theirs` at some moment between these ticks. What agrees with that is left
    as it is: a slow answer moves nothing."""
    global _to_ours
    at = (theirs - _BEGAN) // timedelta(microseconds=1) * 1_000
    known = time.time_ns() - ticks() if _to_ours is None else _to_ours
    _to_ours = min(max(known, at - after), at - before)


@contextmanager
def fixed(source: Callable[[], datetime]) -> Iterator[None]:
    """Run a block on another clock: for tests and for worlds that lie in the past."""
    global _source
    before, _source = _source, source
    try:
        yield
    finally:
        _source = before


def _present() -> datetime:
    return _BEGAN + timedelta(microseconds=nanoseconds() // 1_000)


_source: Callable[[], datetime] = _present
