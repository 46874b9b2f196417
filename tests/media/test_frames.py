"""From packets to frames to clusters to pieces, without a network."""

from __future__ import annotations

import io
from uuid import uuid4

import av
import pytest

from adapters.media import webm
from adapters.media.aiortc.frames import Frames
from adapters.media.aiortc.rtp import HEAD
from adapters.media.pieces import (
    LARGEST_INDEX,
    Index,
    Part,
    Piece,
    block_name,
    joined,
    piece_name,
    read_index,
)
from adapters.media.webm import Cue, Entry
from benchmarks.callers import RATE, media
from core.errors import Invalid
from core.ports.files import check_name
from core.ports.media import Source


class Camera:
    """Packets of real pictures, which a test may lose, swap or pad."""

    def __init__(self) -> None:
        self.asked = 0
        self.frames = Frames(video=True, began=0.0, ask_key_frame=self._ask)
        self.packets: list[tuple[bytes, int, int, int, float]] = []
        sequence = 65_500
        for number, payloads in enumerate(media().video[:50]):
            stamp = (0xFFFF_0000 + number * 90_000 // RATE) & 0xFFFF_FFFF
            for index, payload in enumerate(payloads):
                sequence = (sequence + 1) & 0xFFFF
                mark = (0x80 if index == len(payloads) - 1 else 0) | 96
                data = HEAD.pack(0x80, mark, sequence, stamp, 7) + payload
                self.packets.append((data, mark, sequence, stamp, number / RATE))

    def give(self, packets: list[tuple[bytes, int, int, int, float]]) -> None:
        for data, mark, sequence, stamp, at in packets:
            self.frames.packet((sequence, stamp, mark, data, at))

    def _ask(self) -> None:
        self.asked += 1


def test_every_frame_is_there_with_its_time_and_decodes() -> None:
    camera = Camera()
    camera.give(camera.packets)
    frames = camera.frames.take(100)
    assert [frame.time for frame in frames] == [number * 1000 // RATE for number in range(50)]
    assert [frame.key for frame in frames] == [True] + [False] * 49
    assert camera.frames.picture == (960, 540)
    body = webm.cluster(frames)
    data = webm.head([Entry(Source.camera, (960, 540))], 2_000, len(body), [Cue(0, 0)]) + body
    with av.open(io.BytesIO(data)) as file:
        assert file.duration == 2_000_000
        assert sum(1 for _ in file.decode(0)) == 50


def test_disorder_is_put_right() -> None:
    camera = Camera()
    swapped = list(camera.packets)
    for at in range(0, len(swapped) - 5, 5):
        swapped[at], swapped[at + 4] = swapped[at + 4], swapped[at]
    camera.give(swapped)
    assert len(camera.frames.take(100)) == 50
    assert camera.frames.lost == 0


def test_a_late_packet_is_waited_for_and_then_given_up() -> None:
    camera = Camera()
    missing = next(i for i, p in enumerate(camera.packets) if p[4] == 20 / RATE)
    camera.give(camera.packets[:missing] + camera.packets[missing + 1 :])
    now = camera.packets[missing][4]
    assert len(camera.frames.take(now + 0.5)) == 20
    assert camera.frames.lost == 0
    camera.give([camera.packets[missing]])
    assert len(camera.frames.take(now + 0.6)) == 30

    camera = Camera()
    camera.give(camera.packets[:missing] + camera.packets[missing + 1 :])
    assert len(camera.frames.take(100)) == 20
    assert camera.frames.lost == 1
    assert camera.frames.waits_for_key
    assert camera.asked == 1


def test_nothing_is_taken_before_a_key_frame() -> None:
    camera = Camera()
    later = [packet for packet in camera.packets if packet[4] > 0]
    camera.give(later)
    assert camera.frames.take(100) == []
    assert camera.asked == 1
    assert camera.frames.lost == 0


def test_padding_between_frames_is_no_loss() -> None:
    camera = Camera()
    padded: list[tuple[bytes, int, int, int, float]] = []
    shift = 0
    for data, mark, sequence, stamp, at in camera.packets:
        number = (sequence + shift) & 0xFFFF
        padded.append((data, mark, number, stamp, at))
        if mark & 0x80:
            shift += 1
            number = (sequence + shift) & 0xFFFF
            padded.append((HEAD.pack(0xA0, 96, number, stamp, 7) + b"\0\0\0\x04", 96, number, stamp, at))
    camera.give(padded)
    assert len(camera.frames.take(100)) == 50
    assert camera.frames.lost == 0


def test_another_sender_goes_on_behind() -> None:
    camera = Camera()
    camera.give(camera.packets[: len(camera.packets) // 2])
    camera.frames.restart()
    again = [
        (d, m, (q + 9_000) & 0xFFFF, (s + 77_777) & 0xFFFF_FFFF, at + 5) for d, m, q, s, at in camera.packets
    ]
    camera.give(again)
    frames = camera.frames.take(100)
    times = [frame.time for frame in frames]
    assert times == sorted(times)
    assert times[-1] == 5_000 + 49 * 1000 // RATE


def test_a_clock_that_runs_away_is_set_again() -> None:
    sound = Frames(video=False, began=0.0, ask_key_frame=lambda: None)
    for number in range(100):
        data = HEAD.pack(0x80, 111, number, number * 1_200, 7) + b"opus"
        sound.packet((number, number * 1_200, 111, data, number * 0.02))
    times = [frame.time for frame in sound.take(100)]
    assert times == sorted(times)
    assert abs(times[-1] - 99 * 20) <= 1_500


def test_memory_is_bounded_when_nobody_takes() -> None:
    camera = Camera()
    for _ in range(60):
        camera.give(camera.packets)
    assert len(camera.frames._arrived) <= 8_192


def test_a_piece_is_read_as_it_was_written() -> None:
    parts = {
        Source.mic: Part(3, 10, 30, [(10, 0)]),
        Source.camera: Part(4, 0, 40, [(0, 0), (20, 2)], (640, 480)),
    }
    piece = Piece(Index(123.5, parts), {Source.mic: [b"abc"], Source.camera: [b"de", b"fg"]})
    data = piece.to_bytes()
    index, start = read_index(data)
    assert index == piece.index
    assert data[start:] == b"abcdefg"
    assert read_index(data[:3]) == (None, 4)
    assert read_index(data[:20]) == (None, start)
    with pytest.raises(Invalid):
        read_index((LARGEST_INDEX + 1).to_bytes(4, "big"))


def test_pieces_join_by_source() -> None:
    first = Piece(Index(1.0, {Source.mic: Part(3, 0, 20, [(0, 0)])}), {Source.mic: [b"abc"]})
    second = Piece(
        Index(
            1.0, {Source.mic: Part(2, 20, 40, [(20, 0)]), Source.camera: Part(1, 20, 40, [(20, 0)], (4, 3))}
        ),
        {Source.mic: [b"de"], Source.camera: [b"X"]},
    )
    whole = joined([first, second])
    assert whole.clusters == {Source.mic: [b"abc", b"de"], Source.camera: [b"X"]}
    assert whole.index.parts[Source.mic] == Part(5, 0, 40, [(0, 0), (20, 3)])
    assert whole.index.parts[Source.camera].picture == (4, 3)


def test_names_follow_from_the_recording_and_are_names_of_the_store() -> None:
    recording = uuid4()
    names = {
        block_name(recording, 0),
        block_name(recording, 1),
        piece_name(recording, 0, 0),
        piece_name(recording, 0, 1),
    }
    assert len(names) == 4
    assert all(check_name(name) for name in names)
    assert block_name(recording, 0) == block_name(recording, 0)


def test_sizes_of_elements() -> None:
    for size in (0, 126, 127, 128, 16_382, 16_383, 70_000):
        data = webm.element(b"\xec", bytes(size))
        with_length = len(data) - 1 - size
        assert with_length in (1, 2, 4)
