"""Why an article was found: what spoke for it, in a form that can be shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.kb.engine.arrays import best
from core.kb.engine.asking import Group, Question
from core.kb.engine.lessons import Lessons
from core.kb.engine.matching import Matcher
from core.kb.engine.ranking import SIGNS, signs_of
from core.kb.engine.reading import Reading
from core.kb.engine.shelf import Shelf
from core.kb.engine.space import nearness
from core.kb.engine.vectors import Sentences
from core.kb.engine.words import stem, words

_SENTENCES = 3
_PAST = 5
_LEAST = 0.01


@dataclass(frozen=True, slots=True)
class WordReason:
    """A word of the question, the words of the article that speak for it, and how much, 0 to 1."""

    word: str
    found: list[str]
    strength: float


@dataclass(frozen=True, slots=True)
class SentenceReason:
    """A sentence of the article and how near it is to the question, -1 to 1."""

    sentence: str
    nearness: float


@dataclass(frozen=True, slots=True)
class PastReason:
    """A past question, whether the article solved it, and how near it is, -1 to 1."""

    question: str
    solved: bool
    nearness: float


@dataclass(frozen=True, slots=True)
class Reasons:
    """All that spoke for an article."""

    words: list[WordReason]
    sentences: list[SentenceReason]
    past: list[PastReason]
    signs: dict[str, float]
    """What each sign added to the score; `past` is what past questions added."""


def reasons(
    question: Question, row: np.ndarray, article_id: str, shelf: Shelf, lessons: Lessons, sentences: Sentences
) -> Reasons:
    """What speaks for an article that is on the shelf."""
    place = shelf.places[article_id]
    reading = shelf.at(place)
    vector = shelf.space.rows(row[None])[0] if row.any() else row
    signs = signs_of(question, vector, np.array([place], np.intp), shelf)[0] * shelf.sign_weights
    added = {name: round(float(value), 3) for name, value in zip(SIGNS, signs, strict=True)}
    added["past"] = round(lessons.verdicts(row, shelf).get(place, 0.0), 3)
    near = nearness(reading.vectors, vector)
    lines = reading.lines()
    told = [SentenceReason(lines[at], round(float(near[at]), 3)) for at in best(near, _SENTENCES)]
    past = [
        PastReason(one.question, one.solved, round(value, 3))
        for one, value in lessons.near(row, article_id, _PAST)
    ]
    return Reasons(_words(question, reading, shelf), told, past, added)


def _words(question: Question, reading: Reading, shelf: Shelf) -> list[WordReason]:
    _, shares = Matcher(question, shelf).shares([reading])
    own = {shelf.lexicon.numbers[stem(word, reading.language)]: word for word in _article_words(reading)}
    found = [
        WordReason(group.word, _matches(group, own), round(float(share), 3))
        for group, share in zip(question.telling, shares[0], strict=True)
        if share > _LEAST
    ]
    return sorted(found, key=lambda reason: -reason.strength)


def _matches(group: Group, own: dict[int, str]) -> list[str]:
    nearest = sorted(group.alike, key=lambda number: -group.alike[number])
    return [own[number] for number in nearest if number in own][:4]


def _article_words(reading: Reading) -> list[str]:
    return [word for line in reading.lines() for word in words(line)]
