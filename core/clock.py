"""The one clock: aware UTC time, which a test may set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return _source()


@contextmanager
def fixed(source: Callable[[], datetime]) -> Iterator[None]:
    """Run a block on another clock: for tests and for worlds that lie in the past."""
    global _source
    before, _source = _source, source
    try:
        yield
    finally:
        _source = before


def _system() -> datetime:
    return datetime.now(UTC)


_source: Callable[[], datetime] = _system
