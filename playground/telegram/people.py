"""What people do in their chats: the side that no bot can drive."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from zlib import crc32

from playground.telegram import posting, rooms, shapes
from playground.telegram.entities import Entity, complete, ordered, units
from playground.telegram.errors import PlayError
from playground.telegram.markup import parse_typed, trimmed
from playground.telegram.world import ALL_RIGHTS, Bot, Chat, Media, Member, Message, Topic, User, World

KINDS = ("photo", "document", "video", "audio", "voice", "sticker", "animation", "video_note")
_NAMES = {
    "photo": "photo.jpg",
    "document": "document.txt",
    "video": "video.mp4",
    "audio": "audio.mp3",
    "voice": "voice.ogg",
    "sticker": "sticker.webp",
    "animation": "animation.mp4",
    "video_note": "note.mp4",
}
_MOST_PRESSES = 10_000


@dataclass(slots=True, frozen=True)
class Attachment:
    """A file that a person sends; `more` are fields of its kind (duration, emoji, width...)."""

    kind: str
    data: bytes
    name: str = ""
    mime: str = ""
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Press:
    """A press of an inline button, and the bot's answer to it."""

    id: str
    message: Message
    data: str
    at: float
    answer: asyncio.Future[dict[str, Any]]


class People:
    """Acts as any person of the world. Everything takes effect at once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._albums = count(13_000_000_000_001)
        self._callbacks = count(4_382_000_000_000_001)
        self.presses: dict[str, Press] = {}

    def start(self, person: User, bot: Bot, payload: str = "") -> Message:
        """Press Start, perhaps through a deep link; unblocks the bot as well."""
        chat = self._world.open_private(person, bot)
        if person.id in bot.blocked_by:
            self.unblock(person, bot)
        return self.say(person, chat, f"/start {payload}".strip())

    def say(
        self,
        person: User,
        chat: Chat,
        text: str = "",
        *,
        thread: int | None = None,
        reply_to: Message | int | None = None,
        quote: str = "",
        entities: list[Entity] | None = None,
        typed: bool = False,
        file: Attachment | None = None,
        location: tuple[float, float] | None = None,
        contact: dict[str, str] | None = None,
        poll: tuple[str, Sequence[str]] | None = None,
        extra: dict[str, Any] | None = None,
        group: str = "",
    ) -> Message:
        """Write into a chat or topic. `typed` reads light Markdown; `extra` is any other content."""
        chat = self._open(person, chat)
        answered = self._message(chat, reply_to)
        thread = self._thread(person, chat, thread, answered)
        text, found = self._text(text, entities, typed)
        content = {**_extra(location, contact, poll, self._world), **(extra or {})}
        if not (text or file or content):
            raise PlayError("there is nothing to say")
        return posting.post(
            self._world,
            chat,
            person,
            text=text,
            entities=found,
            media=self._media(file) if file else None,
            extra=content,
            thread=thread,
            reply_to=answered,
            quote=quote,
            group=group,
        )

    def album(
        self, person: User, chat: Chat, files: Sequence[Attachment], text: str = "", **more: Any
    ) -> list[Message]:
        """Several files at once; the text stands under the first."""
        if not 2 <= len(files) <= 10:
            raise PlayError("an album has 2 to 10 files")
        group = str(next(self._albums))
        return [
            self.say(person, chat, text if number == 0 else "", file=file, group=group, **more)
            for number, file in enumerate(files)
        ]

    def edit(self, person: User, said: Message, text: str, *, typed: bool = False) -> Message:
        """Change the text or caption of one's own message."""
        if said.sender is not person or said.deleted:
            raise PlayError("only one's own message can be edited")
        said.text, said.entities = self._text(text, None, typed)
        posting.edited(self._world, said)
        return said

    def delete(self, person: User, *messages: Message) -> None:
        """For everyone. No bot learns of it."""
        for said in messages:
            if not (said.chat.bot or said.sender is person or said.chat.may(person, "can_delete_messages")):
                raise PlayError("only one's own message can be deleted")
            posting.remove(self._world, said)

    def react(self, person: User, said: Message, *emoji: str) -> None:
        """Set this person's reactions; none removes them."""
        self._open(person, said.chat)
        reaction = [{"type": "emoji", "emoji": one} for one in emoji]
        posting.set_reaction(self._world, said, person, reaction)

    def press(self, person: User, said: Message, button: str) -> Press:
        """Press the inline button with this text or data; its `answer` comes from the bot."""
        self._open(person, said.chat)
        if said.deleted or not isinstance(said.sender, Bot):
            raise PlayError("this message has no buttons")
        data = _data_of(said, button)
        loop = asyncio.get_running_loop()
        press = Press(str(next(self._callbacks)), said, data, self._world.clock.now(), loop.create_future())
        self._remember(press)
        said.sender.queue.add("callback_query", self._callback(press, person, said.sender))
        return press

    async def answered(self, press: Press, timeout: float = 5.0) -> dict[str, Any]:
        """What the bot answered to a press: text, show_alert, url."""
        async with asyncio.timeout(timeout):
            return await asyncio.shield(press.answer)

    def block(self, person: User, bot: Bot) -> None:
        self._set_blocked(person, bot, True)

    def unblock(self, person: User, bot: Bot) -> None:
        self._set_blocked(person, bot, False)

    def create_group(
        self, person: User, title: str, *others: User, kind: str = "supergroup", forum: bool = False
    ) -> Chat:
        """A new group whose owner is this person."""
        chat = self._world.add_chat(title, kind, forum)
        chat.members[person.id] = Member(person, "creator")
        extra = "group_chat_created" if kind == "group" else "supergroup_chat_created"
        posting.service(self._world, chat, person, **{extra: True})
        for other in others:
            self.add(person, chat, other)
        return chat

    def add(self, person: User, chat: Chat, user: User, *, admin: bool = False) -> None:
        """Bring somebody (or a bot) into a group."""
        posting.set_member(self._world, chat, user, person, Member(user))
        posting.service(self._world, chat, person, new_chat_members=[user.api()])
        if admin:
            self.promote(person, chat, user)

    def promote(self, person: User, chat: Chat, user: User, *rights: str) -> None:
        """Make an administrator, with these rights or all."""
        new = Member(user, "administrator", frozenset(rights) or ALL_RIGHTS)
        posting.set_member(self._world, chat, user, person, new)

    def demote(self, person: User, chat: Chat, user: User) -> None:
        posting.set_member(self._world, chat, user, person, Member(user))

    def kick(self, person: User, chat: Chat, user: User) -> None:
        posting.service(self._world, chat, person, left_chat_member=user.api())
        posting.set_member(self._world, chat, user, person, Member(user, "kicked"))

    def leave(self, person: User, chat: Chat) -> None:
        rooms.leave(self._world, chat, person)

    def migrate(self, person: User, chat: Chat, *, forum: bool = False) -> Chat:
        """Turn a group into a supergroup: a new chat with a new id; the old one is dead."""
        return rooms.migrate(self._world, chat, person, forum)

    def create_topic(self, person: User, chat: Chat, name: str) -> Topic:
        return rooms.create_topic(self._world, self._open(person, chat), person, name)

    def edit_topic(self, person: User, chat: Chat, topic: int, name: str) -> None:
        rooms.edit_topic(self._world, chat, person, rooms.topic(chat, topic), name, None)

    def close_topic(self, person: User, chat: Chat, topic: int) -> None:
        rooms.set_closed(self._world, chat, person, rooms.topic(chat, topic), True)

    def reopen_topic(self, person: User, chat: Chat, topic: int) -> None:
        rooms.set_closed(self._world, chat, person, rooms.topic(chat, topic), False)

    def delete_topic(self, person: User, chat: Chat, topic: int) -> None:
        rooms.delete_topic(self._world, chat, rooms.topic(chat, topic))

    def _open(self, person: User, chat: Chat) -> Chat:
        if chat.migrated_to:
            raise PlayError("this group became a supergroup")
        if not chat.is_here(person):
            raise PlayError("this person is not in the chat")
        if chat.bot and person.id in chat.bot.blocked_by:
            raise PlayError("this person blocked the bot")
        return chat

    def _message(self, chat: Chat, said: Message | int | None) -> Message | None:
        found = chat.messages.get(said) if isinstance(said, int) else said
        if said is not None and (found is None or found.deleted or found.chat is not chat):
            raise PlayError("there is no such message to reply to")
        return found

    def _thread(self, person: User, chat: Chat, thread: int | None, answered: Message | None) -> int | None:
        if thread is None and answered is not None:
            thread = answered.thread
        if thread in (None, 1) and not (thread == 1 and thread in chat.topics):
            if chat.forum and chat.general_closed and not chat.may(person, "can_manage_topics"):
                raise PlayError("this topic is closed")
            return None
        topic = chat.topics.get(thread or 0)
        if topic is None:
            raise PlayError("there is no such topic")
        if topic.closed and not chat.may(person, "can_manage_topics"):
            raise PlayError("this topic is closed")
        return thread

    def _text(self, text: str, entities: list[Entity] | None, typed: bool) -> tuple[str, list[Entity]]:
        found = ordered(entities or [])
        if typed and entities is None:
            text, found = parse_typed(text)
        text, found = trimmed(text, found)
        if units(text) > 4096:
            raise PlayError("a message has at most 4096 characters")
        return text, complete(text, found)

    def _media(self, file: Attachment) -> Media:
        if file.kind not in KINDS:
            raise PlayError(f"a file is one of {', '.join(KINDS)}")
        name = file.name or _NAMES[file.kind]
        return Media(file.kind, self._world.files.put(file.kind, file.data, name, file.mime), file.more)

    def _set_blocked(self, person: User, bot: Bot, blocked: bool) -> None:
        chat = self._world.private(person, bot)
        if (person.id in bot.blocked_by) == blocked:
            return
        (bot.blocked_by.add if blocked else bot.blocked_by.discard)(person.id)
        old, new = ("member", "kicked") if blocked else ("kicked", "member")
        change = shapes.member_change(
            chat, person, self._world.clock.unix(), Member(bot, old), Member(bot, new)
        )
        bot.queue.add("my_chat_member", change)
        self._world.note("blocked" if blocked else "unblocked", chat=chat.key)

    def _callback(self, press: Press, person: User, bot: Bot) -> dict[str, Any]:
        return {
            "id": press.id,
            "from": person.api(),
            "message": shapes.message(press.message, bot),
            "chat_instance": str(crc32(press.message.chat.key.encode()) * 10**8),
            "data": press.data,
        }

    def _remember(self, press: Press) -> None:
        self.presses[press.id] = press
        while len(self.presses) > _MOST_PRESSES:
            self.presses.pop(next(iter(self.presses)))


def _data_of(said: Message, button: str) -> str:
    for row in (said.markup or {}).get("inline_keyboard", []):
        for one in row:
            if "callback_data" in one and button in (one["text"], one["callback_data"]):
                return str(one["callback_data"])
    raise PlayError(f"there is no button {button!r}")


def _extra(
    location: tuple[float, float] | None,
    contact: dict[str, str] | None,
    poll: tuple[str, Sequence[str]] | None,
    world: World,
) -> dict[str, Any]:
    if location:
        return {"location": {"latitude": location[0], "longitude": location[1]}}
    if contact:
        return {"contact": contact}
    if poll:
        return {"poll": rooms.poll(f"5{world.changed:018d}", poll[0], list(poll[1]))}
    return {}
