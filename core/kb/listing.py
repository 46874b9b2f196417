"""The articles as those who write see them: filtered, searched by title, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, tuple_
from sqlalchemy.orm import defer

from core import clock
from core.access import Actor, Permission
from core.db import UnitOfWork
from core.kb import access, queries, translations
from core.kb.model import Article, ArticleState, ArticleText
from core.kb.translations import Original
from core.paging import cursor_of, read_cursor
from core.people.model import Tag

PAGE = 40
MOST_WORDS = 6
SOON = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What is looked for; empty: everything that is not archived. `state` may also be `scheduled`,
    `changed` (a draft beside what is published), `stale` or `due` (to be looked at again)."""

    state: str = ""
    language: str = ""
    audience: str = ""
    category: UUID | None = None
    tag: int | None = None
    owner: UUID | None = None
    words: str = ""

    @property
    def empty(self) -> bool:
        return self == Filter()


@dataclass(frozen=True, slots=True)
class Row:
    """One text of the list, with what all languages of its article share."""

    article: Article
    text: ArticleText
    """Without its words, which a list does not need."""
    stale: bool
    live: bool
    has_draft: bool

    @property
    def state(self) -> str:
        """One word for where it stands: `changed` is published with a draft beside it."""
        if self.text.state == ArticleState.published and self.has_draft:
            return "changed"
        return self.text.state

    @property
    def due(self) -> bool:
        return self.article.review_by is not None and self.article.review_by <= clock.now().date()


@dataclass(frozen=True, slots=True)
class Page:
    rows: list[Row] = field(default_factory=list)
    next: str | None = None


STATES = (
    "draft", "in_review", "published", "changed", "scheduled", "stale", "due", "archived",
)  # fmt: skip


async def page(uow: UnitOfWork, actor: Actor, wanted: Filter, *, after: str = "", limit: int = PAGE) -> Page:
    """A page of texts, what was changed last first."""
    actor.require(Permission.write_articles)
    query = _filtered(_rows(), wanted)
    if wanted.category is not None:
        query = query.where(Article.category_id.in_(await queries.below(uow.session, wanted.category)))
    if (cursor := read_cursor(after)) is not None:
        query = query.where(tuple_(ArticleText.updated_at, ArticleText.id) < cursor)
    query = query.order_by(ArticleText.updated_at.desc(), ArticleText.id.desc()).limit(limit + 1)
    rows = [Row(*row) for row in await uow.session.execute(query)]
    last = rows[limit - 1].text if len(rows) > limit else None
    return Page(rows[:limit], cursor_of(last.updated_at, last.id) if last is not None else None)


async def counts(uow: UnitOfWork, actor: Actor) -> dict[str, int]:
    """How many texts there are in each state, for the tabs."""
    actor.require(Permission.write_articles)
    columns = [func.count().filter(_state(name)) for name in STATES]
    query = (
        select(*columns)
        .select_from(ArticleText)
        .join(Article, Article.id == ArticleText.article_id)
        .join(Original, _is_original(), isouter=True)
    )
    row = (await uow.session.execute(query)).one()
    return dict(zip(STATES, row, strict=True))


async def to_review(uow: UnitOfWork) -> int:
    """How many texts wait for a review."""
    query = select(func.count()).where(ArticleText.state == ArticleState.in_review.value)
    return int(await uow.session.scalar(query) or 0)


async def languages(uow: UnitOfWork) -> Sequence[str]:
    """The languages in which there is anything, the most used first."""
    query = select(ArticleText.language).group_by(ArticleText.language)
    return list(await uow.session.scalars(query.order_by(func.count().desc(), ArticleText.language)))


async def tags(uow: UnitOfWork, limit: int = 200) -> list[tuple[int, str]]:
    """The tags that articles have, by name."""
    used = select(func.unnest(Article.tags)).distinct().scalar_subquery()
    query = select(Tag.id, Tag.name).where(Tag.id.in_(used)).order_by(Tag.name).limit(limit)
    return [(row[0], row[1]) for row in await uow.session.execute(query)]


async def titles(
    uow: UnitOfWork, actor: Actor, words: str, *, but: UUID | None = None, limit: int = 8
) -> list[tuple[UUID, str]]:
    """Articles by words of their titles, to choose related ones."""
    actor.require(Permission.write_articles)
    query = (
        select(Article.id, ArticleText.title)
        .join(ArticleText, ArticleText.article_id == Article.id)
        .where(ArticleText.language == Article.language, Article.archived_at.is_(None), *_has(words))
        .order_by(ArticleText.title)
        .limit(limit)
    )
    if but is not None:
        query = query.where(Article.id != but)
    return [(row[0], row[1]) for row in await uow.session.execute(query)]


async def named(uow: UnitOfWork, ids: Sequence[UUID]) -> list[tuple[UUID, str]]:
    """Titles of articles by id, in the order of the ids."""
    query = (
        select(Article.id, ArticleText.title)
        .join(ArticleText, ArticleText.article_id == Article.id)
        .where(Article.id.in_(ids), ArticleText.language == Article.language)
    )
    found = {row[0]: row[1] for row in await uow.session.execute(query)}
    return [(each, found[each]) for each in ids if each in found]


_Rows = Select[Article, ArticleText, bool, bool, bool]


def _rows() -> _Rows:
    return (
        select(
            Article,
            ArticleText,
            func.coalesce(translations.stale(), False),
            access.live(),
            ArticleText.draft_body.is_not(None),
        )
        .join(ArticleText, ArticleText.article_id == Article.id)
        .join(Original, _is_original(), isouter=True)
        .options(defer(ArticleText.body, raiseload=True), defer(ArticleText.draft_body, raiseload=True))
    )


def _is_original() -> ColumnElement[bool]:
    return and_(Original.article_id == Article.id, Original.language == Article.language)


def _filtered(query: _Rows, wanted: Filter) -> _Rows:
    if wanted.state in STATES:
        query = query.where(_state(wanted.state))
    else:
        query = query.where(ArticleText.state != ArticleState.archived.value)
    if wanted.language:
        query = query.where(ArticleText.language == wanted.language)
    if wanted.audience:
        query = query.where(Article.audience == wanted.audience)
    if wanted.tag is not None:
        query = query.where(Article.tags.contains([wanted.tag]))
    if wanted.owner is not None:
        query = query.where(Article.owner_id == wanted.owner)
    return query.where(*_has(wanted.words))


def _state(name: str) -> ColumnElement[bool]:
    kept = ArticleText.state != ArticleState.archived.value
    match name:
        case "changed":
            return and_(kept, ArticleText.body.is_not(None), ArticleText.draft_body.is_not(None))
        case "scheduled":
            return and_(kept, ArticleText.publish_at.is_not(None))
        case "stale":
            return and_(kept, translations.stale())
        case "due":
            return and_(kept, Article.review_by <= (clock.now() + SOON).date())
        case _:
            return ArticleText.state == name


def _has(words: str) -> list[ColumnElement[bool]]:
    """Every word stands in the title, published or drafted."""
    return [
        or_(ArticleText.title.ilike(f"%{each}%"), ArticleText.draft_title.ilike(f"%{each}%"))
        for word in words[:200].split()[:MOST_WORDS]
        if (each := word.replace("\\", "").replace("%", "").replace("_", "\\_"))
    ]
