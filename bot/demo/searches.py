"""What the demo's readers searched for: mostly what is there, and again and again what is not.

The wordings lie in `searches.json`: topics that no article has, each as several people would
type it, and words that find something.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files

from pydantic import TypeAdapter

from bot.demo.articles import DAYS
from bot.demo.texts import Language
from core import clock
from core.db import UnitOfWork
from core.kb import searches
from core.kb.views import WEB

FOUND_A_DAY = 14
MISSED_A_DAY = 3


@dataclass(frozen=True)
class Wording:
    words: str
    weight: int


@dataclass(frozen=True)
class Missing:
    """A topic that no article has."""

    language: Language
    wordings: tuple[Wording, ...]


@dataclass(frozen=True)
class Known:
    language: Language
    words: tuple[str, ...]


@dataclass(frozen=True)
class Texts:
    missing: tuple[Missing, ...]
    found: tuple[Known, ...]


@cache
def texts() -> Texts:
    return TypeAdapter(Texts).validate_json((files("bot.demo") / "searches.json").read_bytes())


async def search(uow: UnitOfWork, seed: int, now: datetime) -> None:
    """The searches of the last months, fewer at weekends."""
    rng = random.Random(f"searches/{seed}")
    for ago in range(DAYS, -1, -1):
        day = now - timedelta(days=ago)
        share = 1.0 if day.weekday() < 5 else 0.4
        for words, language, results in _of_a_day(rng, share):
            at = min(day.replace(hour=rng.randint(7, 21), minute=rng.randint(0, 59)), now)
            with clock.fixed(lambda at=at: at):  # type: ignore[misc]
                await searches.note(uow, words, language=language, channel=WEB, results=results)


def _of_a_day(rng: random.Random, share: float) -> Iterator[tuple[str, Language, int]]:
    for _time in range(round(rng.uniform(0.6, 1.4) * FOUND_A_DAY * share)):
        known = rng.choice(texts().found[:1] * 3 + texts().found[1:])
        yield rng.choice(known.words), known.language, rng.randint(1, 12)
    for _time in range(round(rng.uniform(0.2, 1.8) * MISSED_A_DAY * share)):
        topic = rng.choice(texts().missing)
        weights = [each.weight for each in topic.wordings]
        yield rng.choices(topic.wordings, weights)[0].words, topic.language, 0
