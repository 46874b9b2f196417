"""A question made ready to be compared: its words put right, grouped with the stems that match them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from core.kb.engine.lexicon import Lexicon, merged, weight_of
from core.kb.engine.prefixes import Prefixes
from core.kb.engine.spelling import Spelling
from core.kb.engine.vectors import WordVectors
from core.kb.engine.words import (
    FILLERS,
    MAX_QUERY_CHARS,
    MAX_QUERY_WORDS,
    STOP_WORDS,
    spelled_out,
    stems,
    words,
)


@dataclass(frozen=True, slots=True)
class Group:
    """One word of a question with the stems that speak for it."""

    word: str
    telling: bool
    """Whether it is more than a small word."""
    exact: tuple[int, ...]
    alike: dict[int, float]
    exact_weight: float
    alike_weight: float


@dataclass(frozen=True, slots=True)
class Question:
    """A question as the index sees it."""

    words: list[str]
    groups: list[Group]

    @property
    def telling(self) -> list[Group]:
        return [group for group in self.groups if group.telling]


class Asker:
    """Makes questions ready with what the index knows."""

    def __init__(self, lexicon: Lexicon, spelling: Spelling, vectors: WordVectors) -> None:
        self._lexicon = lexicon
        self._spelling = spelling
        self._vectors = vectors

    def question(self, text: str, languages: Sequence[str], articles: int) -> Question:
        """A question in a base of so many articles in these languages."""
        put_right = self.put_right(text)
        distinct = list(dict.fromkeys([*put_right, *self._joined(put_right)]))
        groups = [self._group(word, languages, articles) for word in distinct]
        return Question(put_right, groups)

    def unfinished(self, typed: str, prefixes: Prefixes, languages: Sequence[str], articles: int) -> Question:
        """A question whose last word may be the start of several."""
        finished = typed[-1:].isspace()
        *before, last = words(typed[:MAX_QUERY_CHARS])[:MAX_QUERY_WORDS] or [""]
        may_be = {} if finished or not last else prefixes.of(last)
        if not may_be:
            return self.question(typed, languages, articles)
        likeliest = next(iter(may_be))
        asked = self.question(" ".join([*before, likeliest]), languages, articles)
        return replace(
            asked,
            groups=[self._widened(group, likeliest, may_be, languages, articles) for group in asked.groups],
        )

    def put_right(self, text: str) -> list[str]:
        """The words of a text, spelled out and put right, without what is only polite."""
        typed = words(text[:MAX_QUERY_CHARS])[:MAX_QUERY_WORDS]
        right = [word for one in typed for word in self._right(one)]
        return [word for word in right if word not in FILLERS][:MAX_QUERY_WORDS]

    def _right(self, word: str) -> list[str]:
        if self._spelling.in_articles(word) and len(word) > 1:
            return [word]
        plain = spelled_out(word)
        if plain != word or word in STOP_WORDS or word in FILLERS:
            return [plain]
        return self._spelling.meant(word).split(" ")

    def _joined(self, put_right: Sequence[str]) -> list[str]:
        """What stands in the articles as one word, but was asked as two."""
        both = (one + other for one, other in pairwise(put_right))
        return [word for word in both if len(word) > 4 and self._spelling.in_articles(word)]

    def _group(self, word: str, languages: Sequence[str], articles: int) -> Group:
        known = [
            number
            for stem in stems(word, languages)
            if (number := self._lexicon.numbers.get(stem)) is not None
        ]
        exact = tuple(number for number in known if self._lexicon.articles[number] > 0)
        telling = word not in STOP_WORDS
        alike = self._alike(word, exact) if telling else {}
        return Group(word, telling, exact, alike, self._weight(dict.fromkeys(exact, 1.0), articles),
                     self._weight(alike, articles))  # fmt: skip

    def _widened(
        self, group: Group, word: str, may_be: dict[str, float], languages: Sequence[str], articles: int
    ) -> Group:
        """The group of an unfinished word, with the stems of all it may become."""
        if group.word != word:
            return group
        begun = [
            (number, value)
            for other, value in may_be.items()
            for stem in stems(other, languages)
            if (number := self._lexicon.numbers.get(stem)) is not None
        ]
        alike = merged(begun)
        return replace(
            group, telling=True, exact=tuple(alike), alike=alike, alike_weight=self._weight(alike, articles)
        )

    def _alike(self, word: str, exact: tuple[int, ...]) -> dict[int, float]:
        near = self._lexicon.near(word, self._vectors.word(word)) if self._vectors.meaning else []
        return merged([*((number, 1.0) for number in exact), *near])

    def _weight(self, stems_of: dict[int, float], articles: int) -> float:
        spread = sum(value * float(self._lexicon.articles[number]) for number, value in stems_of.items())
        return float(weight_of(np.array([min(spread, articles)], np.float32), articles)[0])
