"""The language of the search box.

`status:open assignee:me team:billing tag:vip requester:"ada l" before:2026-11-01 has:file
priority:high category:travel channel:webchat is:snoozed -tag:x "exact phrase" free words`

People's input is never refused: what is not understood is searched as words, and a sentence
says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from unicodedata import category
from uuid import UUID

from core.conditions import (
    All,
    Any,
    Condition,
    Field,
    Fields,
    Kind,
    Name,
    Not,
    Op,
    Test,
    fold,
    parse_moment,
    words_of,
)
from core.i18n import N_, _

NONE = "none"
MAX_LENGTH = 500
"""Characters; what is longer is cut, and said."""


class Filter(NamedTuple):
    """`field:value`, or with `-` before it, its opposite.

    `field` is a key of `FILTERS`, or `words` for words and phrases that must not occur. Several
    values of one field mean any of them (bounds of time, `has` and `is`: all of them); several
    negated ones mean none of them. The value `none` means that there is none.
    """

    field: str
    value: str
    negated: bool = False


@dataclass(frozen=True)
class Query:
    """What was asked for: free words and phrases as typed, filters, and what was not understood."""

    words: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    problems: tuple[str, ...] = field(default=(), compare=False)

    @property
    def empty(self) -> bool:
        return not (self.words or self.phrases or self.filters)


def parse_query(text: str) -> Query:
    """The query that a person typed. Never raises; see `Query.problems`."""
    reader = _Reader()
    if len(text) > MAX_LENGTH:
        reader.problems.append(
            _("Only the first {most} characters were searched for.").format(most=MAX_LENGTH)
        )
    for token in _TOKEN.finditer(_clean(text[:MAX_LENGTH])):
        reader.take(token)
    return Query(tuple(reader.words), tuple(reader.phrases), tuple(reader.filters), tuple(reader.problems))


TICKET_FIELDS = Fields.of(
    Field(
        name="status",
        kind=Kind.choice,
        label=N_("Status"),
        choices={
            "open": N_("Open"),
            "in_progress": N_("In progress"),
            "waiting": N_("Waiting"),
            "resolved": N_("Resolved"),
            "closed": N_("Closed"),
        },
    ),
    Field(
        name="priority",
        kind=Kind.choice,
        label=N_("Priority"),
        choices={"low": N_("Low"), "normal": N_("Normal"), "high": N_("High"), "urgent": N_("Urgent")},
        ordered=True,
    ),
    Field(name="assignee", kind=Kind.id, label=N_("Assignee"), names=("me",)),
    Field(name="team", kind=Kind.id, label=N_("Team"), names=("mine",)),
    Field(name="category", kind=Kind.id, label=N_("Category")),
    Field(name="requester", kind=Kind.id, label=N_("Requester"), names=("me",)),
    Field(name="organisation", kind=Kind.id, label=N_("Organisation")),
    Field(name="tags", kind=Kind.set, label=N_("Tags"), folded=True),
    Field(name="channel", kind=Kind.text, label=N_("Channel"), folded=True),
    Field(name="created", kind=Kind.time, label=N_("Created")),
    Field(name="updated", kind=Kind.time, label=N_("Updated")),
    Field(name="snoozed_until", kind=Kind.time, label=N_("Snoozed until")),
    Field(name="has_file", kind=Kind.bool, label=N_("Has a file")),
    Field(name="rating", kind=Kind.number, label=N_("Rating")),
)
"""What saved views and search filters may ask of a ticket."""

NAMED = frozenset({"assignee", "team", "category", "requester"})
"""The filters whose values are names of people and things: whoever searches finds their ids."""


def names_in(query: Query) -> tuple[tuple[str, str], ...]:
    """The fields and names for which `to_condition` needs ids."""
    return tuple(
        dict.fromkeys(
            (each.field, each.value)
            for each in query.filters
            if each.field in NAMED and each.value.casefold() not in (NONE, *TICKET_FIELDS[each.field].names)
        )
    )


def to_condition(query: Query, ids: Mapping[tuple[str, str], Collection[UUID]]) -> Condition:
    """The filters of a query as a condition over `TICKET_FIELDS`; words and phrases are not in it.

    `ids` answers `names_in`; a name without an id is nobody's, so nothing is found by it. The
    asker stays a name (`me`, and `mine` for the asker's teams) until it is bound by `bind`.
    """
    wanted: dict[str, list[Condition]] = {}
    parts: list[Condition] = []
    for each in query.filters:
        if each.field == "words":
            continue
        condition = _CONDITIONS[each.field](each, ids)
        if each.negated:
            parts.append(Not(condition))
        elif each.field in ("before", "after", "is", "has"):
            parts.append(condition)
        else:
            wanted.setdefault(each.field, []).append(condition)
    return All((*(Any(tuple(several)) for several in wanted.values()), *parts))


def to_text(query: Query) -> str:
    """The query as text; parsing it gives the same query."""
    filters = [_filter_to_text(each) for each in query.filters]
    phrases = [f'"{phrase}"' for phrase in query.phrases]
    return " ".join([*filters, *phrases, *query.words])


def _filter_to_text(each: Filter) -> str:
    minus = "-" if each.negated else ""
    spaced = any(char.isspace() for char in each.value)
    if each.field == "words":
        return f'{minus}"{each.value}"'
    return f'{minus}{each.field}:"{each.value}"' if spaced else f"{minus}{each.field}:{each.value}"


_TOKEN = re.compile(
    r"""
    (?P<minus>-?)
    (?:
        (?P<key>[^\W\d_]\w*) : (?: "(?P<quoted>[^"]*)"? | (?P<value>[^\s"]+) | (?=\s|$) )
      | "(?P<phrase>[^"]*)"?
      | (?P<word>[^\s"]+)
    )
    """,
    re.VERBOSE,
)
_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»", '"'))


def _clean(text: str) -> str:
    """Without what no text can hold (control characters, halves of surrogates); one kind of quote."""
    kept = (" " if category(char) in ("Cc", "Cs") else char for char in text)
    return "".join(kept).translate(_QUOTES)


class _Reader:
    """Collects what the tokens say."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.phrases: list[str] = []
        self.filters: list[Filter] = []
        self.problems: list[str] = []

    def take(self, token: re.Match[str]) -> None:
        negated = bool(token["minus"])
        if token["phrase"] is not None:
            self._phrase(token["phrase"], negated)
        elif token["word"] is not None:
            self._word(token["word"], negated)
        else:
            self._filter(token["key"], token["quoted"], token["value"], negated)

    def _word(self, word: str, negated: bool) -> None:
        if not words_of(word):
            return
        if negated:
            self.filters.append(Filter("words", word, True))
        else:
            self.words.append(word)

    def _phrase(self, phrase: str, negated: bool) -> None:
        phrase = " ".join(phrase.split())
        if not words_of(phrase):
            return
        if negated:
            self.filters.append(Filter("words", phrase, True))
        else:
            self.phrases.append(phrase)

    def _filter(self, key: str, quoted: str | None, plain: str | None, negated: bool) -> None:
        name = key.casefold()
        value = " ".join((quoted if quoted is not None else plain or "").split())
        if name not in FILTERS:
            self._strange(key, value, quoted is not None, negated)
        elif not value:
            self.problems.append(_("“{key}:” needs a value.").format(key=name))
        elif (known := FILTERS[name](value)) is not None:
            self.filters.append(Filter(name, known, negated))
        else:
            self.problems.append(_misfit(name, value))
            self._searched(key, value, quoted is not None, negated)

    def _strange(self, key: str, value: str, quoted: bool, negated: bool) -> None:
        # "C:\temp", "https://..." and "Re:" are things people paste, not filters they mean.
        if value and len(key) > 1 and not value.startswith("/"):
            self.problems.append(
                _("There is no filter “{key}”; it was searched as a word. Filters are {names}.").format(
                    key=key, names=", ".join(FILTERS)
                )
            )
        self._searched(key, value, quoted, negated)

    def _searched(self, key: str, value: str, quoted: bool, negated: bool) -> None:
        """What looked like a filter, as words."""
        if negated and quoted:
            self._phrase(f"{key}:{value}", negated)
        elif quoted:
            self._word(key, negated)
            self._phrase(value, negated)
        else:
            self._word(f"{key}:{value}", negated)


def _misfit(name: str, value: str) -> str:
    if name in _CLOSED:
        return _("“{key}” has no value “{value}”; it may be {values}.").format(
            key=name, value=value, values=", ".join(_CLOSED[name])
        )
    return _("“{value}” is no time for “{key}”; write 2026-11-01 or 7d.").format(key=name, value=value)


_CLOSED: Mapping[str, tuple[str, ...]] = {
    "status": ("open", "in_progress", "waiting", "resolved", "closed"),
    "priority": ("low", "normal", "high", "urgent"),
    "has": ("file",),
    "is": ("snoozed", "unassigned"),
}


def _one_of(name: str) -> Callable[[str], str | None]:
    def check(value: str) -> str | None:
        folded = value.casefold().replace(" ", "_").replace("-", "_")
        return folded if folded in _CLOSED[name] else None

    return check


def _any_value(value: str) -> str | None:
    return value


def _time(value: str) -> str | None:
    """A day, or a distance; without a sign it lies in the past."""
    folded = value.casefold()
    if folded[0].isdigit() and parse_moment(f"-{folded}"):
        return f"-{folded}"
    return value if parse_moment(value) else folded if parse_moment(folded) else None


FILTERS: Mapping[str, Callable[[str], str | None]] = {
    "status": _one_of("status"),
    "assignee": _any_value,
    "team": _any_value,
    "tag": _any_value,
    "requester": _any_value,
    "priority": _one_of("priority"),
    "category": _any_value,
    "channel": _any_value,
    "before": _time,
    "after": _time,
    "has": _one_of("has"),
    "is": _one_of("is"),
}
"""The filters in the order in which they are offered, each with what it makes of a value: the
value in its own form, or None when it cannot be."""

_Ids = Mapping[tuple[str, str], Collection[UUID]]


def _of_name(each: Filter, ids: _Ids) -> Condition:
    field = TICKET_FIELDS[each.field]
    folded = each.value.casefold()
    if folded == NONE:
        return Test(field, Op.empty)
    if folded in field.names:
        return Test(field, Op.is_, Name(folded))
    return Test(field, Op.in_, tuple(ids.get((each.field, each.value), ())))


def _of_value(each: Filter, ids: _Ids) -> Condition:
    return Test(TICKET_FIELDS[each.field], Op.is_, fold(each.value))


def _of_tag(each: Filter, ids: _Ids) -> Condition:
    field = TICKET_FIELDS["tags"]
    if each.value.casefold() == NONE:
        return Test(field, Op.empty)
    return Test(field, Op.contains, fold(each.value))


def _of_time(each: Filter, ids: _Ids) -> Condition:
    return Test(TICKET_FIELDS["created"], Op(each.field), parse_moment(each.value))


def _of_file(each: Filter, ids: _Ids) -> Condition:
    return Test(TICKET_FIELDS["has_file"], Op.is_, True)


def _of_state(each: Filter, ids: _Ids) -> Condition:
    if each.value == "unassigned":
        return Test(TICKET_FIELDS["assignee"], Op.empty)
    return Test(TICKET_FIELDS["snoozed_until"], Op.after, parse_moment("0m"))


_CONDITIONS: Mapping[str, Callable[[Filter, _Ids], Condition]] = {
    "status": _of_value,
    "priority": _of_value,
    "channel": _of_value,
    "tag": _of_tag,
    "before": _of_time,
    "after": _of_time,
    "has": _of_file,
    "is": _of_state,
} | dict.fromkeys(NAMED, _of_name)
