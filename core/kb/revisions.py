"""What was published once: listed, compared, taken up again."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from core.access import Actor
from core.db import UnitOfWork
from core.errors import NotFound
from core.i18n import _
from core.kb import access, service
from core.kb.model import ArticleRevision, ArticleText

MOST = 200


async def listed(
    uow: UnitOfWork, actor: Actor, text_id: UUID, *, before: int | None = None, limit: int = 50
) -> Sequence[ArticleRevision]:
    """The revisions of a text, the newest first."""
    await access.edit(uow, actor, text_id)
    query = select(ArticleRevision).where(ArticleRevision.article_text_id == text_id)
    if before is not None:
        query = query.where(ArticleRevision.revision < before)
    query = query.order_by(ArticleRevision.revision.desc()).limit(min(limit, MOST))
    return list(await uow.session.scalars(query))


async def get(uow: UnitOfWork, actor: Actor, text_id: UUID, revision: int) -> ArticleRevision:
    await access.edit(uow, actor, text_id)
    found = await uow.session.get(ArticleRevision, (text_id, revision)) if 0 < revision < 2**31 else None
    if found is None:
        raise NotFound(_("There is no such revision."))
    return found


async def take_up(
    uow: UnitOfWork, actor: Actor, text_id: UUID, revision: int, *, version: int
) -> ArticleText:
    """An earlier revision becomes the draft, to be published like any other."""
    old = await get(uow, actor, text_id, revision)
    return await service.save(uow, actor, text_id, version=version, title=old.title, body=old.body)
