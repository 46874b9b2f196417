"""What waits for one bot: updates in order, kept until the bot confirms them."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from playground.telegram.clock import Bell, Clock

_ONLY_WHEN_ASKED = ("message_reaction", "message_reaction_count", "chat_member")
MOST = 200_000
KEPT_SECONDS = 24 * 3600


@dataclass(slots=True)
class Waiting:
    update_id: int
    kind: str
    payload: dict[str, Any]
    at: float

    def api(self) -> dict[str, Any]:
        return {"update_id": self.update_id, self.kind: self.payload}


@dataclass(slots=True)
class Misorder:
    """How updates misbehave: shares between 0 and 1, drawn from the seed of the faults."""

    duplicate: float = 0.0
    duplicate_new_id: bool = False
    reorder: float = 0.0
    random: random.Random = field(default_factory=lambda: random.Random(0))

    def draws(self, share: float) -> bool:
        return share > 0 and self.random.random() < share


class UpdateQueue:
    """The queue of one bot; `bell` rings whenever something was added."""

    def __init__(self, clock: Clock, misorder: Misorder, first: int) -> None:
        self.bell = Bell()
        self.allowed: list[str] | None = None
        self.turn = 0
        """The number of the poll that holds the line: a newer one ends an older one."""
        self.dropped = 0
        self._clock = clock
        self._misorder = misorder
        self._next = first
        self._waiting: deque[Waiting] = deque()
        self._again: deque[Waiting] = deque()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._again)

    def wants(self, kind: str) -> bool:
        if not self.allowed:
            return kind not in _ONLY_WHEN_ASKED
        return kind in self.allowed

    def add(self, kind: str, payload: dict[str, Any]) -> None:
        """Queue an update, unless the bot did not ask for its kind."""
        if not self.wants(kind):
            return
        if len(self._waiting) >= MOST:
            self._waiting.popleft()
            self.dropped += 1
        self._append(kind, payload)
        self.bell.ring()

    def take(self, offset: int, limit: int) -> list[dict[str, Any]]:
        """Confirm everything before the offset; what waits from there on."""
        self._expire()
        if offset < 0:
            self._keep_last(-offset)
        elif offset <= self._next + 10:
            self._confirm(offset)
        again = [self._again.popleft() for _ in range(min(len(self._again), limit))]
        batch = again + [self._waiting[at] for at in range(min(len(self._waiting), limit - len(again)))]
        if len(batch) > 1 and self._misorder.draws(self._misorder.reorder):
            self._misorder.random.shuffle(batch)
        return [waiting.api() for waiting in batch]

    def head(self, skip: int = 0) -> Waiting | None:
        """The update to post next; with `skip` one further on, where there is one."""
        self._expire()
        if self._again:
            return self._again[0]
        return self._waiting[min(skip, len(self._waiting) - 1)] if self._waiting else None

    def done(self, waiting: Waiting) -> None:
        """An update was taken by the webhook."""
        if self._again and self._again[0] is waiting:
            self._again.popleft()
            return
        self._waiting.remove(waiting)
        self._maybe_again(waiting)

    def restart_ids(self, at: int | None = None) -> int:
        """Go on from another number, as Telegram does after a quiet week."""
        self._next = at if at is not None else self._misorder.random.randrange(1, max(2, self._next - 100))
        return self._next

    def clear(self) -> None:
        self._waiting.clear()
        self._again.clear()

    def _append(self, kind: str, payload: dict[str, Any]) -> None:
        self._waiting.append(Waiting(self._next, kind, payload, self._clock.now()))
        self._next += 1

    def _confirm(self, offset: int) -> None:
        while self._waiting and self._waiting[0].update_id < offset:
            self._maybe_again(self._waiting.popleft())

    def _maybe_again(self, waiting: Waiting) -> None:
        if not self._misorder.draws(self._misorder.duplicate):
            return
        if self._misorder.duplicate_new_id:
            self._append(waiting.kind, waiting.payload)
        else:
            self._again.append(waiting)

    def _keep_last(self, many: int) -> None:
        while len(self._waiting) > many:
            self._waiting.popleft()

    def _expire(self) -> None:
        oldest = self._clock.now() - KEPT_SECONDS
        while self._waiting and self._waiting[0].at < oldest:
            self._waiting.popleft()
