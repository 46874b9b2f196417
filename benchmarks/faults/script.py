"""What breaks in a run, and what is said meanwhile: the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.kill.script import VERBS, Act

RUN_SECONDS = 18.0
STRIKES = 10
KINDS = {
    "kill web": 2.0,
    "kill worker": 1.0,
    "kill leader": 1.0,
    "kill standby": 1.0,
    "stop web": 0.7,
    "stop worker": 0.7,
    "stop standby": 0.7,
    "pause leader": 1.0,
    "postgres restarted": 1.2,
    "postgres killed": 0.6,
    "postgres cut": 1.5,
    "postgres slow": 0.8,
    "postgres crowded": 0.8,
    "postgres disk full": 0.6,
    "redis flushed": 1.0,
    "redis restarted": 1.0,
    "redis away": 0.5,
    "slack misbehaves": 1.2,
    "discord misbehaves": 1.2,
    "telegram misbehaves": 1.2,
    "storage refuses": 0.8,
    "clock forward": 0.7,
    "clock back": 0.7,
}
"""With how often each comes."""
LASTS = {
    "stop": (10.0, 10.0),
    "postgres slow": (2.0, 5.0),
    "postgres crowded": (2.0, 5.0),
    "postgres disk full": (1.0, 3.0),
    "redis away": (5.0, 30.0),
    "misbehaves": (4.0, 9.0),
    "storage refuses": (3.0, 6.0),
    "clock": (3.0, 8.0),
}
"""Seconds, by a piece of the kind; what is not named is over at once, or when another has taken over."""


BUCKET = ("403", "500", "503", "hangs")
BUCKET_STRIKES = 3
BUCKET_LASTS = (3.0, 8.0)
FILES = 2
"""What comes on top where files lie in a bucket; files for each of the people."""


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault, so many seconds after the beginning of the run; `pick` chooses of several parts."""

    at: float
    kind: str
    lasts: float
    pick: float


@dataclass(frozen=True, slots=True)
class Plan:
    strikes: tuple[Strike, ...]
    acts: dict[str, tuple[Act, ...]]
    """By the people who do them."""
    newcomers: frozenset[str]


def plan(seed: int, people: dict[str, int]) -> Plan:
    """`people` says how many things each of them says or does in a run."""
    chance = random.Random(seed)
    kinds = chance.choices(list(KINDS), list(KINDS.values()), k=STRIKES)
    times = sorted(chance.uniform(0.5, RUN_SECONDS - 2.0) for _ in kinds)
    strikes = tuple(
        Strike(at, kind, chance.uniform(*_span(kind)), chance.random())
        for at, kind in zip(times, kinds, strict=True)
    )
    acts = {name: _acts(chance, count) for name, count in people.items()}
    return Plan(strikes, acts, frozenset(name for name in people if chance.random() < 0.1))


def plan_of_bucket(
    seed: int, people: Iterable[str]
) -> tuple[tuple[Strike, ...], dict[str, tuple[float, ...]]]:
    """How the bucket refuses in a run, and when each of the people sends files; beside `plan`, of which it
    changes nothing."""
    chance = random.Random(f"bucket {seed}")
    strikes = tuple(
        Strike(chance.uniform(0.5, RUN_SECONDS - 4.0), f"bucket {how}", chance.uniform(*BUCKET_LASTS), 0.0)
        for how in chance.sample(BUCKET, BUCKET_STRIKES)
    )
    begins = sorted(one.at for one in strikes)
    # Most of what people send shall meet a bucket that refuses.
    files = {
        name: tuple(sorted(chance.choice(begins) + chance.uniform(-0.5, 3.0) for _ in range(FILES)))
        for name in people
    }
    return strikes, files


def _acts(chance: random.Random, count: int) -> tuple[Act, ...]:
    verbs = chance.choices(list(VERBS), list(VERBS.values()), k=count)
    times = sorted(chance.uniform(0.0, RUN_SECONDS - 3.0) for _ in verbs)
    return tuple(Act(at, verb, chance.random()) for at, verb in zip(times, verbs, strict=True))


def _span(kind: str) -> tuple[float, float]:
    return next((span for piece, span in LASTS.items() if piece in kind), (0.0, 0.0))
