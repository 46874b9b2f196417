"""The suggestion engine: articles that answer a question, or silence.

Everything is in memory of this process. A lock guards what changes; a build from scratch works on
its own copy and is put in place at the end, with what was changed meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from threading import RLock

import numpy as np

from core.kb.engine.arrays import Floats, Places
from core.kb.engine.asking import Question
from core.kb.engine.certainty import PLAINLY_SMALL_TALK, SHOWN, Sureness, shares, squeezed, sureness
from core.kb.engine.explaining import Reasons, reasons
from core.kb.engine.learning import Example
from core.kb.engine.lessons import Lessons, fit
from core.kb.engine.library import Article, Library
from core.kb.engine.ranking import Ranked, ranked
from core.kb.engine.smalltalk import SmallTalk
from core.kb.engine.space import nearness
from core.kb.engine.vectors import Sentences, Sums, WordVectors, word_vectors

CAUTION = 0.55
_LEAST_SHARE = 0.02
_SCORE_TO_BELONGING = 0.8
_MORE = 8
_ROW_OF_A_TABLE = 0.5
"""Taken from the nearness of a table's row: without its head it says little."""

Found = list[tuple[str, float]]
Among = Callable[[str], bool]
"""Says by an article's id whether it may be found at all: rights come before any other choice, so
that what one may not read neither takes a place nor makes the engine sure."""


class Engine:
    """Indexes articles, finds them, learns from what solved, and says why.

    `lazily` decides whether a search does by itself what `settle` is for. A program that serves
    people calls `settle` in the background instead.
    """

    def __init__(
        self,
        vectors: WordVectors | None = None,
        sentences: Sentences | None = None,
        *,
        caution: float = CAUTION,
        lazily: bool = True,
    ) -> None:
        self._vectors = vectors or word_vectors()
        self._sentences = sentences or Sums(self._vectors)
        self._small_talk = SmallTalk(self._vectors)
        self.caution = caution
        self._lazily = lazily
        self._lock = RLock()
        self._library = Library(self._vectors, self._sentences)
        self._lessons = Lessons()
        self._missed: list[tuple[str, Article | None]] | None = None

    def __len__(self) -> int:
        with self._lock:
            return len(self._library.shelf)

    @property
    def ready(self) -> bool:
        """Whether there is anything to find."""
        return len(self) > 0

    def index(self, articles: Iterable[Sequence[str]]) -> None:
        """All articles anew: (id, title, body) or (id, title, body, language)."""
        with self._lock:
            self._missed = []
        library = Library(self._vectors, self._sentences)
        library.build([Article(*article) for article in articles])
        self._put_in_place(library)

    def add(self, article_id: str, title: str, body: str, language: str = "en") -> None:
        """One more or one changed article; found as soon as this returns."""
        article = Article(article_id, title, body, language)
        with self._lock:
            self._library.add(article)
            self._note_missed(article_id, article)

    def remove(self, article_id: str) -> bool:
        """Take an article out at once, for instance because it is no longer public."""
        with self._lock:
            self._note_missed(article_id, None)
            return self._library.remove(article_id)

    def learn(self, question: str, article_id: str, *, solved: bool = True) -> None:
        """A past question was solved by this article, or (`solved=False`) it was turned down for it."""
        with self._lock:
            self._lessons.add(Example(question, article_id, solved))

    def forget(self, question: str, article_id: str) -> bool:
        """Undo what was learned from a question about an article; False if nothing was."""
        with self._lock:
            return self._lessons.remove(question, article_id)

    def learned(self) -> list[Example]:
        """All that was learned, oldest first."""
        with self._lock:
            return self._lessons.examples()

    def settle(self) -> None:
        """Take up what was learned, and tidy up after many changes; slow, so away from the people."""
        with self._lock:
            crowded = self._library.shelf.crowded()
            stale = self._lessons.stale
        if crowded:
            self._rebuild()
        if stale or crowded:
            self._take_up_lessons()

    def search(self, query: str, k: int = 10, among: Among | None = None) -> Found:
        """The likeliest articles, best first, with 0 to 1 for how well each fits. Never silent by itself."""
        self._settle_lazily()
        with self._lock:
            found = self._found(query, among)
            return self._scored(found, self._sureness(found), k)

    def suggest(self, query: str, k: int = SHOWN, among: Among | None = None) -> Found:
        """The articles worth showing to someone; none when it is not sure, or when it is small talk."""
        self._settle_lazily()
        with self._lock:
            found = self._found(query, among)
            sure = self._sureness(found)
            if sure.certainty < self.caution or sure.small_talk > PLAINLY_SMALL_TALK or not len(found.places):
                return []
            likely = shares(found.scores * found.scale)[:k]
            return self._scored(found, sure, int((likely >= _LEAST_SHARE).sum()))

    def sureness(self, query: str, among: Among | None = None) -> Sureness:
        """How sure it is about a question, whatever it then says."""
        with self._lock:
            return self._sureness(self._found(query, among))

    def complete(self, typed: str, k: int = 8, among: Among | None = None) -> Found:
        """What someone may be typing: the last word may be unfinished."""
        with self._lock:
            question = self._library.unfinished(typed)
            found = self._among(question, among)
            return self._scored(found, self._sureness(found), k) if question.groups else []

    def best_sentence(self, query: str, article_id: str) -> str:
        """The passage of an article that answers best; its title if it has no other."""
        with self._lock:
            place = self._library.shelf.places.get(article_id)
            if place is None:
                return ""
            reading = self._library.shelf.at(place)
            vector = self._rank(self._library.question(query)).vector
            lines = reading.lines()
            near = nearness(reading.vectors[1:], vector) - _ROW_OF_A_TABLE * np.array(
                [" | " in line for line in lines[1:]], np.float32
            )
            return lines[1 + int(np.argmax(near))] if len(near) else lines[0]

    def explain(self, query: str, article_id: str) -> Reasons | None:
        """What spoke for an article: words, sentences, past questions; None if it is not there."""
        with self._lock:
            if article_id not in self._library.shelf.places:
                return None
            question = self._library.question(query)
            row = self._row(question)
            return reasons(question, row, article_id, self._library.shelf, self._lessons, self._sentences)

    def memory(self) -> dict[str, int]:
        """Bytes by kind."""
        with self._lock:
            return {**self._library.shelf.memory(), "lessons": self._lessons.memory()}

    def dumps(self) -> bytes:
        """All of it, for a quick start; see `core.kb.engine.snapshot`."""
        from core.kb.engine.snapshot import dumps

        with self._lock:
            return dumps(self._library, self._lessons)

    def loads(self, data: bytes) -> None:
        """What `dumps` gave. Raises `Unusable` if it is of another version or other vectors."""
        from core.kb.engine.snapshot import loads

        library, lessons = loads(data, self._vectors, self._sentences)
        with self._lock:
            self._library, self._lessons = library, lessons

    def _found(self, query: str, among: Among | None) -> Ranked:
        return self._among(self._library.question(query), among)

    def _among(self, question: Question, among: Among | None) -> Ranked:
        """The likely ones of those that may be found. Where most of the likely may not, more are
        looked at, so that many unseen articles do not hide the few that one may read."""
        found = self._rank(question)
        kept = self._kept(found, among)
        if 4 * len(kept.places) >= len(found.places):
            return kept
        return self._kept(self._rank(question, _MORE), among)

    def _kept(self, found: Ranked, among: Among | None) -> Ranked:
        if among is None:
            return found
        shelf = self._library.shelf
        kept = np.array([among(shelf.at(int(place)).id) for place in found.places], bool)
        return replace(
            found,
            places=found.places[kept],
            scores=found.scores[kept],
            own_scores=found.own_scores[kept],
            signs=found.signs[kept],
        )

    def _settle_lazily(self) -> None:
        if self._lazily:
            self.settle()

    def _rank(self, question: Question, breadth: int = 1) -> Ranked:
        row = self._row(question)
        shelf = self._library.shelf
        verdicts = self._lessons.verdicts(row, shelf)
        found = ranked(question, row, shelf, np.fromiter(verdicts, np.intp), breadth)
        return with_verdicts(found, verdicts, self._lessons.scale)

    def _row(self, question: Question) -> Floats:
        return np.asarray(self._sentences.rows([question.words])[0], np.float32)

    def _sureness(self, found: Ranked) -> Sureness:
        return sureness(found, self._small_talk.nearness(found.question.words))

    def _scored(self, found: Ranked, sure: Sureness, count: int) -> Found:
        best = found.scores[0] if len(found.scores) else 0.0
        ids = [self._library.shelf.at(int(place)).id for place in found.places[:count]]
        fits = [
            squeezed(sure.belonging - _SCORE_TO_BELONGING * found.scale * float(best - score))
            for score in found.scores[:count]
        ]
        return list(zip(ids, fits, strict=True))

    def _note_missed(self, article_id: str, article: Article | None) -> None:
        if self._missed is not None:
            self._missed.append((article_id, article))

    def _put_in_place(self, library: Library) -> None:
        with self._lock:
            for article_id, article in self._missed or ():
                if article is None:
                    library.remove(article_id)
                else:
                    library.add(article)
            self._missed = None
            self._library = library
            if self._lessons.examples():
                self._lessons.changed()

    def _rebuild(self) -> None:
        with self._lock:
            self._missed = []
            readings = self._library.readings()
        library = Library(self._vectors, self._sentences)
        library.build_anew(readings)
        self._put_in_place(library)

    def _take_up_lessons(self) -> None:
        with self._lock:
            examples, version, library = self._lessons.examples(), self._lessons.version, self._library
        fitted = fit(examples, library, self._sentences, self._lock)
        with self._lock:
            self._lessons.take_up(fitted, version)


def with_verdicts(found: Ranked, verdicts: dict[int, float], scale: float) -> Ranked:
    """The same articles with what past questions say added, in their new order."""
    if not verdicts:
        return found
    told = np.array([verdicts.get(int(place), 0.0) for place in found.places], np.float32)
    scores = found.scores + told
    order: Places = np.argsort(-scores, kind="stable")
    return Ranked(
        found.places[order],
        scores[order],
        found.own_scores[order],
        found.signs[order],
        found.question,
        found.vector,
        scale,
    )
