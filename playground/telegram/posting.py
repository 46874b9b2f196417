"""Putting messages into a chat, changing them, and telling the bots that may see it."""

from __future__ import annotations

import re
from typing import Any

from playground.telegram import shapes
from playground.telegram.entities import cut
from playground.telegram.world import Bot, Chat, Media, Member, Message, User, World

SERVICE = (
    "new_chat_members",
    "left_chat_member",
    "pinned_message",
    "forum_topic_created",
    "forum_topic_edited",
    "forum_topic_closed",
    "forum_topic_reopened",
    "group_chat_created",
    "supergroup_chat_created",
    "migrate_to_chat_id",
    "migrate_from_chat_id",
    "new_chat_title",
)
_OWN_TOLD = (*(kind for kind in SERVICE if kind != "new_chat_members"),)
_COMMAND = re.compile(r"^/\w+(?:@(\w+))?")


def post(world: World, chat: Chat, sender: User, **content: Any) -> Message:
    """A new message; keyword arguments are the fields of `Message`."""
    said = Message(chat.next_id, chat, sender, world.clock.unix(), **content)
    chat.keep(said)
    world.note("posted", chat=chat.key, message=said.id, thread=said.thread)
    for bot in chat.bots():
        if sees(bot, said):
            bot.queue.add("message", shapes.message(said, bot))
    if isinstance(sender, Bot) and not is_service(said):
        chat.last_bot = sender
    return said


def service(world: World, chat: Chat, by: User, thread: int | None = None, **extra: Any) -> Message:
    """A service message: someone came, left, pinned, made a topic."""
    return post(world, chat, by, thread=thread, extra=extra)


def edited(world: World, said: Message) -> None:
    """Its text, media or keyboard changed: mark it, tell the bots unless one did it itself."""
    said.edited_at = world.clock.unix()
    world.note("edited", chat=said.chat.key, message=said.id, thread=said.thread)
    if said.sender.is_bot:
        return
    for bot in said.chat.bots():
        if sees(bot, said):
            bot.queue.add("edited_message", shapes.message(said, bot))


def remove(world: World, said: Message) -> None:
    """No bot is told."""
    said.deleted = True
    world.note("deleted", chat=said.chat.key, message=said.id, thread=said.thread)


def set_reaction(world: World, said: Message, by: User, reaction: list[dict[str, Any]]) -> None:
    old = said.reactions.pop(by.id, [])
    if reaction:
        said.reactions[by.id] = reaction
    if old == reaction:
        return
    world.note("reacted", chat=said.chat.key, message=said.id, thread=said.thread)
    if not by.is_bot:
        _tell_reaction(world, said, by, old, reaction)


def set_member(world: World, chat: Chat, user: User, by: User, new: Member) -> None:
    """Change who somebody is in a group; the bot concerned and asking admin bots are told."""
    old = chat.members.get(user.id, Member(user, "left"))
    chat.members[user.id] = new
    world.note("member", chat=chat.key, user=user.id, status=new.status)
    change = shapes.member_change(chat, by, world.clock.unix(), old, new)
    if isinstance(user, Bot):
        user.queue.add("my_chat_member", change)
    for bot in chat.bots():
        if bot is not user and chat.is_admin(bot):
            bot.queue.add("chat_member", change)


def is_service(said: Message) -> bool:
    return any(kind in said.extra for kind in SERVICE)


def sees(bot: Bot, said: Message) -> bool:
    """Whether this bot is told of this message: its own never, in groups by privacy mode."""
    if said.sender is bot:
        return any(kind in said.extra for kind in _OWN_TOLD)
    if said.sender.is_bot and not is_service(said):
        return False
    if said.chat.bot is bot or is_service(said):
        return True
    return not bot.privacy or said.chat.is_admin(bot) or _is_meant(bot, said)


def _is_meant(bot: Bot, said: Message) -> bool:
    if said.reply_to is not None and said.reply_to.sender is bot:
        return True
    return _mentions(bot, said) or _commands(bot, said)


def _mentions(bot: Bot, said: Message) -> bool:
    name = f"@{bot.username}".lower()
    return any(
        entity["type"] == "mention" and cut(said.text, entity["offset"], entity["length"]).lower() == name
        for entity in said.entities
    )


def _commands(bot: Bot, said: Message) -> bool:
    match = _COMMAND.match(said.text)
    if match is None:
        return False
    if match[1]:
        return match[1].lower() == bot.username.lower()
    return said.chat.last_bot in (None, bot) or len(said.chat.bots()) == 1


def _tell_reaction(
    world: World, said: Message, by: User, old: list[dict[str, Any]], new: list[dict[str, Any]]
) -> None:
    for bot in said.chat.bots():
        if said.chat.bot is bot or said.chat.is_admin(bot):
            bot.queue.add(
                "message_reaction",
                {
                    "chat": said.chat.api(),
                    "message_id": said.id,
                    "user": by.api(),
                    "date": world.clock.unix(),
                    "old_reaction": old,
                    "new_reaction": new,
                },
            )


def media_of(kind: str, file: Any, **more: Any) -> Media:
    return Media(kind, file, {key: value for key, value in more.items() if value is not None})
