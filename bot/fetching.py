"""Fetch a file that came with a message from its platform into our store, outside of any transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import update

from bot.parts import thread_of
from core import outbox
from core.chat import FileRef, Files, Gone, Place
from core.conversations import incoming
from core.conversations.model import Conversation, Message
from core.conversations.service import Thread
from core.crypto.fields import new_key
from core.db import UnitOfWork
from core.desk import Desk
from core.errors import DeskError, Unavailable
from core.files.names import clean_name
from core.files.receive import Received, receive, too_large
from core.outbox_model import Delivery
from core.tickets.model import Ticket


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file at a platform, and where its message was said."""

    ref: FileRef
    place: Place
    limit: int


async def fetch(desk: Desk, adapter: Any, row: Delivery) -> None:
    """One file: from the platform, sealed, into the message. What cannot be had for good is told."""
    async with desk.unit() as uow:
        wanted = await _wanted(uow, row)
    if wanted is None:
        async with desk.unit() as uow:
            await outbox.cancelled(uow, row.id)
        return
    try:
        key, received = await _stream(desk, adapter, wanted)
    except (Gone, DeskError) as error:
        if isinstance(error, Unavailable) and row.attempts < outbox.MOST_ATTEMPTS:
            raise  # The store refuses, or is full: what it refuses now it may take later.
        await _lost(desk, row, error.code if isinstance(error, DeskError) else "gone")
        return
    try:
        await _came(desk, row, wanted, key, received)
    except BaseException:
        await desk.means.files.delete(received.name)
        raise


async def _stream(desk: Desk, adapter: Any, wanted: Wanted) -> tuple[bytes, Received]:
    if not isinstance(adapter, Files):
        raise Gone("gives no files")
    if (wanted.ref.size or 0) > wanted.limit:
        raise too_large(wanted.limit)
    key = new_key()
    chunks: AsyncIterator[bytes] = adapter.fetch(wanted.place, wanted.ref)
    async with aclosing(chunks):  # type: ignore[type-var]
        name = clean_name(wanted.ref.name)
        return key, await receive(desk.means.files, chunks, key, wanted.limit, called=name)


async def _wanted(uow: UnitOfWork, row: Delivery) -> Wanted | None:
    message = await uow.session.get(Message, row.message_id)
    if message is None or message.deleted_at is not None:
        return None
    thread = await thread_of(uow, message)
    if thread is None:
        return None
    ref, place = incoming.expected(thread, row)
    return Wanted(ref, place, uow.settings.attachment_mb * 1024 * 1024)


async def _came(desk: Desk, row: Delivery, wanted: Wanted, key: bytes, received: Received) -> None:
    async with desk.unit() as uow:
        message, thread = await _locked(uow, row)
        # A process that stood still for longer than its lease is not the only one that fetched it.
        over = await outbox.is_over(uow, row.id)
        await outbox.sent(uow, row.id, "")
        if over or thread is None or message.deleted_at is not None:
            await desk.means.files.delete(received.name)
            return
        await incoming.came(uow, thread, message, clean_name(wanted.ref.name), key, received, wanted.place)
        await uow.session.execute(
            update(Ticket).where(Ticket.conversation_id == thread.id).values(has_file=True)
        )


async def _lost(desk: Desk, row: Delivery, code: str) -> None:
    async with desk.unit() as uow:
        message, thread = await _locked(uow, row)
        if await outbox.is_over(uow, row.id):
            return
        await outbox.failed(uow, row, code, gone=True)
        if thread is not None:
            incoming.lost(uow, thread, message, code)


async def _locked(uow: UnitOfWork, row: Delivery) -> tuple[Message, Thread | None]:
    await uow.session.get(Conversation, row.conversation_id, with_for_update=True, populate_existing=True)
    message = await uow.session.get(Message, row.message_id, populate_existing=True)
    assert message is not None
    return message, await thread_of(uow, message)
