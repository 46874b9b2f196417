"""One trace through all parts of a desk: from what came in to each call to a platform.

Off until a tracer is set, and then it costs a look at one name. What travels with events and deliveries is
W3C's `traceparent`: random numbers that say nothing of anybody. Facts are names of ours, never ids, never
what people wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Literal, Protocol

Fact = str | int | float | bool
Kind = Literal["server", "consumer", "client", "internal"]
FACTS = frozenset({"attempt", "card", "event", "job", "method", "platform", "route", "status", "what"})
"""What may be told of a step. Everything else is left out, whoever adds it."""


class Span(Protocol):
    """One step that takes its time."""

    def rename(self, name: str) -> None: ...

    def note(self, **facts: Fact) -> None: ...

    def failed(self, error: str) -> None:
        """By a type's name or a code."""
        ...

    def end(self) -> None:
        """Over already, although its block goes on; the end of the block is none then."""
        ...


class Tracer(Protocol):
    """Whoever takes down what takes how long."""

    def span(
        self, name: str, kind: Kind, parent: str | None, facts: Mapping[str, Fact]
    ) -> AbstractContextManager[Span]: ...

    def current(self) -> str | None: ...


class _Nothing:
    """The step of a desk that is not traced."""

    def __enter__(self) -> _Nothing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def rename(self, name: str) -> None:
        return None

    def note(self, **facts: Fact) -> None:
        return None

    def failed(self, error: str) -> None:
        return None

    def end(self) -> None:
        return None


NOTHING = _Nothing()
_tracer: Tracer | None = None


def use(tracer: Tracer | None) -> None:
    """From now on, in this process; None ends it."""
    global _tracer
    _tracer = tracer


def span(
    name: str, *, kind: Kind = "internal", parent: str | None = None, **facts: Fact
) -> AbstractContextManager[Span]:
    """A step. `parent` is the step of another process, or of an earlier time; without, it belongs to the
    step that is under way here."""
    if _tracer is None:
        return NOTHING
    return _tracer.span(name, kind, parent, facts)


def follow(
    name: str, *, parent: str | None, kind: Kind = "internal", **facts: Fact
) -> AbstractContextManager[Span]:
    """A step of what was traced; none where that was not."""
    if _tracer is None or not parent:
        return NOTHING
    return _tracer.span(name, kind, parent, facts)


def current() -> str | None:
    """The step that is under way, as a `traceparent` for whoever goes on with it."""
    return None if _tracer is None else _tracer.current()
