"""An article as the index keeps it: its stems with their counts, and its passages."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from core.kb.engine.arrays import Bytes, Ints
from core.kb.engine.lexicon import Lexicon
from core.kb.engine.passages import Passage, passages, title_passage
from core.kb.engine.words import language_key, stem, words

MOST_VECTORS = 64


@dataclass(slots=True)
class Reading:
    """What one article says, in numbers."""

    id: str
    title: str
    language: str
    shown: bytes
    """The passages as they are shown, title first, a line each."""
    stems: Ints
    times: Ints
    length: int
    vectors: Bytes = field(default_factory=lambda: np.zeros((0, 1), np.int8))
    """The first passages' places in the space."""

    def lines(self) -> list[str]:
        return self.shown.decode("utf-8", "replace").split("\n")


@dataclass(frozen=True, slots=True)
class Text:
    """An article's passages while it is being read."""

    title: str
    language: str
    parts: list[Passage]
    words: Counter[str]


def text_of(title: str, body: str, language: str) -> Text:
    """Title and body cut into passages, title first."""
    parts = [title_passage(title), *passages(body)]
    return Text(
        parts[0].shown, language_key(language), parts, Counter(w for part in parts for w in part.words)
    )


def text_from(reading: Reading) -> Text:
    """The text that a reading was made from."""
    parts = [Passage(line, words(line)) for line in reading.lines()]
    return Text(reading.title, reading.language, parts, Counter(w for part in parts for w in part.words))


def read(article_id: str, text: Text, lexicon: Lexicon) -> Reading:
    """The numbers of a text; its new stems get numbers."""
    numbers = {word: lexicon.number(stem(word, text.language)) for word in text.words}
    times: Counter[int] = Counter()
    for word, count in text.words.items():
        times[numbers[word]] += count
    times.update(numbers[word] for word in text.parts[0].words)
    return Reading(
        id=article_id,
        title=text.title,
        language=text.language,
        shown="\n".join(part.shown.replace("\n", " ") for part in text.parts).encode("utf-8", "replace"),
        stems=_ints(times),
        times=_ints(times.values()),
        length=times.total(),
    )


def _ints(values: object) -> Ints:
    return np.fromiter(values, np.int32)  # type: ignore[call-overload,no-any-return]
