"""What is said in a conversation: say, edit, delete, react; each under the row's lock."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete as sql_delete
from sqlalchemy import select, update

from core import clock, text
from core.access import Actor
from core.chat import Place
from core.conversations.attachments import adopt
from core.conversations.events import (
    MessageDeleted,
    MessageEdited,
    MessageHidden,
    MessageReacted,
    MessageReported,
    MessageSaid,
)
from core.conversations.model import (
    Attachment,
    Audience,
    Conversation,
    Message,
    MessageCopy,
    MessageKind,
    MessageRevision,
    Reaction,
    Seat,
)
from core.crypto import words
from core.crypto.fields import seal_text, unseal_text
from core.crypto.keys import Keys
from core.db import UnitOfWork
from core.errors import Forbidden, Invalid, Refused
from core.i18n import _
from core.ids import new_id

MOST_REACTIONS = 12
_REACTION = re.compile(r":[a-z0-9_+-]{1,32}:|\S{1,16}")


@dataclass(slots=True)
class Thread:
    """A conversation, locked for this unit of work, with its data key in the clear."""

    conversation: Conversation
    key: bytes

    @property
    def id(self) -> UUID:
        return self.conversation.id

    def next_seq(self) -> int:
        self.conversation.seq += 1
        return self.conversation.seq


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """What is to be said. `held_until` keeps a reply from the requester's side until then;
    `origin` is the place where it was said, which needs no copy."""

    text: str
    kind: MessageKind = MessageKind.chat
    audience: Audience = Audience.everyone
    side: str = "requester"
    via: str = "desk"
    held_until: datetime | None = None
    reply_to: UUID | None = None
    files: Sequence[UUID] = ()
    language: str | None = None
    filed_under: str = ""
    mentions: tuple[UUID, ...] = ()
    origin: Place | None = None
    native: str = ""
    at: datetime | None = None
    id: UUID | None = None
    first: bool = False
    missed: bool = False
    files_follow: bool = False
    """Its files still lie at a platform: the text may be empty."""


async def start(uow: UnitOfWork, owner_id: UUID, owner_key: bytes | None = None) -> Thread:
    """A new conversation with a data key of its own, wrapped by its owner's key."""
    conversation_id = new_id()
    wrapping = owner_key or await uow.keys.of_person(uow.session, owner_id)
    key, wrapped = Keys.new_data_key(wrapping, conversation_id)
    conversation = Conversation(id=conversation_id, owner_id=owner_id, wrapped_key=wrapped)
    uow.session.add(conversation)
    return Thread(conversation, key)


async def say(
    uow: UnitOfWork, thread: Thread, actor: Actor, saying: Saying, *, ticket: UUID | None = None
) -> Message:
    """Add a message or a note to the timeline, sealed and indexed."""
    body = text.message(saying.text, may_be_empty=bool(saying.files) or saying.files_follow)
    message_id = saying.id or new_id()
    files = await _claim_files(uow, thread, message_id, saying.files, actor) if saying.files else []
    at = saying.at or clock.now()
    message = Message(
        id=message_id,
        conversation_id=thread.id,
        seq=thread.next_seq(),
        kind=saying.kind.value,
        audience=saying.audience.value,
        author_id=actor.id,
        author_kind=actor.kind.value,
        side=saying.side,
        body=seal_text(thread.key, body, "message.body", message_id),
        terms=words.terms(uow.keys.words, " ".join((saying.filed_under, body, *files)), saying.language),
        reply_to_id=saying.reply_to,
        via=saying.via,
        at=at,
        visible_at=saying.held_until or at,
        files=len(files),
        missed=saying.missed,
    )
    uow.session.add(message)
    if saying.origin is not None and saying.native:
        uow.session.add(
            MessageCopy(message_id=message_id, place_key=saying.origin.key, native=saying.native, origin=True)
        )
    uow.emit(
        MessageSaid(
            subject=message_id,
            ticket=ticket,
            kind=message.kind,
            audience=message.audience,
            side=message.side,
            via=message.via,
            files=message.files,
            mentions=saying.mentions or None,
            origin=saying.origin.key if saying.origin else None,
            first=saying.first or None,
            held=(saying.held_until is not None and saying.held_until > at) or None,
        ),
        conversation=thread.id,
        seq=message.seq,
        actor=actor,
        at=at,
    )
    return message


async def edit(
    uow: UnitOfWork,
    thread: Thread,
    actor: Actor,
    message: Message,
    new_text: str,
    *,
    origin: Place | None = None,
    language: str | None = None,
    filed_under: str = "",
) -> Message:
    """Change what one said; what it said before is kept as a revision."""
    _own(actor, message)
    body = text.message(new_text, may_be_empty=message.files > 0)
    if read(thread, message) == body:
        return message
    uow.session.add(
        MessageRevision(
            message_id=message.id,
            revision=message.revision,
            body=message.body,
            by=message.author_id,
            at=message.edited_at or message.at,
        )
    )
    message.body = seal_text(thread.key, body, "message.body", message.id)
    names = await file_names(uow, thread, message)
    message.terms = words.terms(uow.keys.words, " ".join((filed_under, body, *names)), language)
    message.revision += 1
    message.edited_at = clock.now()
    uow.emit(
        MessageEdited(subject=message.id, revision=message.revision, origin=origin.key if origin else None),
        conversation=thread.id,
        seq=thread.next_seq(),
        actor=actor,
    )
    return message


async def delete(
    uow: UnitOfWork, thread: Thread, actor: Actor, message: Message, *, origin: Place | None = None
) -> Message:
    """Take back what one said: a mark stays, the words and their revisions go."""
    _own(actor, message, deleting=True)
    if message.deleted_at is not None:
        return message
    held = message.visible_at is not None and message.visible_at > clock.now()
    message.deleted_at = clock.now()
    message.body = None
    message.terms = []
    await uow.session.execute(sql_delete(MessageRevision).where(MessageRevision.message_id == message.id))
    await uow.session.execute(
        update(Attachment).where(Attachment.message_id == message.id).values(deleted_at=message.deleted_at)
    )
    uow.emit(
        MessageDeleted(subject=message.id, origin=origin.key if origin else None, taken_back=held or None),
        conversation=thread.id,
        seq=thread.next_seq(),
        actor=actor,
    )
    return message


async def react(
    uow: UnitOfWork,
    thread: Thread,
    actor: Actor,
    message: Message,
    emoji: Sequence[str],
    *,
    origin: Place | None = None,
) -> None:
    """Set one person's reactions on a message: state, not a count."""
    if message.deleted_at is not None:
        raise Refused(_("This message was deleted."))
    wanted = list(dict.fromkeys(_emoji(one) for one in emoji))
    if len(wanted) > MOST_REACTIONS:
        raise Invalid(_("That is too many reactions."), field="emoji")
    assert actor.id is not None
    current = set(
        await uow.session.scalars(
            select(Reaction.emoji).where(Reaction.message_id == message.id, Reaction.person_id == actor.id)
        )
    )
    if current == set(wanted):
        return
    await uow.session.execute(
        sql_delete(Reaction).where(Reaction.message_id == message.id, Reaction.person_id == actor.id)
    )
    for one in wanted:
        uow.session.add(Reaction(message_id=message.id, person_id=actor.id, emoji=one))
    uow.emit(
        MessageReacted(subject=message.id, origin=origin.key if origin else None),
        conversation=thread.id,
        seq=thread.next_seq(),
        actor=actor,
    )


async def reactions_of(uow: UnitOfWork, message: Message, actor: Actor) -> list[str]:
    """One person's own reactions on a message."""
    return list(
        await uow.session.scalars(
            select(Reaction.emoji)
            .where(Reaction.message_id == message.id, Reaction.person_id == actor.id)
            .order_by(Reaction.at)
        )
    )


async def hide(uow: UnitOfWork, thread: Thread, message: Message, *, hidden: bool = True) -> None:
    """A moderator hides a message from everyone but staff, or shows it again."""
    if (message.hidden_at is not None) == hidden:
        return
    message.hidden_at = clock.now() if hidden else None
    message.reported_at = None
    uow.emit(
        MessageHidden(subject=message.id, shown=None if hidden else True),
        conversation=thread.id,
        seq=thread.next_seq(),
    )


async def report(uow: UnitOfWork, thread: Thread, message: Message) -> None:
    """Someone finds a message improper: it waits for a moderator."""
    if message.reported_at is None:
        message.reported_at = clock.now()
        uow.emit(MessageReported(subject=message.id), conversation=thread.id, seq=thread.next_seq())


async def take_seat(
    uow: UnitOfWork, thread: Thread, place: Place, *, side: str = "requester", person_id: UUID | None = None
) -> None:
    """From now on this place holds this conversation; the one it held before rests."""
    await uow.session.execute(
        update(Seat).where(Seat.place_key == place.key, Seat.active).values(active=False)
    )
    await uow.session.flush()
    uow.session.add(Seat(conversation_id=thread.id, place_key=place.key, side=side, person_id=person_id))


async def leave_seat(uow: UnitOfWork, place: Place) -> None:
    """The conversation that this place holds rests: what is said here next begins anew."""
    await uow.session.execute(
        update(Seat)
        .where(Seat.place_key == place.key, Seat.active, Seat.side == "requester")
        .values(active=False)
    )


async def message_at(uow: UnitOfWork, place: Place, native: str) -> Message | None:
    """The message that stands at a place under a platform's id."""
    found = await standing_at(uow, place, native)
    return found[0] if found is not None else None


async def standing_at(uow: UnitOfWork, place: Place, native: str) -> tuple[Message, Place] | None:
    """The message that stands in a channel under a platform's id, and its whole place: of an edit or
    a reaction a platform often says the channel, not the thread."""
    channel = Place(place.platform, place.installation, place.channel).key
    rows = await uow.session.execute(
        select(Message, MessageCopy.place_key)
        .join(MessageCopy, MessageCopy.message_id == Message.id)
        .where(MessageCopy.native == native, MessageCopy.place_key.startswith(channel, autoescape=True))
        .order_by((MessageCopy.place_key == place.key).desc())
        .limit(1)
    )
    row = rows.one_or_none()
    return (row[0], Place.from_key(row[1])) if row is not None else None


async def note_edit(uow: UnitOfWork, place: Place, native: str, at: datetime) -> bool:
    """An edit came from where a message stands. False when a later one came before it: platforms tell in no
    order."""
    copy = (MessageCopy.place_key == place.key) & (MessageCopy.native == native)
    result = await uow.session.execute(
        update(MessageCopy)
        .where(copy, MessageCopy.edited_at.is_(None) | (MessageCopy.edited_at <= at))
        .values(edited_at=at)
    )
    return bool(getattr(result, "rowcount", 0))


def read(thread: Thread, message: Message) -> str:
    """What a message says; empty when it was deleted."""
    if message.body is None:
        return ""
    return unseal_text(thread.key, message.body, "message.body", message.id)


async def move_revisions(uow: UnitOfWork, old: bytes, new: bytes, ids: Sequence[UUID]) -> None:
    """What moved messages said before follows them under their new conversation's key."""
    query = select(MessageRevision).where(
        MessageRevision.message_id.in_(ids), MessageRevision.body.is_not(None)
    )
    for row in await uow.session.scalars(query):
        assert row.body is not None
        body = unseal_text(old, row.body, "message.body", row.message_id)
        row.body = seal_text(new, body, "message.body", row.message_id)


async def file_names(uow: UnitOfWork, thread: Thread, message: Message) -> list[str]:
    if not message.files:
        return []
    rows = await uow.session.scalars(select(Attachment).where(Attachment.message_id == message.id))
    return [unseal_text(thread.key, row.name, "attachment.name", row.id) for row in rows]


async def _claim_files(
    uow: UnitOfWork, thread: Thread, message_id: UUID, ids: Sequence[UUID], actor: Actor
) -> list[str]:
    """Uploads become part of a message: their names and keys move from the uploader's key to
    the conversation's. Only one's own uploads that lie in no message yet."""
    return await adopt(uow, thread.key, thread.id, message_id, ids, actor)


def _own(actor: Actor, message: Message, *, deleting: bool = False) -> None:
    if message.deleted_at is not None and not deleting:
        raise Refused(_("This message was deleted."))
    if message.author_id is None or message.author_id != actor.id:
        raise Forbidden(_("You can only change what you wrote yourself."))


def _emoji(given: str) -> str:
    """One emoji, or a short name such as :tada:. Words are refused: a reaction lies in the clear."""
    cleaned = text.clean(given)
    if not _REACTION.fullmatch(cleaned) or (cleaned[0] != ":" and any(char.isalpha() for char in cleaned)):
        raise Invalid(_("This is not a reaction."), field="emoji")
    return cleaned
