"""The recordings of a ticket's calls, for the desk: listened to in step, read by range, taken out whole.

Whoever opens them is written down on the ticket.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from sqlalchemy import select

from core.access import Permission
from core.calls import access, files, queries, recordings
from core.calls.hearing import heard
from core.calls.model import CallQuality, CallRecording, FileState
from core.crypto.fields import Unreadable
from core.db import EventRow, UnitOfWork
from core.errors import NotFound
from core.files.sealed import open_sealed
from core.i18n import _
from core.markdown import to_text
from core.ports.media import Recordings, Source
from core.reviews.listing import light
from core.reviews.sessions import Session
from core.tickets import timeline
from core.tickets.access import Opened
from webui.deps import Staff, TheSite, Uow
from webui.desk_context import answered, staff_page
from webui.pages.recorded_track import no_recording, track_response
from webui.pages.review_forms import reviews_of
from webui.pages.ticket_files import headers_of
from webui.sessions import Viewer
from webui.site import Site

router = APIRouter()
MARKED = ("call.joined", "call.left", "call.held", "call.interrupted", "call.consented")


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
    rows = await recordings.of_call(uow, call)
    tracks = await _tracks(uow, site, rows, names)
    begins = min((one.began for one in tracks), default=0.0)
    if tracks:
        await heard(uow, viewer.actor, call.id)
    for one in tracks:
        one.offset = one.began - begins
    length = max((one.offset + one.seconds for one in tracks), default=0.0)
    quality = _quality(await queries.quality(uow, call), names)
    return await staff_page(
        request, uow, viewer, "call/player.html", call=call, number=number, tracks=tracks, length=round(length, 1),
        names=[one.name + (f" ({one.row.rating} ★)" if one.row.rating else "") for one in found if one.row.joined_at],
        file=await files.of_call(uow, call), may_export=viewer.actor.may(Permission.export_tickets),
        lanes=_lanes(await queries.spoken(uow, call), names, begins, length) if tracks else [],
        reviews=await reviews_of(uow, viewer, Session(opened, call)), talk=await _talk(uow, viewer, opened, begins, length), drawn=_drawn(quality),
        base=f"/tickets/{number}/calls/{call_id}", marks=await _marks(uow, opened.thread.id, begins, length, names),
        quality=quality, elsewhere=[f"recording-{row.id}.mp4" for row in rows] if site.call_service is not None else [],
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
        raise no_recording()
    key, stored = await recordings.key_of(uow, row), _stored(site)
    await heard(uow, viewer.actor, call.id)
    return await track_response(request, stored, row.id, key, source)


@router.post("/tickets/{number}/calls/{call_id}/file")
async def make_file(request: Request, uow: Uow, viewer: Staff, number: int, call_id: UUID) -> Response:
    """All of it in one file, made by a job."""
    await files.ask(uow, viewer.actor, call_id)
    words = _("The file is being made. Load this page again in a moment.")
    return answered(request, f"/tickets/{number}/calls/{call_id}", words)


@router.get("/tickets/{number}/calls/{call_id}/file")
async def file(uow: Uow, viewer: Staff, number: int, call_id: UUID) -> Response:
    viewer.actor.require(Permission.export_tickets)
    call, opened = await access.get(uow, viewer.actor, call_id)
    row = await files.of_call(uow, call)
    if row is None or row.state != FileState.ready or opened.number != number:
        raise no_recording()
    headers = headers_of(f"call-{number}.webm", inline=False) | {"content-length": str(row.size)}
    stream = open_sealed(uow.means.files, row.name, files.key_of(opened, row))
    return StreamingResponse(stream, media_type="video/webm", headers=headers)


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


async def _marks(
    uow: UnitOfWork, conversation: UUID, begins: float, length: float, names: dict[UUID, str]
) -> list[SimpleNamespace]:
    """What happened in the ticket while it was recorded, as places to jump to."""
    if not length:
        return []
    first = datetime.fromtimestamp(begins, UTC)
    query = (
        select(EventRow.name, EventRow.at, EventRow.data)
        .where(
            EventRow.conversation_id == conversation,
            EventRow.name.in_(MARKED),
            EventRow.at >= first,
            EventRow.at <= first + timedelta(seconds=length),
        )
        .order_by(EventRow.at)
        .limit(500)
    )
    words = {
        "call.joined": _("joined"), "call.left": _("left"), "call.held": _("hold"),
        "call.interrupted": _("fault"), "call.consented": _("consent"),
    }  # fmt: skip
    return [
        SimpleNamespace(
            at=round(row.at.timestamp() - begins, 1),
            words=" ".join(filter(None, (_who(row.data, names), words[row.name]))),
        )
        for row in await uow.session.execute(query)
    ]


async def _talk(
    uow: UnitOfWork, viewer: Viewer, opened: Opened, begins: float, length: float
) -> list[SimpleNamespace]:
    """What was written in the ticket meanwhile, to be read in step."""
    if not length:
        return []
    first = datetime.fromtimestamp(begins, UTC)
    found = await timeline.said_between(uow, viewer.actor, opened, first, first + timedelta(seconds=length))
    return [
        SimpleNamespace(
            at=round(one.at.timestamp() - begins, 1), name=one.author.name, text=to_text(one.text)
        )
        for one in found
        if one.text
    ]


def _who(data: dict[str, Any], names: dict[UUID, str]) -> str:
    person = data.get("person")
    return names.get(UUID(str(person)), "") if person else ""


def _lanes(
    spoken: Sequence[tuple[UUID, float, float]], names: dict[UUID, str], begins: float, length: float
) -> list[SimpleNamespace]:
    """Who spoke when, a lane for each person."""
    spans: dict[UUID, list[tuple[float, float]]] = {}
    for person, first, last in spoken:
        first, last = max(0.0, first - begins), min(length, last - begins)
        if first < last:
            spans.setdefault(person, []).append((round(first, 2), round(last, 2)))
    return [
        SimpleNamespace(
            name=names.get(person, ""), spans=each, seconds=sum(last - first for first, last in each)
        )
        for person, each in spans.items()
    ]


def _quality(samples: Sequence[CallQuality], names: dict[UUID, str]) -> list[SimpleNamespace]:
    keys = ("loss", "jitter", "round_trip", "bitrate", "freezes")
    return [
        SimpleNamespace(
            name=names.get(one.person_id, ""), at=one.at, **{key: one.data.get(key, 0) for key in keys}
        )
        for one in samples
        if one.data.get("browser")
    ]


def _drawn(quality: Sequence[SimpleNamespace]) -> list[SimpleNamespace]:
    """The light of each five seconds, a row for each person."""
    people: dict[str, list[SimpleNamespace]] = {}
    for one in quality:
        people.setdefault(one.name, []).append(one)
    return [
        SimpleNamespace(
            name=name, points=[light(one.loss, one.round_trip) for one in each],
            worst_loss=f"{max(one.loss for one in each) * 100:.1f}",
            worst_trip=round(max(one.round_trip for one in each)),
        )
        for name, each in people.items()
    ]  # fmt: skip


def _stored(site: Site) -> Recordings:
    if site.recordings is None:
        raise no_recording()
    return site.recordings
