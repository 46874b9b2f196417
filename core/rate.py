"""Budgets in memory: how often something may happen for one key.

The generic cell rate algorithm (ITU-T I.371, annex A): one number a key says when the budget is
full again, so that nothing has to be counted or swept. Keys are hashed under a secret of this
process: neither addresses nor names are kept.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import time
from collections import OrderedDict
from collections.abc import Callable

from core.errors import TooMany
from core.i18n import _

MOST_KEYS = 50_000


class Budget:
    """At most `most` in any burst, refilled evenly over `seconds`; the least recently used keys
    are forgotten beyond `keys`."""

    def __init__(
        self, most: int, seconds: float, *, keys: int = MOST_KEYS, now: Callable[[], float] = time.monotonic
    ) -> None:
        if most < 1 or seconds <= 0:
            raise ValueError("a budget needs room and time")
        self.most = most
        self.seconds = seconds
        self._step = seconds / most
        self._keys = keys
        self._now = now
        self._full_at: OrderedDict[bytes, float] = OrderedDict()
        self._secret = os.urandom(16)

    def left_after(self, key: str, count: int = 1) -> float:
        """Seconds until so many more are allowed; 0 when they are allowed now. Takes nothing."""
        full_at = max(self._full_at.get(self._hashed(key), 0.0), self._now())
        return max(0.0, full_at + self._step * min(count, self.most) - self.seconds - self._now())

    def try_take(self, key: str, count: int = 1) -> float:
        """Take one, or so many (of more than there ever are, all). Returns 0, or the seconds to wait when the
        budget is used up."""
        wait = self.left_after(key, count)
        # Refill is exact in theory only: a step may miss its moment by the float's last digit.
        if wait > 1e-6:
            return wait
        hashed = self._hashed(key)
        full_at = max(self._full_at.get(hashed, 0.0), self._now())
        self._full_at[hashed] = full_at + self._step * min(count, self.most)
        self._full_at.move_to_end(hashed)
        while len(self._full_at) > self._keys:
            self._full_at.popitem(last=False)
        return 0.0

    def take(self, key: str, count: int = 1) -> None:
        """Take one, or so many; raises `TooMany` that says how long to wait."""
        wait = self.try_take(key, count)
        if wait:
            raise TooMany(wait_words(wait), after=wait)

    def remaining(self, key: str) -> int:
        """How many are left right now; takes nothing."""
        full_at = max(self._full_at.get(self._hashed(key), 0.0), self._now())
        return max(0, int((self.seconds - (full_at - self._now())) / self._step + 1e-6))

    def give_back(self, key: str) -> None:
        """Forget what was taken: after a success."""
        self._full_at.pop(self._hashed(key), None)

    def __len__(self) -> int:
        return len(self._full_at)

    def _hashed(self, key: str) -> bytes:
        return hashlib.blake2b(
            key.encode("utf-8", "surrogatepass"), key=self._secret, digest_size=16
        ).digest()


def network_of(address: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 that one IPv6 customer gets."""
    try:
        parsed = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def wait_words(seconds: float) -> str:
    """How long to wait, for a person."""
    minutes = max(1, round(seconds / 60 + 0.49))
    if seconds < 60:
        return _("Too many tries. Please wait a moment and try again.")
    return _("Too many tries. Please try again in {minutes} minutes.").format(minutes=minutes)
