"""One source of one person as it comes in: what is missing, what is kept, who gets it.

A track belongs to the person, not to a connection: when they come back over another one, slots
and recording stay.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from aiortc.rtp import (
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRtpfbPacket,
    RtcpSenderInfo,
)

from adapters.media.aiortc.offer import LEVEL, Section
from adapters.media.aiortc.rtp import FIELDS, audio_level, starts_key_frame
from core.ports.media import Source

if TYPE_CHECKING:
    from adapters.media.aiortc.link import Link
    from adapters.media.aiortc.slot import Slot

KEPT = 512
"""Packets kept to be sent again."""
SILENT_SECONDS = 3.0
"""A track that is so long without a packet is off."""
_MOST_MISSING = 256
_ASK_AGAIN = 0.06
_ASK_TIMES = 6
_KEY_AGAIN = 0.3
_KEY_SELDOM = 1.0
_KEY_TIMES = 20


class Tap(Protocol):
    """Who records a track."""

    packet: Callable[[tuple[int, int, int, bytes, float]], None]
    """Sequence number, timestamp, mark, packet, arrival."""

    def restart(self) -> None:
        """The numbers of packets begin anew."""
        ...


class Track:
    """Takes in the packets of one source and hands them to its slots and its recorder."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.video = source is not Source.mic
        self.clock = 90_000 if self.video else 48_000
        self.slots: list[Slot] = []
        self.tap: Tap | None = None
        self.section: Section | None = None
        self.on = False
        self.muted = self.held = False
        self.newest = -1
        self.last_at = 0.0
        self.octets = self.packets = 0
        self.loud = self.peak = 0
        self.loss = 0.0
        self.key_frames = 0
        self._link: Link | None = None
        self._own_ssrc = 0
        self._cycles = 0
        self._base = 0
        self._received = 0
        self._expected_before = self._received_before = 0
        self._jitter = self._transit = 0.0
        self._report_mark, self._report_at = 0, 0.0
        self._kept: list[bytes | None] = [None] * KEPT
        self._missing: dict[int, tuple[float, int]] = {}
        self._key_asked, self._key_times = 0.0, 0
        self._level = 0

    @property
    def silenced(self) -> bool:
        return self.muted or self.held

    @property
    def ssrc(self) -> int:
        return self.section.ssrc if self.section is not None else 0

    def attach(self, link: Link, section: Section, own_ssrc: int) -> None:
        """Packets of this section of this connection are the track's from now on."""
        same = self._link is link and self.section is not None and self.section.ssrc == section.ssrc
        self._link, self.section, self._own_ssrc = link, section, own_ssrc
        self._level = section.extensions.get(LEVEL, 0)
        if not same:
            self._begin()

    def packet(self, data: bytes, now: float) -> None:
        """Take one packet in and pass it on."""
        mark, sequence, stamp = FIELDS.unpack_from(data)
        ahead = (sequence - self.newest) & 0xFFFF
        late = 0
        if ahead == 1:
            self.newest = sequence
        elif self.newest < 0:
            self.newest = self._base = sequence
        elif 0 < ahead < 0x8000:
            self._skipped(sequence, ahead, now)
        else:
            late = (self.newest - sequence) & 0xFFFF
            if self._missing.pop(sequence, None) is None:
                return  # twice, or too old to matter
        if sequence == 0 and not late and self._received:
            self._cycles += 1
        self._received += 1
        self.packets += 1
        self.octets += len(data)
        self._kept[sequence % KEPT] = data
        self.last_at = now
        if not self.video:
            self._measure(stamp, now)
            if self._level:
                level = audio_level(data, self._level)
                self.loud += (level - self.loud) >> 1
                if self.loud > self.peak:
                    self.peak = self.loud
        elif mark & 0x80:
            self._measure(stamp, now)
        if self._key_times and starts_key_frame(data):
            self._key_times = 0
            self.key_frames += 1
        if self.muted or self.held:
            return
        for slot in self.slots:
            slot.forward(data, mark, sequence, stamp, late, now)
        if self.tap is not None:
            self.tap.packet((sequence, stamp, mark, data, now))

    def kept(self, sequence: int) -> bytes | None:
        data = self._kept[sequence % KEPT]
        if data is None or (data[2] << 8 | data[3]) != sequence:
            return None
        return data

    def release(self) -> None:
        """The person is gone: let go of everybody and everything that is kept."""
        for slot in list(self.slots):
            slot.fill(None)
        self.tap = self._link = None
        self._kept = [None] * KEPT

    def silence(self, *, muted: bool | None = None, held: bool | None = None) -> None:
        """Stop or go on passing packets; viewers go on without a jump."""
        before = self.silenced
        self.muted = self.muted if muted is None else muted
        self.held = self.held if held is None else held
        if before and not self.silenced:
            for slot in self.slots:
                slot.restart()

    def ask_key_frame(self) -> None:
        """A picture that needs no other is wanted; asked again until one comes."""
        if not self.video or self._link is None:
            return
        if not self._key_times or time.monotonic() - self._key_asked > _KEY_AGAIN:
            self._key_times = _KEY_TIMES
            self._ask_key()

    def tick(self, now: float) -> None:
        """Ask again for what did not come."""
        if self._missing:
            self._ask_missing(now)
        pause = _KEY_AGAIN if self._key_times else _KEY_SELDOM
        due = self.video and now - self._key_asked > pause and now - self.last_at < SILENT_SECONDS
        if due and (self._key_times or any(slot.wants_key_frame for slot in self.slots)):
            self._ask_key()

    def heard_report(self, info: RtcpSenderInfo, now: float) -> None:
        self._report_mark, self._report_at = (info.ntp_timestamp >> 16) & 0xFFFF_FFFF, now
        for slot in self.slots:
            slot.report(info, now)

    def report(self, now: float) -> RtcpReceiverInfo | None:
        """What we say to the sender about this track; None before the first packet."""
        if self.newest < 0:
            return None
        highest = (self._cycles << 16 | self.newest) & 0xFFFF_FFFF
        expected = highest - self._base + 1
        asked, got = expected - self._expected_before, self._received - self._received_before
        self._expected_before, self._received_before = expected, self._received
        lost = max(0, asked - got)
        self.loss = lost / asked if asked > 0 else 0.0
        return RtcpReceiverInfo(
            ssrc=self.ssrc,
            fraction_lost=min(255, lost * 256 // asked) if asked > 0 else 0,
            packets_lost=max(-(1 << 23), min((1 << 23) - 1, expected - self._received)),
            highest_sequence=highest,
            jitter=int(self._jitter),
            lsr=self._report_mark,
            dlsr=int((now - self._report_at) * 65_536) & 0xFFFF_FFFF if self._report_at else 0,
        )

    @property
    def jitter_ms(self) -> float:
        return self._jitter / self.clock * 1000

    def _begin(self) -> None:
        self.newest = -1
        self._cycles = self._received = self._expected_before = self._received_before = 0
        self._missing.clear()
        self._kept = [None] * KEPT
        self._transit = 0.0
        if self.tap is not None:
            self.tap.restart()
        for slot in self.slots:
            slot.restart()

    def _skipped(self, sequence: int, ahead: int, now: float) -> None:
        """Packets before this one are missing: ask for them, or for a new start when it is a hole."""
        if sequence < self.newest:
            self._cycles += sequence > 0
        if self.video and ahead <= _MOST_MISSING:
            new = [(sequence - back) & 0xFFFF for back in range(ahead - 1, 0, -1)]
            self._missing.update((number, (now, 1)) for number in new)
            self._nack(new)
            while len(self._missing) > _MOST_MISSING:
                del self._missing[next(iter(self._missing))]
        elif self.video:
            self._missing.clear()
            self.ask_key_frame()
        else:
            self._missing.update(
                ((sequence - back) & 0xFFFF, (now, _ASK_TIMES)) for back in range(1, min(ahead, 20))
            )
        self.newest = sequence

    def _ask_missing(self, now: float) -> None:
        again: list[int] = []
        for number, (asked, times) in list(self._missing.items()):
            if now - asked < _ASK_AGAIN:
                continue
            if times >= _ASK_TIMES:
                del self._missing[number]
            else:
                self._missing[number] = (now, times + 1)
                again.append(number)
        if again and self.video:
            self._nack(again)

    def _nack(self, numbers: list[int]) -> None:
        if self._link is not None:
            packet = RtcpRtpfbPacket(fmt=RTCP_RTPFB_NACK, ssrc=self._own_ssrc, media_ssrc=self.ssrc)
            packet.lost = numbers
            self._link.send_control(bytes(packet))

    def _ask_key(self) -> None:
        self._key_asked = time.monotonic()
        self._key_times = max(0, self._key_times - 1)
        if self._link is not None and self.ssrc:
            packet = RtcpPsfbPacket(fmt=RTCP_PSFB_PLI, ssrc=self._own_ssrc, media_ssrc=self.ssrc)
            self._link.send_control(bytes(packet))

    def _measure(self, stamp: int, now: float) -> None:
        """Jitter as RFC 3550, 6.4.1 has it."""
        transit = now * self.clock - stamp
        change = abs(transit - self._transit)
        self._transit = transit
        if change < self.clock * 5:
            self._jitter += (change - self._jitter) / 16
