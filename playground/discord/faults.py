"""What goes wrong on demand: answers, sockets and events, by rule, with a seed."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

from playground.discord.model import Json

BEFORE = ("429", "500", "502", "503", "drop", "delay")
AFTER = ("commit_drop", "commit_500", "commit_502")
GATEWAY = ("duplicate", "reorder", "drop_socket", "reconnect", "invalid_session", "silence")


@dataclass(slots=True)
class Fault:
    """One rule. What it does not name, it takes as any."""

    kind: str
    method: str = "*"
    path: str = "*"
    """Of a REST call: a pattern as `/channels/*/messages`, without `/api/v10`."""
    event: str = "*"
    """Of the gateway: a pattern of names as `MESSAGE_*`."""
    bot: str = ""
    """The bot's id; empty for all."""
    probability: float = 1.0
    times: int | None = None
    """How often it may strike; none for always."""
    skip: int = 0
    """How many matching calls go well before."""
    seconds: float = 0.0
    """Of a delay, the `retry_after` of a 429, or how long an event is kept back at most."""
    everywhere: bool = False
    """Whether a 429 is the global one."""
    within_channel: bool = False
    """Whether events of one channel may change places; the platform keeps their order."""
    id: int = 0
    struck: int = 0


class Faults:
    """The rules in force."""

    def __init__(self) -> None:
        self._rules: dict[int, Fault] = {}
        self._numbers = itertools.count(1)
        self._random = random.Random(0)

    def seed(self, number: int) -> None:
        self._random.seed(number)

    def add(self, kind: str, **wanted: Any) -> Fault:
        if kind not in (*BEFORE, *AFTER, *GATEWAY):
            raise ValueError(f"unknown fault {kind}: one of {', '.join((*BEFORE, *AFTER, *GATEWAY))}")
        fault = Fault(kind, **wanted)
        fault.id = next(self._numbers)
        self._rules[fault.id] = fault
        return fault

    def remove(self, number: int) -> None:
        self._rules.pop(number, None)

    def clear(self) -> None:
        self._rules.clear()

    def shown(self) -> list[Json]:
        return [asdict(fault) for fault in self._rules.values()]

    def of_call(self, kinds: tuple[str, ...], method: str, path: str, bot: str) -> Iterator[Fault]:
        """The rules that strike this call now."""
        for fault in list(self._rules.values()):
            if (
                fault.kind in kinds
                and fnmatchcase(method, fault.method.upper())
                and fnmatchcase(path, fault.path)
                and fault.bot in ("", bot)
                and self._strikes(fault)
            ):
                yield fault

    def of_event(self, name: str, bot: str) -> Iterator[Fault]:
        for fault in list(self._rules.values()):
            if (
                fault.kind in GATEWAY
                and fnmatchcase(name, fault.event)
                and fault.bot in ("", bot)
                and self._strikes(fault)
            ):
                yield fault

    def _strikes(self, fault: Fault) -> bool:
        if fault.skip > 0:
            fault.skip -= 1
            return False
        if fault.times is not None and fault.struck >= fault.times:
            return False
        if fault.probability < 1 and self._random.random() >= fault.probability:
            return False
        fault.struck += 1
        return True
