"""What past questions teach: which articles solved questions like this one.

A kernel ridge regression over past questions, together with the passages of the articles that they
were solved by. How much its verdict counts beside the words of the articles is decided by asking
it about each past question as if that one were unknown (leave one out): if it does not help there,
it counts nothing. Many questions are stood for by an even choice of them (Nyström).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from core.kb.engine.arrays import Floats, Ints, unit_rows

MOST_EXAMPLES = 40_000
_STANDING = 3_000
_SHARPNESS = 3.0
_SMOOTHING = 0.2
_WEIGHTS = np.array([0, 1, 2, 3, 4, 6, 8, 11, 15, 20], np.float32)
_SCALES = np.array([1, 0.7, 0.5, 0.35, 0.25], np.float32)
_FEW = 8
_TRUST_OF_FEW = 3.0
_ASKED_AGAIN = 400
_LIKELIHOOD = 0.2


@dataclass(frozen=True, slots=True)
class Example:
    """A past question and an article that solved it, or that was turned down."""

    question: str
    article: str
    solved: bool = True


@dataclass(frozen=True, slots=True)
class Taught:
    """The fitted regression; immutable, so that a search never sees half of it."""

    articles: list[str]
    middle: Floats
    standing: Floats
    weights: Floats
    trust: float
    """How much a verdict of 1 adds to an article's score."""
    scale: float
    """How far the sums of both spread compared with scores alone."""

    def verdicts(self, row: Floats) -> Floats:
        """For each of `articles`: about 1 if past questions like this were solved by it, else about 0."""
        return np.asarray(
            _kernel(unit_rows(row[None] - self.middle), self.standing)[0] @ self.weights, np.float32
        )


ColdScores = Callable[[int], tuple[Sequence[str], Floats]]
"""For the n-th example: the likely articles and their scores without what was learned."""


def taught(
    rows: Floats, owners: Ints, values: Floats, questions: int, articles: list[str], cold: ColdScores
) -> Taught:
    """Fitted to rows: first the past questions, then passages. `owners` are places in `articles`."""
    middle = rows.mean(axis=0)
    points = unit_rows(rows - middle)
    standing = points[_even_choice(owners, _STANDING)]
    near = _kernel(points, standing)
    wanted = np.zeros((len(rows), len(articles)), np.float32)
    wanted[np.arange(len(rows)), owners] = values
    if len(standing) == len(rows):
        gram = near.astype(np.float64) + np.eye(len(rows)) * _SMOOTHING
        sums = wanted.astype(np.float64)
    else:
        gram = (near.T @ near).astype(np.float64) + _kernel(standing, standing) * _SMOOTHING
        gram += np.eye(len(standing)) * 1e-3
        sums = (near.T @ wanted).astype(np.float64)
    asked = np.unique(np.linspace(0, questions - 1, min(questions, _ASKED_AGAIN)).astype(int))
    exact = len(standing) == len(rows)
    right = np.eye(len(rows))[:, asked] if exact else near[asked].T.astype(np.float64)
    solved = np.linalg.solve(gram, np.concatenate([sums, right], axis=1))
    weights = solved[:, : len(articles)]
    left_out = _left_out(
        near[asked], weights, solved[:, len(articles) :], wanted[asked], asked if exact else None
    )
    solving = values[asked] > 0
    trust, scale = _trust(asked[solving], left_out[solving], owners, articles, cold)
    return Taught(articles, middle, standing, weights.astype(np.float32), trust, scale)


def _left_out(near: Floats, weights: Floats, solved: Floats, wanted: Floats, own: Ints | None) -> Floats:
    """What the regression would say about each example, had it not been told about it."""
    said = near @ weights
    if own is not None:
        # For the full regression the residual follows from the inverse's diagonal.
        diagonal = solved[own, np.arange(len(own))]
        return np.asarray(wanted - weights[own] / np.maximum(diagonal, 1e-9)[:, None], np.float32)
    leverage = np.minimum(np.einsum("ij,ji->i", near, solved), 0.99)[:, None]
    return np.asarray((said - leverage * wanted) / (1 - leverage), np.float32)


def _trust(
    asked: Ints, verdicts: Floats, owners: Ints, articles: list[str], cold: ColdScores
) -> tuple[float, float]:
    """Trust and scale under which the right articles of past questions come first and are likeliest."""
    if len(asked) < _FEW:
        return _TRUST_OF_FEW, 1.0
    places = {article: at for at, article in enumerate(articles)}
    gains = np.zeros((len(_SCALES), len(_WEIGHTS)))
    for row, example in enumerate(asked):
        gains += _gains(cold(int(example)), verdicts[row], articles[owners[example]], places)
    scale, weight = np.unravel_index(int(np.argmax(gains)), gains.shape)
    return float(_WEIGHTS[weight] / _SCALES[scale]), float(_SCALES[scale])


def _gains(
    found: tuple[Sequence[str], Floats], verdicts: Floats, right: str, places: dict[str, int]
) -> Floats:
    """Whether the right article is first, and how likely it is, for each scale and weight."""
    ids, scores = found
    if right not in ids:
        return np.zeros((len(_SCALES), len(_WEIGHTS)), np.float32)
    told = np.array([verdicts[places[one]] if one in places else 0.0 for one in ids], np.float32)
    sums = _SCALES[:, None, None] * scores + _WEIGHTS[None, :, None] * told
    sums = sums - sums.max(axis=2, keepdims=True)
    own = sums[:, :, list(ids).index(right)]
    likelihoods = own - np.log(np.exp(sums).sum(axis=2))
    return np.asarray((own >= 0) + _LIKELIHOOD * likelihoods, np.float32)


def _kernel(rows: Floats, standing: Floats) -> Floats:
    return np.asarray(np.exp(_SHARPNESS * (rows @ standing.T - 1)), np.float32)


def _even_choice(owners: Ints, most: int) -> Ints:
    """Places of rows, in turn from every owner, at most so many."""
    if len(owners) <= most:
        return np.arange(len(owners), dtype=np.int32)
    order = np.argsort(owners, kind="stable")
    starts = np.flatnonzero(np.r_[True, owners[order][1:] != owners[order][:-1]])
    sizes = np.diff(np.r_[starts, len(order)])
    turn = np.arange(len(order)) - np.repeat(starts, sizes)
    chosen = order[np.argsort(turn, kind="stable")[:most]]
    return np.sort(chosen).astype(np.int32)
