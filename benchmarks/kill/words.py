"""What people said, under tokens by which each is found again on the other side."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field

SAID, REPLY, NOTE, COMMAND, CLAIM = "said", "reply", "note", "command", "claim"


@dataclass(slots=True)
class Word:
    """One thing said. `who` is the requester whose ticket it belongs to."""

    token: str
    kind: str
    who: str
    run: int
    native: str = ""
    thread: str = ""
    version: int = 1
    gone: bool = False
    certain: bool = True
    """Whether the platform has accepted it: a command that nobody answered may have failed."""
    history: list[tuple[float, str]] = field(default_factory=list)

    @property
    def text(self) -> str:
        return f"{self.token} v{self.version} is what was said"

    @property
    def mark(self) -> str:
        return f"{self.token} v{self.version} "

    def note(self, what: str) -> None:
        self.history.append((time.time(), what))


class Ledger:
    """Everything that was said in one world, in order."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.words: list[Word] = []

    def new(self, kind: str, who: str, run: int) -> Word:
        salt = "".join(self._chance.choices("bcdfghjklmnpqrstvwxz", k=4))
        word = Word(f"{kind[0]}{len(self.words):04d}{salt}", kind, who, run)
        self.words.append(word)
        return word

    def of(self, *kinds: str, who: str = "") -> list[Word]:
        return [one for one in self.words if one.kind in kinds and who in ("", one.who)]
