"""Articles whose time to be published has come; for a job."""

from __future__ import annotations

from uuid import UUID

import structlog
from sqlalchemy import select

from core import clock
from core.access import SYSTEM, Actor, ActorKind, Permission
from core.db import UnitOfWork
from core.errors import DeskError
from core.kb import access, service
from core.kb.model import ArticleText
from core.people import service as people
from core.people.model import Person

log = structlog.get_logger("core.kb.due")


async def publish_due(uow: UnitOfWork, most: int = 50) -> int:
    """Publish what is due. What cannot be published any more is taken off the clock, and stays a
    draft."""
    due = await uow.session.scalars(
        select(ArticleText.id)
        .where(ArticleText.publish_at <= clock.now())
        .order_by(ArticleText.publish_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    ids = list(due)
    for text_id in ids:
        await _publish(uow, text_id)
    return len(ids)


async def _publish(uow: UnitOfWork, text_id: UUID) -> None:
    article, text = await access.edit(uow, SYSTEM, text_id, lock=True)
    by = await _whoever_said_so(uow, text.publish_by)
    text.publish_at = text.publish_by = None
    try:
        by.require(Permission.publish_articles)
        async with uow.session.begin_nested():
            await service.put_out(uow, by, article, text)
    except DeskError as error:
        log.warning("article.not_published", article=article.number, error=error.code)


async def _whoever_said_so(uow: UnitOfWork, person_id: UUID | None) -> Actor:
    """In the name of whoever set the time, with the rights that they have now."""
    person = await uow.session.get(Person, person_id) if person_id is not None else None
    if person is None or not person.active:
        return Actor(person_id, ActorKind.system)
    return await people.actor_of(uow, person)
