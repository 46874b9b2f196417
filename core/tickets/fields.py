"""Custom fields: a category asks, a ticket answers, and the answers are checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, cast
from uuid import UUID

from babel.dates import format_date

from core import text
from core.db import UnitOfWork
from core.errors import Invalid
from core.i18n import _, language
from core.tickets.model import Category

FieldType = Literal["text", "number", "choice", "date", "bool"]
MOST_FIELDS = 30
_ID = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True, slots=True)
class CustomField:
    """One question of a category. `id` is stable, `label` is what people read."""

    id: str
    label: str
    type: FieldType = "text"
    required: bool = False
    options: tuple[str, ...] = ()
    hint: str = ""


def parse(rows: list[dict[str, Any]]) -> list[CustomField]:
    """The fields of a category from its stored or submitted form; raises `Invalid`."""
    if len(rows) > MOST_FIELDS:
        raise Invalid(_("At most {most} fields in a category.").format(most=MOST_FIELDS), field="fields")
    fields = [_one(row) for row in rows]
    ids = [field.id for field in fields]
    if len(set(ids)) != len(ids):
        raise Invalid(_("Two fields have the same name."), field="fields")
    return fields


def stored(fields: list[CustomField]) -> list[dict[str, Any]]:
    return [
        {
            "id": f.id,
            "label": f.label,
            "type": f.type,
            "required": f.required,
            "options": list(f.options),
            "hint": f.hint,
        }
        for f in fields
    ]


async def of_category(uow: UnitOfWork, category_id: UUID | None) -> list[CustomField]:
    if category_id is None:
        return []
    category = await uow.session.get(Category, category_id)
    return parse(category.fields) if category is not None else []


async def answered(
    uow: UnitOfWork, category_id: UUID | None, values: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """Each question of the category that was answered, and the answer as people of the current language
    write it."""
    asked = await of_category(uow, category_id)
    return [
        (field.label, _in_words(field, values[field.id]))
        for field in asked
        if values.get(field.id) not in (None, "")
    ]


def _in_words(field: CustomField, value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if field.type == "date":
        return format_date(date.fromisoformat(str(value)), "medium", locale=language())
    return str(value)


async def checked(
    uow: UnitOfWork,
    category_id: UUID | None,
    values: dict[str, Any],
    before: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Answers in their types. Raises `Invalid` for a category that is not there, a field that it
    does not have, or an answer that does not fit. Answers that were there `before`, to questions
    of an earlier category, are kept as they are or taken away; without `before` a ticket is made,
    for which the category must be in use."""
    known = await _known(uow, category_id, in_use=before is None)
    before = before or {}
    kept = {}
    for key, value in values.items():
        if key in known or value in (None, ""):
            continue
        if key not in before or before[key] != value:
            # Names of fields stand in events: only those that an admin gave.
            raise Invalid(_("There is no such field."), field=key[:40])
        kept[key] = value
    for field in known.values():
        value = value_of(field, values.get(field.id))
        if value is not None:
            kept[field.id] = value
    return kept


async def _known(uow: UnitOfWork, category_id: UUID | None, *, in_use: bool) -> dict[str, CustomField]:
    if category_id is None:
        return {}
    category = await uow.session.get(Category, category_id)
    if category is None or (in_use and not category.active):
        raise Invalid(_("There is no such category."), field="category")
    return {field.id: field for field in parse(category.fields)}


def value_of(field: CustomField, raw: Any) -> Any:
    """One answer in its type: str, float or int, ISO date, bool; None for no answer."""
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        if field.required and field.type != "bool":
            raise Invalid(_("“{label}” is needed.").format(label=field.label), field=field.id)
        return False if field.type == "bool" else None
    if field.type == "number":
        return _number(field, raw)
    if field.type == "bool":
        return raw is True or str(raw).casefold() in ("1", "true", "yes", "on", "ja")
    if field.type == "date":
        try:
            return date.fromisoformat(str(raw).strip()[:10]).isoformat()
        except ValueError:
            raise Invalid(_("“{label}” is not a date.").format(label=field.label), field=field.id) from None
    if field.type == "choice":
        if str(raw) not in field.options:
            raise Invalid(
                _("“{label}”: please choose one of the list.").format(label=field.label), field=field.id
            )
        return str(raw)
    return text.message(str(raw), may_be_empty=True)[:4_000]


def _number(field: CustomField, raw: Any) -> int | float:
    try:
        number = float(str(raw).strip().replace(",", "."))
    except ValueError:
        number = float("nan")
    if number != number or abs(number) > 1e15:
        raise Invalid(_("“{label}” is not a number.").format(label=field.label), field=field.id)
    return int(number) if number.is_integer() else number


def _one(row: dict[str, Any]) -> CustomField:
    name = str(row.get("id", ""))
    if not _ID.fullmatch(name):
        raise Invalid(_("A field's name is made of a-z, 0-9 and _."), field="fields")
    kind = row.get("type", "text")
    if kind not in ("text", "number", "choice", "date", "bool"):
        raise Invalid(_("There is no such type of field."), field="fields")
    options = tuple(text.line(str(one), field="fields", most=80) for one in row.get("options") or [])
    if kind == "choice" and not options:
        raise Invalid(_("A choice needs at least one option."), field="fields")
    return CustomField(
        id=name,
        label=text.line(str(row.get("label") or name), field="fields", most=80),
        type=cast(FieldType, kind),
        required=bool(row.get("required")),
        options=options[:100],
        hint=text.line(str(row.get("hint") or ""), field="fields", most=200, required=False),
    )
