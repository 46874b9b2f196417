"""Conditions as PostgreSQL expressions, in agreement with `matching`.

Negation is pushed down to the single tests, so that what is asked for positively stays a plain
`column = value`, which an index can serve.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import cast

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    DateTime,
    Numeric,
    SQLColumnExpression,
    Text,
    and_,
    exists,
    false,
    func,
    literal,
    or_,
    true,
)

from core.conditions.fields import ORDER, Kind, Op
from core.conditions.matching import choices_that_hold, require_bound
from core.conditions.model import All, Any, Condition, Not, Test
from core.conditions.times import Moment

Column = SQLColumnExpression[typing.Any] | Callable[[Test, datetime], ColumnElement[bool]]
"""A column of the field's kind, or a function that builds the expression itself (a subquery,
hashed words, a number for a choice). The function gets positive operators only: never `is_not`
and `not_empty`, which are made from `is` and `empty`. Null counts as false."""


def to_sql(condition: Condition, columns: Mapping[str, Column], now: datetime) -> ColumnElement[bool]:
    """The condition for a WHERE clause: it may be null where it does not hold.

    So never negate the result; negate the condition. Raises KeyError for a field without a
    column, ValueError for a name that was never bound.
    """
    return _compile(condition, columns, now, wanted=True)


def through(column: SQLColumnExpression[typing.Any], values: Mapping[str, object]) -> Column:
    """A column, or array, that keeps something else than the words of a choice or set: a rank, a
    number, an id. `values` says what stands for which word; a word it does not know matches nothing.
    """

    def build(test: Test, now: datetime) -> ColumnElement[bool]:
        if test.op is Op.empty:
            return _is_empty(test, column)
        words = _words_wanted(test)
        known = [values[word] for word in words if word in values]
        if test.field.kind is not Kind.set:
            return column.in_(known)
        if test.op is Op.contains and len(known) < len(words):
            return false()
        return column.bool_op("&&" if test.op is Op.in_ else "@>")(_array(known, column, ARRAY(BigInteger)))

    return build


def _words_wanted(test: Test) -> list[str]:
    if test.op in ORDER:
        return list(choices_that_hold(test))
    return [str(value) for value in (test.value if isinstance(test.value, tuple) else (test.value,))]


def _compile(
    condition: Condition, columns: Mapping[str, Column], now: datetime, *, wanted: bool
) -> ColumnElement[bool]:
    match condition:
        case All(parts) | Any(parts):
            compiled = [_compile(part, columns, now, wanted=wanted) for part in parts]
            if isinstance(condition, All) is wanted:
                return and_(true(), *compiled)
            return or_(false(), *compiled)
        case Not(part):
            return _compile(part, columns, now, wanted=not wanted)
        case Test():
            return _test(condition, columns[condition.field.name], now, wanted=wanted)


def _test(test: Test, column: Column, now: datetime, *, wanted: bool) -> ColumnElement[bool]:
    require_bound(test)
    if test.op in _OPPOSITES:
        return _test(replace(test, op=_OPPOSITES[test.op]), column, now, wanted=not wanted)
    holds = column(test, now) if callable(column) else _positive(test, column, now)
    return holds if wanted else cast(ColumnElement[bool], holds.is_not(true()))


_OPPOSITES = {Op.is_not: Op.is_, Op.not_empty: Op.empty}


def _positive(test: Test, column: SQLColumnExpression[typing.Any], now: datetime) -> ColumnElement[bool]:
    match test.op:
        case Op.empty:
            return _is_empty(test, column)
        case Op.before:
            return column < _time(cast(Moment, test.value).start(now))
        case Op.after:
            return column >= _time(cast(Moment, test.value).end(now))
    if test.field.kind in (Kind.set, Kind.words):
        return _of_array(test, column)
    match test.op:
        case Op.is_:
            return column == _bound(test.value)
        case Op.in_:
            return column.in_([_bound(value) for value in cast(tuple[object, ...], test.value)])
        case Op.contains:
            return column.contains(str(test.value), autoescape=True)
        case Op.starts_with:
            return column.startswith(str(test.value), autoescape=True)
        case _:
            return _compares(test, column)


def _is_empty(test: Test, column: SQLColumnExpression[typing.Any]) -> ColumnElement[bool]:
    if test.field.kind in (Kind.set, Kind.words):
        return func.coalesce(func.cardinality(column), 0) == 0
    if test.field.kind is Kind.text:
        return or_(column.is_(None), column == "")
    return column.is_(None)


def _of_array(test: Test, column: SQLColumnExpression[typing.Any]) -> ColumnElement[bool]:
    if test.op is Op.starts_with:
        element = func.unnest(column).column_valued("element")
        return exists().where(func.starts_with(element, literal(test.value, Text)))
    values = list(test.value) if isinstance(test.value, tuple) else [test.value]
    return column.bool_op("&&" if test.op is Op.in_ else "@>")(_array(values, column, ARRAY(Text)))


def _array(
    values: list[typing.Any], column: SQLColumnExpression[typing.Any], otherwise: ARRAY[typing.Any]
) -> ColumnElement[typing.Any]:
    # varchar[] and text[] cannot be compared: the value takes the column's own type.
    own = getattr(column, "type", None)
    return literal(values, own if isinstance(own, ARRAY) else otherwise)


def _compares(test: Test, column: SQLColumnExpression[typing.Any]) -> ColumnElement[bool]:
    if test.field.kind is Kind.choice:
        return column.in_(choices_that_hold(test))
    value = _bound(test.value)
    match test.op:
        case Op.lt:
            return column < value
        case Op.le:
            return column <= value
        case Op.gt:
            return column > value
        case _:
            return column >= value


def _bound(value: object) -> object:
    """Numbers get a type of their own: an integer column would refuse 1.5 as its own type."""
    if not isinstance(value, Decimal):
        return value
    if value == value.to_integral_value():
        return literal(int(value), BigInteger)
    return literal(value, Numeric)


def _time(at: datetime) -> ColumnElement[datetime]:
    return literal(at, DateTime(timezone=True))
