"""What a channel is, for whoever must know before the gateway has told of it, as right after a start."""

from __future__ import annotations

from adapters.discord.known import Known, Room
from adapters.discord.rest import Rest


async def room_of(known: Known, rest: Rest, channel: str) -> Room:
    """As it is known; else as the platform says now. Raises `Refused`."""
    return known.room(channel) or known.learn(await rest.get("/channels/{channel_id}", channel_id=channel))
