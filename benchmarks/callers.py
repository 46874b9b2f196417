"""Browsers that are not there: they connect as browsers do and send packets made beforehand.

They cost little, so that many of them load an engine from one process. What they send is real
VP8 and Opus of a given bitrate, which an engine that decodes must decode.
"""

from __future__ import annotations

import asyncio
import contextlib
import fractions
import functools
import os
import random
import secrets
import socket
import time
from dataclasses import dataclass
from typing import Any

import av
import numpy
from aioice import stun
from aiortc.codecs.vpx import Vp8Encoder
from aiortc.rtcdtlstransport import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
)
from aiortc.rtp import RTCP_PSFB_APP, RtcpPacket, RtcpPsfbPacket, RtcpRtpfbPacket, is_rtcp, pack_remb_fci

VIDEO_BITRATE, AUDIO_BITRATE = 1_000_000, 32_000
RATE = 25
SIZE = (960, 540)
_SECONDS = 4
_ICE_SECONDS = 2.0
_VIDEO, _AUDIO = 96, 111


@dataclass(frozen=True)
class Made:
    """Media made once: for each frame its packets' payloads."""

    video: tuple[tuple[bytes, ...], ...]
    audio: tuple[bytes, ...]


@functools.cache
def media() -> Made:
    """Some seconds of pictures and sound in their bitrates; the pictures begin with a key frame."""
    return Made(tuple(_pictures()), tuple(_sounds()))


def _pictures() -> list[tuple[bytes, ...]]:
    width, height = SIZE
    codec = av.CodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
    codec.time_base, codec.framerate = fractions.Fraction(1, RATE), fractions.Fraction(RATE)
    codec.bit_rate, codec.thread_count = VIDEO_BITRATE, 1
    codec.options = {"deadline": "realtime", "cpu-used": "8", "minrate": str(VIDEO_BITRATE), "g": "10000",
                     "lag-in-frames": "0", "maxrate": str(VIDEO_BITRATE), "bufsize": str(VIDEO_BITRATE // 2)}  # fmt: skip
    noise = numpy.random.default_rng(5).integers(0, 255, (height, width * 2, 3), dtype=numpy.uint8)
    noise[:, ::3] = noise[:, ::3] // 2 + 60
    packer, frames = Vp8Encoder(), []
    for number in range(RATE * _SECONDS):
        image = numpy.full((height, width, 3), 90, dtype=numpy.uint8)
        at = (number * 7) % width
        image[100:400, 200:700] = noise[100:400, at : at + 500] // 3 + 80
        frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
        frame.pts = number
        for packet in codec.encode(frame):
            packet.time_base = fractions.Fraction(1, RATE)
            frames.append(tuple(packer.pack(packet)[0]))
    return frames


def _sounds() -> list[bytes]:
    codec = av.CodecContext.create("libopus", "w")
    codec.sample_rate, codec.layout, codec.format, codec.bit_rate = 48_000, "stereo", "s16", AUDIO_BITRATE
    codec.time_base = fractions.Fraction(1, 48_000)
    codec.options = {"vbr": "off"}
    packets = []
    for number in range(50 * _SECONDS):
        wave = (numpy.sin((numpy.arange(960) + number * 960) * 0.05) * 8_000).astype(numpy.int16)
        frame = av.AudioFrame.from_ndarray(
            numpy.repeat(wave, 2).reshape(1, -1), format="s16", layout="stereo"
        )
        frame.sample_rate, frame.pts = 48_000, number * 960
        packets += [bytes(packet) for packet in codec.encode(frame)]
    return packets


class Caller:
    """One browser: `offer`, then `connect` with the answer, then it sends while `sending`."""

    def __init__(self, certificate: RTCCertificate, *, remb: int = 5_000_000) -> None:
        self.sending = False
        self.received = self.received_bytes = self.sent = self.frames = self.key_requests = self.nacks = 0
        self.video_ssrc, self.audio_ssrc = secrets.randbits(31) + 1, secrets.randbits(31) + 1
        self.remote_ssrcs: set[int] = set()
        self.first_at = 0.0
        self._remb = remb
        self._certificate = certificate
        self._fragment, self._password = secrets.token_hex(4), secrets.token_hex(12)
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.setblocking(False)
        self._sock.bind(("127.0.0.1", 0))
        self._handshake: asyncio.Queue[bytes] = asyncio.Queue()
        self._answered = asyncio.Event()
        self._remote: tuple[str, str, tuple[str, int]] = ("", "", ("", 0))
        self._dtls: RTCDtlsTransport | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._frame = self._sound = 0
        self._video_sequence, self._audio_sequence = random.randrange(30_000), random.randrange(30_000)
        self.drop_every = 0
        """Leave out every such packet of pictures, as a bad network would."""

    def offer(self) -> str:
        marks = [m for m in self._certificate.getFingerprints() if m.algorithm == "sha-256"]
        common = (
            f"c=IN IP4 127.0.0.1\r\na=rtcp-mux\r\na=rtcp-rsize\r\na=setup:actpass\r\na=ice-ufrag:{self._fragment}\r\n"
            f"a=ice-pwd:{self._password}\r\na=fingerprint:sha-256 {marks[0].value}\r\na=sendrecv\r\n"
            f"a=candidate:1 1 udp 2130706431 127.0.0.1 {self._sock.getsockname()[1]} typ host\r\n"
        )
        return (
            "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=msid-semantic: WMS *\r\n"
            f"m=audio 9 UDP/TLS/RTP/SAVPF {_AUDIO}\r\n{common}a=mid:0\r\na=rtpmap:{_AUDIO} opus/48000/2\r\n"
            f"a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=msid:s a\r\na=ssrc:{self.audio_ssrc} cname:c\r\n"
            f"m=video 9 UDP/TLS/RTP/SAVPF {_VIDEO}\r\n{common}a=mid:1\r\na=rtpmap:{_VIDEO} VP8/90000\r\n"
            f"a=rtcp-fb:{_VIDEO} nack\r\na=rtcp-fb:{_VIDEO} nack pli\r\na=rtcp-fb:{_VIDEO} goog-remb\r\n"
            f"a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\na=msid:s v\r\n"
            f"a=ssrc:{self.video_ssrc} cname:c\r\n"
        )

    async def connect(self, answer: str) -> None:
        """Check the way, shake hands, begin to send."""
        lines = answer.splitlines()
        fragment, password, mark, setup = (
            _attribute(lines, name) for name in ("ice-ufrag", "ice-pwd", "fingerprint", "setup")
        )
        self._remote = (fragment, password, _candidate(lines))
        asyncio.get_running_loop().add_reader(self._sock.fileno(), self._read)
        self._tasks.append(asyncio.create_task(self._check()))
        await asyncio.wait_for(self._answered.wait(), 10)
        self._dtls = RTCDtlsTransport(self, [self._certificate])  # type: ignore[arg-type]
        self._dtls._set_role("client" if setup == "passive" else "server")
        await asyncio.wait_for(self._dtls.start(RTCDtlsParameters([RTCDtlsFingerprint(*mark.split())])), 10)
        if self._dtls.state != "connected":
            raise ConnectionError("no handshake")
        self._tasks += [asyncio.create_task(self._send_pictures()), asyncio.create_task(self._send_sounds()),
                        asyncio.create_task(self._send_reports())]  # fmt: skip

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._dtls is not None:
            await self._dtls.stop()
        asyncio.get_running_loop().remove_reader(self._sock.fileno())
        self._sock.close()

    def send_rtp(self, packet: bytes) -> None:
        """Any packet, protected."""
        if self._dtls is not None:
            self.send_raw(self._dtls._tx_srtp.protect(packet))

    def send_raw(self, data: bytes) -> None:
        with contextlib.suppress(BlockingIOError):
            self._sock.sendto(data, self._remote[2])

    # What aiortc's DTLS transport asks of an ICE transport.
    role, state = "controlling", "completed"

    async def _recv(self) -> bytes:
        return await self._handshake.get()

    async def _send(self, data: bytes) -> None:
        self.send_raw(data)

    async def _check(self) -> None:
        while True:
            request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
            request.attributes |= {"USERNAME": f"{self._remote[0]}:{self._fragment}", "PRIORITY": 1 << 24,
                                   "ICE-CONTROLLING": 7, "USE-CANDIDATE": None}  # fmt: skip
            request.add_message_integrity(self._remote[1].encode())
            self.send_raw(bytes(request))
            await asyncio.sleep(_ICE_SECONDS if self._answered.is_set() else 0.05)

    def _read(self) -> None:
        for _ in range(64):
            try:
                data = self._sock.recv(2048)
            except (BlockingIOError, ConnectionRefusedError):
                return
            first = data[0]
            if first > 127:
                self._media(data)
            elif first > 19:
                self._handshake.put_nowait(data)
            else:
                self._stun(data)

    def _stun(self, data: bytes) -> None:
        message = stun.parse_message(data)
        if message.message_class == stun.Class.RESPONSE:
            self._answered.set()
            return
        answer = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.RESPONSE,
                              transaction_id=message.transaction_id)  # fmt: skip
        answer.attributes["XOR-MAPPED-ADDRESS"] = self._remote[2]
        answer.add_message_integrity(self._password.encode())
        self.send_raw(bytes(answer))

    def _media(self, data: bytes) -> None:
        self.received += 1
        self.received_bytes += len(data)
        if not is_rtcp(data):
            self.first_at = self.first_at or time.monotonic()
            self.remote_ssrcs.add(int.from_bytes(data[8:12], "big"))
        elif self._dtls is not None and self._dtls._rx_srtp is not None:
            with contextlib.suppress(Exception):
                self._control(self._dtls._rx_srtp.unprotect_rtcp(data))

    def _control(self, data: bytes) -> None:
        for packet in RtcpPacket.parse(data):
            if isinstance(packet, RtcpPsfbPacket) and packet.fmt == 1:
                self.key_requests += 1
                self._frame = 0  # the pictures begin with a key frame
            if isinstance(packet, RtcpRtpfbPacket):
                self.nacks += len(packet.lost)

    async def _send_pictures(self) -> None:
        made, began, number = media().video, time.monotonic(), 0
        while True:
            number += 1
            await asyncio.sleep(max(0.0, began + number / RATE - time.monotonic()))
            if not self.sending:
                continue
            payloads = made[self._frame % len(made)]
            self._frame += 1
            self.frames += 1
            stamp = (number * 90_000 // RATE) & 0xFFFF_FFFF
            for index, payload in enumerate(payloads):
                mark = 0x80 if index == len(payloads) - 1 else 0
                self._video_sequence = (self._video_sequence + 1) & 0xFFFF
                head = _head(mark | _VIDEO, self._video_sequence, stamp, self.video_ssrc, _sent_at())
                self.sent += 1
                if not self.drop_every or self.sent % self.drop_every:
                    self.send_rtp(head + payload)

    async def _send_sounds(self) -> None:
        made, began, number = media().audio, time.monotonic(), 0
        while True:
            number += 1
            await asyncio.sleep(max(0.0, began + number * 0.02 - time.monotonic()))
            if not self.sending:
                continue
            self._audio_sequence = (self._audio_sequence + 1) & 0xFFFF
            stamp = (number * 960) & 0xFFFF_FFFF
            self.sent += 1
            self.send_rtp(
                _head(_AUDIO, self._audio_sequence, stamp, self.audio_ssrc, _LOUD) + made[number % len(made)]
            )

    async def _send_reports(self) -> None:
        """What a browser says to whom it sees."""
        while True:
            await asyncio.sleep(1)
            if self.sending and self.remote_ssrcs and self._dtls is not None:
                fci = pack_remb_fci(self._remb, list(self.remote_ssrcs))
                packet = RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=self.video_ssrc, media_ssrc=0, fci=fci)
                self.send_raw(self._dtls._tx_srtp.protect_rtcp(bytes(packet)))


_LOUD = b"\xbe\xde\x00\x01\x10\xa0\x00\x00"


def _sent_at() -> bytes:
    return b"\xbe\xde\x00\x01\x22" + (int(time.time() * 262_144) & 0xFF_FFFF).to_bytes(3, "big")


def _head(mark: int, sequence: int, stamp: int, ssrc: int, extensions: bytes) -> bytes:
    return (b"\x90" + bytes((mark,)) + sequence.to_bytes(2, "big") + stamp.to_bytes(4, "big")
            + ssrc.to_bytes(4, "big") + extensions)  # fmt: skip


def _attribute(lines: list[str], name: str) -> str:
    return next(line for line in lines if line.startswith(f"a={name}:")).partition(":")[2]


def _candidate(lines: list[str]) -> tuple[str, int]:
    words = [line.split() for line in lines if line.startswith("a=candidate:")]
    host, port = next((w[4], int(w[5])) for w in words if "." in w[4] and w[2].lower() == "udp")
    return host, port


class Plain:
    """A sender of the same packets without any protection, for the empty forwarder."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.sending = False
        self.received = 0
        self._target = target
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.setblocking(False)
        self._sock.bind(("127.0.0.1", 0))
        asyncio.get_running_loop().add_reader(self._sock.fileno(), self._read)
        self._tasks = [
            asyncio.create_task(self._send(media_sizes())),
            asyncio.create_task(self._send(_SOUNDS)),
        ]

    @property
    def address(self) -> Any:
        return self._sock.getsockname()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        asyncio.get_running_loop().remove_reader(self._sock.fileno())
        self._sock.close()

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self._sock.recv(2048)
                self.received += 1

    async def _send(self, sizes: tuple[float, tuple[tuple[int, ...], ...]]) -> None:
        pause, groups = sizes
        data, began, number = os.urandom(2048), time.monotonic(), 0
        while True:
            number += 1
            await asyncio.sleep(max(0.0, began + number * pause - time.monotonic()))
            if self.sending:
                for size in groups[number % len(groups)]:
                    with contextlib.suppress(BlockingIOError):
                        self._sock.sendto(data[:size], self._target)


_SOUNDS = (0.02, ((80 + 36,),))


def media_sizes() -> tuple[float, tuple[tuple[int, ...], ...]]:
    """The sizes of the packets of each frame, as they are with header and tag."""
    return 1 / RATE, tuple(tuple(len(payload) + 36 for payload in frame) for frame in media().video)
