"""LiveKit behind the port, against a small stand-in made from its published protocol."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import jwt
import pytest

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
from tests.fakes.livekit import KEY, SECRET, Server, served, signed


@pytest.fixture
async def server() -> AsyncIterator[tuple[Server, LiveKitEngine]]:
    async with served() as (made, url):
        engine = LiveKitEngine(LiveKitSettings("wss://live.example", url, KEY, SECRET))
        yield made, engine
        await engine.close()


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
    assert present.recording is None
    recording = Recording(uuid4(), who, b"k" * 32)
    await engine.record(call, (recording,))
    live.egresses.append({"room_name": str(call), "status": "EGRESS_ACTIVE", "room_composite": {}})
    assert (await engine.running())[0].people[0].recording == recording.id


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
