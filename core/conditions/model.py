"""What a parsed condition is: a small tree of values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from core.conditions.fields import Field, Op
from core.conditions.times import Moment


@dataclass(frozen=True)
class Name:
    """A word that stands for ids until it is bound, such as `me`."""

    text: str


Scalar = str | bool | Decimal | UUID | Name
Value = Scalar | Moment | tuple[Scalar, ...] | None
"""None for operators that take no value; a tuple for `in`, and for `contains` of words."""


@dataclass(frozen=True)
class Test:
    """One field, one operator, one value."""

    __test__ = False  # the name would make pytest collect it

    field: Field
    op: Op
    value: Value = None


@dataclass(frozen=True)
class All:
    """Holds when every part holds; without parts it always holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Any:
    """Holds when one part holds; without parts it never does."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Not:
    """Holds exactly when its part does not."""

    part: Condition


Condition = All | Any | Not | Test


def always() -> Condition:
    """The condition that holds for everything."""
    return All(())


def bind(condition: Condition, names: Mapping[str, Collection[UUID]]) -> Condition:
    """The condition with its names replaced by the ids they stand for; no id at all equals nothing.

    Raises KeyError for a name without a meaning here.
    """
    match condition:
        case All(parts):
            return All(tuple(bind(part, names) for part in parts))
        case Any(parts):
            return Any(tuple(bind(part, names) for part in parts))
        case Not(part):
            return Not(bind(part, names))
        case Test():
            return _bind_test(condition, names)


def _bind_test(test: Test, names: Mapping[str, Collection[UUID]]) -> Condition:
    values = test.value if isinstance(test.value, tuple) else (test.value,)
    if not any(isinstance(value, Name) for value in values):
        return test
    ids: list[Scalar] = []
    for value in values:
        if isinstance(value, Name):
            ids += names[value.text]
        elif isinstance(value, UUID):
            ids.append(value)
    bound = replace(test, op=Op.in_, value=tuple(ids))
    return Not(bound) if test.op is Op.is_not else bound
