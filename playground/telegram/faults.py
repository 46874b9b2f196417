"""Misbehaviour on demand, by method and with a seed."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from itertools import count
from typing import Any

from playground.telegram.errors import PlayError
from playground.telegram.updates import Misorder

BEFORE = ("too_many", "error", "drop_before", "delay")
AFTER = ("drop_after", "error_after", "delay_after")


@dataclass(slots=True)
class Fault:
    """One rule. `method` is a pattern ("send*"; "file" is the download, "webhook" the post to a bot).

    too_many: 429 with `retry_after`; error: `status` (500, 502...); drop_before: the connection ends
    and nothing was done; drop_after: the work is done, then the connection ends; error_after: the
    work is done, the answer is `status`; delay, delay_after: wait `seconds` before or after the work.
    """

    kind: str
    method: str = "*"
    bot: int | None = None
    probability: float = 1.0
    times: int | None = None
    """How often it still strikes; None is for ever."""
    skip: int = 0
    """How many matching calls it lets pass first."""
    status: int = 500
    retry_after: int = 1
    seconds: float = 0.5
    struck: int = 0
    id: int = 0


class Faults:
    """All rules, the misorder of updates, and the seed that all chance is drawn from."""

    def __init__(self, seed: int = 0) -> None:
        self.updates = Misorder()
        self.rules: list[Fault] = []
        self._ids = count(1)
        self.seed(seed)

    def seed(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.updates.random = random.Random(seed + 1)

    def add(self, kind: str, method: str = "*", **knobs: Any) -> Fault:
        if kind not in BEFORE + AFTER:
            raise PlayError(f"a fault is one of {', '.join(BEFORE + AFTER)}")
        try:
            fault = Fault(kind, method, **knobs)
        except TypeError as wrong:
            raise PlayError(str(wrong)) from wrong
        fault.id = next(self._ids)
        self.rules.append(fault)
        return fault

    def remove(self, fault_id: int) -> None:
        self.rules = [rule for rule in self.rules if rule.id != fault_id]

    def clear(self) -> None:
        """No misbehaviour any more."""
        self.rules.clear()
        self.updates.duplicate = self.updates.reorder = 0.0
        self.updates.duplicate_new_id = False

    def strikes(self, method: str, bot_id: int) -> list[Fault]:
        """The rules that strike this call; each is drawn and counted once."""
        return [rule for rule in list(self.rules) if self._strikes(rule, method, bot_id)]

    def listed(self) -> dict[str, Any]:
        updates = self.updates
        return {
            "rules": [asdict(rule) for rule in self.rules],
            "updates": {
                "duplicate": updates.duplicate,
                "duplicate_new_id": updates.duplicate_new_id,
                "reorder": updates.reorder,
            },
        }

    def _strikes(self, rule: Fault, method: str, bot_id: int) -> bool:
        if not fnmatchcase(method.lower(), rule.method.lower()) or rule.bot not in (None, bot_id):
            return False
        if rule.skip > 0:
            rule.skip -= 1
            return False
        if rule.times == 0 or self._random.random() >= rule.probability:
            return False
        rule.times = None if rule.times is None else rule.times - 1
        rule.struck += 1
        return True
