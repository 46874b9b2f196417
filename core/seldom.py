"""Lines of the log that a fault causes by the hundred: written now and then, with how often."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

SECONDS = 5.0


class Seldom:
    """Says when a line is due: the first at once, those after it together, once in some seconds."""

    def __init__(self, seconds: float = SECONDS, *, now: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._now = seconds, now
        self._told, self._count = -math.inf, 0

    def due(self) -> int:
        """How many there were since the last line, with this one; 0: no line now."""
        self._count += 1
        if (now := self._now()) - self._told < self._seconds:
            return 0
        count, self._told, self._count = self._count, now, 0
        return count
