"""Typing errors put right: the known word that someone most likely meant.

Known are the words of the articles, with how often they occur, and the common words of the
language. A slip to a neighbouring key, a doubled, a missing or two swapped letters are cheap; the
first letter is rarely wrong. A word that is too far from every known one stays as it is: a wrong
guess costs more than an unknown word.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping

from rapidfuzz import process
from rapidfuzz.distance import OSA

from core.kb.engine.words import CHAT_WORDS, STOP_WORDS, stem

_PREFIX = 7
_LONG = 6
_MAX_LETTERS = 20
_MAX_KEPT = 50_000
_WORTH_KEEPING = 1_000
_COST_TO_LIKELIHOOD = 3.0
_VOWELS = frozenset("aeiou")
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_KEYS = {key: (row, at + row * 0.4) for row, keys in enumerate(_ROWS) for at, key in enumerate(keys)}
_STARTS = ("un", "re", "in", "non", "pre")


class WordList:
    """Words by their near forms and by length."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        self.near: dict[str, list[str]] = defaultdict(list)
        self.by_length: dict[int, list[str]] = defaultdict(list)
        self.stems: set[str] = set()
        for word in words:
            self.add(word)

    def add(self, word: str) -> None:
        self.stems.add(stem(word))
        if word.isalpha() and word.isascii() and 2 < len(word) <= _MAX_LETTERS:
            for key in _one_less(word[:_PREFIX]):
                self.near[key].append(word)
            self.by_length[len(word)].append(word)


class Spelling:
    """The known words, ready to be asked. Grows word by word; forgets nothing until built anew."""

    def __init__(self, common: Mapping[str, int]) -> None:
        self._common = common
        self._lists = [_common_list(common), WordList()]
        self.counts: dict[str, int] = {}
        self._meant: dict[str, str] = {}

    def learn(self, counts: Mapping[str, int]) -> None:
        """Words of an article, with how often it uses them."""
        for word, count in counts.items():
            if word not in self.counts and word not in self._common:
                self._lists[1].add(word)
            self.counts[word] = self.counts.get(word, 0) + count
        self._meant.clear()

    def knows(self, word: str) -> bool:
        """Whether this is a word, as far as can be told."""
        return (
            self._listed(word)
            or word in STOP_WORDS
            or word in CHAT_WORDS
            or any(stem(word) in one.stems for one in self._lists)
            or any(word.startswith(start) and self._listed(word[len(start) :]) for start in _STARTS)
        )

    def in_articles(self, word: str) -> int:
        """How often the articles use a word."""
        return self.counts.get(word, 0)

    def article_words(self) -> list[str]:
        """All words of the articles."""
        return list(self.counts)

    def meant(self, word: str) -> str:
        """The word that was meant, or two where the space between them was left out."""
        found = self._meant.get(word)
        if found is None:
            found = self._guess(word) if self._may_be_wrong(word) else word
            if len(self._meant) < _MAX_KEPT:
                self._meant[word] = found
        return found

    def _listed(self, word: str) -> bool:
        return word in self.counts or word in self._common

    def _may_be_wrong(self, word: str) -> bool:
        return 2 < len(word) <= _MAX_LETTERS and word.isascii() and word.isalpha() and not self.knows(word)

    def _guess(self, word: str) -> str:
        return self._one_slip(word) or self._two_words(word) or self._two_slips(word) or word

    def _one_slip(self, word: str) -> str | None:
        keys = _one_less(word[:_PREFIX])
        near = {known for one in self._lists for key in keys for known in one.near.get(key, ())}
        close = [known for known in near if OSA.distance(word, known, score_cutoff=1) <= 1]
        return self._likeliest(word, close, 1.0 if len(word) <= 5 else 1.2 if len(word) <= 7 else 1.45)

    def _two_slips(self, word: str) -> str | None:
        if len(word) < _LONG:
            return None
        lengths = range(len(word) - 2, len(word) + 3)
        known = [
            other for one in self._lists for length in lengths for other in one.by_length.get(length, ())
        ]
        found = process.extract(word, known, scorer=OSA.distance, score_cutoff=2, limit=12)
        close = [str(other) for other, _, _ in found if other[0] == word[0]]
        return self._likeliest(word, close, 1.65 if len(word) < 8 else 1.9)

    def _two_words(self, word: str) -> str | None:
        for at in range(2, len(word) - 1):
            left, right = word[:at], word[at:]
            if self._joins(left, right):
                return f"{left} {right}"
        return None

    def _joins(self, left: str, right: str) -> bool:
        if right in STOP_WORDS:
            return len(left) > 3 and left in self.counts
        return len(right) > 3 and right in self.counts and (left in self.counts or left in STOP_WORDS)

    def _likeliest(self, word: str, close: Iterable[str], most: float) -> str | None:
        priced = [(cost, known) for known in close if (cost := slip_cost(word, known)) <= most]
        if not priced:
            return None
        return max((self._weight(known) - _COST_TO_LIKELIHOOD * cost, known) for cost, known in priced)[1]

    def _weight(self, word: str) -> float:
        rank = self._common.get(word)
        usual = 0.0 if rank is None else 1.5 * math.exp(-rank / 8000) + 0.2
        used = self.counts.get(word)
        return usual + (2 + math.log1p(used) if used else 0.0)


_common_lists: dict[int, tuple[Mapping[str, int], WordList]] = {}


def _common_list(common: Mapping[str, int]) -> WordList:
    """Made once for each vocabulary, which stays as it is as long as the program runs."""
    if len(common) < _WORTH_KEEPING:
        return WordList(common)
    # The vocabulary itself is kept too, so that its identity is never given to another one.
    if id(common) not in _common_lists:
        _common_lists[id(common)] = (common, WordList(common))
    return _common_lists[id(common)][1]


def slip_cost(typed: str, known: str) -> float:
    """How unlikely it is that someone who meant `known` typed `typed`; 0 for the same word."""
    before: list[float] = []
    row = [_missing(known, at) * at if at == 1 else at * 0.8 for at in range(len(known) + 1)]
    for at in range(1, len(typed) + 1):
        before, row, last = row, [float(at)], before
        for to in range(1, len(known) + 1):
            row.append(_cheapest(typed, known, at, to, row, before, last))
    return row[-1]


def _cheapest(
    typed: str, known: str, at: int, to: int, row: list[float], before: list[float], last: list[float]
) -> float:
    cost = min(
        before[to] + _extra(typed, at),
        row[to - 1] + _missing(known, to),
        before[to - 1] + _wrong(typed[at - 1], known[to - 1], first=at == to == 1),
    )
    if at > 1 and to > 1 and typed[at - 1] == known[to - 2] != typed[at - 2] == known[to - 1]:
        cost = min(cost, last[to - 2] + 0.6)
    return cost


def _extra(typed: str, at: int) -> float:
    return 0.6 if at > 1 and typed[at - 1] == typed[at - 2] else 1.0


def _missing(known: str, to: int) -> float:
    return 0.6 if to > 1 and known[to - 1] == known[to - 2] else 0.8


def _wrong(typed: str, known: str, *, first: bool) -> float:
    if typed == known:
        return 0.0
    return _swapped(typed, known) + (0.5 if first else 0.0)


def _swapped(typed: str, known: str) -> float:
    if _beside(typed, known):
        return 0.8
    return 1.0 if typed in _VOWELS and known in _VOWELS else 1.4


def _beside(one: str, other: str) -> bool:
    if one not in _KEYS or other not in _KEYS:
        return False
    (row, column), (other_row, other_column) = _KEYS[one], _KEYS[other]
    return abs(row - other_row) <= 1 and abs(column - other_column) <= 1.2


def _one_less(word: str) -> set[str]:
    return {word} | {word[:at] + word[at + 1 :] for at in range(len(word))}
