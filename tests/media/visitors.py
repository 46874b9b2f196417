"""People in calls, as far as the engine can tell: aiortc's own peer connection as a browser."""

from __future__ import annotations

import asyncio
import contextlib
import fractions
import time
from collections.abc import Mapping
from uuid import UUID, uuid4

import av
import numpy
from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpTransceiver,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError

from core.ports.media import Answer, MediaEngine, Source

RATE = 15


class Picture(MediaStreamTrack):
    """Small moving pictures; `shade` tells people apart after decoding."""

    kind = "video"

    def __init__(self, shade: int = 128, size: tuple[int, int] = (160, 120)) -> None:
        super().__init__()
        self._shade, self._size = shade, size
        self._began, self._count = time.monotonic(), 0

    async def recv(self) -> av.VideoFrame:
        due = self._began + self._count / RATE
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        width, height = self._size
        image = numpy.full((height, width, 3), self._shade, dtype=numpy.uint8)
        image[: height // 8, : (self._count * 4) % width] = 255 - self._shade
        frame = av.VideoFrame.from_ndarray(image, format="bgr24")
        frame.pts, frame.time_base = self._count * 90_000 // RATE, fractions.Fraction(1, 90_000)
        self._count += 1
        return frame


class Tone(MediaStreamTrack):
    """A steady tone, or silence where `loud` is 0."""

    kind = "audio"

    def __init__(self, loud: float = 0.5) -> None:
        super().__init__()
        self.loud = loud
        self._began, self._count = time.monotonic(), 0

    async def recv(self) -> av.AudioFrame:
        due = self._began + self._count * 0.02
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        at = numpy.arange(960) + self._count * 960
        wave = (numpy.sin(at * 440 * 2 * numpy.pi / 48_000) * 32_000 * self.loud).astype(numpy.int16)
        frame = av.AudioFrame.from_ndarray(
            numpy.repeat(wave, 2).reshape(1, -1), format="s16", layout="stereo"
        )
        frame.sample_rate, frame.pts, frame.time_base = (
            48_000,
            self._count * 960,
            fractions.Fraction(1, 48_000),
        )
        self._count += 1
        return frame


made: list[Visitor] = []
"""Everybody whose connection a test must close."""


class Visitor:
    """Joins with a microphone and a camera, and with room for `seats` others."""

    def __init__(self, engine: MediaEngine, call: UUID, *, shade: int = 128, seats: int = 1, who: UUID | None = None,
                 camera: bool = True, loud: float = 0.5, screen: bool = False) -> None:  # fmt: skip
        made.append(self)
        self.engine, self.call, self.id = engine, call, who or uuid4()
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self.tone = Tone(loud)
        self.frames: dict[str, int] = {}
        self.shades: dict[str, int] = {}
        self.first: dict[str, float] = {}
        self.began = 0.0
        self.answer: Answer | None = None
        self._listening: set[asyncio.Task[None]] = set()
        self._transceivers: list[RTCRtpTransceiver] = [self.pc.addTransceiver(self.tone, "sendrecv")]
        if camera:
            self._transceivers.append(self.pc.addTransceiver(Picture(shade), "sendrecv"))
        if screen:
            self._transceivers.append(self.pc.addTransceiver(Picture(255 - shade), "sendrecv"))
        for _seat in range(1, seats):
            self.pc.addTransceiver("audio", "recvonly")
            self.pc.addTransceiver("video", "recvonly")
        self.pc.on("track", self._track)

    async def offer(self) -> str:
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return self.pc.localDescription.sdp

    async def join(
        self, sources: Mapping[str, Source] | None = None, *, through: tuple[str, int] | None = None
    ) -> Answer:
        self.began = time.monotonic()
        self.answer = await self.engine.join(self.call, self.id, await self.offer(), sources)
        await self.pc.setRemoteDescription(RTCSessionDescription(moved(self.answer.sdp, through), "answer"))
        return self.answer

    async def sees(self, mid: str = "1", more: int = 3, seconds: float = 15.0) -> None:
        """Wait until so many further frames of this section were decoded."""
        want = self.frames.get(mid, 0) + more
        async with asyncio.timeout(seconds):
            while self.frames.get(mid, 0) < want:
                await asyncio.sleep(0.02)

    async def close(self) -> None:
        for task in self._listening:
            task.cancel()
        await asyncio.gather(*self._listening, return_exceptions=True)
        await self.pc.close()

    def _track(self, track: MediaStreamTrack) -> None:
        mid = next(t.mid for t in self.pc.getTransceivers() if t.receiver.track is track)
        self._listening.add(asyncio.ensure_future(self._listen(mid, track)))

    async def _listen(self, mid: str, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                self.first.setdefault(mid, time.monotonic() - self.began)
                self.frames[mid] = self.frames.get(mid, 0) + 1
                if isinstance(frame, av.VideoFrame):
                    self.shades[mid] = int(frame.to_ndarray(format="gray")[-20:].mean())


def moved(answer: str, address: tuple[str, int] | None) -> str:
    """The answer, with another address in place of the engine's."""
    if address is None:
        return answer
    lines = [line.split(" ") if line.startswith("a=candidate:") else line for line in answer.split("\r\n")]
    return "\r\n".join(
        " ".join([*line[:4], address[0], str(address[1]), *line[6:]]) if isinstance(line, list) else line
        for line in lines
    )
