"""Folding: the form of a text in which case and compatibility variants do not matter."""

from __future__ import annotations

import re
from unicodedata import normalize

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def fold(text: str) -> str:
    """The text without differences of case, width and composition; folding twice changes nothing."""
    return normalize("NFKC", normalize("NFKC", text).casefold())


def words_of(text: str) -> tuple[str, ...]:
    """The folded words of a text in order, without punctuation: the form of every `words` fact."""
    return tuple(_WORD.findall(fold(text)))
