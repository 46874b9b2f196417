"""An article in other languages: begun from the original, and held to it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import aliased

from core.access import Actor
from core.db import UnitOfWork
from core.errors import Invalid, Refused
from core.i18n import _
from core.kb import access, service, wording
from core.kb.events import ArticleCreated, ArticleSaved
from core.kb.model import Article, ArticleText

MOST_LANGUAGES = 20
Original = aliased(ArticleText)
"""The text in the language that an article was first written in, for joins."""


async def texts(uow: UnitOfWork, actor: Actor, article_id: UUID) -> Sequence[ArticleText]:
    """All languages of an article, the original first."""
    article = await access.article_of(uow, actor, article_id)
    query = select(ArticleText).where(ArticleText.article_id == article_id).limit(MOST_LANGUAGES)
    rows = list(await uow.session.scalars(query))
    return sorted(rows, key=lambda row: (row.language != article.language, row.language))


async def begin(
    uow: UnitOfWork, actor: Actor, article_id: UUID, language: str, *, title: str = "", body: str = ""
) -> ArticleText:
    """A draft in another language; without words of its own it begins with the original's."""
    article = await access.article_of(uow, actor, article_id, lock=True)
    if article.archived_at is not None:
        raise Refused(_("This article is archived. Restore it first."))
    there = await texts(uow, actor, article_id)
    wanted = wording.language(language)
    if any(row.language == wanted for row in there):
        raise Invalid(_("The article is there in this language already."), field="language")
    if len(there) >= MOST_LANGUAGES:
        raise Invalid(_("At most {most} languages.").format(most=MOST_LANGUAGES), field="language")
    source = there[0]
    text = await service.begin_text(
        uow,
        actor,
        article,
        wanted,
        title or source.shown_title,
        body or source.body or source.draft_body or "",
    )
    uow.emit(ArticleCreated(subject=article.id, text=text.id, language=wanted), actor=actor)
    return text


async def still_right(uow: UnitOfWork, actor: Actor, text_id: UUID, *, version: int) -> ArticleText:
    """The original changed and the translation need not: it is no longer stale."""
    article, text = await access.edit(uow, actor, text_id, lock=True)
    service.check(text, version)
    original = await uow.session.scalar(
        select(ArticleText.revision).where(
            ArticleText.article_id == article.id, ArticleText.language == article.language
        )
    )
    text.source_revision = max(text.source_revision, int(original or 0))
    service.moved(article, text)
    uow.emit(ArticleSaved(subject=article.id, text=text.id, language=text.language), actor=actor)
    return text


def is_stale(article: Article, text: ArticleText, original: ArticleText | None) -> bool:
    """The original was published anew since this translation was."""
    return (
        original is not None
        and text.language != article.language
        and text.revision > 0
        and text.source_revision < original.revision
    )


def stale() -> ColumnElement[bool]:
    """The same as a condition, over `Article`, `ArticleText` and `Original`."""
    return and_(
        ArticleText.language != Article.language,
        ArticleText.revision > 0,
        ArticleText.source_revision < Original.revision,
    )
