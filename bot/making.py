"""What a delivery row says, made at the moment it is sent: from its message, or by its card's maker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, select

from bot.calls import FileOut
from bot.parts import REACTIONS, Parts, thread_of
from core import clock
from core.chat import Card, FileRef, Gone, Post
from core.conversations import attachments, file_links
from core.conversations import service as conversations
from core.conversations.attachments import of_messages
from core.conversations.model import Attachment, Conversation, Message, MessageCopy, Reaction, Seat
from core.conversations.service import Thread
from core.crypto.fields import unseal_text
from core.db import UnitOfWork
from core.files.size import in_words
from core.fit import shorten
from core.i18n import _
from core.outbox_model import Delivery
from core.people import service as people
from core.people.model import Person
from core.ports.files import FileStore

Made = Any
Maker = Callable[[UnitOfWork, Delivery], Awaitable[Made]]
"""Makes what a row with a card's name is to say, in the form that its adapter posts; a time when
it is too early, None when there is nothing to say any more."""


_MESSAGE = (
    select(Message, Seat.side, Conversation, Person)
    .join(Conversation, Conversation.id == Message.conversation_id)
    .outerjoin(Seat, and_(Seat.place_key == bindparam("place"), Seat.active))
    .outerjoin(Person, Person.id == Message.author_id)
    .where(Message.id == bindparam("message"))
    .limit(1)
)
"""With what is needed of it at a place. One where nobody sits any more is taken for a requester's."""


class Making:
    """Makes what rows say."""

    def __init__(
        self, parts: Parts, makers: Mapping[str, Maker], store: FileStore, public_url: str = ""
    ) -> None:
        self.parts = parts
        self.makers = makers
        self.store = store
        self.public_url = public_url

    async def make(self, uow: UnitOfWork, row: Delivery) -> Made | datetime | None:
        """What to send; a time when it is held; None when it is gone."""
        if row.card is not None:
            if row.card not in self.makers:
                raise Gone("no such card here")
            return await self.makers[row.card](uow, row)
        if row.kind in ("close_thread", "restore_thread"):
            return Post(Card())
        if row.message_id is None:
            return None
        found = (
            await uow.session.execute(_MESSAGE, {"message": row.message_id, "place": row.place_key})
        ).first()
        if found is None:
            return None
        # Conversation and author are asked for by their ids further on: they stay in the session till then.
        message, side, _conversation, _person = found
        for_requester = side != "staff"
        if row.kind == "delete":
            return Post(Card(text=_("This message was deleted.")), message_id=str(message.id))
        if message.deleted_at is not None or (message.hidden_at is not None and for_requester):
            return None
        if row.kind == "react":
            return Post(Card(text=" ".join(await reactions(uow, message.id))), message_id=str(message.id))
        if row.args.get("held") and _is_held(message):
            return message.visible_at
        if row.kind == "file":
            return await self._file(uow, row, message, for_requester)
        return await self._post(uow, row, message, for_requester)

    async def _file(
        self, uow: UnitOfWork, row: Delivery, message: Message, for_requester: bool
    ) -> FileOut | Post | None:
        """A file as a stream; one that is too large for the platform as a link for this place."""
        thread = await thread_of(uow, message)
        found = await uow.session.get(Attachment, UUID(str(row.args["file"])))
        if thread is None or found is None or found.deleted_at is not None:
            return None
        opened, adapter = attachments.opened(found, thread.key), self.parts.adapter(row.place_key)
        part = Post(
            Card(author=await _author(uow, message, for_requester)),
            message_id=str(message.id),
            again=row.attempts > 1,
            since=row.created_at,
        )
        if adapter is not None and found.size > adapter.limits.file_bytes:
            link = self.public_url + file_links.path(uow.keys, found)
            words = _("[{name}]({link}) ({size})").format(
                name=opened.name.replace("]", ""), link=link, size=in_words(found.size)
            )
            return replace(part, card=replace(part.card, text=words))
        ref = FileRef(opened.name, found.size, found.mime, stored=str(found.id))
        return FileOut(ref, opened, opened.read(self.store), part)

    async def _post(
        self, uow: UnitOfWork, row: Delivery, message: Message, for_requester: bool
    ) -> Post | None:
        if self.parts.has_timeline(row.place_key):
            # It reads the words from the desk's own timeline: a post only says that there is something.
            return Post(Card(), message_id=str(message.id), revision=message.revision)
        thread = await thread_of(uow, message)
        if thread is None:
            return None
        text, whole = conversations.read(thread, message), ""
        if row.part == REACTIONS:
            text = await _reaction_line(uow, message, text)
        elif row.kind != "file":
            cut = self.parts.cut(row.place_key, text)
            if row.part >= max(len(cut), 1) or (not cut and self.parts.sends_files(row.place_key)):
                return None
            whole, text = text, cut[row.part] if cut else ""
        if message.missed and row.part == 0 and row.kind != "file":
            text = await _with_time(uow, message, text, for_requester)
        files = () if self.parts.sends_files(row.place_key) else await _files(uow, thread, message)
        card = Card(
            text=text,
            author=await _author(uow, message, for_requester) if row.part != REACTIONS else "",
            picture=_picture(uow, message, for_requester),
            files=files,
            tone="note" if message.audience == "staff" else "neutral",
        )
        return Post(
            card,
            message_id=str(message.id),
            reply_to=await _native_of(uow, message.reply_to_id, row.place_key) if whole else "",
            revision=message.revision,
            part=row.part % 1_000 if row.part < REACTIONS else 0,
            again=row.attempts > 1,
            since=row.created_at,
        )


async def reactions(uow: UnitOfWork, message_id: UUID) -> list[str]:
    """All reactions on a message, of whomever."""
    rows = await uow.session.scalars(
        select(Reaction.emoji).where(Reaction.message_id == message_id).distinct()
    )
    return sorted(rows)


async def _author(uow: UnitOfWork, message: Message, for_requester: bool) -> str:
    """The name above a message. Agents' own names stay inside where the admin wants it so."""
    if for_requester and message.side == "staff" and not uow.settings.show_agent_names:
        return uow.settings.name
    author = await uow.session.get(Person, message.author_id) if message.author_id else None
    return (await people.know(uow, author)).shown if author is not None else ""


def _picture(uow: UnitOfWork, message: Message, for_requester: bool) -> str:
    """An agent's picture beside a reply, where the admin has said where they are."""
    shown = for_requester and message.side == "staff" and uow.settings.show_agent_names
    return uow.settings.agent_pictures.replace("{id}", str(message.author_id)) if shown else ""


async def _files(uow: UnitOfWork, thread: Thread, message: Message) -> tuple[FileRef, ...]:
    if message.files == 0:
        return ()
    found = (await of_messages(uow.session, [message.id])).get(message.id, [])
    return tuple(
        FileRef(
            name=unseal_text(thread.key, row.name, "attachment.name", row.id),
            size=row.size,
            mime=row.mime,
            stored=str(row.id),
        )
        for row in found
    )


async def _native_of(uow: UnitOfWork, message_id: UUID | None, place_key: str) -> str:
    """The platform's id of a message at a place; empty where it does not stand there."""
    if message_id is None:
        return ""
    native = await uow.session.scalar(
        select(MessageCopy.native)
        .where(MessageCopy.message_id == message_id, MessageCopy.place_key == place_key)
        .order_by(MessageCopy.part)
        .limit(1)
    )
    return native or ""


async def _reaction_line(uow: UnitOfWork, message: Message, text: str) -> str:
    """What people reacted with, where the platform cannot show it on the message itself."""
    emoji = " ".join(await reactions(uow, message.id)) or "–"
    return _("{emoji} on “{words}”").format(emoji=emoji, words=shorten(" ".join(text.split()), 60))


async def _with_time(uow: UnitOfWork, message: Message, text: str, for_requester: bool) -> str:
    """A message that came while the desk was away says when."""
    if for_requester:
        return text
    at = message.at.astimezone(people.zone_of(uow.settings.zone)).strftime("%Y-%m-%d %H:%M")
    return _("*Sent while we were away, at {at}:*").format(at=at) + f"\n\n{text}"


def _is_held(message: Message) -> bool:
    """Whether the requester's side has to wait; not when the clock was set back meanwhile."""
    now = clock.now()
    return message.visible_at is not None and message.visible_at > now >= message.at
