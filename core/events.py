"""Events: past-tense facts with an actor, written in the unit of work that made them true.

Timeline, notices, reports, audit and webhooks all read the one table `event`. An event's
data holds ids, numbers and codes only, never what a person wrote.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

REGISTRY: dict[str, type[Event]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of all facts. `subject` is the id of the thing it happened to.

    `name` is dotted and past tense; `thing` says what kind of id `subject` is.
    """

    name: ClassVar[str] = ""
    thing: ClassVar[str] = ""
    subject: UUID

    def data(self) -> dict[str, Any]:
        """What goes into the row beside the subject: only values that JSON knows."""
        return {
            f.name: _plain(value)
            for f in fields(self)
            if f.name != "subject" and (value := getattr(self, f.name)) is not None
        }


def register(cls: type[Event]) -> type[Event]:
    """Class decorator: make an event known by its name; a name belongs to one class."""
    if not cls.name or not cls.thing:
        raise TypeError(f"{cls.__name__} needs a name and a thing")
    if cls.name in REGISTRY:
        raise TypeError(f"event {cls.name} is defined twice")
    REGISTRY[cls.name] = cls
    return cls


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value
