"""All that was learned: the examples, and what was last fitted to them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

import numpy as np

from core.kb.engine.arrays import Floats, Ints, Places, best
from core.kb.engine.learning import MOST_EXAMPLES, Example, Taught, taught
from core.kb.engine.library import Library, short_passages
from core.kb.engine.ranking import ranked
from core.kb.engine.shelf import Shelf
from core.kb.engine.vectors import Sentences
from core.kb.engine.words import MAX_QUERY_CHARS, words

_PASSAGES = 6
_PASSAGE_WORDS = 30
_TURNED_DOWN = -0.5
_LEAST_VERDICT = 0.02
_MOST_VERDICTS = 60


Lock = AbstractContextManager[bool | None]


class Fitted(NamedTuple):
    """Examples with their rows, and what they teach."""

    examples: list[Example]
    rows: Floats
    taught: Taught | None


class Lessons:
    """Examples by question and article; `stale` while they are not yet taken up."""

    def __init__(self) -> None:
        self._examples: dict[tuple[str, str], Example] = {}
        self.taught: Taught | None = None
        self.rows: Floats = np.zeros((0, 1), np.float32)
        self.fitted: list[Example] = []
        """The examples that `rows` belong to."""
        self.stale = False
        self.version = 0

    def add(self, example: Example) -> None:
        key = _key(example.question, example.article)
        self._examples.pop(key, None)
        self._examples[key] = Example(example.question[:MAX_QUERY_CHARS], example.article, example.solved)
        if len(self._examples) > MOST_EXAMPLES:
            self._examples.pop(next(iter(self._examples)))
        self.changed()

    def remove(self, question: str, article_id: str) -> bool:
        found = self._examples.pop(_key(question, article_id), None) is not None
        if found:
            self.changed()
        return found

    def changed(self) -> None:
        """What is fitted is out of date."""
        self.version += 1
        self.stale = True

    def examples(self) -> list[Example]:
        return list(self._examples.values())

    def verdicts(self, row: Floats, shelf: Shelf) -> dict[int, float]:
        """By place, what past questions add to the scores of their articles."""
        if self.taught is None or self.taught.trust <= 0 or not row.any():
            return {}
        said = self.taught.verdicts(row)
        found = ((shelf.places.get(self.taught.articles[at]), said[at]) for at in best(said, _MOST_VERDICTS))
        return {
            place: self.taught.trust * float(value)
            for place, value in found
            if place is not None and value > _LEAST_VERDICT
        }

    @property
    def scale(self) -> float:
        return self.taught.scale if self.taught else 1.0

    def near(self, row: Floats, article_id: str, most: int) -> list[tuple[Example, float]]:
        """The past questions of an article nearest to a question."""
        own = np.array([at for at, one in enumerate(self.fitted) if one.article == article_id], np.intp)
        if not len(own):
            return []
        near = self.rows[own] @ row
        return [(self.fitted[own[at]], float(near[at])) for at in best(near, most)]

    def take_up(self, fitted: Fitted, version: int) -> None:
        """Put in place what was fitted to the examples of a version."""
        self.fitted, self.rows, self.taught = fitted
        self.stale = version != self.version

    def memory(self) -> int:
        kept = sum(len(one.question) + len(one.article) for one in self._examples.values()) + self.rows.nbytes
        return kept + (self.taught.standing.nbytes + self.taught.weights.nbytes if self.taught else 0)


def fit(examples: Sequence[Example], library: Library, sentences: Sentences, lock: Lock) -> Fitted:
    """What these examples teach about the articles that are there. The lock is only held now and then."""
    asked: list[tuple[Example, list[str]]] = []
    for one in examples:
        with lock:
            if one.article in library.shelf.places and (said := library.question(one.question).words):
                asked.append((one, said))
    fitting = [one for one, _ in asked]
    rows = sentences.rows([said for _, said in asked])
    return Fitted(fitting, rows, _taught(fitting, rows, library, sentences, lock) if fitting else None)


def _taught(
    fitting: Sequence[Example], rows: Floats, library: Library, sentences: Sentences, lock: Lock
) -> Taught | None:
    articles = list(dict.fromkeys(one.article for one in fitting if one.solved))
    if not articles:
        return None
    place = {article: at for at, article in enumerate(articles)}
    kept = [at for at, one in enumerate(fitting) if one.article in place]
    owners = np.array([place[fitting[at].article] for at in kept], np.int32)
    values = np.array([1.0 if fitting[at].solved else _TURNED_DOWN for at in kept], np.float32)
    with lock:
        passages, passage_owners = _passages(articles, library.shelf)
    all_rows = np.concatenate([rows[kept], sentences.rows(passages)])
    all_owners = np.concatenate([owners, passage_owners])
    all_values = np.concatenate([values, np.ones(len(passages), np.float32)])

    def cold(at: int) -> tuple[list[str], Floats]:
        none: Places = np.zeros(0, np.intp)
        with lock:
            question = library.question(fitting[kept[at]].question)
            found = ranked(question, rows[kept[at]], library.shelf, none)
            return [library.shelf.at(int(one)).id for one in found.places], found.scores

    return taught(all_rows, all_owners, all_values, len(kept), articles, cold)


def _passages(articles: Sequence[str], shelf: Shelf) -> tuple[list[list[str]], Ints]:
    found = [
        (at, part.words)
        for at, article in enumerate(articles)
        if article in shelf.places
        for part in short_passages(shelf.at(shelf.places[article]), _PASSAGES, _PASSAGE_WORDS)
    ]
    return [said for _, said in found], np.array([at for at, _ in found], np.int32)


def _key(question: str, article_id: str) -> tuple[str, str]:
    return " ".join(words(question[:MAX_QUERY_CHARS])), article_id
