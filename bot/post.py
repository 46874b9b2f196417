"""The poster: claims due deliveries and makes one call to one platform for each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import select

from core import clock, outbox
from core.chat import (
    Card,
    ChatAdapter,
    Gone,
    Place,
    Post,
    Poster,
    PostFailed,
    Reacts,
    Rendered,
    RetryAfter,
)
from core.conversations import service as conversations
from core.conversations.attachments import of_messages
from core.conversations.events import MessageDelivered, MessageUndelivered
from core.conversations.model import Conversation, Message, Reaction, Seat
from core.conversations.service import Thread
from core.crypto.fields import unseal_text
from core.db import UnitOfWork
from core.desk import Desk
from core.outbox_model import Delivery
from core.people import service as people
from core.tickets import access

log = structlog.get_logger("bot.post")
TIME_LIMIT = 30.0

Maker = Callable[[UnitOfWork, Delivery], Awaitable[Rendered | datetime | None]]
"""Makes what a row with a card's name is to say, in the form that its adapter posts; a time when
it is too early, None when there is nothing to say any more."""


class Posting:
    """Sends what is due; order per place, places in parallel."""

    def __init__(
        self, desk: Desk, adapters: Mapping[str, ChatAdapter], makers: Mapping[str, Maker] | None = None
    ) -> None:
        self.desk = desk
        self.adapters = adapters
        self.makers = makers or {}

    async def send_due(self) -> int:
        """Claim and send one batch; returns how many were tried."""
        async with self.desk.unit() as uow:
            rows = await outbox.claim(uow)
        if rows:
            async with asyncio.TaskGroup() as group:
                for row in rows:
                    group.create_task(self._send(row))
        return len(rows)

    async def _send(self, row: Delivery) -> None:
        try:
            async with asyncio.timeout(TIME_LIMIT):
                await self._try(row)
        except RetryAfter as pause:
            await self._failed(row, "retry_after", after=pause.seconds)
        except Gone:
            await self._failed(row, "gone", gone=True)
        except (PostFailed, TimeoutError, OSError) as error:
            await self._failed(row, type(error).__name__)
        except Exception as error:
            log.exception("delivery.failed", delivery=str(row.id), exc_info=error)
            await self._failed(row, type(error).__name__)

    async def _try(self, row: Delivery) -> None:
        place = Place.from_key(row.place_key)
        adapter = self.adapters.get(place.platform)
        if not isinstance(adapter, Poster):
            raise Gone("no such platform here")
        async with self.desk.unit() as uow:
            made = await self._make(uow, row)
        if isinstance(made, datetime):
            async with self.desk.unit() as uow:
                await outbox.postponed(uow, row.id, made)
            return
        if made is None:
            async with self.desk.unit() as uow:
                await outbox.cancelled(uow, row.id)
            return
        native = await self._call(adapter, place, row, made)
        await self._done(row, native)

    async def _call(self, adapter: Poster, place: Place, row: Delivery, post: Rendered) -> str:
        native = str(row.args.get("native", ""))
        match row.kind:
            case "edit":
                await adapter.edit(place, native, post)
            case "delete":
                await adapter.delete(place, native)
            case "react":
                if isinstance(adapter, Reacts):
                    await adapter.react(place, native, tuple(post.card.text.split()))
            case _:
                return await adapter.post(place, post, key=str(row.id))
        return native

    async def _make(self, uow: UnitOfWork, row: Delivery) -> Rendered | datetime | None:
        """What to send, made now from the message or by the card's maker; a time when it is
        held; None when it is gone."""
        if row.card is not None:
            if row.card not in self.makers:
                raise Gone("no such card here")
            return await self.makers[row.card](uow, row)
        if row.message_id is None:
            return None
        message = await uow.session.get(Message, row.message_id)
        if message is None or (message.deleted_at is not None and row.kind != "delete"):
            return None
        for_requester = await _is_requesters(uow, row.place_key)
        if message.hidden_at is not None and for_requester and row.kind != "delete":
            return None
        if row.kind == "react":
            return Post(Card(text=" ".join(await _reactions(uow, message.id))), message_id=str(message.id))
        conversation = await uow.session.get(Conversation, message.conversation_id)
        assert conversation is not None
        if row.args.get("held") and _is_held(message):
            return message.visible_at
        key = await access.thread_key(uow.session, uow.keys, conversation)
        if not key:
            return None
        return await self._post_of(uow, message, Thread(conversation, key), for_requester)

    async def _post_of(self, uow: UnitOfWork, message: Message, thread: Thread, for_requester: bool) -> Post:
        authors = await people.known(uow.session, uow, [message.author_id])
        author = authors.get(message.author_id) if message.author_id else None
        name = author.shown if author else ""
        if for_requester and message.side == "staff" and not uow.settings.show_agent_names:
            name = uow.settings.name
        files = await of_messages(uow.session, [message.id])
        from core.chat import FileRef

        refs = tuple(
            FileRef(
                name=unseal_text(thread.key, f.name, "attachment.name", f.id),
                size=f.size,
                mime=f.mime,
                stored=str(f.id),
            )
            for f in files.get(message.id, [])
        )
        card = Card(text=conversations.read(thread, message), author=name, files=refs)
        return Post(card, message_id=str(message.id))

    async def _done(self, row: Delivery, native: str) -> None:
        async with self.desk.unit() as uow:
            await outbox.sent(uow, row.id, native)
            if row.kind == "post" and row.message_id is not None and native:
                await conversations.remember_copy(uow, row.message_id, row.place_key, native, row.part)
                uow.emit(
                    MessageDelivered(subject=row.message_id, delivery=row.id),
                    conversation=row.conversation_id,
                )

    async def _failed(
        self, row: Delivery, error: str, *, after: float | None = None, gone: bool = False
    ) -> None:
        async with self.desk.unit() as uow:
            dead = await outbox.failed(uow, row, error, after=after, gone=gone)
            if dead and row.message_id is not None:
                uow.emit(
                    MessageUndelivered(subject=row.message_id, delivery=row.id, error=error),
                    conversation=row.conversation_id,
                )


def _is_held(message: Message) -> bool:
    """Whether the requester's side has to wait; not when the clock was set back meanwhile."""
    now = clock.now()
    return message.visible_at is not None and message.visible_at > now >= message.at


async def _is_requesters(uow: UnitOfWork, place_key: str) -> bool:
    """Whether a place is a requester's; one where nobody sits any more is taken for it."""
    side = await uow.session.scalar(select(Seat.side).where(Seat.place_key == place_key, Seat.active))
    return side in (None, "requester")


async def _reactions(uow: UnitOfWork, message_id: UUID) -> list[str]:
    rows = await uow.session.scalars(
        select(Reaction.emoji).where(Reaction.message_id == message_id).distinct()
    )
    return sorted(rows)
