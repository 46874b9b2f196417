"""Words that begin as something typed does, with a slip forgiven."""

from __future__ import annotations

from bisect import bisect_left

from rapidfuzz.distance import OSA

from core.kb.engine.spelling import Spelling

_MOST = 12
_LEAST_FOR_SLIPS = 4
_SLIP = 0.7


class Prefixes:
    """The words of the articles in their order, sorted when they are first needed."""

    def __init__(self, spelling: Spelling) -> None:
        self._spelling = spelling
        self._sorted: list[str] | None = None

    def outdated(self) -> None:
        """The articles have other words now."""
        self._sorted = None

    def of(self, start: str) -> dict[str, float]:
        """Words that may be meant, likeliest first, with 1 for a clean start and less for one with a slip."""
        clean = self._beginning(start)
        if clean or len(start) < _LEAST_FOR_SLIPS:
            return dict.fromkeys(clean, 1.0)
        return dict.fromkeys(self._about(start), _SLIP)

    def _beginning(self, start: str) -> list[str]:
        words = self._words()
        first = bisect_left(words, start)
        last = bisect_left(words, start + "\uffff")
        return self._commonest(words[first:last])

    def _about(self, start: str) -> list[str]:
        """Same first letter, and one slip within what is typed."""
        words = self._words()
        first, last = bisect_left(words, start[0]), bisect_left(words, start[0] + "\uffff")
        lengths = (len(start) - 1, len(start), len(start) + 1)
        return self._commonest([
            word
            for word in words[first:last]
            if any(OSA.distance(start, word[:length], score_cutoff=1) <= 1 for length in lengths)
        ])  # fmt: skip

    def _commonest(self, words: list[str]) -> list[str]:
        return sorted(words, key=lambda word: (-self._spelling.in_articles(word), word))[:_MOST]

    def _words(self) -> list[str]:
        if self._sorted is None:
            self._sorted = sorted(self._spelling.article_words())
        return self._sorted
