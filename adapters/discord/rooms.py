"""What a channel is, for whoever must know before the gateway has told of it, as right after a start."""

from __future__ import annotations

from adapters.discord.known import Known, Room, emoji_in_call, emoji_of
from adapters.discord.rest import Rest


async def room_of(known: Known, rest: Rest, channel: str) -> Room:
    """As it is known; else as the platform says now. Raises `Refused`."""
    return known.room(channel) or known.learn(await rest.get("/channels/{channel_id}", channel_id=channel))


async def emoji_at(known: Known, rest: Rest, channel: str, name: str) -> str:
    """The custom emoji of that name where a channel is, as a call names it; empty when there is none. What another
    session hears of is asked for. Raises `Refused`."""
    if known.shard.of == 1 or known.is_home(channel):
        return known.emoji_at(channel, name)
    room = await room_of(known, rest, channel)
    if not room.guild or known.shard.hears(room.guild):
        return known.emoji_at(channel, name)
    listed = await rest.get("/guilds/{guild_id}/emojis", guild_id=room.guild)
    return emoji_in_call(name, emoji_of({"emojis": listed}))
