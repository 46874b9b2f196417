"""What happens in calls. Data holds ids, numbers and codes only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from core.events import Event, register


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent(Event):
    """Base of the facts about one call; `number` is its ticket's."""

    thing: ClassVar[str] = "call"
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonInCall(CallEvent):
    person: UUID


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class CallAsked(CallEvent):
    """A requester asks for a call."""

    name: ClassVar[str] = "call.asked"
    video: bool = True


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class CallScheduled(CallEvent):
    name: ClassVar[str] = "call.scheduled"
    until: datetime


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class CallReminded(CallEvent):
    """A scheduled call is near."""

    name: ClassVar[str] = "call.reminded"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class CallRang(CallEvent):
    """The other side is called."""

    name: ClassVar[str] = "call.rang"
    video: bool = True


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class CallInvited(PersonInCall):
    """One more person may come."""

    name: ClassVar[str] = "call.invited"
    staff: bool = True


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class CallKnocked(PersonInCall):
    """Somebody waits to be let in."""

    name: ClassVar[str] = "call.knocked"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class CallAdmitted(PersonInCall):
    name: ClassVar[str] = "call.admitted"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class CallRevoked(PersonInCall):
    """A join link was made useless."""

    name: ClassVar[str] = "call.revoked"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class CallJoined(PersonInCall):
    name: ClassVar[str] = "call.joined"
    again: bool = False


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class CallLeft(PersonInCall):
    name: ClassVar[str] = "call.left"
    reason: str = "asked"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class CallHeld(CallEvent):
    name: ClassVar[str] = "call.held"
    on: bool


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecordingWanted(CallEvent):
    """Recording was asked for, or stopped for all."""

    name: ClassVar[str] = "call.recording_wanted"
    on: bool


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class CallConsented(PersonInCall):
    """Somebody agreed to being recorded, or did not, or not any more."""

    name: ClassVar[str] = "call.consented"
    given: bool
    version: str


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecordingStarted(PersonInCall):
    name: ClassVar[str] = "call.recording_started"
    recording: UUID


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecordingStopped(PersonInCall):
    name: ClassVar[str] = "call.recording_stopped"
    recording: UUID
    reason: str = "asked"
    milliseconds: int = 0


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class CallTransferred(CallEvent):
    """The call, and its ticket, go to a colleague."""

    name: ClassVar[str] = "call.transferred"
    to: UUID


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class CallInterrupted(CallEvent):
    """The engine died in the middle; people come back by the same links."""

    name: ClassVar[str] = "call.interrupted"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded(CallEvent):
    """It is over: how long it was, how many were in it, how much was recorded."""

    name: ClassVar[str] = "call.ended"
    seconds: int = 0
    people: int = 0
    recordings: int = 0
    reason: str = "asked"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class CallMissed(CallEvent):
    name: ClassVar[str] = "call.missed"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class CallDeclined(CallEvent):
    name: ClassVar[str] = "call.declined"
    by: UUID | None = None


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class CallFailed(CallEvent):
    name: ClassVar[str] = "call.failed"
    reason: str = "engine"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class CallRated(PersonInCall):
    name: ClassVar[str] = "call.rated"
    score: int


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingPlayed(CallEvent):
    """Somebody opened the recordings of a call."""

    name: ClassVar[str] = "call.recording_played"


@register
@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingTaken(CallEvent):
    """Somebody had the recordings of a call made into one file, to take it out."""

    name: ClassVar[str] = "call.recording_taken"
