"""Live updates: what changed, told to whoever is looking. Nothing that matters travels here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Signal:
    """`topic` is what changed, such as `ticket:<id>`; `data` holds ids and codes only, but for a card of
    the web chat that lies nowhere else."""

    topic: str
    data: dict[str, Any] = field(default_factory=dict)


class Bus(Protocol):
    def publish(self, signal: Signal) -> None:
        """Tell every subscriber, in this process and others; never waits, never fails."""
        ...

    def subscribe(self) -> AbstractAsyncContextManager[AsyncIterator[Signal]]:
        """All signals from now on. A subscriber that is too slow loses the oldest and gets a
        signal with the topic `lost`, upon which it should look at everything anew."""
        ...
