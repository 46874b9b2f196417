"""Calls over the API."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from core.access import Permission
from core.calls import access, join_links, queries, reach, recordings, service
from core.calls.hearing import heard
from core.calls.model import Call, CallRecording
from core.crypto.fields import Unreadable
from core.db import UnitOfWork
from core.errors import Invalid
from core.i18n import _
from core.ports.media import Recordings, Source
from webui.api.door import ApiUow, api_router, needs, once
from webui.deps import site_of
from webui.pages.recorded_track import no_recording, track_response

router = api_router("calls")
READ = [needs("calls:read")]
WRITE = [needs("calls:write")]


class CallIn(BaseModel):
    video: bool = True
    at: datetime | None = Field(None, description="Not now, but then")


class InviteIn(BaseModel):
    person_id: UUID


class CallPersonOut(BaseModel):
    person_id: UUID
    name: str
    staff: bool
    presence: str
    joined_at: datetime | None
    left_at: datetime | None
    rating: int | None
    join_link: str | None = Field(
        None,
        description="Whoever has it is let in as this person: while the call is live, and of others only for staff "
        "with the scope calls:write",
    )


class CallRecordingOut(BaseModel):
    id: UUID
    person_id: UUID
    began_at: datetime
    stopped_at: datetime | None
    milliseconds: int
    reason: str | None


class TrackOut(BaseModel):
    source: str
    start_ms: int
    end_ms: int
    size: int
    url: str


class RecordingOut(CallRecordingOut):
    call_id: UUID
    tracks: list[TrackOut]


class CallOut(BaseModel):
    id: UUID
    ticket: int
    state: str
    video: bool
    created_at: datetime
    scheduled_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    seconds: int
    reason: str | None
    participants: list[CallPersonOut]
    recordings: list[CallRecordingOut]


@router.post("/tickets/{number}/calls", status_code=201, dependencies=WRITE, response_model=CallOut)
@once
async def make_call(request: Request, uow: ApiUow, number: int, body: CallIn) -> CallOut:
    """Call the other side of a ticket; one that has a call gives that one."""
    if body.at is not None and body.at.tzinfo is None:
        raise Invalid(_("A time needs its zone, such as 2026-11-01T09:00:00Z."), field="at")
    call, _mine = await service.ask(uow, uow.actor, number, video=body.video, at=body.at)
    reach.require(site_of(request).public_url)
    return await _shown(request, uow, call, number)


@router.get("/calls/{call_id}", dependencies=READ)
async def get_call(request: Request, uow: ApiUow, call_id: UUID) -> CallOut:
    call, opened = await access.get(uow, uow.actor, call_id)
    return await _shown(request, uow, call, opened.number)


@router.post("/calls/{call_id}/participants", status_code=201, dependencies=WRITE, response_model=CallOut)
@once
async def invite(request: Request, uow: ApiUow, call_id: UUID, body: InviteIn) -> CallOut:
    """One more person may come."""
    await service.invite(uow, uow.actor, call_id, body.person_id)
    call, opened = await access.get(uow, uow.actor, call_id)
    return await _shown(request, uow, call, opened.number)


@router.post("/calls/{call_id}/end", status_code=204, dependencies=WRITE)
async def end(uow: ApiUow, call_id: UUID) -> Response:
    """End it for all. The engine is told once this is kept."""
    uow.actor.require(Permission.reply)
    call, opened = await access.get(uow, uow.actor, call_id, lock=True)
    await service.end(uow, call, opened, uow.actor)
    return Response(status_code=204)


@router.post("/calls/{call_id}/transfer", dependencies=WRITE, response_model=CallOut)
@once
async def transfer(request: Request, uow: ApiUow, call_id: UUID, body: InviteIn) -> CallOut:
    """Give the call and its ticket to a colleague."""
    await service.transfer(uow, uow.actor, call_id, body.person_id)
    call, opened = await access.get(uow, uow.actor, call_id)
    return await _shown(request, uow, call, opened.number)


@router.delete("/calls/{call_id}/participants/{person_id}", status_code=204, dependencies=WRITE)
async def revoke(uow: ApiUow, call_id: UUID, person_id: UUID) -> Response:
    """Make a person's link useless; whoever came by it is shown out."""
    await service.revoke(uow, uow.actor, call_id, person_id)
    return Response(status_code=204)


@router.get("/recordings/{recording_id}", dependencies=READ)
async def get_recording(request: Request, uow: ApiUow, recording_id: UUID) -> RecordingOut:
    """What a recording holds, and how each of its tracks is fetched."""
    row, key = await _recording(uow, recording_id)
    manifest = await _stored(request).manifest(row.id, key)
    return RecordingOut(
        **_recording_fields(row),
        call_id=row.call_id,
        tracks=[
            TrackOut(
                source=one.source.value, start_ms=one.start_ms, end_ms=one.end_ms, size=one.size,
                url=f"/api/v1/recordings/{row.id}/{one.source.value}",
            )
            for one in manifest.tracks
        ],
    )  # fmt: skip


@router.get("/recordings/{recording_id}/{source}", dependencies=READ, response_class=Response)
async def get_track(request: Request, uow: ApiUow, recording_id: UUID, source: Source) -> Response:
    """One source of one person as a WebM file, whole or a range of it. That it was fetched is kept."""
    row, key = await _recording(uow, recording_id)
    await heard(uow, uow.actor, row.call_id)
    return await track_response(request, _stored(request), row.id, key, source)


async def _recording(uow: UnitOfWork, recording_id: UUID) -> tuple[CallRecording, bytes]:
    """Recordings are for the desk's side."""
    uow.actor.require(Permission.note)
    row = await uow.session.get(CallRecording, recording_id)
    if row is None:
        raise no_recording()
    await access.get(uow, uow.actor, row.call_id)
    try:
        return row, await recordings.key_of(uow, row)
    except Unreadable:
        raise no_recording() from None


def _stored(request: Request) -> Recordings:
    stored = site_of(request).recordings
    if stored is None:
        raise no_recording()
    return stored


def _recording_fields(row: CallRecording) -> dict[str, Any]:
    return {
        "id": row.id, "person_id": row.person_id, "began_at": row.began_at, "stopped_at": row.stopped_at,
        "milliseconds": row.milliseconds, "reason": row.reason,
    }  # fmt: skip


async def _shown(request: Request, uow: UnitOfWork, call: Call, number: int) -> CallOut:
    base, staff = site_of(request).public_url, uow.actor.staff
    # A link speaks and consents as its person: reading alone gives nobody's but one's own.
    invites = staff and "calls:write" in (uow.actor.scopes or ())
    await uow.session.flush()
    return CallOut(
        id=call.id,
        ticket=number,
        state=call.state,
        video=call.video,
        created_at=call.created_at,
        scheduled_at=call.scheduled_at,
        started_at=call.started_at,
        ended_at=call.ended_at,
        seconds=call.seconds,
        reason=call.reason,
        participants=[
            CallPersonOut(
                person_id=one.person, name=one.name, staff=one.staff, presence=one.presence,
                joined_at=one.row.joined_at, left_at=one.row.left_at, rating=one.row.rating if staff else None,
                join_link=base + join_links.path(uow, one.row)
                if call.live and (invites or one.person == uow.actor.id)
                else None,
            )
            for one in await queries.people(uow, uow.actor, call)
        ],
        recordings=[
            CallRecordingOut(**_recording_fields(row))
            for row in (await recordings.of_call(uow, call) if staff else ())
        ],
    )  # fmt: skip
