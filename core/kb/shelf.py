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
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import structlog
from sqlalchemy import select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from core.access import Actor
from core.db import Database, EventRow, Means
from core.kb import access, learning, queries
from core.kb.events import SuggestionShown
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


class _Lesson(NamedTuple):
    question: str
    key: str
    solved: bool


class Shelf:
    """The engine, and who may read what of its articles."""

    def __init__(self, db: Database, means: Means) -> None:
        self._db = db
        self._means = means
        self._engine: Engine | None = None
        self._texts: dict[str, _Text] = {}
        self._by_article: dict[UUID, frozenset[str]] = {}
        self._asked: dict[UUID, learning.Asked] = {}
        """The questions of all lessons that were not undone; of erased persons there are none."""
        self._lessons: dict[UUID, _Lesson] = {}
        """Those of them that count."""
        self._mark = (0, 0)
        self.woken = asyncio.Event()
        """Something was committed in this process that may concern it."""

    @property
    def ready(self) -> bool:
        return self._engine is not None

    # --- asked by people

    async def suggest(self, question: str, reader: Actor, language: str, most: int = 3) -> list[Hit]:
        """The articles worth showing in answer to a question; none when it is not sure, nor when it
        fails: no request may be lost for it."""
        engine = self._engine
        if engine is None or not self._texts:
            return []
        may = self._readable(reader, language)
        asked = question[:MOST_ASKED]
        try:
            return await asyncio.to_thread(
                lambda: self._hits(engine, engine.suggest(asked, most, may), asked)
            )
        except Exception as error:
            log.exception("kb.suggesting_failed", exc_info=error)
            return []

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

    async def sureness(self, question: str, reader: Actor, language: str) -> tuple[float, float]:
        """How sure it is that it can answer, and from where on it speaks, both 0 to 1."""
        engine = self._engine
        if engine is None or not self._texts:
            return (0.0, 1.0)
        may = self._readable(reader, language)
        sure = await asyncio.to_thread(engine.sureness, question[:MOST_ASKED], may)
        return (sure.certainty, engine.caution)

    # --- kept fresh

    async def load(self) -> None:
        """Read everything that is published, and all that was learned."""
        async with self._db.sessions() as session:
            self._mark = await _newest(session)
            rows = await _all(session)
        engine = await asyncio.to_thread(_built, rows)
        self._texts, self._by_article, self._lessons, self._asked = {}, {}, {}, {}
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
        teaching = {name for _tx, _id, name, _subject in events if name.startswith(_TEACHING)}
        if articles or teaching - {SuggestionShown.name}:
            await self._learn(self._engine, articles_changed=bool(articles))
        if events:
            self._mark = (events[-1][0], events[-1][1])
        return len(events)

    async def _read_again(self, engine: Engine, articles: Collection[UUID]) -> None:
        async with self._db.sessions() as session:
            rows = await queries.for_index(session, ids=articles)
        there = {str(row.text_id) for row in rows}
        gone = {key for each in articles for key in self._by_article.get(each, ())} - there
        for key in gone:
            article_id = self._texts.pop(key).article_id
            self._by_article[article_id] -= {key}
        new = [row for row in rows if self._is_new(row)]
        for row in rows:
            self._note(row)
        if new or gone:
            await asyncio.to_thread(_changed, engine, new, gone)

    async def _learn(self, engine: Engine, *, articles_changed: bool = True) -> None:
        """What counts now is what is learned now: new lessons are added, undone ones forgotten."""
        async with self._db.sessions() as session:
            standing = await learning.standing(session, self._means)
            fresh = [each for each in standing if each.id not in self._asked]
            asked = await learning.questions(session, self._means.keys, fresh)
        there = {each.id for each in standing}
        if not asked and there.issuperset(self._asked) and not articles_changed:
            return
        self._asked = {each: said for each, said in self._asked.items() if each in there} | asked
        counting = await asyncio.to_thread(learning.agreed, standing, self._asked)
        kept = {each.id for each in counting}
        undone = [self._lessons.pop(each) for each in list(self._lessons) if each not in kept]
        new = self._as_taught([each for each in counting if each.id not in self._lessons])
        # One question may have been asked by many: what is forgotten of one stays as the others taught it.
        also = {lesson.key for lesson in undone}
        again = [lesson for lesson in self._lessons.values() if lesson.key in also]
        if new or undone:
            await asyncio.to_thread(_taught, engine, [*again, *new.values()], undone)
        self._lessons |= new

    def _as_taught(self, lessons: Iterable[learning.Taught]) -> dict[UUID, _Lesson]:
        found = {}
        for each in lessons:
            if key := self._text_of(each.article_id, each.language):
                found[each.id] = _Lesson(self._asked[each.id].text, key, each.solved)
        return found

    def _is_new(self, row: Indexed) -> bool:
        held = self._texts.get(str(row.text_id))
        return held is None or (held.revision, held.title) != (row.revision, row.title)

    def _note(self, row: Indexed) -> None:
        key = str(row.text_id)
        self._texts[key] = _Text(row.article_id, row.language, row.audience, row.title, row.revision)
        self._by_article[row.article_id] = self._by_article.get(row.article_id, frozenset()) | {key}

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


def _taught(engine: Engine, new: Iterable[_Lesson], undone: Iterable[_Lesson]) -> None:
    for lesson in undone:
        engine.forget(lesson.question, lesson.key)
    for lesson in new:
        engine.learn(lesson.question, lesson.key, solved=lesson.solved)
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
