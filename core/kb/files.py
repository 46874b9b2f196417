"""Pictures and files of articles: sealed under the desk's key, read by whoever reads the article."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy import exists, func, or_, select

from core import clock
from core.access import Actor, Permission
from core.conversations.attachments import Upload
from core.crypto.fields import bound_to, seal, seal_text, unseal, unseal_text
from core.crypto.words import digest
from core.db import UnitOfWork
from core.errors import Invalid, NotFound
from core.files.sealed import open_sealed, open_sealed_range
from core.i18n import _
from core.ids import new_id
from core.kb import access
from core.kb.model import Article, ArticleFile, ArticleRevision, ArticleText
from core.kb.page import FILES
from core.ports.files import FileStore

MOST_FILES = 200
UNUSED_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file in the clear: its name, and the key to its bytes."""

    row: ArticleFile
    name: str
    key: bytes

    @property
    def address(self) -> str:
        return f"{FILES}{self.row.id}"

    def read(self, store: FileStore, start: int = 0, stop: int | None = None) -> AsyncGenerator[bytes]:
        if start == 0 and stop is None:
            return open_sealed(store, self.row.object_id, self.key)
        return open_sealed_range(store, self.row.object_id, self.key, start, stop)


async def keep(
    uow: UnitOfWork, actor: Actor, article_id: UUID, upload: Upload, *, content: bytes = b""
) -> OpenFile:
    """What was received (see `conversations.attachments.receiving`) belongs to an article; `content`
    lets the same bytes be found again."""
    await access.article_of(uow, actor, article_id)
    count = select(func.count()).select_from(ArticleFile).where(ArticleFile.article_id == article_id)
    if int(await uow.session.scalar(count) or 0) >= MOST_FILES:
        raise Invalid(_("At most {most} files in an article.").format(most=MOST_FILES), field="files")
    received, file_id = upload.received, new_id()
    row = ArticleFile(
        id=file_id,
        article_id=article_id,
        uploader_id=actor.id,
        name=seal_text(uow.keys.desk, upload.name, "article_file.name", file_id),
        wrapped_key=seal(uow.keys.desk, upload.key, bound_to("article_file.wrapped_key", file_id)),
        mime=received.kind.mime,
        kind=str(received.kind.kind),
        size=received.size,
        width=received.thumb.width if received.thumb else None,
        height=received.thumb.height if received.thumb else None,
        object_id=received.name,
        thumb_id=received.thumb.name if received.thumb else None,
        digest=digest_of(uow, content) if content else b"",
    )
    uow.session.add(row)
    await uow.session.flush()
    return OpenFile(row, upload.name, upload.key)


async def read(uow: UnitOfWork, actor: Actor, file_id: UUID) -> OpenFile:
    """A file of an article that the actor may read, or write."""
    readable = exists().where(
        Article.id == ArticleFile.article_id, ArticleText.article_id == Article.id, access.readable(actor)
    )
    query = select(ArticleFile).where(ArticleFile.id == file_id)
    if not actor.may(Permission.write_articles):
        query = query.where(readable)
    row = await uow.session.scalar(query)
    if row is None:
        raise NotFound(_("There is no such file."))
    return opened(uow, row)


async def of_article(uow: UnitOfWork, article_id: UUID) -> Sequence[OpenFile]:
    query = select(ArticleFile).where(ArticleFile.article_id == article_id).order_by(ArticleFile.at)
    return [opened(uow, row) for row in await uow.session.scalars(query.limit(MOST_FILES))]


async def by_ids(uow: UnitOfWork, ids: Collection[UUID]) -> dict[UUID, OpenFile]:
    rows = await uow.session.scalars(select(ArticleFile).where(ArticleFile.id.in_(ids)))
    return {row.id: opened(uow, row) for row in rows}


def opened(uow: UnitOfWork, row: ArticleFile) -> OpenFile:
    name = unseal_text(uow.keys.desk, row.name, "article_file.name", row.id)
    return OpenFile(
        row, name, unseal(uow.keys.desk, row.wrapped_key, bound_to("article_file.wrapped_key", row.id))
    )


def digest_of(uow: UnitOfWork, content: bytes) -> bytes:
    """By which the same bytes are known again within this desk."""
    return digest(uow.keys.lookup, f"article_file|{sha256(content).hexdigest()}")


async def sweep(uow: UnitOfWork, most: int = 50) -> int:
    """Remove files that no text, draft or revision names any more. For a nightly job."""
    named = func.concat("%", FILES, ArticleFile.id, "%")
    in_text = exists().where(
        ArticleText.article_id == ArticleFile.article_id,
        or_(ArticleText.body.like(named), ArticleText.draft_body.like(named)),
    )
    in_revision = exists().where(
        ArticleRevision.article_text_id == ArticleText.id,
        ArticleText.article_id == ArticleFile.article_id,
        ArticleRevision.body.like(named),
    )
    old = ArticleFile.at < clock.now() - UNUSED_FOR
    rows = await uow.session.scalars(
        select(ArticleFile).where(old, ~in_text, ~in_revision).limit(most).with_for_update(skip_locked=True)
    )
    count = 0
    for row in rows:
        for name in filter(None, (row.object_id, row.thumb_id)):
            await uow.means.files.delete(name)
        await uow.session.delete(row)
        count += 1
    return count


async def bytes_of(file: OpenFile, store: FileStore) -> bytes:
    return b"".join([chunk async for chunk in file.read(store)])


async def once(content: bytes) -> AsyncIterator[bytes]:
    yield content
