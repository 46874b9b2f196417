"""The fields a condition may speak about, and which operators each kind of field has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

MAX_VALUES = 100
"""How many values one list may hold."""


class Kind(StrEnum):
    """What a field holds, and with that the type of its facts and columns."""

    text = "text"
    """`str`, compared letter by letter."""
    number = "number"
    """`int`, `Decimal` or finite `float`."""
    choice = "choice"
    """One `str` of a closed list; an Enum column must store the values, not the names."""
    bool = "bool"
    time = "time"
    """An aware `datetime`."""
    words = "words"
    """A collection of folded words (`words_of`); in SQL an array of text or a function."""
    set = "set"
    """A collection of `str`; in SQL an array of text or a function."""
    id = "id"
    """A `UUID`."""


class Op(StrEnum):
    is_ = "is"
    is_not = "is_not"
    in_ = "in"
    contains = "contains"
    starts_with = "starts_with"
    lt = "lt"
    le = "le"
    gt = "gt"
    ge = "ge"
    before = "before"
    after = "after"
    empty = "empty"
    not_empty = "not_empty"


NO_VALUE = frozenset({Op.empty, Op.not_empty})
ORDER = frozenset({Op.lt, Op.le, Op.gt, Op.ge})


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field: its name in JSON, its kind, its label for people (an English gettext key).

    `choices` maps values to labels, for kind `choice` always and for kind `set` when it is closed;
    `ordered` choices can be compared, smallest first. `names` are words that stand for ids and
    are bound later, such as `me`. `folded` text is compared in folded form.
    """

    name: str
    kind: Kind
    label: str
    choices: Mapping[str, str] | None = None
    ordered: bool = False
    names: tuple[str, ...] = ()
    folded: bool = False

    def __post_init__(self) -> None:
        if self.kind is Kind.choice and not self.choices:
            raise ValueError(f"the choice field {self.name} needs choices")
        if self.choices and self.kind not in (Kind.choice, Kind.set):
            raise ValueError(f"the field {self.name} of kind {self.kind} has no choices")


@dataclass(frozen=True)
class Fields(Mapping[str, Field]):
    """The fields by name, in the order in which they are offered."""

    by_name: Mapping[str, Field] = field(default_factory=dict)

    @classmethod
    def of(cls, *fields: Field) -> Fields:
        by_name = {each.name: each for each in fields}
        if len(by_name) != len(fields):
            raise ValueError("two fields have the same name")
        return cls(by_name)

    def __getitem__(self, name: str) -> Field:
        return self.by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_name)

    def __len__(self) -> int:
        return len(self.by_name)


def operators(of: Field) -> tuple[Op, ...]:
    """The operators a field has, in the order in which they are offered."""
    own = _BY_KIND[of.kind]
    compared = _COMPARED if of.ordered or of.kind is Kind.number else ()
    return (*own, *compared, Op.empty, Op.not_empty)


_COMPARED = (Op.lt, Op.le, Op.gt, Op.ge)
_BY_KIND: Mapping[Kind, tuple[Op, ...]] = {
    Kind.text: (Op.is_, Op.is_not, Op.in_, Op.contains, Op.starts_with),
    Kind.number: (Op.is_, Op.is_not, Op.in_),
    Kind.choice: (Op.is_, Op.is_not, Op.in_),
    Kind.bool: (Op.is_, Op.is_not),
    Kind.time: (Op.before, Op.after),
    Kind.words: (Op.contains, Op.in_, Op.starts_with),
    Kind.set: (Op.contains, Op.in_),
    Kind.id: (Op.is_, Op.is_not, Op.in_),
}
