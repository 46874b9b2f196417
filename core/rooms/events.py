"""What happens to desk rooms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from core.events import Event, register


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomEvent(Event):
    thing: ClassVar[str] = "room"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class RoomAdded(RoomEvent):
    name: ClassVar[str] = "desk.room_added"
    platform: str
    team: UUID | None = None


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class RoomChanged(RoomEvent):
    name: ClassVar[str] = "desk.room_changed"
    rule: str
    team: UUID | None = None


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class RoomShut(RoomEvent):
    """It lets the bot in no more: archived, or the bot was removed. What agents should see waits."""

    name: ClassVar[str] = "desk.room_shut"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class RoomRemoved(RoomEvent):
    """`reason` is person, or gone when the platform has it no more."""

    name: ClassVar[str] = "desk.room_removed"
    reason: str = "person"
