"""How many calls one message takes at a place: its text in parts, each file by itself.

The text is cut when rows are written and once more when they are sent; both count the same way, so
that part 2 of a message is the same words at both times.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import select

from core.chat import ChatAdapter, Files, Measures, Place
from core.conversations import service as conversations
from core.conversations.model import Attachment, Conversation, Message
from core.conversations.service import Thread
from core.db import UnitOfWork
from core.fit import split
from core.tickets import access

FILES = 1_000
"""Copies of files count from here on; what stands below are parts of the text."""
REACTIONS = 2_000
"""The copy that is a line about reactions, where a platform cannot show them."""


class Parts:
    """What the adapters can carry, asked by place."""

    def __init__(self, chats: Mapping[str, ChatAdapter]) -> None:
        self.chats = chats

    def adapter(self, place_key: str) -> ChatAdapter | None:
        return self.chats.get(Place.from_key(place_key).platform)

    def has_timeline(self, place_key: str) -> bool:
        adapter = self.adapter(place_key)
        return adapter is not None and adapter.limits.timeline

    def sends_files(self, place_key: str) -> bool:
        """Whether files travel as calls of their own."""
        return isinstance(self.adapter(place_key), Files)

    def cut(self, place_key: str, text: str) -> list[str]:
        """The parts of a text at a place."""
        adapter = self.adapter(place_key)
        if adapter is None:
            return [text]
        measure = adapter.measure if isinstance(adapter, Measures) else len
        return split(text, adapter.limits.text, measure)

    async def count(self, uow: UnitOfWork, place_key: str, message: Message) -> int:
        """In how many parts a message's text stands at a place; opened only if it may be long."""
        adapter = self.adapter(place_key)
        if adapter is None or adapter.limits.timeline or message.body is None:
            return 1
        if message.files == 0 and len(message.body) < adapter.limits.text // 2:
            return 1
        return len(self.cut(place_key, await text_of(uow, message)))

    async def files(self, uow: UnitOfWork, place_key: str, message: Message) -> list[UUID]:
        """The files that go to a place by calls of their own, in order."""
        if message.files == 0 or not self.sends_files(place_key):
            return []
        query = (
            select(Attachment.id)
            .where(Attachment.message_id == message.id, Attachment.deleted_at.is_(None))
            .order_by(Attachment.at, Attachment.id)
        )
        return list(await uow.session.scalars(query))


async def text_of(uow: UnitOfWork, message: Message) -> str:
    """What a message says; empty when its requester was erased."""
    thread = await thread_of(uow, message)
    return conversations.read(thread, message) if thread is not None else ""


async def thread_of(uow: UnitOfWork, message: Message) -> Thread | None:
    """The conversation of a message with its key; None when the key was destroyed."""
    conversation = await uow.session.get(Conversation, message.conversation_id)
    assert conversation is not None
    key = await access.thread_key(uow.session, uow.keys, conversation)
    return Thread(conversation, key) if key else None
