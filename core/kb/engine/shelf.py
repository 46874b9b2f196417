"""All articles of the index, each at a place, with their vectors in rows by place.

A changed article gets a new place and leaves its old one empty, so that what is being read by a
search never changes under it; `crowded` says when it is time to build anew.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from core.kb.engine.arrays import Flags, Floats, Halves, Ints, Places, best, unit_rows
from core.kb.engine.lexicon import Lexicon
from core.kb.engine.postings import Postings
from core.kb.engine.reading import MOST_VECTORS, Reading, Text, read
from core.kb.engine.space import fitted, plain_space, small, sums_of, weights_of
from core.kb.engine.vectors import Sentences, WordVectors
from core.kb.engine.words import stem

SKETCH = 96
_BATCH = 4_000
_CHUNK = 200
_FITTED_TO = 30_000


class Embedded(NamedTuple):
    """Passages of some articles as rows, with the article that each belongs to, and its words' number."""

    rows: Floats
    owners: Ints
    lengths: Ints


class Shelf:
    """Articles by place and by id."""

    def __init__(self, vectors: WordVectors, sentences: Sentences) -> None:
        self._vectors = vectors
        self._sentences = sentences
        self.sign_weights = sentences.sign_weights
        self.lexicon = Lexicon()
        self.postings = Postings()
        self.readings: list[Reading | None] = []
        self.places: dict[str, int] = {}
        self.languages: dict[str, int] = {}
        self.space = plain_space(sentences.width)
        self.means: Halves = np.zeros((0, sentences.width), np.float16)
        self.titles: Halves = np.zeros((0, sentences.width), np.float16)
        self.sketch_turn: Floats = np.eye(sentences.width, min(SKETCH, sentences.width), dtype=np.float32)
        self.sketch: Floats = np.zeros((0, self.sketch_turn.shape[1]), np.float32)
        self.alive: Flags = np.zeros(0, np.bool_)
        self._built = 0

    def __len__(self) -> int:
        return len(self.places)

    def build(self, ids: Sequence[str], text_at: Callable[[int], Text]) -> Counter[str]:
        """Everything anew, from these articles, a few at a time; gives back how often each word occurs."""
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        waiting: list[tuple[int, Embedded]] = []
        seen = 0
        self._grow(len(ids))
        for first in range(0, len(ids), _CHUNK):
            texts = [text_at(at) for at in range(first, min(first + _CHUNK, len(ids)))]
            self._read(first, ids[first : first + _CHUNK], texts, counts)
            waiting.append((first, self._embedded(texts)))
            seen += len(waiting[-1][1].rows)
            if seen >= _FITTED_TO or first + _CHUNK >= len(ids):
                self._set_waiting(waiting)
        self._set_sketch()
        self._set_stem_vectors(counts)
        self.postings.build(self._all(), len(self.lexicon))
        self._built = len(self.readings)
        return sum(counts.values(), Counter())

    def restore(
        self, readings: Sequence[Reading], means: Halves, titles: Halves, usual_length: float
    ) -> None:
        """As it was when this was saved; space, sketch and stems are set already."""
        self.readings = list(readings)
        self._grow(len(readings))
        for place, reading in enumerate(readings):
            self._enter(place, reading)
        self.means[: len(readings)], self.titles[: len(readings)] = means, titles
        self.sketch = np.zeros((len(self.alive), self.sketch_turn.shape[1]), np.float32)
        self.sketch[: len(readings)] = means.astype(np.float32) @ self.sketch_turn
        self.postings.build(readings, len(self.lexicon), usual_length)
        self._built = len(readings)

    def add(self, article_id: str, text: Text) -> None:
        """One more article, or the new form of one."""
        self.remove(article_id)
        reading = read(article_id, text, self.lexicon)
        place = len(self.readings)
        self._grow(place + 1)
        self._enter(place, reading)
        self.readings.append(reading)
        self._set_vectors(place, self._embedded([text]))
        self.sketch[place] = self.means[place].astype(np.float32) @ self.sketch_turn
        self.postings.add(place, reading)

    def remove(self, article_id: str) -> bool:
        """Take an article out; False if it was not there."""
        place = self.places.pop(article_id, None)
        reading = self.readings[place] if place is not None else None
        if place is None or reading is None:
            return False
        self._count(reading, -1)
        self.alive[place] = False
        self.readings[place] = None
        return True

    def at(self, place: int) -> Reading:
        """The article at a place that is taken."""
        reading = self.readings[place]
        if reading is None:
            raise LookupError("no article at this place")
        return reading

    def crowded(self) -> bool:
        """Whether so much has come and gone that building anew is worth it."""
        later = len(self.readings) - self._built
        gone = len(self.readings) - len(self.places)
        return later + gone > max(200, self._built // 5)

    def nearest(self, vector: Floats, count: int) -> Places:
        """The places whose articles are nearest to a row of the space, by the sketch."""
        rough = self.sketch[: len(self.readings)] @ (vector @ self.sketch_turn)
        rough[~self.alive[: len(self.readings)]] = -2
        return best(rough, count)

    def memory(self) -> dict[str, int]:
        """Bytes by kind."""
        kept = [reading for reading in self.readings if reading]
        return {
            "article vectors": self.means.nbytes + self.titles.nbytes + self.sketch.nbytes,
            "passage vectors": sum(reading.vectors.nbytes for reading in kept),
            "words": self.postings.places.nbytes + self.postings.strengths.nbytes
            + sum(reading.stems.nbytes + reading.times.nbytes for reading in kept),
            "texts": sum(len(reading.shown) for reading in kept),
        }  # fmt: skip

    def _all(self) -> list[Reading]:
        return [self.at(place) for place in range(len(self.readings))]

    def _read(
        self, first: int, ids: Sequence[str], texts: Sequence[Text], counts: dict[str, Counter[str]]
    ) -> None:
        for place, (article_id, text) in enumerate(zip(ids, texts, strict=True), first):
            reading = read(article_id, text, self.lexicon)
            self.readings.append(reading)
            self._enter(place, reading)
            counts[text.language].update(text.words)

    def _set_waiting(self, waiting: list[tuple[int, Embedded]]) -> None:
        """Fit the space to the first that came, then set the vectors of all that wait."""
        if waiting[0][0] == 0:
            self.space = fitted(*_together([embedded for _, embedded in waiting]))
        for first, embedded in waiting:
            self._set_vectors(first, embedded)
        waiting.clear()

    def _enter(self, place: int, reading: Reading) -> None:
        self.places[reading.id] = place
        self.alive[place] = True
        self._count(reading, 1)

    def _count(self, reading: Reading, by: int) -> None:
        self.lexicon.count(reading.stems, by)
        self.languages[reading.language] = self.languages.get(reading.language, 0) + by

    def _grow(self, count: int) -> None:
        have = len(self.alive)
        if count <= have:
            return
        more = max(count, have + have // 4 + 16) - have
        self.means, self.titles, self.sketch = (
            np.concatenate([rows, np.zeros((more, rows.shape[1]), rows.dtype)])
            for rows in (self.means, self.titles, self.sketch)
        )
        self.alive = np.concatenate([self.alive, np.zeros(more, np.bool_)])

    def _embedded(self, texts: Sequence[Text]) -> Embedded:
        parts = [part.words for text in texts for part in text.parts]
        owners = np.repeat(np.arange(len(texts), dtype=np.int32), [len(text.parts) for text in texts])
        rows = [self._sentences.rows(parts[at : at + _BATCH]) for at in range(0, len(parts), _BATCH)]
        return Embedded(np.concatenate(rows), owners, np.array([len(part) for part in parts], np.int32))

    def _set_vectors(self, first: int, embedded: Embedded) -> None:
        turned, owners = self.space.rows(embedded.rows), embedded.owners
        starts = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]])
        weights = weights_of(embedded.lengths, starts.astype(np.int32))[:, None]
        here = slice(first, first + len(starts))
        self.means[here] = unit_rows(sums_of(turned * weights, owners, len(starts)))
        self.titles[here] = turned[starts]
        for at, (start, end) in enumerate(zip(starts, [*starts[1:], len(turned)], strict=True)):
            self.at(first + at).vectors = small(turned[start : min(end, start + MOST_VECTORS)])

    def _set_sketch(self) -> None:
        rows = self.means[: len(self.readings)].astype(np.float32)
        if len(rows) > self.sketch_turn.shape[1]:
            _, directions = np.linalg.eigh(rows.T @ rows)
            self.sketch_turn = np.ascontiguousarray(directions[:, ::-1][:, :SKETCH], np.float32)
        self.sketch[: len(rows)] = rows @ self.sketch_turn

    def _set_stem_vectors(self, counts: dict[str, Counter[str]]) -> None:
        sums = np.zeros((len(self.lexicon), self._vectors.width), np.float32)
        for language, words in counts.items():
            for word, times in words.items():
                sums[self.lexicon.numbers[stem(word, language)]] += times * self._vectors.word(word)
        self.lexicon.set_vectors(sums)


def _together(parts: Sequence[Embedded]) -> tuple[Floats, Ints]:
    """All rows, with owners that go on counting from part to part."""
    firsts = np.cumsum([0, *(int(part.owners[-1]) + 1 for part in parts[:-1])])
    owners = [part.owners + first for part, first in zip(parts, firsts, strict=True)]
    return np.concatenate([part.rows for part in parts]), np.concatenate(owners).astype(np.int32)
