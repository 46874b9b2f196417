"""Telegram's pace, kept by ourselves: a pause that is not asked for costs nobody a refusal."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from core.chat import RetryAfter

OVERALL = (28, 1.0)
CHAT = (3, 3.0)
GROUP = (19, 60.0)
LONGEST_SLEEP = 1.5
MOST_CHATS = 5_000
_STEP = 60.0 / 19


@dataclass
class Pacer:
    """So many messages in so many seconds: over all, for each chat, for each group. A short pause is
    slept, a long one is left to the outbox; those who wait are given turns one after another."""

    now: Callable[[], float] = time.monotonic
    on: bool = True
    _sent: OrderedDict[str, deque[float]] = field(default_factory=OrderedDict)
    _waiting: dict[str, float] = field(default_factory=dict)

    async def turn(self, chat: str) -> None:
        """Wait for one's turn; raises `RetryAfter` when that is long."""
        if not self.on:
            return
        wait = self._wait(chat)
        while 0 < wait <= LONGEST_SLEEP:
            await asyncio.sleep(wait)
            wait = self._wait(chat)
        if wait > 0:
            raise RetryAfter(self._turn_of_those_who_wait(chat, wait))
        for name, _most, _seconds in _scopes(chat):
            self._sent.setdefault(name, deque()).append(self.now())
            self._sent.move_to_end(name)
        while len(self._sent) > MOST_CHATS:
            self._sent.popitem(last=False)

    def _wait(self, chat: str) -> float:
        return max(self._until(name, most, seconds) for name, most, seconds in _scopes(chat))

    def _until(self, name: str, most: int, seconds: float) -> float:
        sent, now = self._sent.get(name), self.now()
        while sent and sent[0] <= now - seconds:
            sent.popleft()
        return sent[-most] + seconds - now if sent and len(sent) >= most else 0.0

    def _turn_of_those_who_wait(self, chat: str, wait: float) -> float:
        """Each who is sent away comes back a step later than the one before, not all at once."""
        now = self.now()
        step = _STEP if chat.startswith("-") else CHAT[1] / CHAT[0]
        at = max(now + wait, self._waiting.get(chat, 0.0) + step)
        if at > now + 600:
            at = now + wait
        self._waiting[chat] = at
        while len(self._waiting) > MOST_CHATS:
            self._waiting.pop(next(iter(self._waiting)))
        return at - now


def _scopes(chat: str) -> list[tuple[str, int, float]]:
    """A group's id is negative."""
    scopes = [("", *OVERALL), (chat, *CHAT)]
    return [*scopes, (f"{chat} group", *GROUP)] if chat.startswith("-") else scopes
