"""Conditions and traces in words, in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from uuid import UUID

from core.conditions.fields import Field, Kind, Op
from core.conditions.matching import Trace
from core.conditions.model import All, Any, Condition, Name, Not, Test
from core.conditions.times import Moment
from core.i18n import _, ngettext


def describe(condition: Condition, names: Mapping[UUID, str] | None = None) -> str:
    """The condition as one phrase; `names` are the words for ids (teams, people)."""
    match condition:
        case All(()):
            return _("always")
        case Any(()):
            return _("never")
        case All((only,)) | Any((only,)):
            return describe(only, names)
        case All(parts):
            return _(" and ").join(_inner(part, names) for part in parts)
        case Any(parts):
            return _(" or ").join(_inner(part, names) for part in parts)
        case Not(part):
            return _("not ({condition})").format(condition=describe(part, names))
        case Test():
            return _test(condition, names or {})


def describe_trace(trace: Trace, names: Mapping[UUID, str] | None = None) -> list[str]:
    """One line for each part, indented by depth, headed by a mark that says whether it held."""
    return list(_lines(trace, names, ""))


def _inner(part: Condition, names: Mapping[UUID, str] | None) -> str:
    words = describe(part, names)
    return f"({words})" if isinstance(part, All | Any) and len(part.parts) > 1 else words


def _lines(trace: Trace, names: Mapping[UUID, str] | None, indent: str) -> Iterator[str]:
    mark = "✓" if trace.held else "✗"
    yield f"{indent}{mark} {_head(trace.condition, names)}"
    for part in trace.parts:
        yield from _lines(part, names, indent + "  ")


def _head(condition: Condition, names: Mapping[UUID, str] | None) -> str:
    match condition:
        case All(()) | Any(()) | Test():
            return describe(condition, names)
        case All():
            return _("all of these:")
        case Any():
            return _("at least one of these:")
        case Not():
            return _("not this:")


def _test(test: Test, names: Mapping[UUID, str]) -> str:
    template = _template(test)
    return template.format(field=label(test.field), value=_value(test, test.value, names))


def label(field: Field) -> str:
    """The field's label in the reader's language."""
    return _(field.label)


def _template(test: Test) -> str:
    match test.op:
        case Op.is_:
            return _("{field} is {value}")
        case Op.is_not:
            return _("{field} is not {value}")
        case Op.in_ if test.field.kind in (Kind.set, Kind.words):
            return _("{field} contains one of {value}")
        case Op.in_:
            return _("{field} is one of {value}")
        case Op.contains:
            return _("{field} contains {value}")
        case Op.starts_with:
            return _("{field} begins with {value}")
        case Op.lt:
            return _("{field} is below {value}")
        case Op.le:
            return _("{field} is at most {value}")
        case Op.gt:
            return _("{field} is above {value}")
        case Op.ge:
            return _("{field} is at least {value}")
        case Op.before:
            return _("{field} is before {value}")
        case Op.after:
            return _("{field} is after {value}")
        case Op.empty:
            return _("{field} is empty")
        case Op.not_empty:
            return _("{field} is not empty")


def _value(test: Test, value: object, names: Mapping[UUID, str]) -> str:
    match value:
        case None:
            return ""
        case tuple():
            return ", ".join(_value(test, each, names) for each in value)
        case bool():
            return _("yes") if value else _("no")
        case Decimal():
            return f"{value.normalize():f}"
        case Moment():
            return _moment(value)
        case Name(text):
            return _(text)
        case UUID():
            return names.get(value, str(value))
        case _:
            return _choice(test.field, str(value))


def _moment(moment: Moment) -> str:
    if not moment.distance:
        return moment.text
    count, unit = moment.distance
    if count == 0:
        return _("now")
    return (_ago if count < 0 else _ahead)(abs(count), unit).format(count=abs(count))


def _ago(count: int, unit: str) -> str:
    match unit:
        case "m":
            return ngettext("{count} minute ago", "{count} minutes ago", count)
        case "h":
            return ngettext("{count} hour ago", "{count} hours ago", count)
        case "d":
            return ngettext("{count} day ago", "{count} days ago", count)
        case _:
            return ngettext("{count} week ago", "{count} weeks ago", count)


def _ahead(count: int, unit: str) -> str:
    match unit:
        case "m":
            return ngettext("in {count} minute", "in {count} minutes", count)
        case "h":
            return ngettext("in {count} hour", "in {count} hours", count)
        case "d":
            return ngettext("in {count} day", "in {count} days", count)
        case _:
            return ngettext("in {count} week", "in {count} weeks", count)


def _choice(field: Field, value: str) -> str:
    words = (field.choices or {}).get(value)
    return _(words) if words else _("“{value}”").format(value=value)
