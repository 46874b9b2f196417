"""What happened, on its way to the bots: whom it concerns and which intent it needs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

from playground.discord.model import Channel, Json, Message


class Intent(IntFlag):
    guilds = 1 << 0
    members = 1 << 1
    webhooks = 1 << 5
    presences = 1 << 8
    messages = 1 << 9
    reactions = 1 << 10
    typing = 1 << 11
    direct_messages = 1 << 12
    direct_reactions = 1 << 13
    direct_typing = 1 << 14
    content = 1 << 15


PRIVILEGED = Intent.members | Intent.presences | Intent.content
_DIRECT = {
    Intent.messages: Intent.direct_messages,
    Intent.reactions: Intent.direct_reactions,
    Intent.typing: Intent.direct_typing,
}


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    data: Json
    intent: Intent
    guild_id: str | None = None
    channel: Channel | None = None
    """Only those who see it are told."""
    message: Message | None = None
    """Its content is hidden from those without the intent."""
    only: str | None = None
    """The one bot that is told."""


def intent_in(channel: Channel, intent: Intent) -> Intent:
    """The same intent has another bit for direct messages."""
    return _DIRECT[intent] if channel.guild is None else intent
