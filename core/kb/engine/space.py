"""The space in which questions and articles are compared.

Passages of one article differ in ways that do not matter for which article it is: wording, length,
small talk around the point. Those ways are measured over all articles, and distances along them
count less (within-class covariance normalisation, drawn towards even by `_DRAWN`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.kb.engine.arrays import Bytes, Floats, Ints, unit_rows

_DRAWN = 2.0
_SCALE = np.float32(254)
_TITLE = 2.0
_TITLE_SHARE = 0.2
_LONGEST = 30


@dataclass(frozen=True, slots=True)
class Space:
    """A shift and a turn; both fixed until the index is built anew."""

    middle: Floats
    turn: Floats

    def rows(self, rows: Floats) -> Floats:
        return unit_rows(np.asarray((rows - self.middle) @ self.turn, np.float32))


def plain_space(width: int) -> Space:
    """The space of an index without articles."""
    return Space(np.zeros(width, np.float32), np.eye(width, dtype=np.float32))


def fitted(rows: Floats, owners: Ints) -> Space:
    """The space that fits passages (rows) of articles (owners, ascending)."""
    width = rows.shape[1]
    counts = np.bincount(owners).astype(np.float32)
    means = sums_of(rows, owners, len(counts)) / np.maximum(counts, 1)[:, None]
    apart = (rows - means[owners]) / np.sqrt(counts[owners])[:, None]
    spread = apart.T @ apart / max(1, len(np.unique(owners)))
    level = float(np.trace(spread)) / width
    middle = rows.mean(axis=0) if len(rows) else np.zeros(width, np.float32)
    if level < 1e-9:
        return Space(middle * 0, np.eye(width, dtype=np.float32))
    sizes, directions = np.linalg.eigh(spread + np.eye(width) * level * _DRAWN)
    return Space(middle.astype(np.float32), (directions * sizes**-0.5).astype(np.float32))


def sums_of(rows: Floats, owners: Ints, count: int) -> Floats:
    """The sum of each owner's rows; owners ascending."""
    sums = np.zeros((count, rows.shape[1]), np.float32)
    if len(rows):
        starts = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]])
        sums[owners[starts]] = np.add.reduceat(rows, starts, axis=0)
    return sums


def weights_of(lengths: Ints, titles: Ints) -> Floats:
    """How much each passage counts in its article's mean: by its words, the title more, and never drowned."""
    weights = np.sqrt(np.minimum(lengths, _LONGEST)).astype(np.float32)
    totals = np.add.reduceat(weights, titles)
    weights[titles] = np.maximum(weights[titles] * _TITLE, totals * _TITLE_SHARE)
    return weights


def small(rows: Floats) -> Bytes:
    """Rows of length 1 in a quarter of the memory."""
    return np.asarray(np.clip(np.rint(rows * _SCALE), -127, 127), np.int8)


def nearness(rows: Bytes, vector: Floats) -> Floats:
    """How near small rows are to a row of length 1."""
    return np.asarray(rows.astype(np.float32) @ (vector / _SCALE), np.float32)
