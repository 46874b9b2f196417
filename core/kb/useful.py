"""Which articles help most, and which stand near one another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access import Actor
from core.kb import access, queries
from core.kb.model import Article, ArticleFeedback, ArticleText, ArticleView
from core.kb.queries import Line

DAYS = 30
CANDIDATES = 100
NEAR = 5
_DOUBT = 2
"""A few votes say little: an article without any counts as if half of these had been yes."""


def worth(views: int, yes: int, no: int) -> float:
    """Read often, and found helpful by those who said so."""
    return views * (yes + _DOUBT / 2) / (yes + no + _DOUBT)


async def most_useful(session: AsyncSession, actor: Actor, language: str, today: date) -> list[UUID]:
    """The articles of a language by what they were worth in the last weeks, the best first."""
    read = (
        select(ArticleView.article_id, func.sum(ArticleView.count).label("views"))
        .where(ArticleView.day > today - timedelta(days=DAYS), ArticleView.language == language)
        .group_by(ArticleView.article_id)
        .subquery()
    )
    query = (
        select(Article.id, ArticleText.id, read.c.views)
        .join(ArticleText, ArticleText.article_id == Article.id)
        .join(read, read.c.article_id == Article.id)
        .where(access.readable(actor), ArticleText.language == language)
        .order_by(read.c.views.desc())
        .limit(CANDIDATES)
    )
    rows = (await session.execute(query)).all()
    votes = await _votes(session, [text_id for _article, text_id, _views in rows])
    scored = [(worth(int(views), *votes.get(text_id, (0, 0))), article) for article, text_id, views in rows]
    return [article for _worth, article in sorted(scored, key=lambda pair: -pair[0])]


async def near(
    session: AsyncSession, actor: Actor, article: Article, language: str, most: int = NEAR
) -> list[Line]:
    """What to read beside an article: what was chosen by hand, then its neighbours in category and
    tags."""
    chosen = (await queries.related(session, actor, article, language))[:most]
    if len(chosen) < most:
        known = {article.id, *(line.article_id for line in chosen)}
        chosen += [
            line
            for line in await _neighbours(session, actor, article, language)
            if line.article_id not in known
        ][: most - len(chosen)]
    return chosen


async def _neighbours(session: AsyncSession, actor: Actor, article: Article, language: str) -> list[Line]:
    """Of the same category, those with the most tags in common first."""
    if article.category_id is None:
        return []
    page = await queries.published(session, actor, language=language, category=article.category_id)
    own = set(article.tags)
    return sorted(page.lines, key=lambda line: -len(own.intersection(line.tags)))


async def _votes(session: AsyncSession, texts: Sequence[UUID]) -> dict[UUID, tuple[int, int]]:
    query = (
        select(
            ArticleFeedback.article_text_id,
            func.count().filter(ArticleFeedback.helpful),
            func.count().filter(~ArticleFeedback.helpful),
        )
        .where(ArticleFeedback.article_text_id.in_(texts))
        .group_by(ArticleFeedback.article_text_id)
    )
    return {text_id: (yes, no) for text_id, yes, no in await session.execute(query)}
