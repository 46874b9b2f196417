"""One person's connection: what comes over it goes to tracks, what they may see goes out of slots."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import replace

from aiortc.rtcdtlstransport import RTCCertificate
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    AnyRtcpPacket,
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
    pack_remb_fci,
    unpack_remb_fci,
)

from adapters.media.aiortc.bandwidth import Room
from adapters.media.aiortc.link import Link
from adapters.media.aiortc.offer import Offer, Section, fresh_ssrc, sending, write_answer
from adapters.media.aiortc.rtp import source_of
from adapters.media.aiortc.seats import Seat, arrange_slots, sendings
from adapters.media.aiortc.slot import Slot
from adapters.media.aiortc.track import Track
from adapters.media.aiortc.udp import UdpPort
from core.ports.media import Binding, Source

_SOUND_BYTES = 40_000
"""Bytes a second that sound may always use, so that a flood of pictures does not end the voice."""
_BURST = 1.5
"""Seconds' worth that may come at once."""


class Peer:
    """A connection with its sections. Tracks are the person's and are given by the call."""

    def __init__(self, port: UdpPort, certificate: RTCCertificate, offer: Offer, bitrate: int) -> None:
        self.link = Link(port, certificate)
        self.offer = offer
        self.certificate = certificate
        self.room = Room()
        self.seats: list[Seat] = []
        self.sending: dict[str, Source] = {}
        self.unknown = self.over_limit = 0
        self.bound: tuple[Binding, ...] = ()
        self.wanted = 0
        self.sent_before = 0
        self._ssrc = fresh_ssrc()
        self._slots: dict[str, Slot] = {}
        self._by_ssrc: dict[int, Slot] = {}
        self._tracks: dict[bytes, Track] = {}
        self._unnamed: dict[int, tuple[Section, Track]] = {}
        self._rate = bitrate / 8
        self._left, self._sound_left = self._rate * _BURST, _SOUND_BYTES * _BURST
        self._sound_payloads: set[int] = set()
        self._filled_at = port.now
        self.link.allow = self._allow
        self.link.take_media = self._media
        self.link.take_control = self._control

    def apply(self, offer: Offer, sources: Mapping[str, Source] | None) -> None:
        """Take a first or a further offer of this connection."""
        self.offer = offer
        self.sending = sending(offer, sources)
        for section in offer.sections:
            if section.accepted and section.receives and section.mid not in self._slots:
                slot = Slot(self.link, section)
                self._slots[section.mid] = self._by_ssrc[slot.ssrc] = slot
        self.seats = arrange_slots(list(self._slots.values()), self.seats)
        self._sound_payloads = {s.payload for s in offer.sections if s.kind == "audio" and s.accepted}

    def answer(self, candidates: list[str]) -> str:
        receiving = {s.mid for s in self.offer.sections if s.accepted and s.receives}
        return write_answer(
            self.offer,
            local=self.link.local,
            fingerprints=self.certificate.getFingerprints(),
            candidates=candidates,
            sending={mid: sent for mid, sent in sendings(self.seats).items() if mid in receiving},
            taking=frozenset(self.sending),
        )

    def attach(self, tracks: Mapping[Source, Track]) -> None:
        """What comes over this connection is the person's from now on."""
        self.detach()
        for section in self.offer.sections:
            source = self.sending.get(section.mid)
            if source is None:
                continue
            if section.ssrc:
                tracks[source].attach(self.link, section, self._ssrc)
                self._tracks[section.ssrc.to_bytes(4, "big")] = tracks[source]
            else:
                self._unnamed.setdefault(section.payload, (section, tracks[source]))

    def detach(self) -> None:
        """Nothing that comes over this connection is taken any more."""
        self._tracks.clear()
        self._unnamed.clear()

    def slots(self) -> list[Slot]:
        return list(self._slots.values())

    def pictures(self) -> list[Track]:
        """What this connection can send of pictures."""
        return [track for track in self._tracks.values() if track.video]

    def refill(self, now: float) -> None:
        """Give back what may be sent in the time that passed."""
        passed = now - self._filled_at
        self._filled_at = now
        self._left = min(self._left + self._rate * passed, self._rate * _BURST)
        self._sound_left = min(self._sound_left + _SOUND_BYTES * passed, _SOUND_BYTES * _BURST)

    def report(self, now: float, bitrate: int) -> None:
        """Tell the sender what arrives, and how much it may send."""
        reports = [r for track in set(self._tracks.values()) if (r := track.report(now)) is not None]
        if not reports:
            return
        packet = bytes(RtcpRrPacket(ssrc=self._ssrc, reports=reports))
        pictures = [track.ssrc for track in self._tracks.values() if track.video]
        if pictures:
            fci = pack_remb_fci(bitrate, pictures)
            packet += bytes(RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=self._ssrc, media_ssrc=0, fci=fci))
        self.link.send_control(packet)

    async def stop(self) -> None:
        for slot in self._slots.values():
            slot.fill(None)
        await self.link.stop()

    def _allow(self, data: bytes) -> bool:
        if self._left > 0:
            self._left -= len(data)
            return True
        if (
            len(data) > 1
            and self._sound_left > 0
            and (data[1] & 0x7F in self._sound_payloads or data[1] >= 192)
        ):
            self._sound_left -= len(data)
            return True
        self.over_limit += 1
        return False

    def _media(self, data: bytes, now: float) -> None:
        track = self._tracks.get(data[8:12]) or self._named(data)
        if track is not None:
            track.packet(data, now)

    def _named(self, data: bytes) -> Track | None:
        """The track of a source that the offer did not name: by its format, once."""
        found = self._unnamed.pop(data[1] & 0x7F, None)
        if found is None:
            self.unknown += 1
            return None
        section, track = found
        named = replace(section, ssrc=source_of(data))
        track.attach(self.link, named, self._ssrc)
        self._tracks[data[8:12]] = track
        return track

    def _control(self, data: bytes, now: float) -> None:
        try:
            packets = RtcpPacket.parse(data)
        except (ValueError, struct.error, IndexError):
            return
        for packet in packets:
            for kind, act in _ACTS:
                if isinstance(packet, kind):
                    act(self, packet, now)

    def _reported(self, packet: AnyRtcpPacket, now: float) -> None:
        if isinstance(packet, RtcpSrPacket):
            track = self._tracks.get(packet.ssrc.to_bytes(4, "big"))
            if track is not None:
                track.heard_report(packet.sender_info, now)
        if isinstance(packet, (RtcpSrPacket, RtcpRrPacket)):
            for report in packet.reports:
                if (slot := self._by_ssrc.get(report.ssrc)) is not None:
                    slot.heard(report, now)

    def _picture_feedback(self, packet: AnyRtcpPacket, now: float) -> None:
        if not isinstance(packet, RtcpPsfbPacket):
            return
        if packet.fmt == RTCP_PSFB_PLI:
            self._wants_key_frame(packet.media_ssrc)
        elif packet.fmt == RTCP_PSFB_FIR:
            for at in range(0, len(packet.fci) - 7, 8):
                self._wants_key_frame(int.from_bytes(packet.fci[at : at + 4], "big"))
        elif packet.fmt == RTCP_PSFB_APP and packet.fci[:4] == b"REMB":
            try:
                self.room.estimate = unpack_remb_fci(packet.fci)[0]
            except (ValueError, struct.error):
                return

    def _missing(self, packet: AnyRtcpPacket, now: float) -> None:
        if isinstance(packet, RtcpRtpfbPacket) and packet.fmt == RTCP_RTPFB_NACK:
            slot = self._by_ssrc.get(packet.media_ssrc)
            if slot is not None:
                slot.resend(packet.lost)

    def _wants_key_frame(self, ssrc: int) -> None:
        slot = self._by_ssrc.get(ssrc)
        if slot is not None and slot.track is not None:
            slot.track.ask_key_frame()


_ACTS: tuple[tuple[type, Callable[[Peer, AnyRtcpPacket, float], None]], ...] = (
    (RtcpSrPacket, Peer._reported),
    (RtcpRrPacket, Peer._reported),
    (RtcpPsfbPacket, Peer._picture_feedback),
    (RtcpRtpfbPacket, Peer._missing),
)
