"""The call page: whoever holds a join link checks their devices, comes in, talks, and rates.

The link is the key: no account is needed, and the page learns nothing but its own call. What
concerns picture and sound is asked of the media engine after the unit of work has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, Field
from sse_starlette import EventSourceResponse

from core.access import Actor
from core.calls import access, calendar_file, join_links, queries, reach, recordings, service
from core.calls.model import Call, CallPerson, CallQuality, CallState, Presence
from core.db import UnitOfWork
from core.errors import NotFound, Refused, Unavailable
from core.i18n import _, set_language
from core.people import service as people
from core.people.model import Person
from core.ports.bus import Signal
from core.ports.media import Limits, MediaEngine, Source
from core.tickets.access import Opened
from webui import rendering, security
from webui.deps import TheSite, Uow, visit
from webui.pages import call_service
from webui.pages.ticket_files import headers_of
from webui.site import Site

router = APIRouter(prefix="/c")
LONGEST = 600.0
LONGEST_OFFER = 200_000
PREFIX = join_links.PREFIX


class OfferIn(BaseModel):
    sdp: str = Field(max_length=LONGEST_OFFER)
    sources: dict[str, Source] = Field(default_factory=dict, max_length=3)
    tab: str = Field("", max_length=40)


class OnIn(BaseModel):
    on: bool


class SourceIn(OnIn):
    source: Source


class ScoreIn(BaseModel):
    score: int = Field(ge=1, le=5)


class PersonIn(BaseModel):
    person: UUID


class QualityIn(BaseModel):
    """What the browser measured (W3C webrtc-stats), in the last five seconds."""

    loss: float = Field(0, ge=0, le=1)
    jitter: float = Field(0, ge=0, le=60_000)
    round_trip: float = Field(0, ge=0, le=600_000)
    bitrate: int = Field(0, ge=0, le=1_000_000_000)
    freezes: float = Field(0, ge=0, le=1_000)


class Visit:
    """Somebody at the door: their call, their place in it, and who they are."""

    def __init__(self, call: Call, row: CallPerson, person: Person, actor: Actor) -> None:
        self.call, self.row, self.person, self.actor = call, row, person, actor


async def come(uow: UnitOfWork, token: str, *, over: bool = False) -> Visit:
    call, row = await join_links.follow(uow, token, over=over)
    person = await people.get(uow, row.person_id)
    actor = await people.actor_of(uow, person)
    if row.staff and not (actor.staff and person.active):
        # Who left the desk does not sit at its side of a call that goes on.
        raise join_links.unknown()
    uow.actor = actor
    set_language(person.locale)
    return Visit(call, row, person, actor)


async def change(uow: UnitOfWork, token: str) -> tuple[Visit, Opened]:
    """The same, to change something: ticket and call are locked."""
    here = await come(uow, token)
    call, opened = await access.change(uow, here.call.id)
    await uow.session.refresh(here.row)
    join_links.check_live(call)
    here.call = call
    return here, opened


@router.get("/{token}")
async def page(request: Request, uow: Uow, site: TheSite, token: str) -> HTMLResponse:
    """The call room. A call that is over can still be rated."""
    here = await come(uow, token, over=True)
    shown = rendering.page(
        request, "call/room.html", base=join_links.PREFIX + token, call=here.call,
        staff=here.row.staff, over=not here.call.live, wording=recordings.wording(uow),
        rated=here.row.rating or 0, at=_when(here), was_in=here.row.joined_at is not None,
        no_media=not reach.gives_media(site.public_url), person=str(here.row.person_id),
        client=call_service.CLIENT if site.call_service is not None else "",
    )  # fmt: skip
    if site.call_service is not None:
        shown.headers["content-security-policy"] = security.csp_reaching(site.call_service.url)
    shown.headers["referrer-policy"] = "no-referrer"
    shown.headers["x-robots-tag"] = "noindex"
    return shown


@router.get("/{token}/" + calendar_file.NAME)
async def calendar(uow: Uow, site: TheSite, token: str) -> Response:
    """A scheduled call for the reader's calendar."""
    here = await come(uow, token, over=True)
    if here.call.scheduled_at is None:
        raise NotFound(_("This call has no date."))
    title = _("Call with {desk}").format(desk=uow.settings.name)
    words = _("This link is for you alone; do not pass it on.")
    url = site.public_url + join_links.path(uow, here.row)
    made = calendar_file.calendar_file(here.call, title, words, url)
    headers = headers_of(calendar_file.NAME, inline=False)
    return Response(made, media_type=calendar_file.MIME, headers=headers)


@router.get("/{token}/state")
async def state(uow: Uow, site: TheSite, token: str) -> JSONResponse:
    here = await come(uow, token, over=True)
    sent = await _sent(site, here.call) if here.call.running else {}
    return JSONResponse(await _state(uow, here, sent))


@router.post("/{token}/join")
async def join(request: Request, site: TheSite, token: str, body: OfferIn) -> JSONResponse:
    """Come in with a browser's offer; 202 while somebody must let one in first."""
    async with visit(request) as uow:
        here, opened = await change(uow, token)
        may = await service.enter(uow, here.call, opened, here.row, here.actor)
        held = here.call.state == "on_hold"
        limits = Limits(seconds=uow.settings.call_minutes * 60)
        call, person = here.call.id, here.row.person_id
    changed(site, call)
    if not may:
        return JSONResponse({"waiting": True}, 202)
    media = await _media(site)
    await media.open(call, limits)
    answer = await media.join(call, person, body.sdp, body.sources or None)
    if held:
        await media.hold(call, True)
    if body.tab:
        # The later of two pages takes over; the earlier one is told, and is still.
        taken = {"call": str(call), "to": str(person), "what": "taken", "tab": body.tab}
        site.desk.bus.publish(Signal("call", taken))
    bindings = [
        {"mid": one.mid, "person": str(one.person), "source": one.source.value} for one in answer.bindings
    ]
    way_in = {"url": answer.url, "token": answer.token} if answer.kind == "token" else {}
    return JSONResponse({"sdp": answer.sdp, "bindings": bindings, "seats": answer.seats, **way_in})


@router.get("/{token}/ice")
async def ice(uow: Uow, site: TheSite, token: str) -> JSONResponse:
    """What the browser needs to get through firewalls."""
    here = await come(uow, token)
    media = await _media(site)
    return JSONResponse(
        [
            {"urls": list(one.urls), "username": one.username, "credential": one.credential}
            for one in media.ice_servers(here.row.person_id)
        ]
    )


@router.get("/{token}/network")
async def network(request: Request, uow: Uow, token: str) -> HTMLResponse:
    """Whether calls would work from the network that the reader is in."""
    await come(uow, token)
    return rendering.page(request, "call/network.html", base=join_links.PREFIX + token)


@router.post("/{token}/leave")
async def leave(request: Request, site: TheSite, token: str) -> Response:
    """Leave; the same link leads back as long as the call runs."""
    async with visit(request) as uow:
        here = await come(uow, token, over=True)
        call, person, live = here.call.id, here.row.person_id, here.call.live
    if live:
        await (await _media(site)).leave(call, person)
    return Response(status_code=204)


@router.post("/{token}/end")
async def end(request: Request, site: TheSite, token: str) -> Response:
    """The desk's side ends it for all; whoever is called and does not want to come declines."""
    async with visit(request) as uow:
        here, opened = await change(uow, token)
        call, was_running = here.call.id, here.call.running
        if not here.row.staff:
            await service.decline(uow, here.call, opened, here.row, here.actor)
        elif not was_running:
            await service.end(uow, here.call, opened, here.actor)
        ends = here.row.staff and was_running
    if ends:
        await (await _media(site)).end(call)
    async with site.desk.unit(here.actor) as uow:
        if ends:
            await service.end(uow, *await access.change(uow, call), here.actor)
    changed(site, call)
    return Response(status_code=204)


@router.post("/{token}/hold")
async def hold(request: Request, site: TheSite, token: str, body: OnIn) -> Response:
    async with visit(request) as uow:
        here, opened = await change(uow, token)
        turned = await service.hold(uow, here.call, opened, here.actor, body.on)
    if turned:
        await (await _media(site)).hold(here.call.id, body.on)
    changed(site, here.call.id)
    return Response(status_code=204)


@router.post("/{token}/mute")
async def mute(request: Request, site: TheSite, token: str, body: SourceIn) -> Response:
    async with visit(request) as uow:
        here = await come(uow, token)
    await (await _media(site)).mute(here.call.id, here.row.person_id, body.source, body.on)
    changed(site, here.call.id)
    return Response(status_code=204)


@router.post("/{token}/admission")
async def admit(request: Request, site: TheSite, token: str, body: PersonIn) -> Response:
    async with visit(request) as uow:
        here = await come(uow, token)
        await service.admit(uow, here.actor, here.call.id, body.person)
    changed(site, here.call.id)
    return Response(status_code=204)


@router.post("/{token}/recording")
async def record(request: Request, site: TheSite, token: str, body: OnIn) -> Response:
    """The desk's side asks for a recording, or ends it. Whoever asks has agreed by that."""
    async with visit(request) as uow:
        here, opened = await change(uow, token)
        await recordings.want(uow, here.call, opened, here.row, here.actor, body.on)
        if body.on:
            await recordings.consent(uow, here.call, opened, here.row, here.actor, True)
    if body.on:
        await _record_due(site, here.call.id)
    else:
        await (await _media(site)).stop_recording(here.call.id)
    changed(site, here.call.id)
    return Response(status_code=204)


@router.post("/{token}/consent")
async def consent(request: Request, site: TheSite, token: str, body: OnIn) -> Response:
    """Agree to being recorded, or take it back: then one is not recorded any more, at once."""
    async with visit(request) as uow:
        here, opened = await change(uow, token)
        await recordings.consent(uow, here.call, opened, here.row, here.actor, body.on)
    if body.on:
        await _record_due(site, here.call.id)
    elif here.row.presence in (Presence.present, Presence.away):
        await (await _media(site)).stop_recording(here.call.id, here.row.person_id)
    changed(site, here.call.id)
    return Response(status_code=204)


@router.post("/{token}/quality")
async def quality(uow: Uow, token: str, body: QualityIn) -> Response:
    here = await come(uow, token)
    data = {"browser": True, **body.model_dump()}
    uow.session.add(CallQuality(call_id=here.call.id, person_id=here.row.person_id, data=data))
    return Response(status_code=204)


@router.post("/{token}/rating")
async def rate(uow: Uow, token: str, body: ScoreIn) -> Response:
    here = await come(uow, token, over=True)
    call, opened = await access.change(uow, here.call.id)
    await service.rate(uow, call, opened, here.row, body.score)
    return Response(status_code=204)


@router.get("/{token}/live")
async def live(uow: Uow, site: TheSite, token: str) -> EventSourceResponse:
    """What happens in this call, for this person: never what anybody said."""
    here = await come(uow, token, over=True)
    _call, opened = await access.change(uow, here.call.id)
    stream = _stream(site, str(here.call.id), str(here.row.person_id), str(opened.thread.id))
    return EventSourceResponse(stream, ping=20, headers={"cache-control": "no-store"})


async def _stream(site: Site, call: str, me: str, conversation: str) -> AsyncGenerator[dict[str, str]]:
    ends = time.monotonic() + LONGEST
    async with site.desk.bus.subscribe() as signals:
        yield {"event": "ready", "data": "{}"}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + ends - time.monotonic()):
                async for signal in signals:
                    told = _told(signal, call, me, conversation)
                    if told is not None:
                        yield {"event": "call", "data": orjson.dumps(told).decode()}


def _told(signal: Signal, call: str, me: str, conversation: str) -> dict[str, Any] | None:
    data = signal.data
    if signal.topic == "lost":
        return {"what": "state"}
    if signal.topic == "call" and data.get("call") == call and data.get("to", me) == me:
        return {key: value for key, value in data.items() if key not in ("call", "to")}
    if signal.topic == "event" and data.get("conversation") == conversation:
        name = str(data.get("name"))
        if name.startswith("message."):
            return {"what": "talk"}
        if name.startswith("ticket."):
            return {"what": "ticket"}
        return {"what": "state"} if name.startswith("call.") else None
    return None


async def _sent(site: Site, call: Call) -> dict[UUID, tuple[str, ...]]:
    """Which pictures and sounds each person sends now; nothing where the engine does not answer."""
    try:
        running = await (await _media(site)).running()
    except Unavailable:
        return {}
    there = next((one.people for one in running if one.call == call.id), ())
    return {one.person: tuple(source.value for source in one.sources) for one in there}


async def _state(uow: UnitOfWork, here: Visit, sent: dict[UUID, tuple[str, ...]]) -> dict[str, Any]:
    """How the call stands, as this person may know it."""
    said = await recordings.consents(uow, here.call)
    recorded = {row.person_id for row in await recordings.open_of(uow, here.call)}
    found = await queries.people(uow, here.actor, here.call)
    mine = here.row.person_id
    return {
        "state": here.call.state,
        "live": here.call.live,
        "seconds": here.call.seconds,
        "interrupted": here.call.broken_at is not None,
        "recording_wanted": here.call.recording,
        "recording": bool(recorded),
        "consent": said.get(mine),
        "presence": here.row.presence,
        "video": here.call.video,
        "people": [
            {
                "id": str(one.person), "name": one.name, "presence": one.presence, "me": one.person == mine,
                "staff": one.staff, "recorded": one.person in recorded, "sends": sent.get(one.person, ()),
            }
            for one in found
        ],
    }  # fmt: skip


async def _media(site: Site) -> MediaEngine:
    if site.media is None:
        raise Unavailable(_("Calls cannot be reached now. Please try again in a moment."))
    return await site.media()


async def _record_due(site: Site, call: UUID) -> None:
    await _media(site)
    if site.call_changed is None:
        raise Refused(_("Nothing can be recorded here."))
    await site.call_changed(call)


def _when(here: Visit) -> datetime | None:
    return here.call.scheduled_at if here.call.state == CallState.scheduled else None


def changed(site: Site, call: UUID) -> None:
    site.desk.bus.publish(Signal("call", {"call": str(call), "what": "state"}))
