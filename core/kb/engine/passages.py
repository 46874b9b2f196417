"""An article cut into passages: the sentences that may answer, without the marks of Markdown."""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.kb.engine.words import words

MAX_BODY_CHARS = 200_000
MAX_PASSAGES = 400
_MAX_WORDS = 40
_MAX_TITLE = 300
_LINK = re.compile(r"!?\[([^\]\n]{0,300})\]\([^)\n]{0,500}\)")
_TAG = re.compile(r"</?[a-zA-Z][^<>\n]{0,200}>")
_ADDRESS = re.compile(r"https?://\S{1,500}")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_MARKS = " \t#*>|-`~_=+"


@dataclass(frozen=True, slots=True)
class Passage:
    """One sentence or line, as it is shown and as words."""

    shown: str
    words: list[str]


def title_passage(title: str) -> Passage:
    """The title as the first passage of its article."""
    plain = title.replace("_", " ").strip()[:_MAX_TITLE]
    return Passage(plain, words(plain)[:_MAX_WORDS])


def passages(body: str) -> list[Passage]:
    """The passages of a body, in order, at most `MAX_PASSAGES`."""
    found: list[Passage] = []
    for line in body[:MAX_BODY_CHARS].split("\n"):
        for sentence in _SENTENCE.split(_plain(line)):
            found += _cut(sentence.strip(_MARKS))
        if len(found) >= MAX_PASSAGES:
            break
    return found[:MAX_PASSAGES]


def _plain(line: str) -> str:
    return _ADDRESS.sub(" ", _TAG.sub(" ", _LINK.sub(r"\1", line)))


def _cut(sentence: str) -> list[Passage]:
    """A long sentence (a table's row, a log) in pieces that one row can still stand for."""
    all_words = words(sentence)
    if not all_words:
        return []
    if len(all_words) <= _MAX_WORDS:
        return [Passage(sentence, all_words)]
    pieces = [all_words[at : at + _MAX_WORDS] for at in range(0, len(all_words), _MAX_WORDS)]
    return [Passage(" ".join(piece), piece) for piece in pieces]
