"""Which articles come first: a few signs for each of the likely ones, weighed by fixed weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.kb.engine.arrays import Floats, Places, best
from core.kb.engine.asking import Question
from core.kb.engine.matching import Matcher
from core.kb.engine.shelf import Shelf
from core.kb.engine.space import nearness

SIGNS = ("words", "meaning", "article", "title", "passage")
_BY_WORDS = 80
_BY_VECTOR = 80


@dataclass(frozen=True, slots=True)
class Ranked:
    """The likely articles, best first, with what speaks for each."""

    places: Places
    scores: Floats
    own_scores: Floats
    """The scores without what past questions add."""
    signs: Floats
    """By article and sign."""
    question: Question
    vector: Floats
    """The question's row in the space."""
    scale: float = 1.0
    """How far the scores spread compared with those of the articles' words alone."""


def ranked(question: Question, plain: Floats, shelf: Shelf, more: Places, breadth: int = 1) -> Ranked:
    """The likely articles by their own words, `breadth` times as many as usual; `more` are looked at
    in any case."""
    vector = shelf.space.rows(plain[None])[0] if plain.any() else plain
    places = likely(question, vector, shelf, more, breadth)
    signs = signs_of(question, vector, places, shelf)
    scores = np.asarray(signs @ shelf.sign_weights, np.float32)
    order = np.argsort(-scores, kind="stable")
    return Ranked(places[order], scores[order], scores[order], signs[order], question, vector)


def likely(question: Question, vector: Floats, shelf: Shelf, more: Places, breadth: int = 1) -> Places:
    """The places worth a closer look."""
    if len(shelf) <= (_BY_WORDS + _BY_VECTOR) * breadth:
        return np.flatnonzero(shelf.alive)
    weights = {number: group.exact_weight for group in question.telling for number in group.exact}
    by_words = shelf.postings.scores(weights, len(shelf.readings))
    found = [best(by_words, _BY_WORDS * breadth), shelf.nearest(vector, _BY_VECTOR * breadth), more]
    places: Places = np.unique(np.concatenate(found))
    return np.asarray(places[shelf.alive[places]], np.intp)


def signs_of(question: Question, vector: Floats, places: Places, shelf: Shelf) -> Floats:
    """What speaks for each of these places, by `SIGNS`."""
    readings = [shelf.at(int(place)) for place in places]
    signs = np.zeros((len(places), len(SIGNS)), np.float32)
    if not readings:
        return signs
    matcher = Matcher(question, shelf)
    by_word, by_meaning = matcher.shares(readings)
    exact = np.array([group.exact_weight for group in question.groups], np.float32)
    alike = np.array([group.alike_weight for group in question.telling], np.float32)
    signs[:, 0] = by_word @ exact / max(1.0, float(exact.sum()))
    signs[:, 1] = by_meaning @ alike / max(1.0, float(alike.sum()))
    signs[:, 2] = shelf.means[places].astype(np.float32) @ vector
    signs[:, 3] = shelf.titles[places].astype(np.float32) @ vector
    signs[:, 4] = _best_passages(vector, places, shelf)
    return signs


def _best_passages(vector: Floats, places: Places, shelf: Shelf) -> Floats:
    parts = [shelf.at(int(place)).vectors for place in places]
    starts = np.cumsum([0, *(len(part) for part in parts[:-1])])
    return np.asarray(np.maximum.reduceat(nearness(np.concatenate(parts), vector), starts), np.float32)
