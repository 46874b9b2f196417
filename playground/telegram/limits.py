"""Telegram's rate limits: over all chats, for each chat, for each group. Off unless switched on."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from playground.telegram.clock import Clock
from playground.telegram.errors import too_many
from playground.telegram.world import Bot, Chat

_FOLLOWED = 10_000


@dataclass(slots=True)
class RateLimits:
    """So many messages in so many seconds; what is over gets 429 with the time to wait."""

    clock: Clock
    on: bool = False
    overall: tuple[int, float] = (30, 1.0)
    chat: tuple[int, float] = (1, 1.0)
    group: tuple[int, float] = (20, 60.0)
    edits: bool = True
    """Whether edits count like messages."""
    refused: int = 0
    _sent: dict[str, deque[float]] = field(default_factory=dict)

    def take(self, bot: Bot, chat: Chat, weight: int = 1) -> None:
        """Count the messages, or refuse them all."""
        if not self.on:
            return
        scopes = [(f"{bot.id}", self.overall), (f"{bot.id} {chat.key}", self.chat)]
        if chat.kind != "private":
            scopes.append((f"{bot.id} {chat.key} minute", self.group))
        wait = max(self._wait(name, *limit, weight) for name, limit in scopes)
        if wait > 0:
            self.refused += 1
            raise too_many(math.ceil(wait))
        for name, _ in scopes:
            self._sent[name].extend([self.clock.now()] * weight)

    def _wait(self, name: str, many: int, seconds: float, weight: int) -> float:
        """An album larger than the limit passes once nothing else is counted."""
        now = self.clock.now()
        if len(self._sent) > _FOLLOWED:
            self._sent.pop(next(iter(self._sent)))
        sent = self._sent.setdefault(name, deque())
        while sent and sent[0] <= now - seconds:
            sent.popleft()
        over = min(len(sent), len(sent) + weight - many)
        return sent[over - 1] + seconds - now if over > 0 else 0.0
