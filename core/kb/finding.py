"""Searching the articles that somebody may read.

The engine answers, behind a small port. While it is not ready, and where it is sure of little (what
stands in every article of a small desk tells it nothing), the database does as well: by the
beginnings of words in title and text, and by titles that are spelt nearly so.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access import Actor
from core.crypto.words import fold
from core.kb import access, queries
from core.kb.model import Article, ArticleText
from core.kb.queries import Line
from core.markdown import to_text
from core.ports.articles import Articles, Hit

MOST_HITS = 100
MOST_LANGUAGES = 5
MOST_WORDS = 8
MOST_TITLES = 20_000
CANDIDATES = 200
NEAR = 70
"""How alike the words of a title must be, of 100, when none of them was typed rightly."""
ROUGHLY = 50
SENTENCE = 240
READ = 40_000
_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_SENTENCES = re.compile(r"(?<=[.!?])\s+|\n+")
_IN_TITLE, _IN_SUMMARY, _IN_BODY = 6, 2, 1
_SMALL = """
a an and are as at be but by can do does for from had has have how i if in is it its me my no not of off on or our
so that the their them then there these they this to up was we were what when where which who why will with you
your aber als am an auf aus bei das dass dem den der des die ein eine einem einen einer es für hat habe ich ihr im
in ist kann man mein meine mich mir mit nach nicht oder sich sie sind so um und uns von vor warum was wenn wer wie
wir wird wo zu zum zur
"""
_SMALL_WORDS = frozenset(_SMALL.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is looked for. Without a language: in all that there are."""

    words: str
    language: str = ""
    category: UUID | None = None
    tag: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A text that fits, with the sentence of it that answers best."""

    line: Line
    sentence: str


async def find(
    session: AsyncSession,
    articles: Articles | None,
    reader: Actor,
    wanted: Wanted,
    limit: int,
    *,
    typing: bool = False,
) -> list[Found]:
    """The texts that fit and that the reader may read, the best first. `typing`: the last word may be
    unfinished. Small words alone say nothing, and find nothing."""
    if not telling(wanted.words):
        return []
    # Of what is narrowed down afterwards more must be found; each costs the search for its sentence.
    most = limit if wanted.category is None and wanted.tag is None else MOST_HITS
    asking = _Asking(session, reader, wanted, most, typing)
    hits = await asking.of(articles) if articles is not None and articles.ready else []
    if not hits or (len(hits) < limit and not typing):
        known = {hit.text_id for hit in hits}
        more = await asking.of(WordFinder(session))
        hits += [hit for hit in more if hit.text_id not in known]
    lines = await _lines(session, reader, hits[:MOST_HITS])
    below = await queries.below(session, wanted.category) if wanted.category is not None else None
    kept = [
        Found(line, hit.sentence)
        for hit in hits
        if (line := lines.get(hit.text_id)) is not None and _fits(line, below, wanted.tag)
    ]
    return kept[:limit]


class WordFinder:
    """Searches by the words themselves, in the database."""

    ready = True

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def search(
        self, words: str, reader: Actor, language: str, *, most: int, typing: bool = False
    ) -> list[Hit]:
        """Beginnings of words are found in any case, so that `typing` changes nothing."""
        said = telling(words)
        if not said:
            return []
        found = await self._by_words(said, reader, language, most)
        return found or await self._by_titles(words, reader, language, most)

    async def _by_words(self, words: Sequence[str], reader: Actor, language: str, limit: int) -> list[Hit]:
        scores = [_score(word) for word in words]
        total = sum(scores[1:], scores[0])
        query = (
            _texts(reader, language, Article.id, ArticleText.id, ArticleText.title, ArticleText.body, total)
            .where(_most_stand_in(words))
            .order_by(total.desc(), ArticleText.published_at.desc())
            .limit(min(limit, CANDIDATES))
        )
        return [
            Hit(article_id, text_id, language, title, best_sentence(body or "", words), float(score))
            for article_id, text_id, title, body, score in await self._session.execute(query)
        ]

    async def _by_titles(self, text: str, reader: Actor, language: str, limit: int) -> list[Hit]:
        """Nothing was spelt as it stands: titles that are nearly so."""
        query = _texts(reader, language, Article.id, ArticleText.id, ArticleText.title, ArticleText.summary)
        rows = (await self._session.execute(query.limit(MOST_TITLES))).all()
        titles = [row[2] for row in rows]
        near = await asyncio.to_thread(_near, text, titles, limit)
        return [
            Hit(rows[at][0], rows[at][1], language, rows[at][2], rows[at][3] or "", score / 100)
            for at, score in near
        ]


def telling(text: str, most: int = MOST_WORDS) -> list[str]:
    """The words of a query that say what it is about, in lower case; none when there are only small
    ones."""
    found = dict.fromkeys(word.lower() for word in _WORD.findall(text))
    kept = [word for word in found if word not in _SMALL_WORDS and (len(word) > 1 or not word.isascii())]
    return kept[:most]


def best_sentence(body: str, words: Sequence[str]) -> str:
    """The sentence of a text in which most of the words stand; the first one among equals."""
    parts = (part.strip(" -•\t") for part in _SENTENCES.split(to_text(body[:READ])))
    sentences = [part for part in parts if len(part) > 3]
    begins = [fold(_beginning(word)) for word in words]
    best = max(sentences, key=lambda each: sum(word in fold(each) for word in begins), default="")
    return best if len(best) <= SENTENCE else best[:SENTENCE].rsplit(" ", 1)[0] + "…"


@dataclass(frozen=True, slots=True)
class _Asking:
    """One search, to be put to the engine and to the database."""

    session: AsyncSession
    reader: Actor
    wanted: Wanted
    most: int
    typing: bool

    async def of(self, articles: Articles | WordFinder) -> list[Hit]:
        """What one of the two finds, in each language that is wanted, the best first."""
        hits: list[Hit] = []
        for language in await _languages(self.session, self.reader, self.wanted.language):
            found = await articles.search(
                self.wanted.words, self.reader, language, most=self.most, typing=self.typing
            )
            hits += [hit for hit in found if hit.language == language]
        return sorted(hits, key=lambda hit: -hit.score)


async def _languages(session: AsyncSession, reader: Actor, wanted: str) -> Sequence[str]:
    if wanted:
        return (wanted,)
    query = (
        select(ArticleText.language)
        .join(Article, Article.id == ArticleText.article_id)
        .where(access.readable(reader))
        .group_by(ArticleText.language)
        .order_by(func.count().desc())
        .limit(MOST_LANGUAGES)
    )
    return list(await session.scalars(query))


async def _lines(session: AsyncSession, reader: Actor, hits: Sequence[Hit]) -> dict[UUID, Line]:
    lines = await queries.lines_of(session, reader, [hit.text_id for hit in hits], texts=True)
    return {line.text_id: line for line in lines}


def _fits(line: Line, below: Collection[UUID] | None, tag: int | None) -> bool:
    if below is not None and line.category_id not in below:
        return False
    return tag is None or tag in line.tags


def _texts(reader: Actor, language: str, *columns: Any) -> Select[*tuple[Any, ...]]:
    return (
        select(*columns)
        .join(ArticleText, ArticleText.article_id == Article.id)
        .where(access.readable(reader), ArticleText.language == language)
    )


def _most_stand_in(words: Sequence[str]) -> ColumnElement[bool]:
    """More than half of the words: one of two alone is mostly about something else."""
    stand = [case((_stands_in(word), 1), else_=0) for word in words]
    return sum(stand[1:], stand[0]) > len(words) // 2


def _stands_in(word: str) -> ColumnElement[bool]:
    pattern = _pattern(word)
    return or_(
        ArticleText.title.ilike(pattern, escape="\\"),
        ArticleText.summary.ilike(pattern, escape="\\"),
        ArticleText.body.ilike(pattern, escape="\\"),
    )


def _score(word: str) -> ColumnElement[int]:
    pattern = _pattern(word)
    return case(
        (ArticleText.title.ilike(pattern, escape="\\"), _IN_TITLE),
        (ArticleText.summary.ilike(pattern, escape="\\"), _IN_SUMMARY),
        (ArticleText.body.ilike(pattern, escape="\\"), _IN_BODY),
        else_=0,
    )


def _pattern(word: str) -> str:
    plain = _beginning(word).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{plain}%"


def _beginning(word: str) -> str:
    """Its part that other forms of it share, roughly: endings are of one to three letters."""
    return word if len(word) < 5 else word[: max(4, len(word) - (3 if len(word) > 8 else 2))]


def _near(wanted: str, titles: Sequence[str], limit: int) -> list[tuple[int, float]]:
    """Titles whose words are nearly the ones typed, by their places, the best first."""
    from rapidfuzz import fuzz, process

    words = [fold(word) for word in telling(wanted)]
    rough = process.extract(
        fold(wanted), titles, scorer=fuzz.WRatio, processor=fold, score_cutoff=ROUGHLY, limit=CANDIDATES
    )
    scored = [(int(at), _alike(words, title)) for title, _score, at in rough]
    return sorted((pair for pair in scored if pair[1] >= NEAR), key=lambda pair: -pair[1])[: min(limit, 30)]


def _alike(words: Sequence[str], title: str) -> float:
    """How well the words typed are met by words of the title, of 100."""
    from rapidfuzz import fuzz

    own = _WORD.findall(fold(title))
    best = [max((fuzz.ratio(word, each) for each in own), default=0.0) for word in words]
    return sum(best) / max(len(best), 1)
