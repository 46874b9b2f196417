"""The way of a packet, step by step: what a viewer's decoder is shown, what is asked for again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from aiortc.rtp import (
    HeaderExtensionsMap,
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRtpfbPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
    RtpPacket,
)

from adapters.media.aiortc import rtp
from adapters.media.aiortc.offer import LEVEL, ROTATION, SEND_TIME, Section
from adapters.media.aiortc.slot import Slot
from adapters.media.aiortc.track import Track
from core.ports.media import Source

KEY, DELTA = b"\x10\x00\x9d\x01\x2a\x80\x02\xe0\x01", b"\x10\x01rest"


class Wire:
    """Stands where a connection would be, and keeps what would be sent."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self.control: list[bytes] = []

    def send(self, packet: bytes) -> None:
        self.packets.append(packet)

    def send_control(self, packet: bytes) -> None:
        self.control.append(packet)

    def parsed(self) -> list[RtpPacket]:
        return [RtpPacket.parse(packet) for packet in self.packets]

    def told(self, kind: type) -> list[object]:
        return [
            packet for data in self.control for packet in RtcpPacket.parse(data) if isinstance(packet, kind)
        ]


def packet(
    sequence: int, stamp: int = 0, payload: bytes = DELTA, *, mark: int = 0x80, extensions: bytes = b""
) -> bytes:
    head = rtp.HEAD.pack(0x90 if extensions else 0x80, mark | 96, sequence & 0xFFFF, stamp & 0xFFFF_FFFF, 777)
    return head + extensions + payload


VIDEO = Section("video", "1", payload=96, sends=True, receives=True, ssrc=777, extensions={SEND_TIME: 3})


class Setting:
    """A camera, its sender's wire, and one viewer's wire and slot."""

    def __init__(
        self, source: Source = Source.camera, theirs: Section = VIDEO, mine: Section = VIDEO
    ) -> None:
        self.up, self.down = Wire(), Wire()
        self.track = Track(source)
        self.track.attach(self.up, theirs, 42)  # type: ignore[arg-type]
        self.slot = Slot(self.down, replace(mine, payload=101))  # type: ignore[arg-type]
        self.slot.fill(self.track)

    def take(self, *numbers: int, payload: bytes = DELTA, at: float = 0.0) -> None:
        for number in numbers:
            self.track.packet(packet(number, number * 3_000, payload), 100 + at + number / 30)


def test_nothing_is_shown_before_a_key_frame() -> None:
    scene = Setting()
    scene.take(1, 2)
    assert scene.down.packets == []
    scene.take(3, payload=KEY)
    scene.take(4)
    assert [p.payload for p in scene.down.parsed()] == [KEY, DELTA]


def test_numbers_type_and_source_are_the_viewers() -> None:
    scene = Setting()
    scene.take(65_535, payload=KEY)
    scene.take(0, 1)
    shown = scene.down.parsed()
    assert {(p.ssrc, p.payload_type) for p in shown} == {(scene.slot.ssrc, 101)}
    first = shown[0].sequence_number
    assert [p.sequence_number - first for p in shown] == [0, 1, 2]
    assert all(p.marker for p in shown)


def test_a_key_frame_is_asked_for_at_once_and_again_until_it_comes() -> None:
    scene = Setting()
    scene.take(1)
    assert len(scene.up.told(RtcpPsfbPacket)) == 1
    scene.track._key_asked -= 1
    scene.track.tick(scene.track.last_at)
    import time

    scene.track.last_at = time.monotonic()
    scene.track.tick(time.monotonic())
    assert len(scene.up.told(RtcpPsfbPacket)) == 2
    scene.take(2, payload=KEY)
    scene.track._key_asked -= 5
    scene.track.last_at = time.monotonic()
    scene.track.tick(time.monotonic())
    assert len(scene.up.told(RtcpPsfbPacket)) == 2


def test_what_is_missing_is_asked_for_and_passed_on_late() -> None:
    scene = Setting()
    scene.take(10, payload=KEY)
    scene.take(13)
    (asked,) = scene.up.told(RtcpRtpfbPacket)
    assert asked.lost == [11, 12]  # type: ignore[attr-defined]
    scene.take(11)
    first = scene.down.parsed()[0].sequence_number
    assert [p.sequence_number - first for p in scene.down.parsed()] == [0, 3, 1]
    scene.track.tick(scene.track.last_at + 0.5)
    assert scene.up.told(RtcpRtpfbPacket)[-1].lost == [12]  # type: ignore[attr-defined]
    for later in range(20):
        scene.track.tick(scene.track.last_at + 1 + later)
    assert len(scene.up.told(RtcpRtpfbPacket)) <= 7


def test_a_large_hole_asks_for_a_new_start_instead() -> None:
    scene = Setting()
    scene.take(10, payload=KEY)
    scene.take(2_000)
    assert scene.up.told(RtcpRtpfbPacket) == []
    assert len(scene.up.told(RtcpPsfbPacket)) == 2


def test_a_packet_twice_is_passed_on_once() -> None:
    scene = Setting()
    scene.take(10, payload=KEY)
    scene.take(11)
    scene.take(11)
    scene.take(10)
    assert len(scene.down.packets) == 2


def test_the_viewer_gets_again_what_it_missed() -> None:
    scene = Setting()
    scene.take(10, payload=KEY)
    scene.take(*range(11, 30))
    second = scene.down.parsed()[5]
    scene.slot.resend([second.sequence_number, (second.sequence_number + 30_000) & 0xFFFF])
    again = scene.down.parsed()[-1]
    assert (again.sequence_number, again.timestamp) == (second.sequence_number, second.timestamp)
    assert scene.slot.resent == 1


def test_nothing_from_before_the_start_is_sent_again() -> None:
    scene = Setting()
    scene.take(1, 2, 3)
    scene.take(4, payload=KEY)
    first = scene.down.parsed()[0].sequence_number
    scene.slot.resend([first - 1, first - 2])
    assert scene.slot.resent == 0


def test_only_the_last_512_are_kept() -> None:
    scene = Setting()
    scene.take(0, payload=KEY)
    scene.take(*range(1, 600))
    first = scene.down.parsed()[0].sequence_number
    scene.slot.resend([first + 10])
    assert scene.slot.resent == 0
    scene.slot.resend([first + 300])
    assert scene.slot.resent == 1


def test_another_sender_goes_on_in_the_same_stream() -> None:
    scene = Setting()
    scene.take(10, payload=KEY)
    scene.take(11)
    scene.track.attach(scene.up, replace(VIDEO, ssrc=888), 42)  # type: ignore[arg-type]
    scene.take(50_000, payload=DELTA, at=1.0 - 50_000 / 30)
    scene.take(50_001, payload=KEY, at=1.0 - 50_001 / 30)
    shown = scene.down.parsed()
    assert len(shown) == 3
    assert shown[2].sequence_number - shown[1].sequence_number == 1
    passed = (shown[2].timestamp - shown[1].timestamp) & 0xFFFF_FFFF
    assert passed == pytest.approx((1.0 - 11 / 30) * 90_000, rel=0.01)


def test_muting_leaves_no_gap() -> None:
    scene = Setting()
    scene.take(10, payload=KEY)
    scene.track.silence(muted=True)
    scene.take(*range(11, 40))
    scene.track.silence(muted=False)
    scene.take(40)
    scene.take(41, payload=KEY)
    shown = scene.down.parsed()
    assert [p.sequence_number - shown[0].sequence_number for p in shown] == [0, 1]


def test_numbers_of_extensions_are_translated_and_unknown_ones_left_out() -> None:
    theirs = replace(VIDEO, extensions={SEND_TIME: 3, ROTATION: 4})
    mine = replace(VIDEO, extensions={SEND_TIME: 9})
    scene = Setting(theirs=theirs, mine=mine)
    block = rtp.pack_extensions([(3, b"abc"), (4, b"\x02"), (7, b"mid")])
    scene.track.packet(packet(5, 0, KEY, extensions=block), 100.0)
    assert list(rtp.extensions(scene.down.packets[0])) == [(9, b"abc")]
    assert scene.down.parsed()[0].payload == KEY


def test_equal_numbers_pass_as_they_are() -> None:
    scene = Setting()
    block = rtp.pack_extensions([(3, b"abc")])
    scene.track.packet(packet(5, 0, KEY, extensions=block), 100.0)
    assert scene.down.packets[0][12:] == block + KEY


def test_send_times_are_ours_when_a_viewer_sees_several_people() -> None:
    scene = Setting()
    scene.slot.restamp = True
    scene.track.packet(packet(5, 0, KEY, extensions=rtp.pack_extensions([(3, b"abc")])), 100.0)
    ((number, stamp),) = rtp.extensions(scene.down.packets[0])
    assert number == 3
    assert stamp != b"abc"
    passed = (int.from_bytes(rtp.send_time(), "big") - int.from_bytes(stamp, "big")) & 0xFF_FFFF
    assert passed < 262_144


def test_reports_keep_sound_and_picture_together() -> None:
    scene = Setting()
    scene.take(10, payload=KEY)
    scene.track.heard_report(RtcpSenderInfo(0xABCD_1234_5678_0000, 30_000, 99, 9_999), 200.0)
    (told,) = scene.down.told(RtcpSrPacket)
    assert told.ssrc == scene.slot.ssrc  # type: ignore[attr-defined]
    assert told.sender_info.ntp_timestamp == 0xABCD_1234_5678_0000  # type: ignore[attr-defined]
    assert told.sender_info.rtp_timestamp == scene.down.parsed()[0].timestamp  # type: ignore[attr-defined]
    assert told.sender_info.packet_count == 1  # type: ignore[attr-defined]
    scene.slot.heard(RtcpReceiverInfo(scene.slot.ssrc, 64, 5, 0, 0, 0x1234_5678, 65_536 // 2), 200.6)
    assert scene.slot.round_trip == pytest.approx(100, abs=1)
    assert scene.slot.loss == 0.25


def test_the_sender_is_told_what_was_lost() -> None:
    scene = Setting()
    assert scene.track.report(100.0) is None
    scene.take(0, payload=KEY)
    scene.take(1, 2, 3, 8, 9)
    report = scene.track.report(100.5)
    assert report is not None
    assert (report.ssrc, report.packets_lost, report.highest_sequence & 0xFFFF) == (777, 4, 9)
    assert report.fraction_lost == 4 * 256 // 10
    scene.take(10)
    assert scene.track.report(101.0).fraction_lost == 0  # type: ignore[union-attr]


def test_counting_goes_on_over_the_end_of_numbers() -> None:
    scene = Setting()
    scene.take(65_533, payload=KEY)
    scene.take(65_534, 65_535, 0, 2, 3)
    report = scene.track.report(100.0)
    assert report is not None
    assert report.highest_sequence == 65_536 + 3
    assert report.packets_lost == 1


def test_a_slot_without_a_track_is_still() -> None:
    scene = Setting()
    scene.take(10, payload=KEY)
    scene.slot.fill(None)
    scene.take(11)
    scene.slot.resend([1])
    assert len(scene.down.packets) == 1


def test_a_paused_slot_starts_again_with_a_key_frame() -> None:
    scene = Setting()
    scene.take(10, payload=KEY)
    scene.slot.pause(True)
    scene.take(11, payload=KEY)
    scene.slot.pause(False)
    scene.take(12)
    scene.take(13, payload=KEY)
    assert len(scene.down.packets) == 2


def test_loudness_is_read_at_its_place_and_elsewhere() -> None:
    first = packet(1, extensions=rtp.pack_extensions([(5, b"\x9e")]))
    second = packet(1, extensions=rtp.pack_extensions([(2, b"abc"), (5, b"\x9e")]))
    wide = packet(1, extensions=rtp.pack_extensions([(20, b"abc"), (5, b"\x9e")]))
    assert [rtp.audio_level(data, 5) for data in (first, second, wide)] == [97, 97, 97]
    assert rtp.audio_level(packet(1), 5) == 0
    assert LEVEL.startswith("urn:")


def test_our_extensions_are_those_of_the_library() -> None:
    values = [(1, b"ab"), (14, b"x" * 16)]
    data = packet(1, extensions=rtp.pack_extensions(values), payload=b"p")
    assert list(rtp.extensions(data)) == values
    parsed = RtpPacket.parse(data, HeaderExtensionsMap())
    assert parsed.payload == b"p" == rtp.payload(data)


@pytest.mark.parametrize(
    ("payload", "starts"),
    [
        (b"\x10\x00", True),
        (b"\x10\x01", False),
        (b"\x00\x00", False),
        (b"\x11\x00", False),
        (b"\x90\x80\x05\x00", True),
        (b"\x90\x80\x85\x01\x00", True),
        (b"\x90\xf0\x85\x01\x07\x20\x00", True),
        (b"\x90\xf0\x85\x01\x07\x20\x01", False),
        (b"\x90", False),
        (b"", False),
    ],
)
def test_key_frames_are_known_by_their_first_byte(payload: bytes, starts: bool) -> None:
    assert rtp.starts_key_frame(packet(1, payload=payload)) is starts


def test_padding_alone_is_no_frame() -> None:
    data = bytes((0xA0,)) + packet(1, payload=b"")[1:] + b"\0\0\0\x04"
    assert rtp.vp8_piece(data) == (b"", False)
