"""When to speak: how sure it is that a question belongs here, and that the right article is among the first.

Both are logistic, with few weights, fitted over several kinds of knowledge bases at once. `belonging`
orders questions from foreign to familiar; `certainty` also asks whether the first articles stand
out from the others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from core.kb.engine.arrays import Floats
from core.kb.engine.ranking import Ranked

SHOWN = 3
PLAINLY_SMALL_TALK = 0.72
_LOGIT_BOUND = 1e-4
_FOREIGN = -30.0
_MOST_FROM_PAST = 4.0


@dataclass(frozen=True, slots=True)
class Sureness:
    """How sure the engine is about one question."""

    belonging: float
    """Before it is squeezed between 0 and 1."""
    certainty: float
    """0 to 1."""
    small_talk: float


def sureness(found: Ranked, small_talk: float) -> Sureness:
    """Of a question, from what was found for it."""
    question = found.question
    if not len(found.places) or not question.telling:
        return Sureness(_FOREIGN, 0.0, small_talk)
    top = _top(found)
    telling = math.log1p(len(question.telling))
    unknown = sum(not group.exact for group in question.telling)
    belonging = 0.8 * top + 2.5 * telling - 0.5 * unknown - 1.0 * small_talk - 10.0
    certainty = (
        0.30 * _logit(first_share(found.scores * found.scale))
        + 0.27 * top
        - 0.27 * unknown
        + 2.41 * telling
        - 3.73 * small_talk
        - 5.96
    )
    return Sureness(belonging, squeezed(certainty), small_talk)


def _top(found: Ranked) -> float:
    """The first article's own score, with a bounded part of what past questions add to it."""
    own = float(found.own_scores[0])
    return own + min(_MOST_FROM_PAST, float(found.scores[0] - own) * found.scale)


def first_share(scores: Floats) -> float:
    """The chance that the right one is among the first three, if it is among these at all."""
    odds = shares(scores)
    return float(odds[:SHOWN].sum())


def shares(scores: Floats) -> Floats:
    """The chance of each, if the right one is among these."""
    odds = np.exp(scores - scores.max())
    return np.asarray(odds / odds.sum(), np.float32)


def squeezed(value: float) -> float:
    """A sum of weights as a number between 0 and 1."""
    return 1 / (1 + math.exp(-max(-40.0, min(40.0, value))))


def _logit(share: float) -> float:
    bounded = min(max(share, _LOGIT_BOUND), 1 - _LOGIT_BOUND)
    return math.log(bounded / (1 - bounded))
