"""How fast this process was in the last five minutes, as counts that those of other processes can be added to.

A time falls into one of 64 steps, each a quarter wider than the one before: a percentile is the upper end
of its step, so that it is told up to a quarter too slow and never too fast.
"""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

WITHIN = 300.0
SLOT = 10.0
STEPS = 64
SHORTEST = 0.001
GROWTH = 1.25
MOST_NAMES = 200

Steps = dict[int, int]
"""How many fell into which step."""


@dataclass(slots=True)
class _Slot:
    """What happened in some seconds."""

    at: float
    steps: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    counts: Counter[str] = field(default_factory=Counter)


class Pace:
    """The window of one process."""

    def __init__(self) -> None:
        self._slots: deque[_Slot] = deque()

    def note(self, name: str, seconds: float, at: float | None = None) -> None:
        """Something took so long."""
        slot = self._slot(at)
        if name in slot.steps or len(slot.steps) < MOST_NAMES:
            slot.steps[name][step_of(seconds)] += 1

    def count(self, name: str, at: float | None = None) -> None:
        """Something happened."""
        slot = self._slot(at)
        if name in slot.counts or len(slot.counts) < MOST_NAMES:
            slot.counts[name] += 1

    def steps(self, at: float | None = None) -> dict[str, Steps]:
        """By name, how many fell into each step."""
        found: defaultdict[str, Counter[int]] = defaultdict(Counter)
        for slot in self._recent(at):
            for name, steps in slot.steps.items():
                found[name].update(steps)
        return {name: dict(steps) for name, steps in found.items()}

    def counts(self, at: float | None = None) -> dict[str, int]:
        found: Counter[str] = Counter()
        for slot in self._recent(at):
            found.update(slot.counts)
        return dict(found)

    def _slot(self, at: float | None) -> _Slot:
        now = time.monotonic() if at is None else at
        if not self._slots or now - self._slots[-1].at >= SLOT:
            self._slots.append(_Slot(now))
            while now - self._slots[0].at > WITHIN + SLOT:
                self._slots.popleft()
        return self._slots[-1]

    def _recent(self, at: float | None) -> list[_Slot]:
        now = time.monotonic() if at is None else at
        return [slot for slot in self._slots if now - slot.at <= WITHIN]


@dataclass(frozen=True, slots=True)
class Times:
    """How long something took, in seconds; `count` is how often."""

    count: int
    p50: float
    p95: float
    p99: float


def times(parts: Iterable[Mapping[int, int]]) -> Times | None:
    """Of several processes at once; None where nothing happened."""
    steps: Counter[int] = Counter()
    for each in parts:
        steps.update(each)
    count = sum(steps.values())
    if not count:
        return None
    return Times(count, *(_percentile(steps, count, share) for share in (0.5, 0.95, 0.99)))


def step_of(seconds: float) -> int:
    if seconds <= SHORTEST:
        return 0
    return min(STEPS - 1, math.ceil(math.log(seconds / SHORTEST, GROWTH) - 1e-9))


def _percentile(steps: Mapping[int, int], count: int, share: float) -> float:
    wanted, seen = math.ceil(count * share), 0
    for step in sorted(steps):
        seen += steps[step]
        if seen >= wanted:
            break
    return float(SHORTEST * GROWTH**step)


here = Pace()
note = here.note
count = here.count
