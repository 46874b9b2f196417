"""What a search wants, made of what was typed: words as keyed hashes of stems, and phrases.

The database knows nothing but the hashes; phrases are looked for in what is opened.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.crypto import words
from core.tickets.query_words import Query

MOST_WORDS = 12

WORD = re.compile(r"\w+(?:['’.@_-]\w+)*", re.UNICODE)
_PART = re.compile(r"\w+", re.UNICODE)


@dataclass(frozen=True, slots=True)
class Need:
    """One typed word: the stems that it may have been filed under, and their hashes. A word made
    of parts (`e-mail`) is found whole, or by all of its parts."""

    stems: frozenset[str]
    hashes: tuple[int, ...]
    parts: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    needs: tuple[Need, ...] = ()
    required: tuple[Need, ...] = ()
    phrases: tuple[re.Pattern[str], ...] = ()
    adjacent: re.Pattern[str] | None = None
    without: tuple[Need, ...] = ()
    without_phrases: tuple[re.Pattern[str], ...] = ()

    @property
    def possible(self) -> bool:
        return all(need.hashes for need in self.needs)

    @property
    def by_time(self) -> bool:
        """Whether nothing but their time tells what is found apart: no word more or less, no phrase."""
        return len(self.needs) == 1 and not (self.phrases or self.adjacent or self.without_phrases)

    @property
    def stems(self) -> frozenset[str]:
        return frozenset().union(*(need.stems for need in self.needs))


def wanted(key: bytes, query: Query) -> Wanted:
    """`key` is the one that words are hashed under."""
    free = [_need(key, word) for typed in query.words for word in WORD.findall(typed)][:MOST_WORDS]
    required = [_need(key, word) for phrase in query.phrases for word in WORD.findall(phrase)][:MOST_WORDS]
    negated = [each.value for each in query.filters if each.field == "words"]
    in_a_row = " ".join(query.words)
    return Wanted(
        needs=tuple(dict.fromkeys((*required, *free))),
        required=tuple(dict.fromkeys(required)),
        phrases=tuple(_phrase(phrase) for phrase in query.phrases),
        adjacent=_phrase(in_a_row) if len(_PART.findall(in_a_row)) > 1 else None,
        without=tuple(_need(key, one) for one in negated if len(_PART.findall(one)) == 1),
        without_phrases=tuple(_phrase(one) for one in negated if len(_PART.findall(one)) > 1),
    )


def _need(key: bytes, word: str) -> Need:
    stems = {words.stems(word, code)[0] for code in words.LANGUAGES}
    parts = _PART.findall(words.fold(word))
    return Need(
        stems=frozenset(stems | {s for code in words.LANGUAGES for s in words.stems(word, code)}),
        hashes=tuple(sorted(words.hashed(key, stem) for stem in stems)),
        parts=tuple(tuple(words.word_alternatives(key, part)) for part in parts) if len(parts) > 1 else (),
    )


def _phrase(plain: str) -> re.Pattern[str]:
    """Finds the words in a row in a folded text, whatever stands between them but a blank line:
    that parts a subject from a message."""
    between = r"(?:(?!\n\n)\W)+"
    row = between.join(re.escape(word) for word in _PART.findall(words.fold(plain)))
    return re.compile(rf"(?<!\w){row}(?!\w)")
