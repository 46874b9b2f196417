"""Conditions over facts, in Python."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from core.conditions.fields import ORDER, Kind, Op
from core.conditions.model import All, Any, Condition, Name, Not, Test
from core.conditions.times import Moment


@dataclass(frozen=True)
class Trace:
    """Which parts of a condition held; the parts are in the order of the condition's own."""

    condition: Condition
    held: bool
    parts: tuple[Trace, ...] = ()


def matches(condition: Condition, facts: Mapping[str, object], now: datetime) -> bool:
    """Whether the condition holds for these facts at this moment.

    Raises ValueError when a name in the condition was never bound.
    """
    match condition:
        case All(parts):
            return all(matches(part, facts, now) for part in parts)
        case Any(parts):
            return any(matches(part, facts, now) for part in parts)
        case Not(part):
            return not matches(part, facts, now)
        case Test(field):
            return _holds(condition, facts.get(field.name), now)


def explain(condition: Condition, facts: Mapping[str, object], now: datetime) -> Trace:
    """As `matches`, but every part is looked at and told."""
    match condition:
        case All(parts):
            traces = tuple(explain(part, facts, now) for part in parts)
            return Trace(condition, all(trace.held for trace in traces), traces)
        case Any(parts):
            traces = tuple(explain(part, facts, now) for part in parts)
            return Trace(condition, any(trace.held for trace in traces), traces)
        case Not(part):
            inner = explain(part, facts, now)
            return Trace(condition, not inner.held, (inner,))
        case Test():
            return Trace(condition, matches(condition, facts, now))


def _holds(test: Test, fact: object, now: datetime) -> bool:
    require_bound(test)
    match test.op:
        case Op.is_not:
            return not _equals(test, fact)
        case Op.empty:
            return _is_empty(fact)
        case Op.not_empty:
            return not _is_empty(fact)
    if fact is None:
        return False
    match test.op:
        case Op.is_:
            return _equals(test, fact)
        case Op.in_:
            return _is_among(test, fact)
        case Op.contains | Op.starts_with:
            return _has(test, fact)
        case Op.before | Op.after:
            return _lies(test, fact, now)
        case _:
            return _compares(test, fact)


def require_bound(test: Test) -> None:
    """Raise ValueError when the test still holds a name."""
    values = test.value if isinstance(test.value, tuple) else (test.value,)
    for value in values:
        if isinstance(value, Name):
            raise ValueError(f"the name {value.text!r} in the condition was not bound")


def _is_empty(fact: object) -> bool:
    return fact is None or (isinstance(fact, str | Collection) and len(fact) == 0)


def _equals(test: Test, fact: object) -> bool:
    return fact is not None and _same(fact, test.value)


def _same(fact: object, value: object) -> bool:
    if isinstance(value, Decimal):
        return _compare(fact, value) == 0
    return fact == value


def _is_among(test: Test, fact: object) -> bool:
    values = test.value if isinstance(test.value, tuple) else ()
    if test.field.kind in (Kind.set, Kind.words):
        return isinstance(fact, Collection) and any(value in fact for value in values)
    return any(_same(fact, value) for value in values)


def _has(test: Test, fact: object) -> bool:
    if isinstance(fact, str):
        value = str(test.value)
        return fact.startswith(value) if test.op is Op.starts_with else value in fact
    if not isinstance(fact, Collection):
        return False
    if test.op is Op.starts_with:
        return any(str(word).startswith(str(test.value)) for word in fact)
    wanted = test.value if isinstance(test.value, tuple) else (test.value,)
    return all(value in fact for value in wanted)


def _lies(test: Test, fact: object, now: datetime) -> bool:
    if not isinstance(fact, datetime) or not isinstance(test.value, Moment):
        return False
    if test.op is Op.before:
        return fact < test.value.start(now)
    return fact >= test.value.end(now)


def _compares(test: Test, fact: object) -> bool:
    if test.field.kind is Kind.choice:
        return fact in choices_that_hold(test)
    if not isinstance(test.value, Decimal):
        return False
    return _ORDERS[test.op](_compare(fact, test.value))


def choices_that_hold(test: Test) -> tuple[str, ...]:
    """The values of an ordered choice field for which a comparison holds."""
    choices = list(test.field.choices or {})
    if test.op not in ORDER or test.value not in choices:
        return ()
    place = choices.index(str(test.value))
    holds = _ORDERS[test.op]
    return tuple(choice for n, choice in enumerate(choices) if holds(n - place))


def _compare(fact: object, value: Decimal) -> int:
    """-1, 0 or 1. A float is compared as float: its decimal form is not what anyone wrote."""
    if isinstance(fact, float):
        return (fact > float(value)) - (fact < float(value))
    if isinstance(fact, int | Decimal):
        return (fact > value) - (fact < value)
    raise TypeError(f"a number is expected, not {type(fact).__name__}")


_ORDERS: Mapping[Op, Callable[[int], bool]] = {
    Op.lt: lambda sign: sign < 0,
    Op.le: lambda sign: sign <= 0,
    Op.gt: lambda sign: sign > 0,
    Op.ge: lambda sign: sign >= 0,
}
