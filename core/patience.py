"""Waiting for what somebody else sends, and for how long.

A sender that stops in the middle, or goes on byte by byte, is given up: what waits for it holds
memory and a socket.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from core.errors import DeskError
from core.i18n import _

BETWEEN_SECONDS = 15.0
"""How long nothing may come."""
WHOLE_SECONDS = 60.0
"""How long a form or a message may take as a whole."""
UPLOAD_SECONDS = 900.0
"""How long a file may take as a whole."""

T = TypeVar("T")


class TooSlow(DeskError):
    """What was to come did not come in time."""

    code = "too_slow"
    status = 408


class Patience:
    """Waits for the parts of one sending: not long for each, `whole` seconds for all."""

    def __init__(self, whole: float) -> None:
        self._began = time.monotonic()
        self._ends = self._began + whole

    def extend(self, whole: float) -> None:
        """Allow more for all, counted from the beginning."""
        self._ends = max(self._ends, self._began + whole)

    async def wait(self, part: Callable[[], Awaitable[T]]) -> T:
        """The next part. Raises `TooSlow`."""
        left = self._ends - time.monotonic()
        try:
            async with asyncio.timeout(min(BETWEEN_SECONDS, left)) as limit:
                return await part()
        except TimeoutError:
            if not limit.expired():
                raise
            raise TooSlow(_("This took too long to arrive. Please send it again.")) from None


async def patiently(chunks: AsyncIterator[bytes], whole: float) -> AsyncIterator[bytes]:
    """The chunks as they come. Raises `TooSlow`."""
    patience = Patience(whole)
    while True:
        try:
            chunk = await patience.wait(lambda: anext(chunks))
        except StopAsyncIteration:
            return
        if chunk:
            yield chunk
