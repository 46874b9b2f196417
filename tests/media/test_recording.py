"""What is recorded can be played, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import io
import os
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import av
import pytest

from adapters.files.memory import MemoryStore
from adapters.media.aiortc import recorder
from adapters.media.aiortc.engine import Engine
from adapters.media.pieces import Index, Part, Piece
from adapters.media.recordings import StoredRecordings
from adapters.media.settings import Settings
from adapters.media.spool import Spool
from core.crypto.stream import Corrupt
from core.errors import NotFound
from core.files.sealed import open_sealed
from core.ports.files import StoreDown, StoreFull, new_name
from core.ports.media import Left, PieceWritten, Reason, Recording, RecordingStarted, RecordingStopped, Source
from tests.media.conftest import Stage
from tests.media.visitors import RATE, Visitor


def order(visitor: Visitor) -> Recording:
    return Recording(uuid4(), visitor.id, os.urandom(32))


async def whole(recordings: StoredRecordings, recording: Recording, source: Source) -> bytes:
    return b"".join([data async for data in recordings.read(recording.id, recording.key, source)])


def decoded(data: bytes) -> list[float]:
    """The times of all frames."""
    with av.open(io.BytesIO(data)) as file:
        return [float(frame.time) for frame in file.decode(0)]


async def recorded(stage: Stage, visitor: Visitor, *, pieces: int = 2) -> tuple[Recording, StoredRecordings]:
    """A recording of this person with at least so many pieces in the store."""
    recording = order(visitor)
    await stage.engine.record(stage.call, (recording,))
    for number in range(pieces):
        await stage.hears(PieceWritten, lambda e, n=number: e.milliseconds > n * 1_500)  # type: ignore[misc]
    return recording, StoredRecordings(stage.store, stage.spool)


async def test_picture_and_sound_are_there_with_their_times(stage: Stage) -> None:
    one, _other = await stage.two()
    recording, recordings = await recorded(stage, one, pieces=3)
    await stage.engine.stop_recording(stage.call)
    stopped = await stage.hears(RecordingStopped)
    assert (stopped.person, stopped.reason) == (one.id, Reason.asked)
    manifest = await recordings.manifest(recording.id, recording.key)
    assert manifest.milliseconds == stopped.milliseconds > 3_000
    assert [track.source for track in manifest.tracks] == [Source.camera, Source.mic]
    camera, mic = manifest.tracks
    pictures = decoded(await whole(recordings, recording, Source.camera))
    assert len(pictures) == pytest.approx((camera.end_ms - camera.start_ms) / 1000 * RATE, rel=0.1, abs=2)
    sounds = decoded(await whole(recordings, recording, Source.mic))
    assert len(sounds) == pytest.approx((mic.end_ms - mic.start_ms) / 20, rel=0.1, abs=2)
    assert pictures[-1] * 1000 == pytest.approx(camera.end_ms, abs=200)
    assert sounds[-1] * 1000 == pytest.approx(mic.end_ms, abs=200)


async def test_a_track_is_a_file_that_says_how_long_it_is_and_can_be_sought(stage: Stage) -> None:
    one, _other = await stage.two()
    recording, recordings = await recorded(stage, one)
    await stage.engine.stop_recording(stage.call)
    manifest = await recordings.manifest(recording.id, recording.key)
    for track in manifest.tracks:
        data = await whole(recordings, recording, track.source)
        assert len(data) == track.size
        with av.open(io.BytesIO(data)) as file:
            assert file.duration == track.end_ms * 1000
            file.seek(int((track.end_ms - 500) * 1000))
            assert next(file.decode(0)).time <= track.end_ms / 1000


async def test_every_range_is_the_same_bytes(stage: Stage) -> None:
    one, _other = await stage.two()
    recording, recordings = await recorded(stage, one)
    await stage.engine.stop_recording(stage.call)
    data = await whole(recordings, recording, Source.mic)
    for start, stop in ((0, 1), (0, None), (50, 400), (200, 201), (len(data) - 9, None), (3_000, 30_000)):
        parts = recordings.read(recording.id, recording.key, Source.mic, start, stop)
        assert b"".join([part async for part in parts]) == data[start:stop]


async def test_it_can_be_played_while_it_is_being_recorded(stage: Stage) -> None:
    one, _other = await stage.two()
    recording, recordings = await recorded(stage, one)
    assert len(decoded(await whole(recordings, recording, Source.camera))) > RATE


async def test_only_the_person_with_consent_is_recorded(stage: Stage) -> None:
    one, other = await stage.two()
    recording, _recordings = await recorded(stage, one)
    assert {event.person for event in stage.told(RecordingStarted)} == {one.id}
    (running,) = await stage.engine.running()
    assert {p.person: p.recording for p in running.people} == {one.id: recording.id, other.id: None}


async def test_one_person_can_stop_for_themselves(stage: Stage) -> None:
    one, other = await stage.two()
    mine, theirs = order(one), order(other)
    await stage.engine.record(stage.call, (mine, theirs))
    await stage.engine.stop_recording(stage.call, one.id)
    (running,) = await stage.engine.running()
    assert {p.person: p.recording for p in running.people} == {one.id: None, other.id: theirs.id}


async def test_another_key_opens_nothing(stage: Stage) -> None:
    one, _other = await stage.two()
    recording, recordings = await recorded(stage, one)
    with pytest.raises(Corrupt):
        await recordings.manifest(recording.id, os.urandom(32))


async def test_deleting_needs_no_key_and_leaves_nothing(stage: Stage) -> None:
    one, _other = await stage.two()
    recording, recordings = await recorded(stage, one)
    await stage.engine.stop_recording(stage.call)
    await recordings.delete(recording.id)
    assert [name async for name in stage.store.names()] == []
    with pytest.raises(NotFound):
        await recordings.manifest(recording.id, recording.key)


async def test_pieces_become_blocks_without_a_change_of_bytes(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "BLOCK_PIECES", 2)
    monkeypatch.setattr(recorder, "PIECE_SECONDS", 0.5)
    one, _other = await stage.two()
    recording, recordings = await recorded(stage, one, pieces=4)
    await stage.engine.stop_recording(stage.call)
    assert len([name async for name in stage.store.names()]) < 8
    times = decoded(await whole(recordings, recording, Source.camera))
    assert all(0 < later - earlier < 0.4 for earlier, later in pairwise(times))
    assert times[-1] > 4
    await recordings.delete(recording.id)
    assert [name async for name in stage.store.names()] == []


async def test_coming_back_goes_on_in_the_same_recording(stage: Stage) -> None:
    one, _other = await stage.two()
    recording, recordings = await recorded(stage, one)
    again = stage.visitor(shade=100, who=one.id)
    await again.join()
    await again.sees(more=25)
    await stage.engine.stop_recording(stage.call)
    assert [event.recording for event in stage.told(RecordingStopped)] == [recording.id]
    times = decoded(await whole(recordings, recording, Source.camera))
    assert times == sorted(times)
    assert max(b - a for a, b in pairwise(times)) < 2.0


async def test_silence_keeps_time(stage: Stage) -> None:
    one, _other = await stage.two()
    recording, recordings = await recorded(stage, one, pieces=1)
    await stage.engine.mute(stage.call, one.id, Source.mic, True)
    began = time.monotonic()
    await asyncio.sleep(1.5)
    await stage.engine.mute(stage.call, one.id, Source.mic, False)
    silent = time.monotonic() - began
    await one.sees(more=25)
    await stage.engine.stop_recording(stage.call)
    sounds = decoded(await whole(recordings, recording, Source.mic))
    pictures = decoded(await whole(recordings, recording, Source.camera))
    assert max(b - a for a, b in pairwise(sounds)) == pytest.approx(silent, abs=0.6)
    assert sounds[-1] == pytest.approx(pictures[-1], abs=0.8)


async def test_leaving_completes_the_recording_first(stage: Stage) -> None:
    one, _other = await stage.two()
    await recorded(stage, one)
    await stage.engine.leave(stage.call, one.id)
    left = await stage.hears(Left)
    assert stage.told(RecordingStopped)[-1].at <= left.at


class Failing(MemoryStore):
    """A store that takes so many objects and then fails."""

    def __init__(self, takes: int, error: type[Exception]) -> None:
        super().__init__()
        self.takes, self.error = takes, error

    async def put(self, name: str, chunks: AsyncIterator[bytes]) -> int:
        self.takes -= 1
        if self.takes < 0:
            raise self.error
        return await super().put(name, chunks)


@pytest.mark.parametrize(
    ("error", "reason"), [(StoreFull, Reason.store_full), (StoreDown, Reason.store_down)]
)
async def test_a_failing_store_ends_the_recording_and_not_the_call(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, error: type[Exception], reason: Reason
) -> None:
    monkeypatch.setattr(recorder, "BLOCK_PIECES", 1)
    store = Failing(1, error)
    stage.engine._store = stage.engine._calls[stage.call]._store = store
    one, other = await stage.two()
    recording = order(one)
    await stage.engine.record(stage.call, (recording,))
    stopped = await stage.hears(RecordingStopped)
    assert stopped.reason is reason
    assert stopped.milliseconds > 1_000
    await other.sees()
    manifest = await StoredRecordings(store, stage.spool).manifest(recording.id, recording.key)
    assert manifest.milliseconds == stopped.milliseconds
    another = order(one)
    await stage.engine.record(stage.call, (another,))
    await stage.hears(RecordingStarted, lambda e: e.recording == another.id)


async def test_all_parts_become_one_file(stage: Stage) -> None:
    one, other = await stage.two()
    first, recordings = await recorded(stage, one, pieces=1)
    second = order(other)
    await stage.engine.record(stage.call, (second,))
    await one.sees(more=30)
    await stage.engine.stop_recording(stage.call)
    name, key = new_name(), os.urandom(32)
    size = await recordings.merge(((first.id, first.key), (second.id, second.key)), name, key)
    data = b"".join([part async for part in open_sealed(stage.store, name, key)])
    assert len(data) == size
    one_part, other_part = [await recordings.manifest(r.id, r.key) for r in (first, second)]
    length = max(m.began + m.milliseconds / 1000 for m in (one_part, other_part)) - one_part.began
    with av.open(io.BytesIO(data)) as file:
        assert file.duration / 1e6 == pytest.approx(length, abs=0.01)
        assert [stream.type for stream in file.streams] == ["audio", "video", "video"]
        loud, shown = 0.0, {1: 0, 2: 0}
        for packet in file.demux():
            for frame in packet.decode():
                if isinstance(frame, av.VideoFrame):
                    shown[packet.stream.index] += 1
                else:
                    loud = max(loud, float(abs(frame.to_ndarray()).max()))
        assert loud > 0.3
        alone = (one_part.tracks[0].end_ms - one_part.tracks[0].start_ms) / 1000 * RATE
        assert shown[1] == pytest.approx(alone, abs=2)
        assert shown[2] > RATE
        file.seek(int(length * 0.6 * 1e6))
        assert float(next(file.decode(video=0)).time) < length
    assert len([n async for n in stage.store.names()]) == 3


async def test_what_was_spooled_by_a_dead_engine_is_brought_to_the_store(tmp_path: Path) -> None:
    key, recording = os.urandom(32), uuid4()
    spool, store = Spool(tmp_path), MemoryStore()
    shelf = spool.shelf(recording)
    for number in range(3):
        part = Part(size=3, start=number * 40, end=number * 40 + 40)
        await shelf.put(
            0, number, Piece(Index(1.0, {Source.mic: part}), {Source.mic: [b"abc"]}).to_chunks(), key
        )
    shelf.close(keep=True)
    with (tmp_path / f"{recording}.0").open("ab") as file:
        file.write(b"DBSP" + bytes(11))
    (tmp_path / "stray").write_bytes(b"x")
    engine = Engine(Settings(listen=("127.0.0.1",), ports=range(1)), store, tmp_path)
    await engine.start()
    async with asyncio.timeout(30):
        while spool.recordings():
            await asyncio.sleep(0.01)
    await engine.close()
    assert (await StoredRecordings(store).manifest(recording, key)).milliseconds == 120


async def test_older_pieces_behind_newer_ones_do_not_count(tmp_path: Path) -> None:
    recording, key = uuid4(), os.urandom(32)
    spool = Spool(tmp_path)
    shelf = spool.shelf(recording)
    for block, pieces in ((0, 4), (1, 2), (2, 2)):
        for number in range(pieces):
            await shelf.put(block, number, [bytes(100)], key)
    found = sorted((entry.block, entry.piece) for entry in spool.entries(recording).values())
    assert found == [(1, 0), (1, 1), (2, 0), (2, 1)]
    shelf.close(keep=False)
    assert spool.recordings() == []
