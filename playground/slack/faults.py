"""Bad days on demand: which calls and events go wrong, how, and how often. A seed repeats a day.

A fault is a JSON object: `on` (a pattern of method names such as `chat.*`, or `event:message`),
`kind` (one of KINDS), and optionally `probability`, `times`, `retry_after`, `status`, `seconds`, `error`.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatchcase
from typing import Any

CALL_KINDS = ("ratelimited", "status", "error", "drop", "commit_drop", "commit_status", "delay")
EVENT_KINDS = ("duplicate", "reorder", "redeliver", "drop_socket", "lose")
KINDS = CALL_KINDS + EVENT_KINDS


@dataclass(slots=True)
class Fault:
    """One way in which things go wrong."""

    on: str
    kind: str
    probability: float = 1.0
    times: int | None = None
    """How often at most; None for ever."""
    retry_after: int = 1
    status: int = 500
    seconds: float = 0.2
    error: str = "internal_error"
    happened: int = 0

    @property
    def is_spent(self) -> bool:
        return self.times is not None and self.happened >= self.times


class Faults:
    """All that goes wrong at the moment."""

    def __init__(self, seed: int | None = None) -> None:
        self.random = random.Random(seed)
        self.rules: list[Fault] = []
        self.happened: dict[str, int] = {}

    def add(self, on: str, kind: str, **more: Any) -> Fault:
        fault = made({"on": on, "kind": kind, **more})
        self.rules.append(fault)
        return fault

    def replace(self, rules: Iterable[dict[str, Any]], seed: int | None = None) -> None:
        """A whole new day; with a seed, one that can be had again."""
        self.rules = [made(rule) for rule in rules]
        if seed is not None:
            self.random.seed(seed)

    def clear(self) -> None:
        self.rules.clear()

    def draw(self, name: str, kinds: tuple[str, ...] = CALL_KINDS) -> Fault | None:
        """The fault that strikes this call or event now, if any."""
        for fault in self.rules:
            if fault.kind in kinds and self._strikes(fault, name):
                return fault
        return None

    def drawn(self, name: str, kinds: tuple[str, ...] = EVENT_KINDS) -> dict[str, Fault]:
        """All faults that strike this event now, by kind."""
        return {
            fault.kind: fault for fault in self.rules if fault.kind in kinds and self._strikes(fault, name)
        }

    def _strikes(self, fault: Fault, name: str) -> bool:
        if fault.is_spent or not fnmatchcase(name, fault.on) or self.random.random() >= fault.probability:
            return False
        fault.happened += 1
        self.happened[fault.kind] = self.happened.get(fault.kind, 0) + 1
        return True

    def shown(self) -> dict[str, Any]:
        return {"rules": [asdict(rule) for rule in self.rules], "happened": self.happened, "kinds": KINDS}


def made(rule: dict[str, Any]) -> Fault:
    """A fault from JSON; ValueError says what it does not understand."""
    known = {one.name for one in fields(Fault)} - {"happened"}
    if unknown := set(rule) - known:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")
    if rule.get("kind") not in KINDS or not isinstance(rule.get("on"), str):
        raise ValueError(f"needs `on` and one `kind` of {', '.join(KINDS)}")
    return Fault(**rule)
