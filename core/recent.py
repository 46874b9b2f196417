"""What was made a moment ago and will be wanted again: bounded in number and in time."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """Values by what they were made of, for `seconds`; the oldest go beyond `most`. Only a hash
    of the source is kept. What people wrote stays no longer in memory than that."""

    def __init__(self, most: int, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._seconds = seconds
        self._now = now
        self._kept: OrderedDict[bytes, tuple[float, T]] = OrderedDict()

    def get(self, source: str, make: Callable[[], T]) -> T:
        """The value that was made of the same source, or a new one."""
        key = hashlib.blake2b(source.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        now = self._now()
        found = self._kept.get(key)
        if found is not None and found[0] > now:
            return found[1]
        made = make()
        self._kept[key] = (now + self._seconds, made)
        self._kept.move_to_end(key)
        while self._kept and (len(self._kept) > self._most or next(iter(self._kept.values()))[0] <= now):
            self._kept.popitem(last=False)
        return made

    def __len__(self) -> int:
        return len(self._kept)
