"""Rate limits: a bucket for each bot, route and place, and one over all."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field

from playground.discord.errors import limited

_MAJOR = ("channel_id", "guild_id", "webhook_id", "webhook_token")
_SPECIAL = {
    ("POST", "/channels/{channel_id}/messages"): (5, 5.0),
    ("PATCH", "/channels/{channel_id}/messages/{message_id}"): (5, 5.0),
    ("DELETE", "/channels/{channel_id}/messages/{message_id}"): (5, 1.0),
    ("PUT", "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/@me"): (1, 0.25),
    ("DELETE", "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/@me"): (1, 0.25),
    ("POST", "/webhooks/{webhook_id}/{webhook_token}"): (5, 2.0),
}
_OTHERS = (20, 5.0)
_OVER_ALL = 50
_KEPT = 10_000


@dataclass(slots=True)
class Bucket:
    limit: int
    per: float
    used: int = 0
    ends: float = 0.0


@dataclass(slots=True)
class Buckets:
    """Counts calls. While off, the headers promise plenty and nothing is refused."""

    on: bool = False
    routes: dict[tuple[str, str], tuple[int, float]] = field(default_factory=lambda: dict(_SPECIAL))
    over_all: int = _OVER_ALL
    _buckets: dict[str, Bucket] = field(default_factory=dict)
    _seconds: dict[str, tuple[int, int]] = field(default_factory=dict)

    def take(self, method: str, route: str, params: dict[str, str], bot: str) -> dict[str, str]:
        """Count a call; returns the headers, raises when there were too many."""
        limit, per = self.routes.get((method, route), _OTHERS)
        name = hashlib.sha256(f"{method} {route}".encode()).hexdigest()[:32]
        if not self.on:
            return _headers(name, 1000, 999, 1.0)
        if "/interactions/" not in route:
            self._take_over_all(bot)
        major = "+".join(params[key] for key in _MAJOR if key in params)
        bucket = self._bucket(f"{bot}:{name}:{major}", limit, per)
        left = bucket.ends - time.monotonic()
        if bucket.used >= bucket.limit:
            refused = limited(left)
            refused.headers |= _headers(name, limit, 0, left)
            raise refused
        bucket.used += 1
        return _headers(name, limit, bucket.limit - bucket.used, left)

    def _bucket(self, key: str, limit: int, per: float) -> Bucket:
        moment = time.monotonic()
        bucket = self._buckets.setdefault(key, Bucket(limit, per))
        if bucket.ends <= moment:
            bucket.used, bucket.ends = 0, moment + per
        if len(self._buckets) > _KEPT:
            del self._buckets[next(iter(self._buckets))]
        return bucket

    def _take_over_all(self, bot: str) -> None:
        second = int(time.monotonic())
        last, used = self._seconds.get(bot, (second, 0))
        used = used + 1 if last == second else 1
        if used > self.over_all:
            raise limited(second + 1 - time.monotonic(), everywhere=True, scope="global")
        self._seconds[bot] = (second, used)


def _headers(name: str, limit: int, left: int, after: float) -> dict[str, str]:
    return {
        "X-RateLimit-Bucket": name,
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(left),
        "X-RateLimit-Reset": f"{time.time() + after:.3f}",
        "X-RateLimit-Reset-After": f"{max(0.0, after):.3f}",
        "Via": "1.1 playground",
    }
