"""Which articles have a stem, for finding the ones worth a closer look."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from core.kb.engine.arrays import Floats, Ints
from core.kb.engine.reading import Reading

LENGTH_SHARE = 0.75
SATURATION = 1.2
_MUCH_LONGER = 3.0


class Postings:
    """For each stem its articles' places with how strongly each has it; later ones are kept beside."""

    def __init__(self) -> None:
        self.starts = np.zeros(1, np.int64)
        self.places = np.zeros(0, np.int32)
        self.strengths = np.zeros(0, np.float16)
        self.usual_length = 1.0
        self._later: dict[int, list[tuple[int, float]]] = defaultdict(list)

    def build(self, readings: Sequence[Reading], stems: int, usual_length: float | None = None) -> None:
        """From all articles, placed as they stand."""
        lengths = np.array([reading.length for reading in readings], np.float32)
        self.usual_length = usual_length or max(1.0, float(lengths.mean()) if len(lengths) else 1.0)
        sizes = [len(reading.stems) for reading in readings]
        all_stems = _joined([reading.stems for reading in readings])
        places = np.repeat(np.arange(len(readings), dtype=np.int32), sizes)
        times = _joined([reading.times for reading in readings]).astype(np.float32)
        order = np.argsort(all_stems, kind="stable")
        self.places = places[order]
        self.strengths = strength(times, lengths[places], self.usual_length)[order].astype(np.float16)
        self.starts = np.concatenate([[0], np.cumsum(np.bincount(all_stems, minlength=stems))])
        self._later.clear()

    def add(self, place: int, reading: Reading) -> None:
        """One more article."""
        lengths = np.full(len(reading.stems), reading.length, np.float32)
        found = strength(reading.times.astype(np.float32), lengths, self.usual_length)
        for stem, value in zip(reading.stems.tolist(), found.tolist(), strict=True):
            self._later[stem].append((place, value))

    def scores(self, weights: Mapping[int, float], count: int) -> Floats:
        """The weighted sum over stems for each of the places."""
        parts = [self._part(stem, weight) for stem, weight in weights.items()]
        places = _joined([part[0] for part in parts])
        values = np.concatenate([part[1] for part in parts]) if parts else np.zeros(0, np.float32)
        return np.bincount(places, values, minlength=count).astype(np.float32)

    def _part(self, stem: int, weight: float) -> tuple[Ints, Floats]:
        later = self._later.get(stem, ())
        first, last = (self.starts[stem], self.starts[stem + 1]) if stem + 1 < len(self.starts) else (0, 0)
        places, strengths = self.places[first:last], self.strengths[first:last].astype(np.float32)
        if later:
            places = np.concatenate([places, np.array([place for place, _ in later], np.int32)])
            strengths = np.concatenate([strengths, np.array([value for _, value in later], np.float32)])
        return places, strengths * np.float32(weight)


def strength(times: Floats, lengths: Floats, usual_length: float) -> Floats:
    """How strongly an article has a stem, 0 to 1: more often is more, less so the longer it is."""
    longer = np.minimum(lengths / usual_length, _MUCH_LONGER)
    against = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * longer)
    return np.asarray(times / (times + against), np.float32)


def _joined(parts: Iterable[Ints]) -> Ints:
    listed = list(parts)
    return np.concatenate(listed) if listed else np.zeros(0, np.int32)
