"""The engine in a process of its own: it outlives whoever started it, and is started again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from adapters.files.disk import DiskStore
from adapters.media import wire
from adapters.media.client import Client
from adapters.media.process import kept, spool_of
from adapters.media.recordings import StoredRecordings
from adapters.media.settings import Settings
from core.errors import Invalid, NotFound, TooMany, Unavailable
from core.ports.media import (
    Ended,
    EventsMissed,
    Joined,
    Limits,
    MediaEvent,
    PieceWritten,
    Quality,
    Reason,
    Recording,
    RecordingStopped,
    Running,
    Source,
)
from tests.media.visitors import Visitor


class House:
    """Where an engine lives: a folder for its socket and its files."""

    def __init__(self, folder: Path, linger: float = 5.0) -> None:
        self.socket, self.files = folder / "media.sock", folder / "files"
        self.settings = Settings(listen=("127.0.0.1",), ports=range(1))
        self.command = [
            sys.executable,
            "-m",
            "tests.media.engine_main",
            str(self.socket),
            str(self.files),
            str(linger),
        ]

    def kept(self) -> AsyncExitStack:
        return kept(self.command, self.socket, self.settings)  # type: ignore[return-value]


@pytest.fixture
async def house() -> AsyncIterator[House]:
    # pytest's own folders are too long for the name of a socket.
    with tempfile.TemporaryDirectory(prefix="dbm") as folder:
        made = House(Path(folder))
        yield made
        client = Client(made.socket, made.settings)
        if await client.reachable():
            with contextlib.suppress(Unavailable):  # one that was killed may listen a moment longer
                await client.shutdown()
                await _gone(made)
        await client.close()


async def _gone(house: House, seconds: float = 15.0) -> None:
    async with asyncio.timeout(seconds):
        while house.socket.exists():
            await asyncio.sleep(0.02)


async def _pid(house: House) -> int:
    """Whose process listens at the socket."""
    reader, writer = await asyncio.open_unix_connection(house.socket)
    import socket as sockets
    import struct

    raw = writer.get_extra_info("socket").getsockopt(sockets.SOL_SOCKET, sockets.SO_PEERCRED, 12)
    writer.close()
    del reader
    pid: int = struct.unpack("3i", raw)[0]
    return pid


async def test_it_is_started_when_none_runs(house: House) -> None:
    async with house.kept() as client:
        assert await client.running() == ()


async def test_a_call_through_the_socket(house: House) -> None:
    async with house.kept() as client:
        call = uuid4()
        await client.open(call, Limits(people=2))
        one, other = Visitor(client, call, shade=60), Visitor(client, call, shade=200)
        answer = await one.join({"0": Source.mic, "1": Source.camera})
        assert answer.seats == 1
        await other.join()
        await one.sees()
        await other.sees()
        (running,) = await client.running()
        assert isinstance(running, Running)
        assert {person.person for person in running.people} == {one.id, other.id}
        stats = await client.stats(call)
        assert isinstance(stats[one.id], Quality)
        with pytest.raises(TooMany):
            await Visitor(client, call).join()
        with pytest.raises(Invalid):
            await client.join(call, one.id, "v=0")
        await client.mute(call, one.id, Source.mic, True)
        await client.hold(call, True)
        await client.candidate(call, one.id, "candidate:1 1 udp 1 127.0.0.1 9 typ host")
        await client.leave(call, other.id)
        await client.end(call)
        with pytest.raises(NotFound):
            await client.stats(call)


async def _two_in_a_call(client: Client) -> tuple[UUID, Visitor, Visitor]:
    """The call, and both who are in it; the first one sees the other."""
    call = uuid4()
    await client.open(call)
    one, other = Visitor(client, call), Visitor(client, call)
    await one.join()
    await other.join()
    await one.sees()
    return call, one, other


async def test_calls_go_on_while_the_web_part_restarts(house: House) -> None:
    async with house.kept() as client:
        call, one, _other = await _two_in_a_call(client)
        pid = await _pid(house)
    before = one.frames["1"]
    await one.sees(more=10)
    assert one.frames["1"] > before
    async with house.kept() as client:
        assert await _pid(house) == pid
        (running,) = await client.running()
        assert running.call == call
        assert len(running.people) == 2
        await client.end(call)


async def test_a_killed_engine_is_started_again_and_listeners_are_told(house: House) -> None:
    async with house.kept() as client:
        await client.open(uuid4())
        events: asyncio.Queue[MediaEvent] = asyncio.Queue()

        async def listen() -> None:
            async for event in client.events():
                await events.put(event)

        listening = asyncio.create_task(listen())
        call = uuid4()
        await client.open(call)
        await asyncio.sleep(0.2)
        await client.end(call)
        first = await asyncio.wait_for(events.get(), 5)
        assert isinstance(first, Ended)
        assert first.call == call
        assert first.at > 0
        os.kill(await _pid(house), signal.SIGKILL)
        assert isinstance(await asyncio.wait_for(events.get(), 20), EventsMissed)
        assert await client.running() == ()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def test_a_recording_survives_the_kill_of_its_engine(house: House) -> None:
    async with house.kept() as client:
        call, one, _other = await _two_in_a_call(client)
        recording = Recording(uuid4(), one.id, os.urandom(32))
        written: asyncio.Queue[PieceWritten] = asyncio.Queue()

        async def listen() -> None:
            async for event in client.events():
                if isinstance(event, PieceWritten):
                    await written.put(event)

        listening = asyncio.create_task(listen())
        await asyncio.sleep(0.2)
        await client.record(call, (recording,))
        safe = [await asyncio.wait_for(written.get(), 10) for _ in range(3)][-1]
        os.kill(await _pid(house), signal.SIGKILL)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        manifest = await StoredRecordings(DiskStore(house.files), spool_of(house.socket)).manifest(
            recording.id, recording.key
        )
        assert manifest.milliseconds >= safe.milliseconds
        assert {track.source for track in manifest.tracks} == {Source.mic, Source.camera}


async def test_told_to_end_it_completes_its_recordings(house: House) -> None:
    async with house.kept() as client:
        call, one, _other = await _two_in_a_call(client)
        recording = Recording(uuid4(), one.id, os.urandom(32))
        ended: list[MediaEvent] = []

        async def listen() -> None:
            async for event in client.events():
                ended.append(event)

        listening = asyncio.create_task(listen())
        await asyncio.sleep(0.2)
        await client.record(call, (recording,))
        await one.sees(more=15)
        os.kill(await _pid(house), signal.SIGTERM)
        await _gone(house)
        async with asyncio.timeout(30):
            while not any(isinstance(event, Ended) for event in ended):
                await asyncio.sleep(0.02)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        stopped = next(event for event in ended if isinstance(event, RecordingStopped))
        assert stopped.reason is Reason.stopping
        manifest = await StoredRecordings(DiskStore(house.files), spool_of(house.socket)).manifest(
            recording.id, recording.key
        )
        assert manifest.milliseconds == stopped.milliseconds > 800


async def _refuses_new_ones(client: Client) -> None:
    async with asyncio.timeout(20):
        while True:
            call = uuid4()
            try:
                await client.open(call)
            except Unavailable:
                return
            await client.end(call)


async def test_an_engine_that_is_drained_ends_with_its_last_call(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESKBELL_MEDIA_DRAIN", "60")
    async with house.kept() as client:
        call, one, _other = await _two_in_a_call(client)
        os.kill(await _pid(house), signal.SIGTERM)
        await _refuses_new_ones(client)
        await one.sees(more=15)
        await client.end(call)
        await _gone(house)


async def test_an_engine_that_nobody_needs_ends() -> None:
    with tempfile.TemporaryDirectory(prefix="dbm") as folder:
        house = House(Path(folder), linger=0.0)
        async with house.kept() as client:
            assert await client.running() == ()
        await _gone(house)


async def test_requests_that_make_no_sense_are_refused(house: House) -> None:
    async with house.kept() as client:
        assert await client.running() == ()
        reader, writer = await asyncio.open_unix_connection(house.socket)
        for request in ({"id": 1, "do": "fly"}, {"id": 2, "do": "end"}, {"id": 3, "do": "end", "call": 7}):
            writer.write(wire.pack(request))
            reply = await wire.read(reader)
            assert reply is not None
            assert reply["error"]["kind"] == "Invalid"
        writer.write(b"\xff\xff\xff\xff")
        assert await wire.read(reader) is None
        writer.close()
        assert await client.running() == ()


async def test_without_an_engine_requests_fail_in_words(tmp_path: Path) -> None:
    client = Client(tmp_path / "none.sock", Settings())
    with pytest.raises(Unavailable):
        await client._ask("running", reach=0.1)
    await client.close()


def test_events_survive_the_wire() -> None:
    event = Joined(call=UUID(int=5), at=1.5, person=UUID(int=7), again=True)
    packed = wire.pack_event(3, event)
    import orjson

    assert wire.event_of(orjson.loads(packed[4:])) == event
    assert wire.event_of({"event": "Unknown", "value": {}}) is None
