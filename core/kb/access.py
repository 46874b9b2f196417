"""The only functions that hand out an article. What one may not see is `NotFound`."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ColumnElement, and_, select

from core.access import Actor, Permission
from core.db import UnitOfWork
from core.errors import NotFound
from core.i18n import _
from core.kb.model import Article, ArticleState, ArticleText, Reach


def audiences(actor: Actor) -> tuple[str, ...]:
    """The kinds of article that an actor may read."""
    if actor.staff:
        return (Reach.public.value, Reach.signed_in.value, Reach.internal.value)
    if actor.id is not None:
        return (Reach.public.value, Reach.signed_in.value)
    return (Reach.public.value,)


def live() -> ColumnElement[bool]:
    """There is something to read, whoever reads it."""
    return and_(ArticleText.body.is_not(None), ArticleText.state != ArticleState.archived.value)


def readable(actor: Actor) -> ColumnElement[bool]:
    """Which texts an actor may read, as a condition of a query over `Article` and `ArticleText`."""
    return and_(live(), Article.audience.in_(audiences(actor)))


async def read(uow: UnitOfWork, actor: Actor, text_id: UUID) -> tuple[Article, ArticleText]:
    """A published text, for whoever may read it."""
    query = (
        select(Article, ArticleText)
        .join(ArticleText, ArticleText.article_id == Article.id)
        .where(ArticleText.id == text_id, readable(actor))
    )
    row = (await uow.session.execute(query)).one_or_none()
    if row is None:
        raise missing()
    return row[0], row[1]


async def edit(
    uow: UnitOfWork, actor: Actor, text_id: UUID, *, lock: bool = False
) -> tuple[Article, ArticleText]:
    """A text with its draft, for those who write. With `lock`, article and text are locked in this
    order until the commit."""
    actor.require(Permission.write_articles)
    text = await uow.session.get(ArticleText, text_id)
    if text is None:
        raise missing()
    article = await article_of(uow, actor, text.article_id, lock=lock)
    if lock:
        await uow.session.refresh(text, with_for_update=True)
    return article, text


async def article_of(uow: UnitOfWork, actor: Actor, article_id: UUID, *, lock: bool = False) -> Article:
    """An article for those who write, with all that readers do not see."""
    actor.require(Permission.write_articles)
    if lock:
        await uow.session.flush()
    article = await uow.session.get(Article, article_id, with_for_update=lock or None, populate_existing=lock)
    if article is None:
        raise missing()
    return article


def missing() -> NotFound:
    return NotFound(_("There is no such article."))
