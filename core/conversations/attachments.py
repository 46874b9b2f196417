"""Files in conversations: kept sealed from the upload on, then given to a message."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core import clock
from core.access import Actor
from core.conversations.model import Attachment, Message
from core.crypto.fields import Unreadable, bound_to, new_key, seal, seal_text, unseal, unseal_text
from core.db import Means, UnitOfWork
from core.errors import Invalid, NotFound
from core.files.names import clean_name
from core.files.receive import Received, receive
from core.files.sealed import open_sealed, open_sealed_range
from core.i18n import _
from core.ids import new_id
from core.outbox_model import Inbound
from core.people.model import Identity
from core.ports.files import FileStore

MOST_FILES = 10
MOST_BROUGHT = 50
"""Files of one message of a platform, which has limits of its own."""
UNSENT_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class OpenFile:
    """An attachment in the clear: its name, and the key to its bytes."""

    row: Attachment
    name: str
    key: bytes

    def read(self, store: FileStore, start: int = 0, stop: int | None = None) -> AsyncGenerator[bytes]:
        if start == 0 and stop is None:
            return open_sealed(store, self.row.object_id, self.key)
        return open_sealed_range(store, self.row.object_id, self.key, start, stop)

    def read_thumb(self, store: FileStore) -> AsyncGenerator[bytes]:
        if self.row.thumb_id is None:
            raise NotFound(_("There is no picture."))
        return open_sealed(store, self.row.thumb_id, self.key)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file whose bytes lie in the store, sealed under `key`; the database knows nothing of it."""

    name: str
    key: bytes
    received: Received


@asynccontextmanager
async def receiving(means: Means, name: str, chunks: AsyncIterator[bytes]) -> AsyncIterator[Upload]:
    """Take the bytes in, without a query; the block keeps them. When it fails, nothing stays behind.

    Raises `TooLarge`, `Invalid` for an empty file, `StoreFull`.
    """
    called, key = clean_name(name), new_key()
    limit = means.settings.attachment_mb * 1024 * 1024
    upload = Upload(called, key, await receive(means.files, chunks, key, limit, called=called))
    try:
        yield upload
    except BaseException:
        await discard(means, upload)
        raise


async def discard(means: Means, upload: Upload) -> None:
    """Give up what was received."""
    thumb = upload.received.thumb
    for name in filter(None, (upload.received.name, thumb.name if thumb else None)):
        await means.files.delete(name)


async def keep(uow: UnitOfWork, uploader_id: UUID, upload: Upload) -> Attachment:
    """What was received becomes a file that is not yet part of a message; it is the uploader's
    alone until sent."""
    owner_key = await uow.keys.of_person(uow.session, uploader_id)
    attachment_id = new_id()
    row = Attachment(
        id=attachment_id,
        uploader_id=uploader_id,
        name=seal_text(owner_key, upload.name, "attachment.name", attachment_id),
        wrapped_key=_wrap(owner_key, attachment_id, upload.key),
        **_facts(upload.received),
    )
    uow.session.add(row)
    return row


async def upload(uow: UnitOfWork, uploader_id: UUID, name: str, chunks: AsyncIterator[bytes]) -> Attachment:
    """Both in one, for bytes that are here already."""
    async with receiving(uow.means, name, chunks) as received:
        return await keep(uow, uploader_id, received)


def belonging(
    conversation_key: bytes, message: Message, name: str, key: bytes, received: Received
) -> Attachment:
    """A file that is part of a message from the first moment on; it lies in the store under `key`."""
    file_id = new_id()
    return Attachment(
        id=file_id,
        conversation_id=message.conversation_id,
        message_id=message.id,
        uploader_id=message.author_id,
        name=seal_text(conversation_key, name, "attachment.name", file_id),
        wrapped_key=_wrap(conversation_key, file_id, key),
        **_facts(received),
    )


async def adopt(
    uow: UnitOfWork, key: bytes, conversation_id: UUID, message_id: UUID, ids: Sequence[UUID], actor: Actor
) -> list[str]:
    """Uploads become part of a message: their names and keys move to the conversation's key.
    Only the actor's own that lie in no message yet. Returns the names, for the index."""
    if len(ids) > MOST_FILES:
        raise Invalid(_("At most {most} files in a message.").format(most=MOST_FILES), field="files")
    rows = list(
        await uow.session.scalars(
            select(Attachment)
            .where(
                Attachment.id.in_(ids), Attachment.message_id.is_(None), Attachment.uploader_id == actor.id
            )
            .with_for_update()
        )
    )
    if len(rows) != len(set(ids)) or actor.id is None:
        raise Invalid(_("A file is no longer there. Please attach it again."), field="files")
    owner_key = await uow.keys.of_person(uow.session, actor.id)
    names = []
    for row in rows:
        names.append(_move_key(row, owner_key, key))
        row.conversation_id, row.message_id = conversation_id, message_id
    return names


async def move(
    uow: UnitOfWork, old: bytes, new: bytes, conversation_id: UUID, messages: Sequence[UUID]
) -> None:
    """Files of moved messages follow them into another conversation."""
    if not messages:
        return
    for row in await uow.session.scalars(select(Attachment).where(Attachment.message_id.in_(messages))):
        _move_key(row, old, new)
        row.conversation_id = conversation_id


def opened(row: Attachment, key: bytes) -> OpenFile:
    """An attachment in the clear; `key` is the conversation's, or the uploader's before it is sent."""
    if row.deleted_at is not None:
        raise NotFound(_("This file was deleted."))
    try:
        name = unseal_text(key, row.name, "attachment.name", row.id)
        return OpenFile(row, name, unseal(key, row.wrapped_key, bound_to("attachment.wrapped_key", row.id)))
    except Unreadable:
        raise NotFound(_("This file can no longer be read.")) from None


async def of_messages(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, list[Attachment]]:
    """The files of many messages, by one query."""
    found: dict[UUID, list[Attachment]] = {}
    if not ids:
        return found
    query = select(Attachment).where(Attachment.message_id.in_(ids), Attachment.deleted_at.is_(None))
    for row in await session.scalars(query.order_by(Attachment.at, Attachment.id)):
        assert row.message_id is not None
        found.setdefault(row.message_id, []).append(row)
    return found


async def sweep(uow: UnitOfWork, most: int = 200) -> int:
    """Remove bytes of deleted files, and of uploads that were never sent. For a nightly job. What
    somebody uploaded whose words wait in quarantine or are parked is kept with them."""
    waits = exists().where(
        Identity.person_id == Attachment.uploader_id,
        Inbound.sender == Identity.digest,
        Inbound.state.in_(("received", "parked", "held")),
    )
    unsent = Attachment.message_id.is_(None) & (Attachment.at < clock.now() - UNSENT_FOR) & ~waits
    gone = await uow.session.scalars(
        select(Attachment)
        .where((Attachment.deleted_at.is_not(None) & (Attachment.object_id != "")) | unsent)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    count = 0
    for row in gone:
        for name in filter(None, (row.object_id, row.thumb_id)):
            await uow.means.files.delete(name)
        if row.message_id is None:
            await uow.session.delete(row)
        else:
            await uow.session.execute(
                update(Attachment).where(Attachment.id == row.id).values(object_id="", thumb_id=None)
            )
        count += 1
    return count


def _facts(received: Received) -> dict[str, Any]:
    thumb = received.thumb
    return {
        "mime": received.kind.mime,
        "kind": str(received.kind.kind),
        "size": received.size,
        "width": thumb.width if thumb else None,
        "height": thumb.height if thumb else None,
        "object_id": received.name,
        "thumb_id": thumb.name if thumb else None,
    }


def _wrap(key: bytes, attachment_id: UUID, file_key: bytes) -> bytes:
    return seal(key, file_key, bound_to("attachment.wrapped_key", attachment_id))


def _move_key(row: Attachment, old: bytes, new: bytes) -> str:
    name = unseal_text(old, row.name, "attachment.name", row.id)
    file_key = unseal(old, row.wrapped_key, bound_to("attachment.wrapped_key", row.id))
    row.name = seal_text(new, name, "attachment.name", row.id)
    row.wrapped_key = _wrap(new, row.id, file_key)
    return name
