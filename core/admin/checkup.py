"""What a look at the whole desk found: one line a thing, and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.i18n import N_, _

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Line:
    """`name` is for scripts and stays; `mend` says what to do, where something is to be done."""

    name: str
    state: State
    words: str
    mend: str = ""


TITLES = {
    "settings": N_("Settings"),
    "database": N_("Database"),
    "migrations": N_("Schema"),
    "master_key": N_("Master key"),
    "backup": N_("Backup"),
    "clock": N_("Clock"),
    "storage": N_("Files"),
    "redis": N_("Redis"),
    "mail": N_("Mail"),
    "turn": N_("TURN, for calls"),
    "parts": N_("Parts that run"),
    "traces": N_("Traces"),
    "platforms": N_("Chat platforms"),
}


def worst(lines: Sequence[Line]) -> State:
    """The state of the whole."""
    states = {line.state for line in lines}
    return "fail" if "fail" in states else "warn" if "warn" in states else "ok"


def title(line: Line) -> str:
    """What a line is about; a connection says in its words which one it is."""
    return _(TITLES.get(line.name, TITLES["platforms"]))
