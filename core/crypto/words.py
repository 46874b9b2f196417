"""Keyed hashes of words, so that encrypted text can be found by those who hold the key.

A word becomes a 63-bit integer: the first bytes of HMAC-SHA256 (RFC 2104) of its stem under
a key that never leaves the application. What such hashes still tell is in the threat model.
"""

from __future__ import annotations

import hmac
import re
import sys
import unicodedata
from functools import cache, lru_cache
from threading import local

import Stemmer

_WORD = re.compile(r"\w+(?:['’.@_-]\w+)*", re.UNICODE)
_PART = re.compile(r"\w+", re.UNICODE)
_LONGEST = 40
_STEMMERS = {"en": "english", "de": "german"}
LANGUAGES = tuple(_STEMMERS)
"""The languages whose stems a text may be filed under."""
_threads = local()

MOST_TERMS = 4_000


def terms(key: bytes, text: str, language: str | None = None) -> list[int]:
    """Hashes of all stems of a text, sorted, each once, at most `MOST_TERMS`."""
    distinct = list(dict.fromkeys(_stems(text, language)))[:MOST_TERMS]
    return sorted({hashed(key, stem) for stem in distinct})


def word_alternatives(key: bytes, word: str) -> list[int]:
    """Every hash under which one typed word may have been filed (a stem for each language)."""
    return sorted({hashed(key, stem) for code in _STEMMERS for stem in _stems(word, code)})


def prefixes(key: bytes, text: str, shortest: int = 3, longest: int = 12) -> list[int]:
    """Hashes of the folded prefixes of each word of a name or an address."""
    found: set[str] = set()
    for word in _PART.findall(fold(text)):
        for size in range(min(shortest, len(word)), min(longest, len(word)) + 1):
            found.add(word[:size])
    return sorted(hashed(key, f"p:{prefix}") for prefix in found)


def prefix(key: bytes, word: str, longest: int = 12) -> int:
    """The hash under which a typed beginning of a name is found."""
    return hashed(key, f"p:{fold(word)[:longest]}")


def digest(key: bytes, value: str) -> bytes:
    """A 16-byte keyed hash of a whole value: an address, a platform id, a token."""
    return hmac.digest(key, value.encode("utf-8", "surrogatepass"), "sha256")[:16]


def fold(text: str) -> str:
    """Lower case without accents, so that Zoë is found as zoe (Unicode NFKD, UAX #15)."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return decomposed if decomposed.isascii() else decomposed.translate(_accents())


@cache
def _accents() -> dict[int, None]:
    """All combining characters, to be dropped: a table is many times as quick as asking each."""
    return {code: None for code in range(sys.maxunicode + 1) if unicodedata.combining(chr(code))}


@lru_cache(maxsize=65_536)
def hashed(key: bytes, stem: str) -> int:
    return int.from_bytes(hmac.digest(key, stem.encode("utf-8", "replace"), "sha256")[:8], "big") >> 1


def stems(text: str, language: str | None = None) -> list[str]:
    """The stems of a text in order, as they are indexed; for ranking and highlighting."""
    return _stems(text, language)


def _stems(text: str, language: str | None) -> list[str]:
    found: list[str] = []
    for word in _WORD.findall(fold(text)):
        whole = word[:_LONGEST]
        found.append(whole)
        if not whole.isalnum() and len(parts := _PART.findall(whole)) > 1:
            found += parts
    stemmed: list[str] = _stemmer(_STEMMERS.get(language or "en", "english")).stemWords(found)
    return stemmed


def _stemmer(algorithm: str) -> Stemmer.Stemmer:
    """PyStemmer objects are not safe to share between threads, and cost much to make."""
    made: dict[str, Stemmer.Stemmer] = _threads.__dict__.setdefault("made", {})
    if algorithm not in made:
        made[algorithm] = Stemmer.Stemmer(algorithm, 4096)
    return made[algorithm]
