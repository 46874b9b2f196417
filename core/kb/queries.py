"""What is read of articles: pages of them, one by its address, the tree, all that is searched."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from core.access import Actor
from core.errors import NotFound
from core.kb import access
from core.kb.model import Article, ArticleSlug, ArticleText
from core.paging import cursor_of, read_cursor
from core.people.model import Tag
from core.tickets.categories import CategoryLine, categories

PAGE = 30
MOST = 100


class Moved(NotFound):
    """The article has another address now: `slug`."""

    code = "moved"

    def __init__(self, slug: str) -> None:
        super().__init__(access.missing().words)
        self.slug = slug


@dataclass(frozen=True, slots=True)
class Line:
    """A published text in a list."""

    article_id: UUID
    text_id: UUID
    number: int
    language: str
    slug: str
    title: str
    summary: str
    category_id: UUID | None
    tags: Sequence[int]
    audience: str
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    lines: list[Line]
    next: str | None


@dataclass(frozen=True, slots=True)
class Indexed:
    """What the search engine takes of a published text."""

    text_id: UUID
    article_id: UUID
    language: str
    audience: str
    title: str
    body: str
    revision: int


@dataclass(frozen=True, slots=True)
class Branch:
    """A category of the tree, with how many articles lie in it and below it."""

    line: CategoryLine
    count: int


_LINE = (
    Article.id, ArticleText.id, Article.number, ArticleText.language, ArticleText.slug, ArticleText.title,
    ArticleText.summary, Article.category_id, Article.tags, Article.audience, ArticleText.published_at,
)  # fmt: skip


async def published(
    session: AsyncSession,
    actor: Actor,
    *,
    language: str,
    category: UUID | None = None,
    tag: int | None = None,
    after: str = "",
    limit: int = PAGE,
) -> Page:
    """A page of what an actor may read, the newest first; a category holds those below it."""
    most = min(max(limit, 1), MOST)
    query = _lines().where(access.readable(actor), ArticleText.language == language)
    if category is not None:
        query = query.where(Article.category_id.in_(await below(session, category)))
    if tag is not None:
        query = query.where(Article.tags.contains([tag]))
    if (cursor := read_cursor(after)) is not None:
        query = query.where(tuple_(ArticleText.published_at, ArticleText.id) < cursor)
    query = query.order_by(ArticleText.published_at.desc(), ArticleText.id.desc()).limit(most + 1)
    lines = [Line(*row) for row in await session.execute(query)]
    last = lines[most - 1] if len(lines) > most else None
    return Page(lines[:most], cursor_of(last.published_at, last.text_id) if last else None)


async def lines_of(
    session: AsyncSession, actor: Actor, ids: Collection[UUID], *, texts: bool = False
) -> list[Line]:
    """Articles (or `texts`) by id, as far as an actor may read them; in no order."""
    key = ArticleText.id if texts else Article.id
    query = _lines().where(key.in_(list(ids)[:MOST]), access.readable(actor))
    return [Line(*row) for row in await session.execute(query)]


async def numbered(session: AsyncSession, actor: Actor, number: int) -> list[Line]:
    """An article by its number, in each language in which an actor may read it, its own first."""
    query = (
        _lines()
        .where(Article.number == number, access.readable(actor))
        .order_by(ArticleText.language != Article.language, ArticleText.language)
    )
    return [Line(*row) for row in await session.execute(query)]


async def by_slug(
    session: AsyncSession, actor: Actor, language: str, slug: str
) -> tuple[Article, ArticleText]:
    """The article at an address. Raises `Moved` for an address that it had before."""
    query = _both().where(access.readable(actor), ArticleText.language == language)
    row = (await session.execute(query.where(ArticleText.slug == slug[:200]))).one_or_none()
    if row is not None:
        return row[0], row[1]
    moved = query.with_only_columns(ArticleText.slug).join(
        ArticleSlug,
        and_(ArticleSlug.article_text_id == ArticleText.id, ArticleSlug.language == language),
    )
    now = await session.scalar(moved.where(ArticleSlug.slug == slug[:200]))
    if now is not None:
        raise Moved(now)
    raise access.missing()


async def languages_of(session: AsyncSession, actor: Actor, article_id: UUID) -> list[Line]:
    """The languages in which an actor may read an article."""
    query = _lines().where(Article.id == article_id, access.readable(actor)).order_by(ArticleText.language)
    return [Line(*row) for row in await session.execute(query)]


async def related(session: AsyncSession, actor: Actor, article: Article, language: str) -> list[Line]:
    """The articles that were chosen by hand, in their order."""
    query = _lines().where(
        Article.id.in_(article.related), ArticleText.language == language, access.readable(actor)
    )
    found = {line.article_id: line for row in await session.execute(query) if (line := Line(*row))}
    return [found[each] for each in article.related if each in found]


async def for_index(
    session: AsyncSession, *, after: UUID | None = None, limit: int = 500, ids: Collection[UUID] = ()
) -> list[Indexed]:
    """Everything published, page by page in order of the texts' ids; or the texts of some articles."""
    query = (
        select(
            ArticleText.id, Article.id, ArticleText.language, Article.audience, ArticleText.title,
            ArticleText.body, ArticleText.revision,
        )
        .join(Article, Article.id == ArticleText.article_id)
        .where(access.live())
        .order_by(ArticleText.id)
        .limit(limit)
    )  # fmt: skip
    if after is not None:
        query = query.where(ArticleText.id > after)
    if ids:
        query = query.where(Article.id.in_(ids))
    return [Indexed(*row) for row in await session.execute(query)]  # type: ignore[arg-type]


async def tree(session: AsyncSession, actor: Actor, language: str) -> list[Branch]:
    """The categories that hold anything an actor may read in a language, with counts."""
    query = (
        select(Article.category_id, func.count())
        .join(ArticleText, ArticleText.article_id == Article.id)
        .where(access.readable(actor), ArticleText.language == language)
        .group_by(Article.category_id)
    )
    own: dict[UUID | None, int] = dict((await session.execute(query)).all())
    lines = await categories(session)
    totals = _totals(lines, own)
    return [Branch(line, totals[line.category.id]) for line in lines if totals[line.category.id]]


async def tags_in_use(
    session: AsyncSession, actor: Actor, language: str, *, limit: int = 60
) -> list[tuple[Tag, int]]:
    """The tags of what an actor may read, the most used first."""
    each = (
        select(func.unnest(Article.tags).label("tag"))
        .join(ArticleText, ArticleText.article_id == Article.id)
        .where(access.readable(actor), ArticleText.language == language)
        .subquery()
    )
    query = (
        select(Tag, func.count())
        .join(each, each.c.tag == Tag.id)
        .where(Tag.active)
        .group_by(Tag.id)
        .order_by(func.count().desc(), Tag.name)
        .limit(limit)
    )
    return [(row[0], row[1]) for row in await session.execute(query)]


async def below(session: AsyncSession, category: UUID) -> list[UUID]:
    """A category and all below it, retired ones too."""
    lines = await categories(session, retired=True)
    found = {category}
    for line in lines:
        if line.category.parent_id in found:
            found.add(line.category.id)
    return list(found)


def _lines() -> Select[*tuple[Any, ...]]:
    return select(*_LINE).join(ArticleText, ArticleText.article_id == Article.id)


def _both() -> Select[Article, ArticleText]:
    return select(Article, ArticleText).join(ArticleText, ArticleText.article_id == Article.id)


def _totals(lines: Sequence[CategoryLine], own: dict[UUID | None, int]) -> dict[UUID, int]:
    """Each category with what lies below it; a child comes after its parent in `lines`."""
    totals = {line.category.id: own.get(line.category.id, 0) for line in lines}
    for line in reversed(lines):
        parent = line.category.parent_id
        if parent in totals:
            totals[parent] += totals[line.category.id]
    return totals


__all__ = [
    "Branch", "Indexed", "Line", "Moved", "Page", "below", "by_slug", "for_index", "languages_of",
    "lines_of", "numbered", "published", "related", "tags_in_use", "tree",
]  # fmt: skip
