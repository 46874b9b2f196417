"""The filters of a list of tickets: from an address, as a condition, and what they offer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Text, cast, literal_column, null, select, union_all

from core.access import Permission
from core.conditions import Condition, parse
from core.db import UnitOfWork
from core.errors import Invalid
from core.i18n import N_, _
from core.people.model import Tag, Team
from core.people.naming import named_by_role
from core.tickets.model import Category, Priority, Status
from core.tickets.queries import Queue
from core.tickets.query_words import TICKET_FIELDS

MOST_OPTIONS = 300
NAMES = ("status", "priority", "assignee", "team", "category", "tag", "channel")
STATUSES = {
    Status.open: N_("Open"),
    Status.in_progress: N_("In progress"),
    Status.waiting: N_("Waiting"),
    Status.resolved: N_("Resolved"),
    Status.closed: N_("Closed"),
}
PRIORITIES = {
    Priority.urgent: N_("Urgent"),
    Priority.high: N_("High"),
    Priority.normal: N_("Normal"),
    Priority.low: N_("Low"),
}
CHANNELS = {
    "webchat": N_("Web chat"),
    "portal": N_("Portal"),
    "desk": N_("Desk"),
    "slack": "Slack",
    "discord": "Discord",
    "telegram": "Telegram",
    "mail": N_("Mail"),
    "api": "API",
}
_FIELD = {"tag": "tags"}
_OPERATOR = {"tag": "contains"}
_OF_QUEUE: Mapping[Queue, list[dict[str, Any]]] = {
    Queue.mine: [{"field": "assignee", "op": "is", "value": "me"}],
    Queue.unassigned: [{"field": "assignee", "op": "empty"}],
    Queue.my_teams: [{"field": "team", "op": "is", "value": "mine"}],
    Queue.waiting: [{"field": "status", "op": "is", "value": "waiting"}],
    Queue.snoozed: [{"field": "snoozed_until", "op": "after", "value": "0m"}],
    Queue.resolved: [{"field": "status", "op": "is", "value": "resolved"}],
    Queue.all: [],
}
_LIVE = {"field": "status", "op": "in", "value": ["open", "in_progress", "waiting"]}
_IN_SEARCH: Mapping[Queue, str] = {
    Queue.mine: "assignee:me",
    Queue.unassigned: "is:unassigned",
    Queue.my_teams: "team:mine",
    Queue.waiting: "status:waiting",
    Queue.snoozed: "is:snoozed",
    Queue.resolved: "status:resolved",
}


@dataclass(frozen=True, slots=True)
class Filters:
    """What is chosen, by name: one value each; `none` means that there is none."""

    chosen: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, params: Mapping[str, str]) -> Filters:
        return cls({name: params[name][:100] for name in NAMES if params.get(name)})

    def __bool__(self) -> bool:
        return bool(self.chosen)

    def get(self, name: str) -> str:
        return self.chosen.get(name, "")

    @property
    def query(self) -> str:
        return urlencode(dict(self.chosen))

    @property
    def tests(self) -> list[dict[str, Any]]:
        """Each filter as the JSON of a condition."""
        return [_test(name, value) for name, value in self.chosen.items()]

    def condition(self) -> Condition:
        """Raises `Invalid` for a value that cannot be."""
        try:
            return parse({"all": self.tests}, TICKET_FIELDS)
        except Invalid:
            raise Invalid(
                _("There is no such filter. Please choose one of the list."), field="filter"
            ) from None


@dataclass(frozen=True, slots=True)
class Choices:
    """What can be chosen: lists of (value, text)."""

    statuses: list[tuple[str, str]] = field(default_factory=list)
    priorities: list[tuple[str, str]] = field(default_factory=list)
    assignees: list[tuple[str, str]] = field(default_factory=list)
    teams: list[tuple[str, str]] = field(default_factory=list)
    categories: list[tuple[str, str]] = field(default_factory=list)
    tags: list[tuple[str, str]] = field(default_factory=list)
    channels: list[tuple[str, str]] = field(default_factory=list)

    @property
    def agents(self) -> list[tuple[str, str]]:
        """Colleagues alone, without `me` and `none`."""
        return [each for each in self.assignees if each[0] not in ("me", "none")]


async def choices(uow: UnitOfWork) -> Choices:
    """Everything that tickets can be filtered by, or given."""
    known = await _named_things(uow)
    return Choices(
        statuses=[
            ("live", _("Not yet resolved")),
            *((each.value, _(text)) for each, text in STATUSES.items()),
        ],
        priorities=[(each.value, _(text)) for each, text in PRIORITIES.items()],
        assignees=[("me", _("Me")), ("none", _("Nobody")), *await colleagues(uow)],
        teams=[(row.id, row.name) for row in known if row.kind == "team"],
        categories=_paths([row for row in known if row.kind == "category"]),
        tags=[(row.name, row.name) for row in known if row.kind == "tag"],
        channels=list(channels(uow).items()),
    )


def channel_words(name: str) -> str:
    """A channel in words."""
    return _(CHANNELS[name]) if name in CHANNELS else name.capitalize()


def channels(uow: UnitOfWork) -> dict[str, str]:
    """Where tickets come from, in words; a chat that was added is called as it is."""
    return {name: channel_words(name) for name in (*uow.means.chats, *CHANNELS)}


async def colleagues(uow: UnitOfWork) -> list[tuple[str, str]]:
    """Active staff by name; asked for once a unit of work."""
    found: list[tuple[str, str]] | None = uow.memo.get("colleagues")
    if found is None:
        roles = [name for name, may in uow.means.roles.items() if Permission.reply in may]
        people = (await named_by_role(uow, roles, MOST_OPTIONS)).values()
        found = sorted(((str(each.id), each.shown) for each in people), key=lambda one: one[1].casefold())
        uow.memo["colleagues"] = found
    return found


async def teams(uow: UnitOfWork) -> list[tuple[str, str]]:
    return [(row.id, row.name) for row in await _named_things(uow) if row.kind == "team"]


async def tag_names(uow: UnitOfWork) -> list[str]:
    return [row.name for row in await _named_things(uow) if row.kind == "tag"]


async def categories(uow: UnitOfWork) -> list[tuple[str, str]]:
    """The tree as paths, such as “Billing › Refund”; what hangs under a retired one is left out."""
    return _paths([row for row in await _named_things(uow) if row.kind == "category"])


_TEAMS: Any = (
    select(literal_column("'team'").label("kind"), cast(Team.id, Text).label("id"),
           null().label("parent"), Team.name.label("name"), literal_column("0").label("position"))
    .where(Team.active).order_by(Team.name).limit(MOST_OPTIONS)
)  # fmt: skip
_CATEGORIES: Any = (
    select(literal_column("'category'"), cast(Category.id, Text), cast(Category.parent_id, Text), Category.name,
           Category.position)
    .where(Category.active).order_by(Category.position, Category.name).limit(MOST_OPTIONS)
)  # fmt: skip
_TAGS: Any = (
    select(literal_column("'tag'"), literal_column("''"), null(), Tag.name, literal_column("0"))
    .order_by(Tag.name).limit(MOST_OPTIONS)
)  # fmt: skip
_THINGS: Any = union_all(_TEAMS, _CATEGORIES, _TAGS)


async def _named_things(uow: UnitOfWork) -> Sequence[Any]:
    """Teams, categories and tags, each kind in its order, by one query."""
    rows = (await uow.session.execute(_THINGS)).all()
    return sorted(rows, key=lambda row: (row.kind, row.position, row.name.casefold()))


def _paths(rows: Sequence[Any]) -> list[tuple[str, str]]:
    below: dict[str | None, list[Any]] = {}
    for row in rows:
        below.setdefault(row.parent, []).append(row)
    found: list[tuple[str, str]] = []
    waiting = [(row, row.name) for row in reversed(below.get(None, []))]
    while waiting:
        row, path = waiting.pop()
        found.append((row.id, path))
        waiting += [(child, f"{path} › {child.name}") for child in reversed(below.get(row.id, []))]
    return found


def condition_json(queue: Queue, filters: Filters) -> dict[str, Any]:
    """A queue with filters, as a view keeps it."""
    parts = [*_OF_QUEUE[queue], *filters.tests]
    if queue in (Queue.mine, Queue.unassigned, Queue.my_teams) and not filters.get("status"):
        parts.append(_LIVE)
    return {"all": parts}


def filters_of(condition: object) -> Filters | None:
    """The filters that say the same as a view's condition; None where filters cannot say it."""
    if not isinstance(condition, dict) or set(condition) != {"all"}:
        return None
    chosen: dict[str, str] = {}
    for part in condition["all"]:
        if not isinstance(part, dict):
            return None
        about, value = str(part.get("field")), _value_of(part)
        name = "tag" if about == "tags" else about
        if name not in NAMES or name in chosen or _test(name, value) != part:
            return None
        chosen[name] = value
    return Filters(chosen)


def _value_of(part: dict[str, Any]) -> str:
    if part == _LIVE:
        return "live"
    return "none" if part.get("op") == "empty" else str(part.get("value"))


def in_search_words(queue: Queue | None, filters: Filters, offered: Choices) -> str:
    """The same as words of the search box."""
    said = [_IN_SEARCH[queue]] if queue in _IN_SEARCH and queue is not None else []
    names = dict([*offered.assignees, *offered.teams, *offered.categories])
    for name, value in filters.chosen.items():
        if value == "live":
            continue
        text = (
            value
            if value in ("me", "none") or name not in ("assignee", "team", "category")
            else names.get(value, "")
        )
        text = text.rsplit(" › ", 1)[-1]
        said.append(f'{name}:"{text}"' if " " in text else f"{name}:{text}")
    return " ".join(each for each in said if not each.endswith(":"))


def without(filters: Filters, name: str) -> Filters:
    return replace(filters, chosen={key: value for key, value in filters.chosen.items() if key != name})


def _test(name: str, value: str) -> dict[str, Any]:
    about = _FIELD.get(name, name)
    if (name, value) == ("status", "live"):
        return _LIVE
    if value == "none":
        return {"field": about, "op": "empty"}
    return {"field": about, "op": _OPERATOR.get(name, "is"), "value": value}
