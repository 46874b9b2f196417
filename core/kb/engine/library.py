"""The articles of an index with all that is needed to understand a question about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from core.kb.engine.asking import Asker, Question
from core.kb.engine.passages import Passage
from core.kb.engine.prefixes import Prefixes
from core.kb.engine.reading import Reading, Text, text_from, text_of
from core.kb.engine.shelf import Shelf
from core.kb.engine.spelling import Spelling
from core.kb.engine.vectors import Sentences, WordVectors

_MOST_LANGUAGES = 4


class Article(NamedTuple):
    """An article as it comes in."""

    id: str
    title: str
    body: str
    language: str = "en"


class Library:
    """A shelf, the words on it, and the way questions are read against them."""

    def __init__(self, vectors: WordVectors, sentences: Sentences) -> None:
        self.shelf = Shelf(vectors, sentences)
        self.spelling = Spelling(vectors.whole_words())
        self.prefixes = Prefixes(self.spelling)
        self.width = sentences.width
        self.names = [vectors.name, sentences.name, sentences.width]
        self._asker = Asker(self.shelf.lexicon, self.spelling, vectors)

    def build(self, articles: Sequence[Article]) -> None:
        """From articles; the last of those with the same id counts."""
        latest = {article.id: article for article in articles}
        kept = list(latest.values())
        self._build(list(latest), lambda at: text_of(kept[at].title, kept[at].body, kept[at].language))

    def build_anew(self, readings: Sequence[Reading]) -> None:
        """From articles as another library has read them."""
        self._build([reading.id for reading in readings], lambda at: text_from(readings[at]))

    def add(self, article: Article) -> None:
        text = text_of(article.title, article.body, article.language)
        self.shelf.add(article.id, text)
        self.spelling.learn(text.words)
        self.prefixes.outdated()

    def remove(self, article_id: str) -> bool:
        return self.shelf.remove(article_id)

    def readings(self) -> list[Reading]:
        """All articles as they were read."""
        return [self.shelf.at(place) for place in self.shelf.places.values()]

    def question(self, text: str) -> Question:
        return self._asker.question(text, self.languages(), len(self.shelf))

    def unfinished(self, typed: str) -> Question:
        """A question whose last word may be the start of one."""
        return self._asker.unfinished(typed, self.prefixes, self.languages(), len(self.shelf))

    def languages(self) -> list[str]:
        """Those of the articles, the most common first."""
        counted = sorted(self.shelf.languages.items(), key=lambda item: (-item[1], item[0]))
        return [language for language, count in counted if count > 0][:_MOST_LANGUAGES] or ["en"]

    def _build(self, ids: Sequence[str], text_at: Callable[[int], Text]) -> None:
        if ids:
            self.spelling.learn(self.shelf.build(ids, text_at))


def short_passages(reading: Reading, most: int, most_words: int) -> list[Passage]:
    """The first passages of an article that are about as long as a question."""
    return [part for part in text_from(reading).parts[: 2 * most] if 0 < len(part.words) <= most_words][:most]
