"""What people say of articles: given, read by staff, made public or hidden by moderators.

A vote counts at once. A comment is read by staff alone until a moderator makes it public; one
that is reported stays as it is, and waits for a moderator anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, tuple_

from core import clock
from core import text as words
from core.access import Actor, Permission
from core.crypto.fields import Unreadable, seal_text, unseal_text
from core.db import UnitOfWork
from core.errors import Invalid, NotFound
from core.i18n import N_, _
from core.kb import access
from core.kb.events import FeedbackGiven, FeedbackModerated, FeedbackReported
from core.kb.model import Article, ArticleFeedback, ArticleText, FeedbackState
from core.people.naming import Named, named

COMMENT_CHARACTERS = 2_000
PAGE = 25
MOST_COUNTED = 100
REASONS = {
    "": "",
    "outdated": N_("Out of date"),
    "unclear": N_("Hard to follow"),
    "incomplete": N_("Something is missing"),
    "wrong": N_("Does not work"),
    "other": N_("Something else"),
}
_COMMENT = "article_feedback.comment"


@dataclass(frozen=True, slots=True)
class Remark:
    """Feedback in the clear. `comment` is empty where there is none, or where it cannot be read."""

    row: ArticleFeedback
    comment: str
    author: Named | None
    title: str
    slug: str
    language: str
    article_id: UUID

    @property
    def waits(self) -> bool:
        return self.row.comment is not None and (
            self.row.state == FeedbackState.waiting or self.row.reported_at is not None
        )


@dataclass(frozen=True, slots=True)
class Rating:
    yes: int = 0
    no: int = 0

    @property
    def share(self) -> float | None:
        return self.yes / (self.yes + self.no) if self.yes + self.no else None


async def give(
    uow: UnitOfWork,
    actor: Actor,
    text_id: UUID,
    *,
    helpful: bool,
    reason: str = "",
    comment: str = "",
    earlier: UUID | None = None,
) -> ArticleFeedback:
    """Whether an article helped. Someone known has one vote for a text: the last word counts. Of
    somebody unknown, `earlier` is the vote that they gave a moment ago, as the edge vouches for."""
    article, text = await access.read(uow, actor, text_id)
    if reason not in REASONS:
        raise Invalid(_("There is no such reason."), field="reason")
    remark = words.clean(comment[: COMMENT_CHARACTERS * 2])
    if len(remark) > COMMENT_CHARACTERS:
        raise Invalid(
            _("This is too long: at most {most} characters.").format(most=COMMENT_CHARACTERS), field="comment"
        )
    row = await _own(uow, actor, text.id, earlier) or ArticleFeedback(
        article_text_id=text.id, helpful=helpful, person_id=actor.id
    )
    row.helpful, row.reason, row.at = helpful, reason, clock.now()
    if remark:
        key = await _key(uow, row)
        row.comment = seal_text(key, remark, _COMMENT, row.id)
        row.state, row.reported_at = FeedbackState.waiting.value, None
        row.decided_by = row.decided_at = None
    uow.session.add(row)
    await uow.session.flush()
    uow.emit(
        FeedbackGiven(subject=row.id, article=article.id, helpful=helpful, comment=bool(remark)), actor=actor
    )
    return row


async def report(uow: UnitOfWork, actor: Actor, feedback_id: UUID) -> None:
    """A reader finds a public comment improper."""
    row = await uow.session.get(ArticleFeedback, feedback_id, with_for_update=True)
    if row is None or row.state != FeedbackState.public:
        raise _missing()
    article, _text = await access.read(uow, actor, row.article_text_id)
    if row.reported_at is None:
        row.reported_at = clock.now()
        await uow.session.flush()
        uow.emit(FeedbackReported(subject=row.id, article=article.id), actor=actor)


async def decide(uow: UnitOfWork, actor: Actor, feedback_id: UUID, state: str) -> ArticleFeedback:
    """Make a comment public, hide it, or let it wait again. A report is answered by it."""
    actor.require(Permission.moderate)
    row = await uow.session.get(ArticleFeedback, feedback_id, with_for_update=True)
    text = await uow.session.get(ArticleText, row.article_text_id) if row is not None else None
    if row is None or text is None or row.comment is None:
        raise _missing()
    if state not in set(FeedbackState):
        raise Invalid(_("This is not possible."), field="state")
    if row.state == state and row.reported_at is None:
        return row
    row.state, row.reported_at = state, None
    row.decided_by, row.decided_at = actor.id, clock.now()
    await uow.session.flush()
    uow.emit(FeedbackModerated(subject=row.id, article=text.article_id, state=state), actor=actor)
    return row


async def page(
    uow: UnitOfWork,
    actor: Actor,
    *,
    which: str = "waiting",
    article_id: UUID | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = PAGE,
) -> tuple[list[Remark], tuple[datetime, UUID] | None]:
    """A page of what was said, the newest first: `waiting`, `reported`, `public`, `hidden`, or `all`
    (votes without a word as well)."""
    actor.require(Permission.write_articles)
    query = _joined()
    if article_id is not None:
        query = query.where(Article.id == article_id)
    match which:
        case "waiting":
            query = query.where(ArticleFeedback.comment.is_not(None), _waits())
        case "reported":
            query = query.where(ArticleFeedback.reported_at.is_not(None))
        case "public" | "hidden":
            query = query.where(ArticleFeedback.comment.is_not(None), ArticleFeedback.state == which)
        case _:
            pass
    if after is not None:
        query = query.where(tuple_(ArticleFeedback.at, ArticleFeedback.id) < after)
    query = query.order_by(ArticleFeedback.at.desc(), ArticleFeedback.id.desc()).limit(limit + 1)
    rows = [(row[0], row[1], row[2]) for row in await uow.session.execute(query)]
    shown = await _in_the_clear(uow, rows[:limit])
    last = rows[limit - 1][0] if len(rows) > limit else None
    return shown, (last.at, last.id) if last is not None else None


async def public(uow: UnitOfWork, actor: Actor, text_id: UUID, *, limit: int = 20) -> list[Remark]:
    """The comments that readers of a text see, the newest first."""
    await access.read(uow, actor, text_id)
    query = (
        _joined()
        .where(
            ArticleFeedback.article_text_id == text_id,
            ArticleFeedback.comment.is_not(None),
            ArticleFeedback.state == FeedbackState.public.value,
        )
        .order_by(ArticleFeedback.at.desc())
        .limit(limit)
    )
    rows = [(row[0], row[1], row[2]) for row in await uow.session.execute(query)]
    return [remark for remark in await _in_the_clear(uow, rows) if remark.comment]


async def ratings(uow: UnitOfWork, text_ids: Sequence[UUID]) -> dict[UUID, Rating]:
    """Yes and no of many texts."""
    query = (
        select(
            ArticleFeedback.article_text_id,
            func.count().filter(ArticleFeedback.helpful),
            func.count().filter(~ArticleFeedback.helpful),
        )
        .where(ArticleFeedback.article_text_id.in_(text_ids))
        .group_by(ArticleFeedback.article_text_id)
    )
    return {text_id: Rating(yes, no) for text_id, yes, no in await uow.session.execute(query)}


async def waiting(uow: UnitOfWork) -> int:
    """How many comments wait for a moderator, counted up to a hundred."""
    some = (
        select(ArticleFeedback.id)
        .where(ArticleFeedback.comment.is_not(None), _waits())
        .limit(MOST_COUNTED)
        .subquery()
    )
    return int(await uow.session.scalar(select(func.count()).select_from(some)) or 0)


def _waits() -> ColumnElement[bool]:
    return or_(ArticleFeedback.state == FeedbackState.waiting.value, ArticleFeedback.reported_at.is_not(None))


def _joined() -> Select[ArticleFeedback, ArticleText, Article]:
    return (
        select(ArticleFeedback, ArticleText, Article)
        .join(ArticleText, ArticleText.id == ArticleFeedback.article_text_id)
        .join(Article, Article.id == ArticleText.article_id)
    )


async def _in_the_clear(
    uow: UnitOfWork, rows: Sequence[tuple[ArticleFeedback, ArticleText, Article]]
) -> list[Remark]:
    authors = await named(uow, [row.person_id for row, _text, _article in rows])
    keys = await uow.keys.of_persons(uow.session, [row.person_id for row, _text, _article in rows])
    return [
        Remark(
            row=row,
            comment=_read(row, uow.keys.desk if row.person_id is None else keys.get(row.person_id, b"")),
            author=authors.get(row.person_id) if row.person_id else None,
            title=text.title,
            slug=text.slug,
            language=text.language,
            article_id=article.id,
        )
        for row, text, article in rows
    ]


def _read(row: ArticleFeedback, key: bytes) -> str:
    if row.comment is None:
        return ""
    try:
        return unseal_text(key, row.comment, _COMMENT, row.id)
    except Unreadable:
        return ""


async def _own(uow: UnitOfWork, actor: Actor, text_id: UUID, earlier: UUID | None) -> ArticleFeedback | None:
    if actor.id is not None:
        whose = ArticleFeedback.person_id == actor.id
    elif earlier is not None:
        whose = and_(ArticleFeedback.id == earlier, ArticleFeedback.person_id.is_(None))
    else:
        return None
    query = select(ArticleFeedback).where(ArticleFeedback.article_text_id == text_id, whose)
    found: ArticleFeedback | None = await uow.session.scalar(query.limit(1).with_for_update())
    return found


async def _key(uow: UnitOfWork, row: ArticleFeedback) -> bytes:
    if row.person_id is None:
        return uow.keys.desk
    return await uow.keys.of_person(uow.session, row.person_id)


def _missing() -> NotFound:
    return NotFound(_("There is no such comment."))
