"""Searches that mean the same, though they are worded or spelt differently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from core.crypto.words import fold, stems
from core.kb.finding import telling

ALIKE = 84
"""Of 100: beyond it two wordings are slips of the same."""
SHARED = 0.6
"""Share of the words that two wordings must have in common."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One wording: how often, and when last."""

    words: str
    count: int
    last: datetime
    language: str = ""


@dataclass(slots=True)
class Group:
    """Wordings of one question, the most frequent first."""

    members: list[Asked] = field(default_factory=list)

    @property
    def words(self) -> str:
        return self.members[0].words

    @property
    def language(self) -> str:
        return self.members[0].language

    @property
    def count(self) -> int:
        return sum(each.count for each in self.members)

    @property
    def last(self) -> datetime:
        return max(each.last for each in self.members)

    @property
    def others(self) -> list[str]:
        return [each.words for each in self.members[1:]]


def grouped(asked: Sequence[Asked]) -> list[Group]:
    """The wordings by what they mean, the most asked first. Each joins the first group that begins
    with something like it, and those begin with what is asked most."""
    groups: list[Group] = []
    heads: list[tuple[str, frozenset[str]]] = []
    for each in sorted(asked, key=lambda one: (-one.count, one.words)):
        plain, words = _plain(each), _words(each)
        place = next((at for at, head in enumerate(heads) if _alike(head, (plain, words))), None)
        if place is None:
            heads.append((plain, words))
            groups.append(Group([each]))
        else:
            groups[place].members.append(each)
    return sorted(groups, key=lambda group: (-group.count, group.words))


def _alike(one: tuple[str, frozenset[str]], other: tuple[str, frozenset[str]]) -> bool:
    from rapidfuzz import fuzz

    shared = one[1] & other[1]
    if shared and len(shared) / len(one[1] | other[1]) >= SHARED:
        return True
    return bool(fuzz.token_sort_ratio(one[0], other[0], score_cutoff=ALIKE))


def _plain(asked: Asked) -> str:
    """Its telling words; what has none stands for itself."""
    return fold(" ".join(telling(asked.words)) or asked.words)


def _words(asked: Asked) -> frozenset[str]:
    return frozenset(stems(" ".join(telling(asked.words)), asked.language))
