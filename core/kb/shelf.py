"""What is published, as this process has it in memory to find and to suggest.

It is loaded in the background and silent until then. Afterwards it follows the events of articles,
suggestions and people, whichever process wrote them: within `FOLLOW_SECONDS` an edit is found, and
what is gone is not.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from sqlalchemy import select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from core.access import Actor
from core.db import Database, EventRow, Means
from core.kb import access, learning, queries
from core.kb.queries import Indexed
from core.people.events import PersonErased
from core.ports.articles import Hit

if TYPE_CHECKING:
    from core.kb.engine import Engine, Found, Reasons

log = structlog.get_logger("kb.shelf")

FOLLOW_SECONDS = 0.5
MOST_ASKED = 4_000
"""Characters of a question that are looked at."""
SENTENCE_CHARACTERS = 240
LEAST_SCORE = 0.05
"""What scores less has nothing to do with the words."""
_MARKS = re.compile(r"[*_~]{2,}|`+")
"""What is left of Markdown where a passage begins or ends in the middle of it."""
_BATCH = 1_000
_LAST = 2**62
_MANY = 20
"""So many imported or changed articles are read as all of them."""
_TEACHING = ("suggestion.", "lesson.", PersonErased.name)


@dataclass(frozen=True, slots=True)
class _Text:
    article_id: UUID
    language: str
    audience: str
    title: str
    revision: int


class Shelf:
    """The engine, and who may read what of its articles."""

    def __init__(self, db: Database, means: Means) -> None:
        self._db = db
        self._means = means
        self._engine: Engine | None = None
        self._texts: dict[str, _Text] = {}
        self._by_article: dict[UUID, set[str]] = {}
        self._lessons: dict[UUID, tuple[str, str]] = {}
        self._mark = (0, 0)
        self.woken = asyncio.Event()
        """Something was committed in this process that may concern it."""

    @property
    def ready(self) -> bool:
        return self._engine is not None

    # --- asked by people

    async def suggest(self, question: str, reader: Actor, language: str, most: int = 3) -> list[Hit]:
        """The articles worth showing in answer to a question; none when it is not sure."""
        engine = self._engine
        if engine is None or not self._texts:
            return []
        may = self._readable(reader, language)
        asked = question[:MOST_ASKED]
        return await asyncio.to_thread(lambda: self._hits(engine, engine.suggest(asked, most, may), asked))

    async def search(
        self, words: str, reader: Actor, language: str = "", *, most: int = 20, typing: bool = False
    ) -> list[Hit]:
        """The likeliest articles for words; with a `language`, each in it where it is translated.
        `typing`: the last word may be unfinished."""
        engine = self._engine
        if engine is None or not self._texts or not words.strip():
            return []
        may = self._readable(reader, language)
        asked = words[:MOST_ASKED]
        find = engine.complete if typing else engine.search
        hits = await asyncio.to_thread(lambda: self._hits(engine, find(asked, most, may), asked))
        return [hit for hit in hits if hit.score >= LEAST_SCORE]

    async def explain(self, question: str, text_id: UUID) -> Reasons | None:
        """What spoke for an article: words, sentences, past questions."""
        engine = self._engine
        if engine is None:
            return None
        return await asyncio.to_thread(engine.explain, question[:MOST_ASKED], str(text_id))

    async def sureness(self, question: str) -> tuple[float, float]:
        """How sure it is that it can answer, and from where on it speaks, both 0 to 1."""
        engine = self._engine
        if engine is None or not self._texts:
            return (0.0, 1.0)
        sure = await asyncio.to_thread(engine.sureness, question[:MOST_ASKED])
        return (sure.certainty, engine.caution)

    # --- kept fresh

    async def load(self) -> None:
        """Read everything that is published, and all that was learned."""
        async with self._db.sessions() as session:
            self._mark = await _newest(session)
            rows = await _all(session)
        engine = await asyncio.to_thread(_built, rows)
        self._texts, self._by_article, self._lessons = {}, {}, {}
        for row in rows:
            self._note(row)
        await self._learn(engine)
        self._engine = engine
        log.info("kb.loaded", articles=len(rows), lessons=len(self._lessons))

    async def follow(self) -> int:
        """Take up what happened since; returns how many events were looked at."""
        if self._engine is None:
            return 0
        async with self._db.sessions() as session:
            events = await _since(session, self._mark)
        articles = {subject for _tx, _id, name, subject in events if name.startswith("article.")}
        if len(articles) > _MANY or any(name == "article.imported" for _t, _i, name, _s in events):
            await self.load()
            return len(events)
        if articles:
            await self._read_again(self._engine, articles)
        if any(name.startswith(_TEACHING) for _tx, _id, name, _subject in events) or articles:
            await self._learn(self._engine)
        if events:
            self._mark = (events[-1][0], events[-1][1])
        return len(events)

    async def _read_again(self, engine: Engine, articles: Collection[UUID]) -> None:
        async with self._db.sessions() as session:
            rows = await queries.for_index(session, ids=articles)
        there = {str(row.text_id) for row in rows}
        gone = {key for each in articles for key in self._by_article.get(each, ())} - there
        for key in gone:
            self._by_article[self._texts.pop(key).article_id].discard(key)
        new = [row for row in rows if self._is_new(row)]
        for row in rows:
            self._note(row)
        if new or gone:
            await asyncio.to_thread(_changed, engine, new, gone)

    async def _learn(self, engine: Engine) -> None:
        """What counts now is what is learned now: new lessons are added, undone ones forgotten."""
        async with self._db.sessions() as session:
            counting = await learning.counting(session)
            fresh = [each for each in counting if each.id not in self._lessons]
            asked = await learning.questions(session, self._means.keys, fresh)
        kept = {each.id for each in counting}
        undone = [self._lessons.pop(each) for each in list(self._lessons) if each not in kept]
        new = []
        for each in fresh:
            key = self._text_of(each.article_id, each.language)
            if key and each.id in asked:
                self._lessons[each.id] = (asked[each.id], key)
                new.append((asked[each.id], key, each.solved))
        if new or undone:
            await asyncio.to_thread(_taught, engine, new, undone)

    def _is_new(self, row: Indexed) -> bool:
        held = self._texts.get(str(row.text_id))
        return held is None or (held.revision, held.title) != (row.revision, row.title)

    def _note(self, row: Indexed) -> None:
        key = str(row.text_id)
        self._texts[key] = _Text(row.article_id, row.language, row.audience, row.title, row.revision)
        self._by_article.setdefault(row.article_id, set()).add(key)

    def _text_of(self, article_id: UUID, language: str) -> str:
        """The text of an article in a language, else any."""
        keys = sorted(self._by_article.get(article_id, ()))
        return next((key for key in keys if self._texts[key].language == language), keys[0] if keys else "")

    # --- rights, and words

    def _readable(self, reader: Actor, language: str) -> Callable[[str], bool]:
        """Whether a text may be found: by its audience, and one language of each article."""
        audiences = frozenset(access.audiences(reader))
        texts, by_article = self._texts, self._by_article

        def may(key: str) -> bool:
            held = texts.get(key)
            if held is None or held.audience not in audiences:
                return False
            if not language or held.language == language:
                return True
            others = [texts[other].language for other in by_article[held.article_id] if other in texts]
            return language not in others and held.language == min(others)

        return may

    def _hits(self, engine: Engine, found: Found, asked: str) -> list[Hit]:
        hits = []
        for key, score in found:
            if (held := self._texts.get(key)) is not None:
                sentence = _shortened(engine.best_sentence(asked, key))
                hits.append(
                    Hit(held.article_id, UUID(key), held.language, held.title, sentence, round(score, 4))
                )
        return hits


def _built(rows: Iterable[Indexed]) -> Engine:
    # Loads numpy and the word vectors: not before they are needed, and not in the loop.
    from core.kb.engine import Engine

    engine = Engine(lazily=False)
    engine.index([(str(row.text_id), row.title, row.body, row.language) for row in rows])
    return engine


def _changed(engine: Engine, rows: Iterable[Indexed], gone: Iterable[str]) -> None:
    for key in gone:
        engine.remove(key)
    for row in rows:
        engine.add(str(row.text_id), row.title, row.body, row.language)
    engine.settle()


def _taught(engine: Engine, new: Iterable[tuple[str, str, bool]], undone: Iterable[tuple[str, str]]) -> None:
    for question, key in undone:
        engine.forget(question, key)
    for question, key, solved in new:
        engine.learn(question, key, solved=solved)
    engine.settle()


def _shortened(sentence: str) -> str:
    plain = " ".join(_MARKS.sub("", sentence).split())
    return plain if len(plain) <= SENTENCE_CHARACTERS else plain[: SENTENCE_CHARACTERS - 1] + "…"


async def _all(session: AsyncSession) -> list[Indexed]:
    rows: list[Indexed] = []
    while page := await queries.for_index(session, after=rows[-1].text_id if rows else None):
        rows += page
    return rows


async def _newest(session: AsyncSession) -> tuple[int, int]:
    """From where on events are news: all that was still running, and what comes."""
    oldest = await session.scalar(text("select (pg_snapshot_xmin(pg_current_snapshot())::text)::bigint"))
    return (int(oldest or 0) - 1, _LAST)


async def _since(session: AsyncSession, mark: tuple[int, int]) -> list[tuple[int, int, str, UUID]]:
    query = (
        select(EventRow.tx, EventRow.id, EventRow.name, EventRow.subject)
        .where(
            tuple_(EventRow.tx, EventRow.id) > mark,
            EventRow.tx < text("(pg_snapshot_xmin(pg_current_snapshot())::text)::bigint"),
        )
        .order_by(EventRow.tx, EventRow.id)
        .limit(_BATCH)
    )
    return [(row[0], row[1], row[2], row[3]) for row in await session.execute(query)]
