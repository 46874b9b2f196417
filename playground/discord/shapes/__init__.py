"""How things look as JSON, as the platform shows them."""

from playground.discord.shapes.files import attachment, file_address, sign
from playground.discord.shapes.messages import emoji, message, reaction
from playground.discord.shapes.people import application, member, role, user, webhook
from playground.discord.shapes.places import channel, guild, guild_as_created, guild_emojis, thread_member

__all__ = [
    "application",
    "attachment",
    "channel",
    "emoji",
    "file_address",
    "guild",
    "guild_as_created",
    "guild_emojis",
    "member",
    "message",
    "reaction",
    "role",
    "sign",
    "thread_member",
    "user",
    "webhook",
]
