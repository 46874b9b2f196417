"""From JSON to a condition and back; what is wrong is said in words, with the path to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from uuid import UUID

from core.conditions.fields import MAX_VALUES, NO_VALUE, Field, Fields, Kind, Op, operators
from core.conditions.folding import fold, words_of
from core.conditions.model import All, Any, Condition, Name, Not, Scalar, Test, Value
from core.conditions.times import Moment, parse_moment
from core.errors import Invalid
from core.i18n import _

MAX_DEPTH = 8
"""How many conditions may lie inside each other."""
MAX_NODES = 200
"""How many conditions and list values there may be in all."""
MAX_TEXT = 200
"""How many characters one value may have."""
MAX_NUMBER = 10**15
"""Beyond it a float column no longer tells neighbours apart."""


def parse(json: object, fields: Fields) -> Condition:
    """The condition that decoded JSON says. Raises Invalid, with the path as `field`."""
    return _Parser(fields).condition(json, path="", depth=1)


def to_json(condition: Condition) -> dict[str, object]:
    """The JSON form of a condition; parsing it gives the same condition."""
    match condition:
        case All(parts):
            return {"all": [to_json(part) for part in parts]}
        case Any(parts):
            return {"any": [to_json(part) for part in parts]}
        case Not(part):
            return {"not": to_json(part)}
        case Test(field, op, value):
            plain: dict[str, object] = {"field": field.name, "op": op.value}
            return (
                plain if op in NO_VALUE else plain | {"value": _value_to_json(test_words(condition, value))}
            )


def test_words(test: Test, value: Value) -> Value:
    """Words are stored one by one but written as one text."""
    if test.field.kind is Kind.words and test.op is Op.contains and isinstance(value, tuple):
        return " ".join(str(word) for word in value)
    return value


def _value_to_json(value: Value) -> object:
    match value:
        case tuple():
            return [_value_to_json(each) for each in value]
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case Moment(text) | Name(text):
            return text
        case UUID():
            return str(value)
        case _:
            return value


class _Parser:
    """Carries the fields and the number of nodes seen so far through one tree."""

    def __init__(self, fields: Fields) -> None:
        self.fields = fields
        self.nodes = 0

    def condition(self, json: object, path: str, depth: int) -> Condition:
        if depth > MAX_DEPTH:
            raise _wrong(
                path, _("conditions may lie at most {most} deep in each other").format(most=MAX_DEPTH)
            )
        self._count(path, 1)
        if not isinstance(json, Mapping):
            raise _wrong(path, _("a condition is expected here"))
        keys = set(json)
        if keys == {"all"}:
            return All(self._parts(json["all"], f"{path}/all", depth))
        if keys == {"any"}:
            parts = self._parts(json["any"], f"{path}/any", depth)
            if not parts:
                raise _wrong(f"{path}/any", _("“any” needs at least one condition"))
            return Any(parts)
        if keys == {"not"}:
            return Not(self.condition(json["not"], f"{path}/not", depth + 1))
        if "field" in keys:
            return self._test(json, path)
        raise _wrong(path, _("a condition has exactly one of “all”, “any”, “not” and “field”"))

    def _parts(self, json: object, path: str, depth: int) -> tuple[Condition, ...]:
        if not isinstance(json, list):
            raise _wrong(path, _("a list of conditions is expected here"))
        return tuple(self.condition(part, f"{path}/{n}", depth + 1) for n, part in enumerate(json))

    def _test(self, json: Mapping[object, object], path: str) -> Test:
        field = self._field(json.get("field"), f"{path}/field")
        op = _operator(json.get("op"), field, f"{path}/op")
        if strange := set(json) - {"field", "op", "value"}:
            raise _wrong(path, _("“{key}” is not known here").format(key=_short(min(map(str, strange)))))
        if op in NO_VALUE:
            if json.get("value") is not None:
                raise _wrong(f"{path}/value", _("“{op}” takes no value").format(op=op.value))
            return Test(field, op)
        return Test(field, op, self._value(json.get("value"), field, op, f"{path}/value"))

    def _field(self, name: object, path: str) -> Field:
        if isinstance(name, str) and name in self.fields:
            return self.fields[name]
        raise _wrong(
            path,
            _("there is no field “{name}”; there are {names}").format(
                name=_short(name), names=", ".join(self.fields)
            ),
        )

    def _value(self, json: object, field: Field, op: Op, path: str) -> Value:
        if op is Op.in_:
            return self._list(json, field, path)
        if field.kind is Kind.words and op is Op.contains:
            words = dict.fromkeys(words_of(_text(json, path)))
            if not words:
                raise _wrong(path, _("at least one word is expected here"))
            self._count(path, len(words))
            return tuple(words)
        if field.kind is Kind.time:
            return _moment(json, path)
        return _scalar(json, field, path)

    def _list(self, json: object, field: Field, path: str) -> tuple[Scalar, ...]:
        if not isinstance(json, list) or not json:
            raise _wrong(path, _("a list with at least one value is expected here"))
        if len(json) > MAX_VALUES:
            raise _wrong(path, _("a list may hold at most {most} values").format(most=MAX_VALUES))
        self._count(path, len(json))
        return tuple(_scalar(value, field, f"{path}/{n}") for n, value in enumerate(json))

    def _count(self, path: str, more: int) -> None:
        self.nodes += more
        if self.nodes > MAX_NODES:
            raise _wrong(
                path, _("this is too long: {most} conditions and values are the most").format(most=MAX_NODES)
            )


def _operator(json: object, field: Field, path: str) -> Op:
    offered = operators(field)
    for op in offered:
        if op.value == json:
            return op
    raise _wrong(
        path,
        _("“{name}” cannot be tested with “{op}”; it may be {ops}").format(
            name=field.name, op=_short(json), ops=", ".join(op.value for op in offered)
        ),
    )


def _scalar(json: object, field: Field, path: str) -> Scalar:
    return _SCALARS[field.kind](json, field, path)


def _plain(json: object, field: Field, path: str) -> Scalar:
    text = _text(json, path)
    return fold(text) if field.folded else text


def _number(json: object, field: Field, path: str) -> Scalar:
    if isinstance(json, bool) or not isinstance(json, int | float):
        raise _wrong(path, _("a number is expected here"))
    if not abs(json) <= MAX_NUMBER:  # so written, it refuses what is no number (NaN) too
        raise _wrong(path, _("this number is too large"))
    return Decimal(repr(json))


def _choice(json: object, field: Field, path: str) -> Scalar:
    choices = field.choices or {}
    if isinstance(json, str) and json in choices:
        return json
    raise _wrong(
        path, _("“{value}” is not one of {choices}").format(value=_short(json), choices=", ".join(choices))
    )


def _boolean(json: object, field: Field, path: str) -> Scalar:
    if not isinstance(json, bool):
        raise _wrong(path, _("true or false is expected here"))
    return json


def _word(json: object, field: Field, path: str) -> Scalar:
    words = words_of(_text(json, path))
    if len(words) != 1:
        raise _wrong(path, _("exactly one word is expected here"))
    return words[0]


def _member(json: object, field: Field, path: str) -> Scalar:
    return _choice(json, field, path) if field.choices else _plain(json, field, path)


def _id(json: object, field: Field, path: str) -> Scalar:
    if isinstance(json, str) and json in field.names:
        return Name(json)
    try:
        return UUID(_text(json, path))
    except ValueError:
        raise _wrong(path, _("“{value}” is not an id").format(value=_short(json))) from None


def _moment(json: object, path: str) -> Moment:
    moment = parse_moment(_text(json, path))
    if moment is None:
        raise _wrong(
            path,
            _("“{value}” is no time; write 2026-11-01, 2026-11-01T08:30Z or -7d").format(value=_short(json)),
        )
    return moment


def _text(json: object, path: str) -> str:
    if not isinstance(json, str) or not json.strip():
        raise _wrong(path, _("a text is expected here"))
    if len(json) > MAX_TEXT:
        raise _wrong(path, _("this text is too long; {most} characters are the most").format(most=MAX_TEXT))
    if "\0" in json or any("\ud800" <= char <= "\udfff" for char in json):
        raise _wrong(path, _("this text holds characters that cannot be stored"))
    return json


_SCALARS: Mapping[Kind, Callable[[object, Field, str], Scalar]] = {
    Kind.text: _plain,
    Kind.number: _number,
    Kind.choice: _choice,
    Kind.bool: _boolean,
    Kind.words: _word,
    Kind.set: _member,
    Kind.id: _id,
}


def _wrong(path: str, words: str) -> Invalid:
    return Invalid(_("At {path}: {words}.").format(path=path or "/", words=words), field=path or "/")


def _short(value: object) -> str:
    text = value if isinstance(value, str) else type(value).__name__
    return text if len(text) <= 40 else text[:39] + "…"
