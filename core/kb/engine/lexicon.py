"""The stems of all articles: their numbers, in how many articles they are, and which mean alike."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from core.kb.engine.arrays import Floats, Ints, unit_rows

_SKETCH = 64
_NEIGHBOURS = 20
_LOOKED_AT = 60
_NEAR = 0.35
_SHARPNESS = 1.5
_MAX_KEPT = 20_000
_MOST_STEMS = 30_000


class Lexicon:
    """Numbers for stems, how common each is, and the neighbours of any word by its vector."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.articles = np.zeros(1024, np.int32)
        """In how many articles each stem is."""
        self.neighbours = Neighbours(np.zeros((0, 1), np.float32), np.zeros(0, np.int32))

    def __len__(self) -> int:
        return len(self.numbers)

    def number(self, stem: str) -> int:
        """A stem's number; a new one for a new stem."""
        found = self.numbers.setdefault(stem, len(self.numbers))
        if found >= len(self.articles):
            self.articles = np.concatenate([self.articles, np.zeros_like(self.articles)])
        return found

    def count(self, stems: Ints, by: int) -> None:
        """Note that an article with these (different) stems came or went."""
        self.articles[stems] += by

    def weight(self, stems: Ints, total: int) -> Floats:
        """How much each stem tells: the rarer, the more."""
        return weight_of(self.articles[stems].astype(np.float32), total)

    def set_vectors(self, sums: Floats) -> None:
        """The vectors of the stems, a row each by number; of the most common ones if there are many."""
        numbers = np.flatnonzero(self.articles[: len(sums)] > 0).astype(np.int32)
        if len(numbers) > _MOST_STEMS:
            common = np.argsort(-self.articles[numbers], kind="stable")[:_MOST_STEMS]
            numbers = np.sort(numbers[common])
        self.neighbours = Neighbours(unit_rows(sums[numbers]), numbers)

    def near(self, key: str, vector: Floats) -> list[tuple[int, float]]:
        """The stems that mean about the same as a word with this vector, with 0 to 1 for how much so."""
        return self.neighbours.of(key, vector)


class Neighbours:
    """Nearest stems, looked up in few dimensions and judged in all."""

    def __init__(self, rows: Floats, numbers: Ints) -> None:
        self.rows = rows.astype(np.float16)
        rows = self.rows.astype(np.float32)
        self.numbers = numbers
        self._turn = _main_directions(rows, _SKETCH)
        self._sketch = np.ascontiguousarray(rows @ self._turn)
        self._found: dict[str, list[tuple[int, float]]] = {}

    def of(self, key: str, vector: Floats) -> list[tuple[int, float]]:
        found = self._found.get(key)
        if found is None:
            found = self._look(vector) if len(self.numbers) else []
            if len(self._found) < _MAX_KEPT:
                self._found[key] = found
        return found

    def _look(self, vector: Floats) -> list[tuple[int, float]]:
        length = float(np.linalg.norm(vector))
        if length < 1e-6:
            return []
        vector = vector / np.float32(length)
        rough = self._sketch @ (vector @ self._turn)
        some = (
            np.argpartition(-rough, _LOOKED_AT)[:_LOOKED_AT]
            if len(rough) > _LOOKED_AT
            else np.arange(len(rough))
        )
        near = self.rows[some].astype(np.float32) @ vector
        order = np.argsort(-near, kind="stable")[:_NEIGHBOURS]
        return [(int(self.numbers[some[at]]), _alike(float(near[at]))) for at in order if near[at] > _NEAR]


def weight_of(articles: Floats, total: int) -> Floats:
    """How much a word tells that is in so many of all articles."""
    return np.asarray(np.log1p((np.maximum(total - articles, 0) + 0.5) / (articles + 0.5)), np.float32)


def merged(pairs: Iterable[tuple[int, float]]) -> dict[int, float]:
    """The highest value for each number."""
    found: dict[int, float] = {}
    for number, value in pairs:
        found[number] = max(value, found.get(number, 0.0))
    return found


def _alike(nearness: float) -> float:
    return float(min(1.0, (nearness - _NEAR) / (1 - _NEAR)) ** _SHARPNESS)


def _main_directions(rows: Floats, count: int) -> Floats:
    if len(rows) == 0:
        return np.zeros((rows.shape[1], 1), np.float32)
    _, directions = np.linalg.eigh(rows.T @ rows)
    return np.asarray(directions[:, ::-1][:, :count], np.float32)
