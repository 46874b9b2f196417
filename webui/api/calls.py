"""Calls over the API."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from core.access import Permission
from core.calls import access, join_links, queries, reach, recordings, service
from core.calls.model import Call
from core.db import UnitOfWork
from core.errors import Invalid
from core.i18n import _
from webui.api.door import ApiUow, api_router, needs, once
from webui.deps import site_of

router = api_router("calls")
READ = [needs("tickets:read")]
WRITE = [needs("tickets:write")]


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
        "with the scope tickets:write",
    )


class CallRecordingOut(BaseModel):
    id: UUID
    person_id: UUID
    began_at: datetime
    stopped_at: datetime | None
    milliseconds: int
    reason: str | None


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


async def _shown(request: Request, uow: UnitOfWork, call: Call, number: int) -> CallOut:
    base, staff = site_of(request).public_url, uow.actor.staff
    # A link speaks and consents as its person: reading alone gives nobody's but one's own.
    invites = staff and "tickets:write" in (uow.actor.scopes or ())
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
            CallRecordingOut(
                id=row.id, person_id=row.person_id, began_at=row.began_at, stopped_at=row.stopped_at,
                milliseconds=row.milliseconds, reason=row.reason,
            )
            for row in (await recordings.of_call(uow, call) if staff else ())
        ],
    )  # fmt: skip
