"""A routing rule as a form: rows of field, operator and value, and back.

What is typed as a value is words: a category's or team's name, a requester's address. They
become ids here. Conditions that are more than one list of tests are edited as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import orjson

from core.admin import organisations, service
from core.conditions import Field, Kind, Op
from core.conditions.fields import NO_VALUE
from core.db import UnitOfWork
from core.errors import Invalid
from core.i18n import N_, _
from core.people import service as people
from core.tickets.categories import categories
from core.tickets.routing import routing_fields
from webui.pages.admin_shell import Given

MOST_ROWS = 20
OPS: Mapping[Op, str] = {
    Op.is_: N_("is"),
    Op.is_not: N_("is not"),
    Op.in_: N_("is one of"),
    Op.contains: N_("contains"),
    Op.starts_with: N_("begins with"),
    Op.lt: N_("is below"),
    Op.le: N_("is at most"),
    Op.gt: N_("is above"),
    Op.ge: N_("is at least"),
    Op.empty: N_("is empty"),
    Op.not_empty: N_("is not empty"),
}


@dataclass(slots=True)
class Words:
    """The desk's names for ids, both ways. Requesters' addresses are looked up one by one."""

    categories: dict[str, str] = field(default_factory=dict)
    teams: dict[str, str] = field(default_factory=dict)
    organisations: dict[str, str] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)

    def of(self, name: str) -> dict[str, str]:
        return {
            "category": self.categories,
            "team": self.teams,
            "organisation": self.organisations,
            "requester": self.people,
        }.get(name, {})


async def words_of(uow: UnitOfWork, actor: Any, json: object = None) -> Words:
    """All names that a rule may speak of, and those of the people it does speak of."""
    companies, _next = await organisations.listed(uow, actor, most=200)
    found = Words(
        categories={str(line.category.id): line.path for line in await categories(uow.session)},
        teams={str(line.team.id): line.team.name for line in await service.teams(uow.session)},
        organisations={str(one.id): one.name for one in companies},
    )
    ids = {UUID(value) for value in _values_of(json, "requester")}
    for known in (await people.known(uow.session, uow, set(ids))).values():
        found.people[str(known.id)] = known.email or known.shown
    return found


# --- to the form ------------------------------------------------------------------------


def rows_of(condition: Mapping[str, Any], words: Words) -> tuple[str, list[SimpleNamespace]] | None:
    """`all` or `any` and its rows; None for a condition that is more than one list of tests."""
    how = "any" if "any" in condition else "all"
    tests = condition.get(how, [condition] if "field" in condition else None)
    if not isinstance(tests, list) or not all(isinstance(test, dict) and "field" in test for test in tests):
        return None
    return how, [_row(test, words) for test in tests]


def typed_rows(given: Given) -> list[SimpleNamespace]:
    count = min(given.whole("rows", 0), MOST_ROWS + 5)
    return [
        SimpleNamespace(
            field=given.text(f"c-{n}-field"), op=given.text(f"c-{n}-op"), value=given.text(f"c-{n}-value")
        )
        for n in range(max(0, count))
    ]


def offered(words: Words) -> SimpleNamespace:
    """What the selects and lists of suggestions hold."""
    fields = routing_fields()
    return SimpleNamespace(
        fields=[(name, _(each.label)) for name, each in fields.items()],
        ops=[(op.value, _(name)) for op, name in OPS.items()],
        values=sorted(
            {
                *words.categories.values(),
                *words.teams.values(),
                *words.organisations.values(),
                *(_(label) for each in fields.values() for label in (each.choices or {}).values()),
                _("yes"),
                _("no"),
            },
            key=str.casefold,
        ),
    )


def _row(test: Mapping[str, Any], words: Words) -> SimpleNamespace:
    of = routing_fields().get(str(test["field"]))
    value = test.get("value")
    many = value if isinstance(value, list) else [value]
    shown = ", ".join(_shown(each, of, words) for each in many if each is not None)
    return SimpleNamespace(field=test["field"], op=test.get("op"), value=shown)


def _shown(value: object, of: Field | None, words: Words) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    text = str(value)
    if of is None:
        return text
    if of.kind is Kind.id:
        return words.of(of.name).get(text, text)
    return _(of.choices[text]) if of.choices and text in of.choices else text


# --- from the form ----------------------------------------------------------------------


async def condition_of(uow: UnitOfWork, given: Given, words: Words) -> object:
    """The condition that the form says; its JSON where the advanced field is filled."""
    advanced = given.text("advanced").strip()
    if advanced:
        try:
            return orjson.loads(advanced)
        except orjson.JSONDecodeError:
            raise Invalid(_("This is not JSON."), field="advanced") from None
    how = "any" if given.text("how") == "any" else "all"
    tests = [await _test(uow, row, n, words) for n, row in enumerate(typed_rows(given)) if row.field]
    if how == "any" and not tests:
        raise Invalid(_("“Any of these” needs at least one condition."), field="condition")
    return {how: tests}


def actions_of(given: Given) -> dict[str, Any]:
    json: dict[str, Any] = {
        "team": given.text("team"),
        "category": given.text("category"),
        "priority": given.text("priority"),
        "add_tags": _list(given.text("add_tags")),
        "assign": given.text("assign"),
        "skills": _list(given.text("skills")),
    }
    return {key: value for key, value in json.items() if value}


def typed_actions(given: Given) -> SimpleNamespace:
    return SimpleNamespace(
        **{
            name: given.text(name)
            for name in ("team", "category", "priority", "add_tags", "assign", "skills")
        }
    )


def stored_actions(actions: Mapping[str, Any]) -> SimpleNamespace:
    return SimpleNamespace(
        team=actions.get("team", ""),
        category=actions.get("category", ""),
        priority=actions.get("priority", ""),
        add_tags=", ".join(actions.get("add_tags", ())),
        assign=actions.get("assign", ""),
        skills=", ".join(actions.get("skills", ())),
    )


async def _test(uow: UnitOfWork, row: SimpleNamespace, n: int, words: Words) -> dict[str, Any]:
    of = routing_fields().get(row.field)
    if of is None:
        raise Invalid(_("There is no such field."), field=f"c-{n}-field")
    test: dict[str, Any] = {"field": row.field, "op": row.op}
    if row.op in {op.value for op in NO_VALUE}:
        return test
    if not row.value.strip():
        raise Invalid(_("What should it be compared with?"), field=f"c-{n}-value")
    many = row.op == Op.in_.value
    typed = _list(row.value) if many else [row.value.strip()]
    values = [await _value(uow, each, of, words, f"c-{n}-value") for each in typed]
    return test | {"value": values if many else values[0]}


async def _value(uow: UnitOfWork, typed: str, of: Field, words: Words, name: str) -> object:
    folded = typed.casefold()
    if of.kind is Kind.bool:
        if folded in (_("yes").casefold(), "yes", "true", "1"):
            return True
        if folded in (_("no").casefold(), "no", "false", "0"):
            return False
        raise Invalid(_("Please write yes or no."), field=name)
    if of.choices:
        for key, label in of.choices.items():
            if folded in (key.casefold(), _(label).casefold()):
                return key
        labels = ", ".join(_(label) for label in of.choices.values())
        raise Invalid(_("Possible are: {names}.").format(names=labels), field=name)
    if of.kind is Kind.id:
        return await _id(uow, typed, of, words, name)
    return typed


async def _id(uow: UnitOfWork, typed: str, of: Field, words: Words, name: str) -> str:
    for key, words_ in words.of(of.name).items():
        if typed.casefold() == words_.casefold():
            return key
    if of.name == "requester":
        found = await people.by_email(uow, typed, verified=False)
        if found is not None:
            return str(found.id)
    try:
        return str(UUID(typed))
    except ValueError:
        raise Invalid(_("Nothing here is called “{name}”.").format(name=typed[:60]), field=name) from None


def _list(typed: str) -> list[str]:
    return [part.strip() for part in typed.split(",") if part.strip()]


def _values_of(json: object, name: str) -> Sequence[str]:
    """The ids that tests of one field compare with."""
    match json:
        case {"field": str() as of, "value": value} if of == name:
            return [each for each in (value if isinstance(value, list) else [value]) if _is_id(each)]
        case dict():
            return [found for value in json.values() for found in _values_of(value, name)]
        case list():
            return [found for value in json for found in _values_of(value, name)]
        case _:
            return []


def _is_id(value: object) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return True
