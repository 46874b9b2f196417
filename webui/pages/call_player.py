"""The recordings of a ticket's calls, for the desk: listened to in step, read by range, taken out whole.

Whoever opens them is written down on the ticket.
"""

from __future__ import annotations

from types import SimpleNamespace
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from sqlalchemy import select

from core.access import Permission
from core.calls import access, queries, recordings
from core.calls.events import RecordingPlayed
from core.calls.model import CallRecording
from core.calls.service import record
from core.crypto.fields import Unreadable
from core.db import EventRow, UnitOfWork
from core.errors import NotFound
from core.i18n import _
from core.ports.media import Recordings, Source
from webui.deps import Staff, TheSite, Uow
from webui.desk_context import staff_page
from webui.pages.ticket_files import headers_of, range_of
from webui.site import Site

router = APIRouter()
MARKED = ("call.joined", "call.left", "call.held", "call.interrupted", "message.said")


@router.get("/tickets/{number}/calls/{call_id}")
async def page(
    request: Request, uow: Uow, viewer: Staff, site: TheSite, number: int, call_id: UUID
) -> HTMLResponse:
    """A call of a ticket, with everything that can be played of it."""
    viewer.actor.require(Permission.note)
    call, opened = await access.get(uow, viewer.actor, call_id, lock=True)
    if opened.number != number:
        raise access.missing()
    found = await queries.people(uow, viewer.actor, call)
    names = {one.person: one.name for one in found}
    tracks = await _tracks(uow, site, await recordings.of_call(uow, call), names)
    begins = min((one.began for one in tracks), default=0.0)
    if tracks:
        record(uow, opened, RecordingPlayed(subject=call.id, number=number), viewer.actor)
    for one in tracks:
        one.offset = one.began - begins
    samples = await queries.quality(uow, call)
    return await staff_page(
        request, uow, viewer, "call/player.html", call=call, number=number, people=found, tracks=tracks,
        base=f"/tickets/{number}/calls/{call_id}", marks=await _marks(uow, opened.thread.id, begins, call.seconds),
        quality=[
            SimpleNamespace(name=names.get(one.person_id, ""), at=one.at, **{key: one.data.get(key, 0) for key in ("loss", "jitter", "round_trip", "bitrate", "freezes")})
            for one in samples if one.data.get("browser")
        ],
    )  # fmt: skip


@router.get("/tickets/{number}/calls/{call_id}/recordings/{recording_id}/{source}")
async def track(
    request: Request,
    uow: Uow,
    viewer: Staff,
    site: TheSite,
    number: int,
    call_id: UUID,
    recording_id: UUID,
    source: Source,
) -> Response:
    """One source of one person as a WebM file, whole or a range of it (RFC 9110, 14)."""
    viewer.actor.require(Permission.note)
    call, opened = await access.get(uow, viewer.actor, call_id)
    row = await uow.session.get(CallRecording, recording_id)
    if row is None or row.call_id != call.id or opened.number != number:
        raise _missing()
    key, stored = await recordings.key_of(uow, row), _stored(site)
    manifest = await stored.manifest(row.id, key)
    size = next((one.size for one in manifest.tracks if one.source is source), None)
    if size is None:
        raise _missing()
    headers = headers_of(f"{source.value}.webm", inline=True) | {"accept-ranges": "bytes"}
    wanted = range_of(request.headers.get("range", ""), size)
    if wanted is not None and wanted[0] >= wanted[1]:
        return Response(status_code=416, headers=headers | {"content-range": f"bytes */{size}"})
    start, stop = wanted or (0, size)
    headers["content-length"] = str(stop - start)
    if wanted is not None:
        headers["content-range"] = f"bytes {start}-{stop - 1}/{size}"
    return StreamingResponse(
        stored.read(row.id, key, source, start, stop),
        status_code=206 if wanted else 200,
        media_type="audio/webm" if source is Source.mic else "video/webm",
        headers=headers,
    )


async def _tracks(uow: UnitOfWork, site: Site, rows: object, names: dict[UUID, str]) -> list[SimpleNamespace]:
    made = []
    for row in rows:  # type: ignore[attr-defined]
        try:
            manifest = await _stored(site).manifest(row.id, await recordings.key_of(uow, row))
        except (NotFound, Unreadable):
            continue
        made += [
            SimpleNamespace(
                recording=row.id, source=one.source.value, name=names.get(row.person_id, ""),
                began=manifest.began, start=one.start_ms / 1000, seconds=one.end_ms / 1000, offset=0.0,
            )
            for one in manifest.tracks
        ]  # fmt: skip
    return made


async def _marks(uow: UnitOfWork, conversation: UUID, begins: float, seconds: int) -> list[SimpleNamespace]:
    """What happened in the ticket while it was recorded, as places to jump to."""
    query = select(EventRow.name, EventRow.at).where(
        EventRow.conversation_id == conversation, EventRow.name.in_(MARKED)
    )
    words = {
        "call.joined": _("joined"), "call.left": _("left"), "call.held": _("hold"),
        "call.interrupted": _("fault"), "message.said": _("message"),
    }  # fmt: skip
    found = [(row.name, row.at.timestamp() - begins) for row in await uow.session.execute(query.limit(500))]
    return [
        SimpleNamespace(at=round(at, 1), words=words[name]) for name, at in found if 0 <= at <= seconds + 60
    ]


def _stored(site: Site) -> Recordings:
    if site.recordings is None:
        raise _missing()
    return site.recordings


def _missing() -> NotFound:
    return NotFound(_("There is no such recording."))
