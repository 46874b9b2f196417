"""Slack's rate limits: a tier for each method, one message a second in each channel. Off by default."""

from __future__ import annotations

import time
from collections import deque

_TIERS = {1: 1, 2: 20, 3: 50, 4: 100}
_METHODS = {
    "apps.connections.open": 1,
    "conversations.create": 2,
    "conversations.list": 2,
    "conversations.archive": 2,
    "users.list": 2,
    "reactions.remove": 2,
    "views.push": 4,
    "views.open": 4,
    "views.update": 4,
    "views.publish": 4,
    "conversations.members": 4,
    "users.info": 4,
    "users.profile.get": 4,
    "files.info": 4,
    "files.getUploadURLExternal": 4,
    "files.completeUploadExternal": 4,
    "chat.postEphemeral": 4,
    "auth.test": 100,
    "assistant.threads.setStatus": 100,
}
_POSTS = ("chat.postMessage",)
BURST = 5
"""Messages that a channel takes at once before it counts seconds."""
MOST_KEYS = 5_000


class Rates:
    """Who called what how often in the last minute."""

    def __init__(self) -> None:
        self.on = False
        self.narrow_history = False
        """One call a minute and 15 messages, as for apps sold outside the directory."""
        self.scale = 1.0
        """Makes a minute shorter for tests."""
        self._calls: dict[tuple[str, ...], deque[float]] = {}

    def wait(self, team: str, method: str, channel: str) -> int:
        """Seconds that this call must wait; 0 when it may go on."""
        if self._is_narrow(method):
            return self._taken((team, method), 1, 60.0 * self.scale)
        if not self.on:
            return 0
        if method in _POSTS:
            return self._taken((team, method, channel), BURST, BURST * self.scale)
        tier = _METHODS.get(method, 3)
        return self._taken((team, method), _TIERS.get(tier, 1_000), 60.0 * self.scale)

    def _is_narrow(self, method: str) -> bool:
        return self.narrow_history and method in ("conversations.history", "conversations.replies")

    def most_messages(self, method: str) -> int:
        return 15 if self._is_narrow(method) else 999

    def _taken(self, key: tuple[str, ...], most: int, window: float) -> int:
        now = time.monotonic()
        if len(self._calls) > MOST_KEYS:
            self._calls.clear()
        calls = self._calls.setdefault(key, deque())
        while calls and calls[0] <= now - window:
            calls.popleft()
        if len(calls) >= most:
            return max(1, int(calls[0] + window - now) + 1)
        calls.append(now)
        return 0
