"""What is done in a run, and when the program dies: the same for the same seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

VERBS = {
    "say": 5.0,
    "reply": 3.5,
    "edit": 1.2,
    "delete": 0.6,
    "reply_edit": 0.8,
    "reply_delete": 0.4,
    "note": 0.6,
    "command": 0.6,
}


@dataclass(frozen=True, slots=True)
class Act:
    """Something that is done in a run, so many seconds after its beginning; `pick` chooses of whom."""

    at: float
    verb: str
    pick: float


@dataclass(frozen=True, slots=True)
class Plan:
    """A kill and what happens around it."""

    acts: tuple[Act, ...]
    kill_at: float
    down: float
    with_database: bool
    waits: bool
    """Whether the next run begins when the program is up; otherwise it may be killed while it starts."""
    newcomer: bool
    rest: float
    """Seconds in which nobody says anything and the program catches up."""


def plan(chance: random.Random, burst: int) -> Plan:
    verbs = chance.choices(list(VERBS), list(VERBS.values()), k=burst)
    times = sorted(chance.uniform(0.0, 4.0) for _ in verbs)
    return Plan(
        tuple(Act(at, verb, chance.random()) for at, verb in zip(times, verbs, strict=True)),
        kill_at=chance.uniform(0.2, 2.5),
        down=chance.uniform(0.0, 1.0),
        with_database=chance.random() < 0.25,
        waits=chance.random() < 0.85,
        newcomer=chance.random() < 0.2,
        rest=chance.choice((0.0, 0.0, chance.uniform(0.0, 2.5))),
    )
