"""LiveKit behind the port, against a small stand-in made from its published protocol."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import jwt
import pytest
from aiohttp import web

from adapters.media.livekit.engine import LiveKitEngine
from adapters.media.livekit.hooks import event_of
from adapters.media.settings import LiveKitSettings
from core.errors import Forbidden, NotFound, Unavailable
from core.ports.media import (
    Ended,
    Joined,
    Left,
    Limits,
    Reason,
    Recording,
    RecordingStarted,
    RecordingStopped,
    Source,
    TrackOff,
    TrackOn,
)

KEY, SECRET = "devkey", "a secret that is long enough for it"
NEEDS = {"CreateRoom": "roomCreate", "ListRooms": "roomList", "DeleteRoom": "roomCreate"}


class Server:
    """Rooms and egresses in memory; every request must carry a token with the right grant."""

    def __init__(self) -> None:
        self.rooms: dict[str, dict[str, Any]] = {}
        self.people: dict[str, list[dict[str, Any]]] = {}
        self.egresses: list[dict[str, Any]] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.broken = False

    async def answer(self, request: web.Request) -> web.Response:
        if self.broken:
            return web.Response(status=502, text="<html>")
        service, method = request.match_info["service"], request.match_info["method"]
        body = await request.json()
        token = jwt.decode(
            request.headers["Authorization"].removeprefix("Bearer "), SECRET, algorithms=["HS256"], issuer=KEY
        )
        needed = "roomRecord" if service == "livekit.Egress" else NEEDS.get(method, "roomAdmin")
        if not token["video"].get(needed):
            return web.json_response({"code": "permission_denied", "msg": ""}, status=403)
        self.asked.append((method, body))
        made = getattr(self, method)(body)
        if made is None:
            return web.json_response({"code": "not_found", "msg": "no such thing"}, status=404)
        return web.json_response(made)

    def CreateRoom(self, body: dict[str, Any]) -> dict[str, Any]:
        self.people.setdefault(body["name"], [])
        return self.rooms.setdefault(
            body["name"], {"sid": "RM_1", "name": body["name"], "creation_time": "1700000000"}
        )

    def ListRooms(self, body: dict[str, Any]) -> dict[str, Any]:
        names = body.get("names")
        return {"rooms": [room for name, room in self.rooms.items() if not names or name in names]}

    def DeleteRoom(self, body: dict[str, Any]) -> dict[str, Any] | None:
        return {} if self.rooms.pop(body["room"], None) else None

    def ListParticipants(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"participants": self.people.get(body["room"], [])}

    def GetParticipant(self, body: dict[str, Any]) -> dict[str, Any] | None:
        return next((p for p in self.people[body["room"]] if p["identity"] == body["identity"]), None)

    def RemoveParticipant(self, body: dict[str, Any]) -> dict[str, Any] | None:
        found = self.GetParticipant(body)
        if found is not None:
            self.people[body["room"]].remove(found)
        return {} if found else None

    def MutePublishedTrack(self, body: dict[str, Any]) -> dict[str, Any]:
        found = self.GetParticipant(body)
        assert found is not None
        for track in found["tracks"]:
            if track["sid"] == body["track_sid"]:
                track["muted"] = body["muted"]
        return {}

    def UpdateParticipant(self, body: dict[str, Any]) -> dict[str, Any]:
        found = self.GetParticipant(body)
        assert found is not None
        found["permission"] = body["permission"]
        return found

    def StartParticipantEgress(self, body: dict[str, Any]) -> dict[str, Any]:
        egress = {"egress_id": f"EG_{len(self.egresses)}", "room_name": body["room_name"], "status": "EGRESS_STARTING",
                  "participant": {"identity": body["identity"], "file_outputs": body["file_outputs"]}}  # fmt: skip
        self.egresses.append(egress)
        return egress

    def ListEgress(self, body: dict[str, Any]) -> dict[str, Any]:
        return {
            "items": [
                e
                for e in self.egresses
                if e["room_name"] == body["room_name"] and e["status"] != "EGRESS_ENDING"
            ]
        }

    def StopEgress(self, body: dict[str, Any]) -> dict[str, Any]:
        egress = next(e for e in self.egresses if e["egress_id"] == body["egress_id"])
        egress["status"] = "EGRESS_ENDING"
        return egress


@pytest.fixture
async def server() -> AsyncIterator[tuple[Server, LiveKitEngine]]:
    made = Server()
    app = web.Application()
    app.router.add_post("/twirp/{service}/{method}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    engine = LiveKitEngine(LiveKitSettings("wss://live.example", f"http://127.0.0.1:{port}", KEY, SECRET))
    yield made, engine
    await engine.close()
    await runner.cleanup()


def person(identity: object) -> dict[str, Any]:
    tracks = [{"sid": "TR_A", "source": "MICROPHONE", "muted": True}, {"sid": "TR_C", "source": "CAMERA"},
              {"sid": "TR_X", "source": "UNKNOWN"}]  # fmt: skip
    return {"identity": str(identity), "state": "ACTIVE", "tracks": tracks}


async def test_a_call_is_a_room_and_people_get_tokens(server: tuple[Server, LiveKitEngine]) -> None:
    live, engine = server
    call, who = uuid4(), uuid4()
    await engine.open(call, Limits(people=4))
    await engine.open(call)
    assert live.asked[0][1]["max_participants"] == 4
    answer = await engine.join(call, who, "an offer is not needed")
    assert (answer.kind, answer.url, answer.sdp) == ("token", "wss://live.example", "")
    token = jwt.decode(answer.token, SECRET, algorithms=["HS256"], issuer=KEY)
    assert token["sub"] == str(who)
    assert token["video"]["room"] == str(call)
    assert token["video"]["roomJoin"]
    assert "roomAdmin" not in token["video"]
    assert token["exp"] < time.time() + 3_700
    with pytest.raises(NotFound):
        await engine.join(uuid4(), who, "")


async def test_running_calls_are_those_with_our_names(server: tuple[Server, LiveKitEngine]) -> None:
    live, engine = server
    call, who = uuid4(), uuid4()
    await engine.open(call)
    live.CreateRoom({"name": "somebody else's"})
    live.people[str(call)].append(person(who))
    (running,) = await engine.running()
    assert (running.call, running.since) == (call, 1_700_000_000.0)
    (present,) = running.people
    assert (present.person, present.connected) == (who, True)
    assert present.sources == (Source.mic, Source.camera)
    assert present.muted == (Source.mic,)


async def test_steps_reach_the_server(server: tuple[Server, LiveKitEngine]) -> None:
    live, engine = server
    call, who = uuid4(), uuid4()
    await engine.open(call)
    live.people[str(call)].append(person(who))
    await engine.mute(call, who, Source.camera, True)
    assert live.people[str(call)][0]["tracks"][1]["muted"] is True
    await engine.hold(call, True)
    assert live.people[str(call)][0]["permission"]["can_subscribe"] is False
    await engine.candidate(call, who, "x")
    assert await engine.stats(call) == {}
    assert engine.ice_servers(who) == ()
    await engine.leave(call, who)
    await engine.leave(call, who)
    assert live.people[str(call)] == []
    await engine.end(call)
    await engine.end(call)
    assert await engine.running() == ()
    with pytest.raises(NotFound):
        await _mute(engine, call)


async def _mute(engine: LiveKitEngine, call: Any) -> None:
    await engine.mute(call, uuid4(), Source.mic, True)


async def test_recordings_are_egresses_of_one_person(server: tuple[Server, LiveKitEngine]) -> None:
    live, engine = server
    call, one, other = uuid4(), uuid4(), uuid4()
    await engine.open(call)
    first, second = Recording(uuid4(), one, b"k" * 32), Recording(uuid4(), other, b"k" * 32)
    await engine.record(call, (first, second))
    assert str(first.id) in live.egresses[0]["participant"]["file_outputs"][0]["filepath"]
    await engine.stop_recording(call, one)
    assert [e["status"] for e in live.egresses] == ["EGRESS_ENDING", "EGRESS_STARTING"]
    await engine.stop_recording(call)
    assert {e["status"] for e in live.egresses} == {"EGRESS_ENDING"}


async def test_a_broken_server_is_told_in_words(server: tuple[Server, LiveKitEngine]) -> None:
    live, engine = server
    live.broken = True
    with pytest.raises(Unavailable):
        await engine.open(uuid4())
    away = LiveKitEngine(LiveKitSettings("wss://x", "http://127.0.0.1:9", KEY, SECRET))
    with pytest.raises(Unavailable):
        await away.running()
    await away.close()


def signed(body: bytes, *, secret: str = SECRET, digest: bytes | None = None, exp: float = 60) -> str:
    claims = {
        "iss": KEY,
        "exp": int(time.time() + exp),
        "sha256": base64.b64encode(digest or hashlib.sha256(body).digest()).decode(),
    }
    return jwt.encode(claims, secret, algorithm="HS256")


async def test_webhooks_become_events(server: tuple[Server, LiveKitEngine]) -> None:
    _live, engine = server
    call, who = uuid4(), uuid4()
    events: list[Any] = []

    async def listen() -> None:
        async for event in engine.events():
            events.append(event)

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0)
    told = {"event": "participant_joined", "createdAt": "1700000001", "room": {"name": str(call)},
            "participant": {"identity": str(who)}}  # fmt: skip
    body = json.dumps(told).encode()
    engine.hook(body, signed(body))
    for authorization in (
        "",
        "x",
        signed(body, secret=SECRET + "!"),
        signed(body, digest=b"other"),
        signed(body, exp=-600),
    ):
        with pytest.raises(Forbidden):
            engine.hook(body, authorization)
    await asyncio.sleep(0)
    await engine.close()
    await listening
    assert events == [Joined(call=call, at=1_700_000_001.0, person=who)]


def test_every_webhook_that_matters() -> None:
    call, who, recording = uuid4(), uuid4(), uuid4()
    base = {"room": {"name": str(call)}, "participant": {"identity": str(who)}, "createdAt": "5"}
    egress = {"roomName": str(call), "status": "EGRESS_COMPLETE",
              "participant": {"identity": str(who), "fileOutputs": [{"filepath": f"a/recording-{recording}.mp4"}]},
              "fileResults": [{"duration": "2500000000"}]}  # fmt: skip
    ids = {"call": call, "at": 5.0, "person": who}
    cases = [
        ({"event": "participant_left", **base}, Left(**ids, reason=Reason.lost)),
        (
            {"event": "track_published", **base, "track": {"source": "SCREEN_SHARE"}},
            TrackOn(**ids, source=Source.screen),
        ),
        (
            {"event": "track_unpublished", **base, "track": {"source": "CAMERA"}},
            TrackOff(**ids, source=Source.camera),
        ),
        ({"event": "room_finished", **base}, Ended(call=call, at=5.0)),
        (
            {"event": "egress_started", "createdAt": "5", "egressInfo": egress},
            RecordingStarted(**ids, recording=recording),
        ),
        (
            {"event": "egress_ended", "createdAt": "5", "egressInfo": egress},
            RecordingStopped(**ids, recording=recording, milliseconds=2_500),
        ),
        ({"event": "track_published", **base, "track": {"source": "UNKNOWN"}}, None),
        ({"event": "room_started", **base}, None),
        ({"event": "participant_joined", **base, "room": {"name": "other"}}, None),
        ({"event": "participant_joined"}, None),
    ]
    for told, event in cases:
        assert event_of(told) == event
    removed = {**base, "participant": {"identity": str(who), "disconnectReason": "DUPLICATE_IDENTITY"}}
    assert event_of({"event": "participant_left", **removed}) == Left(**ids, reason=Reason.replaced)
