"""A `MediaEngine` that is a LiveKit server. Browsers speak to it with LiveKit's own client; this
side makes rooms, lets people in and tells what the server's webhooks told.

Recordings are egresses of one participant each; their files lie where the server's egress is set
to write, under names with our ids, and are not sealed by us.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import UUID

import aiohttp
import orjson
import structlog

from adapters.media.livekit.api import Api
from adapters.media.livekit.hooks import PREFIX, SOURCES, event_of, recording_of
from adapters.media.livekit.tokens import is_genuine, join_token
from adapters.media.settings import LiveKitSettings
from core import clock
from core.errors import Forbidden, NotFound
from core.i18n import _
from core.ports.media import (
    Answer,
    IceServer,
    Limits,
    MediaEvent,
    Present,
    Quality,
    Recording,
    Running,
    Source,
)

log = structlog.get_logger("media.livekit")

_MOST_WAITING = 10_000


class LiveKitEngine:
    """Use `close` at the end, and hand webhooks to `hook`."""

    def __init__(self, settings: LiveKitSettings, limits: Limits | None = None) -> None:
        self._settings, self._limits = settings, limits or Limits()
        self._http = aiohttp.ClientSession()
        self._api = Api(settings, self._http)
        self._listeners: set[asyncio.Queue[MediaEvent | None]] = set()

    async def close(self) -> None:
        for listener in self._listeners:
            listener.put_nowait(None)
        await self._http.close()

    def heard(self, body: bytes, authorization: str) -> MediaEvent | None:
        """What a webhook tells; raises `Forbidden` when it is not the server's."""
        if not is_genuine(self._settings, body, authorization):
            raise Forbidden(_("This message does not come from the call server."))
        told = orjson.loads(body)
        return event_of(told) if isinstance(told, dict) else None

    def hook(self, body: bytes, authorization: str) -> None:
        """The same, for those who listen."""
        event = self.heard(body, authorization)
        for listener in self._listeners if event is not None else ():
            if listener.qsize() < _MOST_WAITING:
                listener.put_nowait(event)

    async def open(self, call: UUID, limits: Limits | None = None) -> None:
        given = limits or self._limits
        await self._api.rooms(
            "CreateRoom", str(call), name=str(call), max_participants=given.people,
            empty_timeout=int(given.empty_seconds), departure_timeout=int(given.empty_seconds),
        )  # fmt: skip

    async def join(
        self, call: UUID, person: UUID, offer: str, sources: Mapping[str, Source] | None = None
    ) -> Answer:
        await self._room(call)
        token = join_token(self._settings, str(call), str(person), clock.seconds())
        return Answer(sdp="", kind="token", url=self._settings.url, token=token)

    async def candidate(self, call: UUID, person: UUID, candidate: str) -> None:
        """Browsers tell the server by themselves."""

    async def leave(self, call: UUID, person: UUID) -> None:
        with contextlib.suppress(NotFound):
            await self._api.rooms("RemoveParticipant", str(call), room=str(call), identity=str(person))

    async def end(self, call: UUID) -> None:
        with contextlib.suppress(NotFound):
            await self._api.rooms("DeleteRoom", str(call), room=str(call))

    async def mute(self, call: UUID, person: UUID, source: Source, on: bool) -> None:
        told = await self._api.rooms("GetParticipant", str(call), room=str(call), identity=str(person))
        for track in _list(told, "tracks"):
            if SOURCES.get(str(track.get("source"))) is source:
                await self._api.rooms(
                    "MutePublishedTrack", str(call), room=str(call), identity=str(person),
                    track_sid=track.get("sid"), muted=on,
                )  # fmt: skip

    async def hold(self, call: UUID, on: bool) -> None:
        permission = {"can_subscribe": not on, "can_publish": True, "can_publish_data": False}
        for person in await self._people(call):
            await self._api.rooms(
                "UpdateParticipant",
                str(call),
                room=str(call),
                identity=person.get("identity"),
                permission=permission,
            )

    async def record(self, call: UUID, recordings: tuple[Recording, ...]) -> None:
        for recording in recordings:
            await self._api.egress(
                "StartParticipantEgress", str(call), room_name=str(call), identity=str(recording.person),
                file_outputs=[{"filepath": f"{PREFIX}{recording.id}.mp4"}],
            )  # fmt: skip

    async def stop_recording(self, call: UUID, person: UUID | None = None) -> None:
        told = await self._api.egress("ListEgress", str(call), room_name=str(call), active=True)
        for egress in _list(told, "items"):
            identity = egress.get("participant", {}).get("identity")
            if person is None or identity == str(person):
                await self._api.egress("StopEgress", str(call), egress_id=_of(egress, "egress_id"))

    async def running(self) -> tuple[Running, ...]:
        told = await self._api.rooms("ListRooms", "")
        egresses = _list(await self._api.egress("ListEgress", "", active=True), "items")
        recorded = dict(filter(None, map(recording_of, egresses)))
        found = []
        for room in _list(told, "rooms"):
            with contextlib.suppress(ValueError):  # rooms of others on the same server
                call = UUID(str(room.get("name")))
                since = float(_of(room, "creation_time") or 0)
                people = tuple(_present(one, call, recorded) for one in await self._people(call))
                found.append(Running(call, since, people=people))
        return tuple(found)

    async def stats(self, call: UUID) -> Mapping[UUID, Quality]:
        """The server keeps none; browsers tell theirs."""
        return {}

    def ice_servers(self, person: UUID) -> tuple[IceServer, ...]:
        """The server tells browsers its own."""
        return ()

    async def events(self) -> AsyncIterator[MediaEvent]:
        listener: asyncio.Queue[MediaEvent | None] = asyncio.Queue()
        self._listeners.add(listener)
        try:
            while (event := await listener.get()) is not None:
                yield event
        finally:
            self._listeners.discard(listener)

    async def _room(self, call: UUID) -> None:
        if not _list(await self._api.rooms("ListRooms", str(call), names=[str(call)]), "rooms"):
            raise NotFound(_("This call is over."))

    async def _people(self, call: UUID) -> list[dict[str, Any]]:
        return _list(await self._api.rooms("ListParticipants", str(call), room=str(call)), "participants")


def _present(told: dict[str, Any], call: UUID, recorded: Mapping[tuple[UUID, UUID], UUID]) -> Present:
    tracks = _list(told, "tracks")
    person = UUID(str(told.get("identity")))
    return Present(
        person=person,
        recording=recorded.get((call, person)),
        connected=told.get("state") in ("JOINED", "ACTIVE"),
        sources=tuple(s for track in tracks if (s := SOURCES.get(str(track.get("source")))) is not None),
        muted=tuple(
            SOURCES[track["source"]]
            for track in tracks
            if track.get("muted") and track.get("source") in SOURCES
        ),
    )


def _list(told: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = told.get(name) or []
    return [one for one in found if isinstance(one, dict)]


def _of(told: dict[str, Any], name: str) -> Any:
    """A field under either of the two spellings that the server may use."""
    first, *rest = name.split("_")
    return told.get(name, told.get(first + "".join(word.title() for word in rest)))
