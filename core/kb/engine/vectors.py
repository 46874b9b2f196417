"""Vectors of words: from a table that an installed package ships, or made up from their letters.

The table is that of the package `wordllama` (16 MB). Only its two data files are read, found by the
package's metadata; its code is never imported. Without the package the letters do: like words then
get like vectors, but synonyms no longer do.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Protocol

import numpy as np
import structlog

from core.kb.engine.arrays import Floats, unit_rows
from core.kb.engine.safetensors import read_tensors
from core.kb.engine.wordpieces import WordPieces, read_word_pieces
from core.kb.engine.words import stem

log = structlog.get_logger("kb.vectors")
PACKAGE = "wordllama"
_TABLE = "l2_supercat_256.safetensors"
_PIECES = "l2_supercat_tokenizer_config.json"
# Long rows of the table are rare pieces; taken as they are they drown the rest of a sentence.
_EVENNESS = 0.6
_LETTER_WIDTH = 256
_WEIGHTS_BY_MEANING = np.array([4.4, 5.1, 9.6, 1.2, 5.1], np.float32)
_WEIGHTS_BY_LETTERS = np.array([7.4, 9.9, 9.2, 0, 0], np.float32)


class WordVectors(Protocol):
    """What the engine needs of any vectors of words."""

    name: str
    width: int
    meaning: bool
    """Whether words that mean alike are near each other."""

    def word(self, word: str) -> Floats: ...

    def whole_words(self) -> Mapping[str, int]: ...


class Sentences(Protocol):
    """Turns passages and questions into rows of length 1."""

    name: str
    width: int
    sign_weights: Floats
    """How much each of `ranking.SIGNS` counts with these rows."""

    def rows(self, texts: Sequence[Sequence[str]]) -> Floats: ...


class TableVectors:
    """Words as the sum of their pieces' rows."""

    meaning = True

    def __init__(self, name: str, table: Floats, pieces: WordPieces) -> None:
        lengths = np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-3)
        self.name = name
        self.width = int(table.shape[1])
        self._table = (table * lengths ** (_EVENNESS - 1)).astype(np.float16)
        self._pieces = pieces
        self._known: dict[str, Floats] = {}
        self._words = pieces.whole_words()

    def word(self, word: str) -> Floats:
        found = self._known.get(word)
        if found is None:
            found = self._table[self._pieces.ids(word)].sum(axis=0, dtype=np.float32)
            if len(self._known) < 300_000:
                self._known[word] = found
        return found

    def whole_words(self) -> Mapping[str, int]:
        return self._words


class LetterVectors:
    """Words as their stem and their groups of three letters, each a fixed direction of its own."""

    name = "letters"
    width = _LETTER_WIDTH
    meaning = False

    def word(self, word: str) -> Floats:
        return _letters(word)

    def whole_words(self) -> Mapping[str, int]:
        return {}


class Sums:
    """A sentence as the sum of its words."""

    def __init__(self, vectors: WordVectors) -> None:
        self.name = vectors.name
        self.width = vectors.width
        self.sign_weights = _WEIGHTS_BY_MEANING if vectors.meaning else _WEIGHTS_BY_LETTERS
        self._vectors = vectors

    def rows(self, texts: Sequence[Sequence[str]]) -> Floats:
        rows = np.zeros((len(texts), self.width), np.float32)
        for at, text in enumerate(texts):
            if text:
                rows[at] = np.sum([self._vectors.word(word) for word in text], axis=0)
        return unit_rows(rows)


@lru_cache(maxsize=1)
def word_vectors() -> WordVectors:
    """The best vectors that are installed; read once a process."""
    table, pieces = _file(_TABLE), _file(_PIECES)
    if table is None or pieces is None:
        log.warning("word_vectors.missing", package=PACKAGE)
        return LetterVectors()
    try:
        rows = next(iter(read_tensors(table.read_bytes()).values()))
        return TableVectors(PACKAGE, np.asarray(rows, np.float32), read_word_pieces(pieces))
    except (OSError, ValueError, KeyError, StopIteration):
        log.exception("word_vectors.unreadable", package=PACKAGE)
        return LetterVectors()


def package_file(package: str, name: str) -> Path | None:
    """Where an installed package put a file of that name; its code is not imported."""
    try:
        files = metadata.distribution(package).files or ()
    except metadata.PackageNotFoundError:
        return None
    found = next((file for file in files if file.name == name), None)
    path = Path(str(found.locate())) if found else None
    return path if path and path.is_file() else None


def _file(name: str) -> Path | None:
    return package_file(PACKAGE, name)


@lru_cache(maxsize=100_000)
def _letters(word: str) -> Floats:
    edged = f"<{word}>"
    parts = [edged[at : at + 3] for at in range(len(edged) - 2)]
    rows = [_direction(part) for part in parts] or [_direction(edged)]
    return np.asarray(np.mean(rows, axis=0) + _direction(stem(word)), np.float32)


@lru_cache(maxsize=100_000)
def _direction(part: str) -> Floats:
    seeded = np.random.default_rng(zlib.crc32(part.encode()))
    return seeded.standard_normal(_LETTER_WIDTH).astype(np.float32) / np.float32(16)
