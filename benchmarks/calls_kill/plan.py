"""What a run does, drawn from its seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")


class Victim(StrEnum):
    engine = "engine"
    desk = "desk"
    both = "both"
    everything = "everything"
    """Desk, engine and database at the same moment."""


class After(StrEnum):
    """What the two people do then."""

    back = "back"
    """They come back by the same links, talk on, and hang up."""
    ended = "ended"
    """They do not; the agent ends the call."""
    left = "left"
    """They do not, and nobody does anything."""


_VICTIMS = ((Victim.engine, 8), (Victim.desk, 5), (Victim.both, 4), (Victim.everything, 3))
_AFTER = ((After.back, 6), (After.ended, 2), (After.left, 2))
_LONG = 0.06
"""The share of runs in which a block of the recording is being made: those come by the minute."""


@dataclass(frozen=True, slots=True)
class Plan:
    victim: Victim
    after: After
    kill_at: float
    """Seconds after the last one agreed to being recorded."""
    down: float
    """Seconds until the desk is started again."""
    more: float
    """Seconds for which people who came back talk on."""


def plan(seed: int, number: int) -> Plan:
    chance = random.Random(f"{seed} {number}")
    return Plan(
        _drawn(chance, _VICTIMS),
        _drawn(chance, _AFTER),
        chance.uniform(58, 64) if chance.random() < _LONG else chance.uniform(0.1, 12),
        chance.uniform(0, 1.5),
        chance.uniform(2.5, 5),
    )


def _drawn(chance: random.Random, ways: tuple[tuple[T, int], ...]) -> T:
    return chance.choices([way for way, _weight in ways], [weight for _way, weight in ways])[0]
