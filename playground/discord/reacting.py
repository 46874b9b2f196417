"""Reactions: set, taken back, cleared."""

from __future__ import annotations

from playground.discord import errors, shapes
from playground.discord.errors import Refused
from playground.discord.events import Intent, intent_in
from playground.discord.model import Message, User
from playground.discord.talk import placed
from playground.discord.world import World


def react(world: World, message: Message, user: User, emoji: str) -> None:
    if not is_emoji(emoji):
        raise Refused(errors.UNKNOWN_EMOJI)
    if emoji not in message.reactions and len(message.reactions) >= 20:
        raise Refused(errors.TOO_MANY_REACTIONS)
    people = message.reactions.setdefault(emoji, {})
    if user.id in people:
        return
    people[user.id] = None
    _tell_reaction(world, "MESSAGE_REACTION_ADD", message, user, emoji)


def unreact(world: World, message: Message, user: User, emoji: str) -> None:
    people = message.reactions.get(emoji, {})
    if user.id not in people:
        return
    del people[user.id]
    if not people:
        del message.reactions[emoji]
    _tell_reaction(world, "MESSAGE_REACTION_REMOVE", message, user, emoji)


def clear_reactions(world: World, message: Message, emoji: str | None = None) -> None:
    channel = message.channel
    data = placed(channel, {"message_id": message.id})
    if emoji is None:
        message.reactions.clear()
        name = "MESSAGE_REACTION_REMOVE_ALL"
    else:
        message.reactions.pop(emoji, None)
        data["emoji"], name = shapes.emoji(emoji), "MESSAGE_REACTION_REMOVE_EMOJI"
    world.journal.note("reaction", channel=channel.id, message=message.id)
    world.tell(name, data, intent=intent_in(channel, Intent.reactions), channel=channel)


def is_emoji(emoji: str) -> bool:
    """A sign, or a custom one as `name:id`; plain words are none."""
    name, colon, number = emoji.rpartition(":")
    if colon:
        return bool(name) and number.isdigit()
    return bool(emoji) and len(emoji) <= 24 and not any(char.isascii() and char.isalpha() for char in emoji)


def _tell_reaction(world: World, name: str, message: Message, user: User, emoji: str) -> None:
    channel = message.channel
    data = placed(channel, {"message_id": message.id, "user_id": user.id, "emoji": shapes.emoji(emoji)})
    data |= {"burst": False, "type": 0}
    if name == "MESSAGE_REACTION_ADD":
        data["message_author_id"] = message.author.id
        if channel.guild is not None and user.id in channel.guild.members:
            data["member"] = shapes.member(channel.guild.members[user.id])
    world.journal.note("reaction", channel=channel.id, message=message.id)
    world.tell(name, data, intent=intent_in(channel, Intent.reactions), channel=channel)
