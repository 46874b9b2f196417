"""Files that still lie at a platform: noted with their message, fetched afterwards, never in its unit.

A row of the outbox asks for each file; what the platform calls it is sealed under the conversation's
key. The message is told at once, its files follow as they come.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict
from uuid import UUID

from sqlalchemy import select

from core.chat import FileRef, Place
from core.conversations import attachments
from core.conversations.events import MessageFileAdded, MessageFileLost
from core.conversations.model import Attachment, Message
from core.conversations.service import Thread, file_names, read
from core.crypto import words
from core.crypto.fields import seal_json, unseal_json
from core.db import UnitOfWork
from core.files.receive import Received
from core.outbox_model import Delivery

_SEALED = "delivery.args"


def expect(
    uow: UnitOfWork, thread: Thread, message_id: UUID, place: Place, native: str, files: Sequence[FileRef]
) -> None:
    """Ask for the files of a message that are not with us yet."""
    wanted = [ref for ref in files if not ref.stored]
    if len(wanted) > attachments.MOST_BROUGHT:
        uow.emit(
            MessageFileLost(subject=message_id, error="too_many"),
            conversation=thread.id,
            seq=thread.next_seq(),
        )
    for ref in wanted[: attachments.MOST_BROUGHT]:
        row = Delivery(
            kind="fetch",
            place_key=Place(place.platform, place.installation, place.channel, f"fetch {native}").key,
            conversation_id=thread.id,
            message_id=message_id,
        )
        value = {"file": asdict(ref), "place": place.key}
        row.args = {"sealed": base64.b64encode(seal_json(thread.key, value, _SEALED, row.id)).decode()}
        uow.session.add(row)


def expected(thread: Thread, row: Delivery) -> tuple[FileRef, Place]:
    """What a row asks for, and where the message was said."""
    value = unseal_json(thread.key, base64.b64decode(str(row.args["sealed"])), _SEALED, row.id)
    return FileRef(**value["file"]), Place.from_key(value["place"])


async def came(
    uow: UnitOfWork,
    thread: Thread,
    message: Message,
    name: str,
    key: bytes,
    received: Received,
    origin: Place,
) -> Attachment:
    """A file of a message is here: sealed in the store under `key`, now part of the message."""
    file = attachments.belonging(thread.key, message, name, key, received)
    uow.session.add(file)
    message.files += 1
    await uow.session.flush()
    names = await file_names(uow, thread, message)
    message.terms = sorted(
        {*message.terms, *words.terms(uow.keys.words, " ".join((read(thread, message), *names)), None)}
    )
    uow.emit(
        MessageFileAdded(subject=message.id, file=file.id, index=message.files - 1, origin=origin.key),
        conversation=thread.id,
        seq=thread.next_seq(),
    )
    return file


def lost(uow: UnitOfWork, thread: Thread, message: Message, code: str) -> None:
    """A file of a message cannot be had; `code` says why."""
    uow.emit(
        MessageFileLost(subject=message.id, error=code[:100]), conversation=thread.id, seq=thread.next_seq()
    )


async def is_coming(uow: UnitOfWork, message_id: UUID) -> bool:
    """Whether files of a message are still on their way."""
    query = select(Delivery.id).where(
        Delivery.message_id == message_id, Delivery.kind == "fetch", Delivery.state == "due"
    )
    return await uow.session.scalar(query.limit(1)) is not None
