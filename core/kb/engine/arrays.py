"""Names for the kinds of arrays, and the little arithmetic that all parts share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Halves = NDArray[np.float16]
Bytes = NDArray[np.int8]
Ints = NDArray[np.int32]
Places = NDArray[np.intp]
Flags = NDArray[np.bool_]


def unit_rows(rows: Floats) -> Floats:
    """Each row with length 1; a row of zeros stays one."""
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    return np.asarray(rows / np.maximum(lengths, 1e-6), np.float32)


def best(scores: Floats, count: int) -> Places:
    """Where the highest scores are, best first, at most `count`."""
    if count < len(scores):
        top = np.argpartition(-scores, count)[:count]
        return top[np.argsort(-scores[top], kind="stable")]
    return np.argsort(-scores, kind="stable")
