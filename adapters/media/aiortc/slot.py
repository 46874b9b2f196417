"""What one viewer gets of one track: the same packets under another number.

A slot is one source number in one section of a viewer's connection. Which track fills it may
change; the viewer's decoder sees one stream whose sequence numbers and timestamps go on.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from aiortc.rtp import RtcpReceiverInfo, RtcpSenderInfo, RtcpSrPacket

from adapters.media.aiortc.offer import SEND_TIME, Section, fresh_ssrc
from adapters.media.aiortc.rtp import (
    FIELDS,
    HEAD,
    extensions,
    pack_extensions,
    payload_start,
    send_time,
    starts_key_frame,
)

if TYPE_CHECKING:
    from adapters.media.aiortc.link import Link
    from adapters.media.aiortc.track import Track

_MOST_RESENT = 64
"""Packets sent again for one request."""
_MASK = 0xFFFF_FFFF


class Slot:
    """Sends one track at a time to one section of one viewer."""

    def __init__(self, link: Link, section: Section) -> None:
        self.ssrc = fresh_ssrc()
        self.section = section
        self.track: Track | None = None
        self.paused = False
        """The viewer's network is too narrow for this picture."""
        self.restamp = False
        """Send times are ours, because the viewer gets pictures of several people."""
        self.loss = 0.0
        self.round_trip = 0.0
        self.packets = self.octets = self.resent = 0
        self._send = link.send
        self._send_control = link.send_control
        self._video = section.kind == "video"
        self._clock = 90_000 if self._video else 48_000
        self._payload = section.payload
        self._waiting = True
        self._since = 0
        self._sequence_offset = self._time_offset = 0
        self._last_sequence = secrets.randbelow(0x7FFF)  # low, as SRTP cannot go back over the border
        self._last_time = secrets.randbits(31)
        self._last_at = 0.0
        self._numbers: dict[int, int] | None = None
        self._reports: dict[int, float] = {}

    @property
    def wants_key_frame(self) -> bool:
        return self._video and self._waiting and not self.paused

    def fill(self, track: Track | None) -> None:
        """Show this track from its next key frame on; None shows nothing."""
        if track is self.track:
            return
        if self.track is not None:
            self.track.slots.remove(self)
        self.track = track
        if track is not None:
            track.slots.append(self)
            self.restart()

    def restart(self) -> None:
        """The track begins anew: another sender, or after a break."""
        self._waiting = True
        self._numbers = self._renumbered()
        if self._video and not self.paused and self.track is not None:
            self.track.ask_key_frame()

    def pause(self, paused: bool) -> None:
        if paused != self.paused:
            self.paused = paused
            self.restart()

    def forward(self, data: bytes, mark: int, sequence: int, time: int, late: int, now: float) -> None:
        """Pass one packet on; `late` says by how many numbers it is behind the newest."""
        if self._waiting:
            if late or self.paused or (self._video and not starts_key_frame(data)):
                return
            self._go_on(sequence, time, now)
        elif late > self._since:
            return
        self._since += 1
        self._put(data, mark, sequence, time)
        if not late:
            self._last_sequence = (sequence + self._sequence_offset) & 0xFFFF
            self._last_time = (time + self._time_offset) & _MASK
            self._last_at = now

    def resend(self, lost: list[int]) -> None:
        """The viewer misses these numbers of ours."""
        track = self.track
        if track is None or self._waiting:
            return
        for number in lost[:_MOST_RESENT]:
            sequence = (number - self._sequence_offset) & 0xFFFF
            data = track.kept(sequence)
            if data is not None and (track.newest - sequence) & 0xFFFF < self._since:
                mark, _sequence, time = FIELDS.unpack_from(data)
                self._put(data, mark, sequence, time)
                self.resent += 1

    def report(self, info: RtcpSenderInfo, now: float) -> None:
        """Pass a sender's report on, so that sound and picture of a person stay together."""
        if self._waiting or not self.packets:
            return
        told = RtcpSenderInfo(
            ntp_timestamp=info.ntp_timestamp,
            rtp_timestamp=(info.rtp_timestamp + self._time_offset) & _MASK,
            packet_count=self.packets & _MASK,
            octet_count=self.octets & _MASK,
        )
        self._reports[(info.ntp_timestamp >> 16) & _MASK] = now
        while len(self._reports) > 8:
            del self._reports[next(iter(self._reports))]
        self._send_control(bytes(RtcpSrPacket(ssrc=self.ssrc, sender_info=told)))

    def heard(self, report: RtcpReceiverInfo, now: float) -> None:
        """What the viewer says about this stream."""
        self.loss = report.fraction_lost / 256
        sent = self._reports.get(report.lsr)
        if sent is not None:
            self.round_trip = max(0.0, now - sent - report.dlsr / 65_536) * 1000

    def _go_on(self, sequence: int, time: int, now: float) -> None:
        passed = max(1, round((now - self._last_at) * self._clock)) if self._last_at else 0
        self._sequence_offset = (self._last_sequence + 1 - sequence) & 0xFFFF
        self._time_offset = (self._last_time + min(passed, _MASK >> 1) - time) & _MASK
        self._since = 0
        self._waiting = False

    def _put(self, data: bytes, mark: int, sequence: int, time: int) -> None:
        head = HEAD.pack(
            data[0],
            (mark & 0x80) | self._payload,
            (sequence + self._sequence_offset) & 0xFFFF,
            (time + self._time_offset) & _MASK,
            self.ssrc,
        )
        if self._numbers is None and not self.restamp:
            packet = head + data[12:]
        else:
            packet = self._with_extensions(head, data)
        self.packets += 1
        self.octets += len(packet) - 12
        self._send(packet)

    def _renumbered(self) -> dict[int, int] | None:
        """Their numbers of header extensions to the viewer's; None when they agree."""
        track = self.track
        if track is None or track.section is None:
            return None
        theirs, ours = track.section.extensions, self.section.extensions
        if all(ours.get(uri) == number for uri, number in theirs.items()):
            return None
        return {number: ours[uri] for uri, number in theirs.items() if uri in ours}

    def _with_extensions(self, head: bytes, data: bytes) -> bytes:
        numbers, stamp = self._numbers, self.section.extensions.get(SEND_TIME)
        values = [
            (number if numbers is None else numbers[number], value)
            for number, value in extensions(data)
            if numbers is None or number in numbers
        ]
        if self.restamp and stamp is not None:
            values = [(number, send_time() if number == stamp else value) for number, value in values]
        block = pack_extensions(values)
        first = (head[0] | 0x10) if block else (head[0] & 0xEF)
        contributors = data[12 : 12 + ((data[0] & 0x0F) << 2)]
        return b"".join((bytes((first,)), head[1:], contributors, block, data[payload_start(data) :]))
