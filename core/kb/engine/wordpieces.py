"""Byte-pair encoding of single words, from the `tokenizer.json` that a table of word vectors came with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

_START = "▁"
_NEVER = 1 << 30


class WordPieces:
    """Cuts a word into pieces that have a row in the table."""

    def __init__(self, ids: Mapping[str, int], merges: Mapping[tuple[str, str], int]) -> None:
        self._ids = ids
        self._merges = merges

    def ids(self, word: str) -> list[int]:
        """The rows of a word's pieces; what the table lacks is left out."""
        pieces = list(_START + word)
        while len(pieces) > 1:
            rank, at = min((self._rank(pieces, at), at) for at in range(len(pieces) - 1))
            if rank == _NEVER:
                break
            pieces[at : at + 2] = [pieces[at] + pieces[at + 1]]
        return [self._ids[piece] for piece in pieces if piece in self._ids]

    def whole_words(self) -> dict[str, int]:
        """Words that are one piece, in lower case, with their rank: the most common first."""
        found: dict[str, int] = {}
        for piece, rank in self._ids.items():
            word = piece[1:]
            if piece.startswith(_START) and word.isascii() and word.isalpha() and _is_word(word):
                found[word.lower()] = min(rank, found.get(word.lower(), _NEVER))
        return found

    def _rank(self, pieces: list[str], at: int) -> int:
        return self._merges.get((pieces[at], pieces[at + 1]), _NEVER)


def read_word_pieces(path: Path) -> WordPieces:
    """The vocabulary and the merges of a `tokenizer.json` of kind BPE."""
    model: dict[str, Any] = orjson.loads(path.read_bytes())["model"]
    if model.get("type") != "BPE":
        raise ValueError("not a byte-pair encoding")
    merges = (merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"])
    return WordPieces(model["vocab"], {(left, right): rank for rank, (left, right) in enumerate(merges)})


def _is_word(word: str) -> bool:
    """Lower case from two letters on; with a capital, which pieces of code have too, from four."""
    return (word.islower() and len(word) > 1) or (word[1:].islower() and len(word) > 3)
