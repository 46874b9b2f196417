"""The gateway by discord.py: every telling as it came, before the library reads it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from adapters.discord.sdk import discord
from adapters.discord.shards import EVERY, Shard, Turns

Hears = Callable[[str, Mapping[str, Any]], None]
PATIENCE = 30.0
"""The library gives a session a minute to begin."""


class Ears(discord.Client):
    """A client that hands on what it hears at once and in order. What the library's own parser
    stumbles over was heard all the same; then the connection is made anew."""

    def __init__(self, hear: Hears, *, read_words: bool, shard: Shard, turns: Turns | None = None) -> None:
        super().__init__(
            shard_id=shard.number if shard.of > 1 else None,
            shard_count=shard.of if shard.of > 1 else None,
            intents=_intents(read_words),
            allowed_mentions=discord.AllowedMentions.none(),
            enable_debug_events=True,
            max_messages=None,
            chunk_guilds_at_startup=False,
            member_cache_flags=discord.MemberCacheFlags.none(),
            guild_ready_timeout=0.5,
        )
        self._hear = hear
        self._turns = turns
        self._is_cut = False

    @property
    def hears(self) -> bool:
        """Whether it hears everything now: the library calls itself ready while it connects anew, too."""
        return self.is_ready() and not self._is_cut

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """The platform has ended the session for good, or refused to begin one so soon after another, which may be
        one of another process: then not all try again at the same moment."""
        if initial or self._turns is None:
            await super().before_identify_hook(shard_id, initial=initial)
            return
        await asyncio.sleep(EVERY * random.uniform(1, 2))
        await self._turns.take(most=PATIENCE)

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        if event == "socket_raw_receive":
            self._tell(args[0])
            return
        if event in ("disconnect", "ready", "resumed"):
            self._is_cut = event == "disconnect"
        super().dispatch(event, *args, **kwargs)

    def _tell(self, raw: Any) -> None:
        try:
            payload = orjson.loads(raw)
        except orjson.JSONDecodeError:
            return  # The library says what is wrong with it.
        if not isinstance(payload, dict) or payload.get("op") != 0:
            return
        data = payload.get("d")
        self._hear(str(payload.get("t")), data if isinstance(data, Mapping) else {})


def _intents(read_words: bool) -> discord.Intents:
    """What the bot is told of. Only the words of messages need a switch in the developer portal."""
    intents = discord.Intents.none()
    intents.guilds = intents.messages = intents.reactions = intents.typing = intents.emojis = True
    intents.message_content = read_words
    return intents
