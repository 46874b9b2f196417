"""What past questions teach about articles, who may teach, and how it is undone.

A lesson is a row: this question, this article, solved or not, asked by this person. It counts only
when another person taught the same of the article by a question that has a word in common with
it, so that nobody teaches the desk alone; and of one person at most a few lessons about an article
count. Who teaches is who asked, or the agent who chose the article for them. Visitors of whom only
the browser is known may all be one person: together they count as one, who is never one of the
two that must agree. The rows are the truth: each process follows them, so that a lesson undone, or a person erased, is gone from every
index.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, exists, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from core import clock
from core.access import Actor, Permission
from core.crypto import words
from core.crypto.fields import Unreadable, seal_text, unseal_text
from core.crypto.keys import Keys
from core.db import Means, UnitOfWork
from core.errors import NotFound
from core.i18n import _
from core.kb.events import LessonUndone
from core.kb.finding import telling
from core.kb.model import Lesson
from core.people.model import Identity, Person

MOST_LESSONS = 20_000
"""The newest so many are looked at."""
TEACHERS = 2
"""So many different persons must have taught the same of an article."""
MOST_OF_ONE = 3
"""So many lessons of one person about one article count."""
QUESTION_CHARACTERS = 2_000
MOST_WORDS = 60
PAGE = 50
_QUESTION = "lesson.question"


@dataclass(frozen=True, slots=True)
class Taught:
    """A lesson that was not undone, still sealed."""

    id: UUID
    question: bytes
    article_id: UUID
    solved: bool
    person_id: UUID
    language: str
    by: UUID | None
    known: bool
    """Whether who asked is more than a browser: has an account somewhere, or an address of their own."""

    @property
    def teacher(self) -> UUID | None:
        """Who taught it; None when it may have been anybody."""
        if self.by not in (None, self.person_id):
            return self.by
        return self.person_id if self.known else None


@dataclass(frozen=True, slots=True)
class Asked:
    """The question of a lesson in the clear, and the stems of its telling words."""

    text: str
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class Learned:
    """A lesson in the clear, for an admin; `question` is empty where it cannot be read."""

    row: Lesson
    question: str
    counts: bool


async def teach(
    uow: UnitOfWork,
    *,
    question: str,
    article_id: UUID,
    solved: bool,
    person_id: UUID,
    language: str,
    suggestion_id: UUID | None = None,
    by: UUID | None = None,
) -> None:
    """Keep what became of a question. `by` is the agent who chose the article, if one did. What was
    taught about the article by the same suggestion before is replaced."""
    if suggestion_id is not None:
        await undo_of(uow, suggestion_id, article_id=article_id)
    lesson = Lesson(
        question=b"", article_id=article_id, solved=solved, person_id=person_id, language=language,
        suggestion_id=suggestion_id, by=by,
    )  # fmt: skip
    key = await uow.keys.of_person(uow.session, person_id)
    lesson.question = seal_text(key, question[:QUESTION_CHARACTERS], _QUESTION, lesson.id)
    uow.session.add(lesson)
    await uow.session.flush()


async def undo_of(uow: UnitOfWork, suggestion_id: UUID, *, article_id: UUID | None = None) -> None:
    """What a suggestion had taught counts no more."""
    which = (Lesson.suggestion_id == suggestion_id) & Lesson.undone_at.is_(None)
    if article_id is not None:
        which &= Lesson.article_id == article_id
    await uow.session.execute(
        update(Lesson).where(which).values(undone_at=clock.now()).execution_options(synchronize_session=False)
    )


async def undo(uow: UnitOfWork, actor: Actor, lesson_id: UUID) -> Lesson:
    """An admin finds that a lesson teaches the wrong thing."""
    actor.require(Permission.teach)
    row = await uow.session.get(Lesson, lesson_id, with_for_update=True)
    if row is None:
        raise NotFound(_("There is no such lesson."))
    if row.undone_at is None:
        row.undone_at, row.undone_by = clock.now(), actor.id
        uow.emit(LessonUndone(subject=row.id, article=row.article_id), actor=actor)
    return row


async def page(
    uow: UnitOfWork,
    actor: Actor,
    *,
    article_id: UUID | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int = PAGE,
) -> list[Learned]:
    """What was learned, the newest first, undone lessons too."""
    actor.require(Permission.teach)
    query = select(Lesson).order_by(Lesson.at.desc(), Lesson.id.desc()).limit(limit)
    if article_id is not None:
        query = query.where(Lesson.article_id == article_id)
    if before is not None:
        query = query.where(tuple_(Lesson.at, Lesson.id) < before)
    rows = list(await uow.session.scalars(query))
    keys = await uow.keys.of_persons(uow.session, {row.person_id for row in rows})
    about = await standing(uow.session, uow.means, articles={row.article_id for row in rows})
    counts = {each.id for each in agreed(about, await questions(uow.session, uow.keys, about))}
    return [
        Learned(row, _in_the_clear(keys.get(row.person_id, b""), row.question, row.id), row.id in counts)
        for row in rows
    ]


async def standing(
    session: AsyncSession, means: Means, *, articles: Collection[UUID] | None = None
) -> list[Taught]:
    """The lessons that were not undone, the oldest first; `agreed` says which of them count."""
    query = (
        select(
            Lesson.id, Lesson.question, Lesson.article_id, Lesson.solved, Lesson.person_id, Lesson.language,
            Lesson.by, _is_known(means),
        )
        .where(Lesson.undone_at.is_(None))
        .order_by(Lesson.at.desc(), Lesson.id.desc())
        .limit(MOST_LESSONS)
    )  # fmt: skip
    if articles is not None:
        query = query.where(Lesson.article_id.in_(articles))
    return [Taught(*row) for row in await session.execute(query)][::-1]


async def questions(session: AsyncSession, keys: Keys, lessons: Sequence[Taught]) -> dict[UUID, Asked]:
    """What was asked, by lesson; those of erased persons are missing."""
    owners = await keys.of_persons(session, {each.person_id for each in lessons})
    found: dict[UUID, Asked] = {}
    for each in lessons:
        if said := _in_the_clear(owners.get(each.person_id, b""), each.question, each.id):
            found[each.id] = Asked(said, _telling(said, each.language))
    return found


def agreed(lessons: Sequence[Taught], asked: Mapping[UUID, Asked]) -> list[Taught]:
    """Those on which several teachers agree, the newest few of each person; `asked` are their
    questions. In the order in which they came."""
    readable = [each for each in lessons if each.id in asked]
    teachers: dict[tuple[UUID, bool, str], set[UUID]] = defaultdict(set)
    for each in readable:
        if each.teacher is not None:
            for word in asked[each.id].words:
                teachers[each.article_id, each.solved, word].add(each.teacher)
    taken: Counter[tuple[UUID | None, UUID]] = Counter()
    kept = []
    for each in reversed(readable):
        asker = each.person_id if each.teacher is not None else None
        taken[asker, each.article_id] += 1
        alike = (len(teachers[each.article_id, each.solved, word]) for word in asked[each.id].words)
        if max(alike, default=0) >= TEACHERS and taken[asker, each.article_id] <= MOST_OF_ONE:
            kept.append(each)
    return kept[::-1]


def _is_known(means: Means) -> ColumnElement[bool]:
    """Whether who asked a lesson's question would be the same person with another browser."""
    account = exists().where(
        Identity.person_id == Lesson.person_id,
        or_(Identity.platform.not_in(means.passing), Identity.verified_at.is_not(None)),
    )
    proved = exists().where(
        Person.id == Lesson.person_id,
        or_(Person.email_verified_at.is_not(None), Person.role != "requester"),
    )
    return or_(account, proved)


def _telling(question: str, language: str) -> frozenset[str]:
    """The stems of the words that say what a question is about."""
    return frozenset(
        stem for word in telling(question, most=MOST_WORDS) for stem in words.stems(word, language)
    )


def _in_the_clear(key: bytes, sealed: bytes, lesson_id: UUID) -> str:
    try:
        return unseal_text(key, sealed, _QUESTION, lesson_id)
    except Unreadable:
        return ""
