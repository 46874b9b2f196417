"""What came of the knowledge base: what was read, how it was judged, what needs a hand.

Every report is of a stretch of days of the desk's time zone, and may be narrowed to a topic, a
language and a channel. What is counted names nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, Subquery, and_, case, func, or_, select

from core import clock
from core.access import Actor, Permission
from core.db import UnitOfWork
from core.kb import queries, translations
from core.kb.model import Article, ArticleFeedback, ArticleState, ArticleText, ArticleView, Suggestion
from core.kb.translations import Original
from core.people.service import zone_of

PAGE = 50
MOST = 10_000
"""Lines of a file."""
BY_WEEK = 92
"""Longer stretches are drawn by week."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a report is of: from `since` to `until`, both days included."""

    since: date
    until: date
    zone: ZoneInfo
    categories: Collection[UUID] | None = None
    """A topic with all below it."""
    language: str = ""
    channel: str = ""

    @property
    def days(self) -> int:
        return (self.until - self.since).days + 1

    @property
    def begins(self) -> datetime:
        return datetime.combine(self.since, time(), self.zone).astimezone(UTC)

    @property
    def ends(self) -> datetime:
        return datetime.combine(self.until + timedelta(days=1), time(), self.zone).astimezone(UTC)

    def within(self, moment: Any) -> ColumnElement[bool]:
        return and_(moment >= self.begins, moment < self.ends)

    def day_of(self, moment: Any) -> ColumnElement[date]:
        """The day of a moment in the desk's zone."""
        return func.date(func.timezone(self.zone.key, moment))

    def in_topic(self, article_id: Any) -> ColumnElement[bool] | None:
        """Whether an article lies in the topic; None without one."""
        if self.categories is None:
            return None
        inside = select(Article.id).where(Article.category_id.in_(self.categories))
        found: ColumnElement[bool] = article_id.in_(inside)
        return found


@dataclass(frozen=True, slots=True)
class Bucket:
    """A day, or a week by its first day."""

    day: date
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ArticleRow:
    """How one article did."""

    article_id: UUID
    text_id: UUID
    number: int
    title: str
    language: str
    slug: str
    category_id: UUID | None
    views: int
    yes: int
    no: int
    comments: int
    solved: int

    @property
    def share(self) -> float | None:
        return self.yes / (self.yes + self.no) if self.yes + self.no else None


@dataclass(frozen=True, slots=True)
class Stale:
    """A text that needs a look: its day has passed, or its original went on."""

    article_id: UUID
    text_id: UUID
    number: int
    title: str
    language: str
    category_id: UUID | None
    owner_id: UUID | None
    review_by: date | None
    behind: int
    """How many revisions the original is ahead; 0 for none."""

    def past(self, today: date) -> bool:
        return self.review_by is not None and self.review_by < today


SORTS = ("useful", "views", "liked", "disliked", "comments", "solved")


async def scope(
    uow: UnitOfWork,
    *,
    days: int,
    category: UUID | None = None,
    language: str = "",
    channel: str = "",
    until: date | None = None,
) -> Scope:
    """The last `days` days, today included."""
    zone = zone_of(uow.settings.zone)
    last = until or clock.now().astimezone(zone).date()
    return Scope(
        since=last - timedelta(days=days - 1), until=last, zone=zone, language=language, channel=channel,
        categories=await queries.below(uow.session, category) if category is not None else None,
    )  # fmt: skip


async def views_by_day(uow: UnitOfWork, actor: Actor, of: Scope) -> dict[date, tuple[int, ...]]:
    """Readings of each day on which there were any."""
    actor.require(Permission.see_reports)
    query = select(ArticleView.day, func.sum(ArticleView.count)).where(*_views(of)).group_by(ArticleView.day)
    return {day: (int(count),) for day, count in await uow.session.execute(query)}


async def channels(uow: UnitOfWork, of: Scope) -> list[str]:
    """The channels of which there is anything to report, by name."""
    read = select(ArticleView.channel).where(ArticleView.day.between(of.since, of.until))
    offered = select(Suggestion.channel).where(of.within(Suggestion.asked_at))
    return sorted(await uow.session.scalars(read.union(offered)))


async def articles(
    uow: UnitOfWork,
    actor: Actor,
    of: Scope,
    *,
    sort: str = "useful",
    limit: int = PAGE,
    offset: int = 0,
) -> list[ArticleRow]:
    """How the published articles did, those first that did most (or, of `disliked`, worst)."""
    actor.require(Permission.see_reports)
    views, votes, solved = _read(of), _judged(of), _solved(of)
    columns = (
        Article.id, ArticleText.id, Article.number, ArticleText.title, ArticleText.language, ArticleText.slug,
        Article.category_id, *[func.coalesce(each, 0) for each in (
            views.c.views, votes.c.yes, votes.c.no, votes.c.comments, solved.c.solved,
        )],
    )  # fmt: skip
    query: Select[*tuple[Any, ...]] = (
        select(*columns)
        .join(ArticleText, and_(ArticleText.article_id == Article.id, _shown_text(of)))
        .outerjoin(views, views.c.article_id == Article.id)
        .outerjoin(votes, votes.c.article_id == Article.id)
        .outerjoin(solved, solved.c.article_id == Article.id)
        .where(ArticleText.body.is_not(None), Article.archived_at.is_(None))
        .order_by(*_order(sort, views, votes, solved), Article.number)
        .limit(min(limit, MOST))
        .offset(max(offset, 0))
    )
    if of.categories is not None:
        query = query.where(Article.category_id.in_(of.categories))
    return [ArticleRow(*row) for row in await uow.session.execute(query)]


async def stale(uow: UnitOfWork, actor: Actor, of: Scope, *, limit: int = 500) -> list[Stale]:
    """The texts that need a look, those that wait longest first. The days of the scope say nothing
    here: what is stale is so today."""
    actor.require(Permission.see_reports)
    today = clock.now().astimezone(of.zone).date()
    behind = case(
        (ArticleText.language == Article.language, 0),
        else_=func.greatest(Original.revision - ArticleText.source_revision, 0),
    )
    query = (
        select(
            Article.id, ArticleText.id, Article.number, func.coalesce(ArticleText.draft_title, ArticleText.title),
            ArticleText.language, Article.category_id, Article.owner_id, Article.review_by, behind,
        )
        .join(ArticleText, ArticleText.article_id == Article.id)
        .join(Original, and_(Original.article_id == Article.id, Original.language == Article.language))
        .where(
            Article.archived_at.is_(None),
            ArticleText.state != ArticleState.archived.value,
            or_(
                and_(Article.review_by < today, ArticleText.language == Article.language),
                func.coalesce(translations.stale(), False),
            ),
        )
        .order_by(Article.review_by.asc().nulls_last(), Article.number, ArticleText.language)
        .limit(min(limit, MOST))
    )  # fmt: skip
    if of.categories is not None:
        query = query.where(Article.category_id.in_(of.categories))
    if of.language:
        query = query.where(ArticleText.language == of.language)
    return [Stale(*row) for row in await uow.session.execute(query)]


def buckets(of: Scope, counted: Mapping[date, Sequence[int]], width: int) -> list[Bucket]:
    """Every day of the scope (or week of a long one) with its `width` values, zeros too."""
    step = 7 if of.days > BY_WEEK else 1
    found: list[Bucket] = []
    for at in range(0, of.days, step):
        days = [of.since + timedelta(days=at + each) for each in range(min(step, of.days - at))]
        values = [sum(counted.get(day, (0,) * width)[place] for day in days) for place in range(width)]
        found.append(Bucket(days[0], tuple(values)))
    return found


def _views(of: Scope) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [ArticleView.day.between(of.since, of.until)]
    if of.language:
        where.append(ArticleView.language == of.language)
    if of.channel:
        where.append(ArticleView.channel == of.channel)
    if (topic := of.in_topic(ArticleView.article_id)) is not None:
        where.append(topic)
    return where


def _read(of: Scope) -> Subquery:
    return (
        select(ArticleView.article_id, func.sum(ArticleView.count).label("views"))
        .where(*_views(of))
        .group_by(ArticleView.article_id)
        .subquery()
    )


def _judged(of: Scope) -> Subquery:
    query = (
        select(
            ArticleText.article_id,
            func.count().filter(ArticleFeedback.helpful).label("yes"),
            func.count().filter(~ArticleFeedback.helpful).label("no"),
            func.count(ArticleFeedback.comment).label("comments"),
        )
        .join(ArticleText, ArticleText.id == ArticleFeedback.article_text_id)
        .where(of.within(ArticleFeedback.at))
        .group_by(ArticleText.article_id)
    )
    return (query.where(ArticleText.language == of.language) if of.language else query).subquery()


def _solved(of: Scope) -> Subquery:
    """How often somebody said that it solved their question."""
    query = (
        select(Suggestion.chosen.label("article_id"), func.count().label("solved"))
        .where(of.within(Suggestion.asked_at), Suggestion.chosen.is_not(None), Suggestion.outcome == "solved")
        .group_by(Suggestion.chosen)
    )
    if of.language:
        query = query.where(Suggestion.language == of.language)
    if of.channel:
        query = query.where(Suggestion.channel == of.channel)
    return query.subquery()


def _shown_text(of: Scope) -> ColumnElement[bool]:
    """One text stands for an article: of the language that is asked for, else its first."""
    return ArticleText.language == (of.language or Article.language)


def _order(sort: str, views: Subquery, votes: Subquery, solved: Subquery) -> list[ColumnElement[Any]]:
    """Of those that nobody judged, nothing can be said: they come last among the liked and disliked."""
    read, yes, no = (func.coalesce(each, 0) for each in (views.c.views, votes.c.yes, votes.c.no))
    share = (yes + 1.0) / (yes + no + 2.0)
    match sort:
        case "views":
            return [read.desc()]
        case "liked":
            return [(yes + no == 0).asc(), share.desc(), read.desc()]
        case "disliked":
            return [(no == 0).asc(), share.asc(), no.desc()]
        case "comments":
            return [func.coalesce(votes.c.comments, 0).desc(), read.desc()]
        case "solved":
            return [func.coalesce(solved.c.solved, 0).desc(), read.desc()]
        case _:
            return [(read * share).desc(), read.desc()]
