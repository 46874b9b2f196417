"""What LiveKit tells by webhook, as events of the port; a pure function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from core.ports.media import (
    Ended,
    Joined,
    Left,
    MediaEvent,
    Reason,
    RecordingStarted,
    RecordingStopped,
    Source,
    TrackOff,
    TrackOn,
)

SOURCES = {"MICROPHONE": Source.mic, "CAMERA": Source.camera, "SCREEN_SHARE": Source.screen}
PREFIX = "recording-"
"""Of the file names of recordings, so that an egress can be told from others."""

_REASONS = {
    "CLIENT_INITIATED": Reason.asked,
    "PARTICIPANT_REMOVED": Reason.asked,
    "ROOM_DELETED": Reason.asked,
    "DUPLICATE_IDENTITY": Reason.replaced,
    "SERVER_SHUTDOWN": Reason.stopping,
}


def event_of(told: dict[str, Any]) -> MediaEvent | None:
    """None for what is of no interest, or not about one of our calls."""
    make = _EVENTS.get(str(told.get("event")))
    try:
        return make(told) if make is not None else None
    except (KeyError, ValueError, TypeError, AttributeError):
        return None


def _call(told: dict[str, Any]) -> dict[str, Any]:
    return {"call": UUID(told["room"]["name"]), "at": float(told.get("createdAt") or 0)}


def _person(told: dict[str, Any]) -> dict[str, Any]:
    return {**_call(told), "person": UUID(told["participant"]["identity"])}


def _joined(told: dict[str, Any]) -> MediaEvent:
    return Joined(**_person(told))


def _left(told: dict[str, Any]) -> MediaEvent:
    reason = str(told["participant"].get("disconnectReason", ""))
    return Left(**_person(told), reason=_REASONS.get(reason, Reason.lost))


def _track(kind: type[TrackOn] | type[TrackOff]) -> Callable[[dict[str, Any]], MediaEvent]:
    return lambda told: kind(**_person(told), source=SOURCES[told["track"]["source"]])


def _ended(told: dict[str, Any]) -> MediaEvent:
    return Ended(**_call(told))


def recording_of(egress: dict[str, Any]) -> tuple[tuple[UUID, UUID], UUID] | None:
    """The call and person of an egress, and the recording that it is, by its file's name; None for those of others."""
    try:
        request = egress["participant"]
        outputs = request.get("fileOutputs") or request["file_outputs"]
        name = str(outputs[0]["filepath"]).rpartition("/")[2].partition(".")[0].removeprefix(PREFIX)
        call = egress.get("roomName") or egress["room_name"]
        return (UUID(str(call)), UUID(str(request["identity"]))), UUID(name)
    except (KeyError, ValueError, TypeError, AttributeError, IndexError):
        return None


def _egress(told: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The call, person and recording, and what is told of the egress."""
    info = told["egressInfo"]
    found = recording_of(info)
    if found is None:
        raise ValueError("not one of our recordings")
    (call, person), recording = found
    at = float(told.get("createdAt") or 0)
    return {"call": call, "at": at, "person": person, "recording": recording}, info


def _recording_started(told: dict[str, Any]) -> MediaEvent:
    return RecordingStarted(**_egress(told)[0])


def _recording_ended(told: dict[str, Any]) -> MediaEvent:
    ids, info = _egress(told)
    files = info.get("fileResults") or [{}]
    milliseconds = int(files[0].get("duration") or 0) // 1_000_000
    reason = Reason.asked if info.get("status") == "EGRESS_COMPLETE" else Reason.engine
    return RecordingStopped(**ids, reason=reason, milliseconds=milliseconds)


_EVENTS: dict[str, Callable[[dict[str, Any]], MediaEvent]] = {
    "participant_joined": _joined,
    "participant_left": _left,
    "track_published": _track(TrackOn),
    "track_unpublished": _track(TrackOff),
    "room_finished": _ended,
    "egress_started": _recording_started,
    "egress_ended": _recording_ended,
}
