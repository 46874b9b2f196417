"""Peers that behave badly: they are refused in words, or cost little and hurt nobody."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import pylibsrtp
import pytest
from aiortc.rtcdtlstransport import RTCCertificate, SRTPProtectionProfile
from OpenSSL import SSL

from adapters.media.aiortc import call as calls
from adapters.media.aiortc.offer import read_offer
from benchmarks.callers import Caller
from core.errors import Invalid, NotFound, TooLarge
from core.ports.media import Failed, Joined, Left, Limits, Reason
from tests.media.conftest import Stage

CERTIFICATE = RTCCertificate.generateCertificate()


@pytest.fixture
async def caller(stage: Stage) -> AsyncIterator[Caller]:
    made = Caller(CERTIFICATE)
    yield made
    await made.close()


async def join(stage: Stage, caller: Caller) -> None:
    answer = await stage.engine.join(stage.call, uuid4(), caller.offer())
    await caller.connect(answer.sdp)
    await stage.hears(Joined)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v=0",
        "garbage",
        "\0" * 1000,
        "v=0\r\nm=audio",
        "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:x",
        "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=fmtp:96 x=y\r\n",
        "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ssrc:zz cname:1\r\na=mid:0\r\n",
        "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:" + "x" * 500 + "\r\n",
        "\ud83d" * 20,
    ],
)
async def test_garbage_is_refused_in_words(stage: Stage, text: str) -> None:
    with pytest.raises(Invalid, match="offer"):
        await stage.engine.join(stage.call, uuid4(), text)
    (running,) = await stage.engine.running()
    assert running.people == ()


async def test_random_changes_of_an_offer_never_break_the_reader(caller: Caller) -> None:
    import random

    offer, chance = caller.offer(), random.Random(3)
    for _ in range(500):
        at = chance.randrange(len(offer))
        cut = (
            offer[:at]
            + chance.choice(["", "\r\n", "a=", "0", ":", "m=video "])
            + offer[at + chance.randrange(9) :]
        )
        try:
            read_offer(cut)
        except Invalid:
            continue


async def test_a_browser_without_our_formats_is_told_so(stage: Stage, caller: Caller) -> None:
    offer = caller.offer().replace("opus/48000/2", "PCMU/8000").replace("VP8/90000", "H264/90000")
    with pytest.raises(Invalid, match=r"Opus.*VP8"):
        await stage.engine.join(stage.call, uuid4(), offer)


async def test_one_missing_format_leaves_the_other(stage: Stage, caller: Caller) -> None:
    answer = await stage.engine.join(stage.call, uuid4(), caller.offer().replace("VP8/90000", "H264/90000"))
    assert "m=video 0 " in answer.sdp
    assert "m=audio 9 " in answer.sdp


async def test_an_offer_without_encryption_is_refused(stage: Stage, caller: Caller) -> None:
    lines = [line for line in caller.offer().splitlines() if "fingerprint" not in line]
    with pytest.raises(Invalid, match="encrypted"):
        await stage.engine.join(stage.call, uuid4(), "\r\n".join(lines))


async def test_a_huge_offer_is_refused_at_once(stage: Stage) -> None:
    with pytest.raises(TooLarge):
        await stage.engine.join(stage.call, uuid4(), "a=x\r\n" * 100_000)


async def test_a_thousand_candidates_cost_nothing(stage: Stage, caller: Caller) -> None:
    line = "a=candidate:1 1 udp 2130706431 192.0.2.77 {port} typ host\r\n"
    many = "".join(line.format(port=port) for port in range(10_000, 11_000))
    began = time.process_time()
    answer = await stage.engine.join(stage.call, uuid4(), caller.offer() + many)
    assert time.process_time() - began < 0.5
    await caller.connect(answer.sdp)
    for port in range(1_000):
        await stage.engine.candidate(stage.call, uuid4(), line.format(port=port))
    with pytest.raises(TooLarge):
        await stage.engine.candidate(stage.call, uuid4(), "x" * 5_000)


async def test_a_call_that_is_not_there(stage: Stage, caller: Caller) -> None:
    with pytest.raises(NotFound):
        await stage.engine.join(uuid4(), uuid4(), caller.offer())


async def test_a_connection_that_never_comes_is_given_up(
    stage: Stage, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "CONNECT_SECONDS", 0.3)
    person = uuid4()
    await stage.engine.join(stage.call, person, caller.offer())
    failed = await stage.hears(Failed)
    assert (failed.person, failed.reason) == (person, Reason.no_media)
    assert not stage.told(Left)
    (running,) = await stage.engine.running()
    assert running.people == ()
    assert not stage.engine._port._by_fragment


async def test_another_certificate_than_offered_is_refused(stage: Stage, caller: Caller) -> None:
    other = Caller(RTCCertificate.generateCertificate())
    offer = caller.offer().replace(_mark(caller.offer()), _mark(other.offer()))
    answer = await stage.engine.join(stage.call, uuid4(), offer)
    await caller.connect(answer.sdp)
    assert (await stage.hears(Failed)).reason is Reason.refused
    await other.close()


class _Choosy(RTCCertificate):
    """Of a browser that knows one cipher alone."""

    cipher = b""

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        made = super()._create_ssl_context(srtp_profiles)
        made.set_cipher_list(self.cipher)
        return made


@pytest.mark.parametrize("cipher", [b"ECDHE-ECDSA-AES128-SHA", b"ECDHE-ECDSA-AES256-SHA"])
async def test_a_cipher_without_authentication_of_its_own_is_refused(stage: Stage, cipher: bytes) -> None:
    choosy = _Choosy.generateCertificate()
    choosy.cipher = cipher
    old = Caller(choosy)
    answer = await stage.engine.join(stage.call, uuid4(), old.offer())
    with contextlib.suppress(ConnectionError, TimeoutError):
        await old.connect(answer.sdp)
    assert (await stage.hears(Failed)).reason is Reason.refused
    await old.close()


async def test_the_ciphers_of_browsers_are_taken(stage: Stage) -> None:
    choosy = _Choosy.generateCertificate()
    choosy.cipher = b"ECDHE-ECDSA-AES128-GCM-SHA256"
    fine = Caller(choosy)
    await join(stage, fine)
    await fine.close()


def _mark(offer: str) -> str:
    return next(line for line in offer.splitlines() if "fingerprint" in line)


async def test_strange_datagrams_are_ignored(stage: Stage, caller: Caller) -> None:
    await join(stage, caller)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for size in (0, 1, 11, 12, 20, 200, 1_400):
            for first in (0, 1, 22, 64, 128, 200, 255):
                sock.sendto(
                    bytes((first,)) * min(size, 1) + os.urandom(max(0, size - 1)),
                    ("127.0.0.1", stage.engine.port),
                )
    for size in (1, 2, 11, 13, 300, 1_500, 2_000):
        for first in (1, 22, 128, 144, 191):
            caller.send_raw(bytes((first,)) + os.urandom(size))
    caller.sending = True
    await _flowing(stage)


async def test_packets_of_unknown_sources_go_nowhere(stage: Stage, caller: Caller) -> None:
    await join(stage, caller)
    for number in range(2_000):
        caller.send_rtp(b"\x80\x60" + number.to_bytes(2, "big") + bytes(4) + os.urandom(4) + b"x" * 50)
        if number % 100 == 0:
            await asyncio.sleep(0.01)
    (person,) = stage.engine._calls[stage.call].people.values()
    assert person.peer is not None
    async with asyncio.timeout(30):
        while person.peer.unknown < 1_000:
            await asyncio.sleep(0.02)
    assert len(person.peer._tracks) == 2
    caller.sending = True
    await _flowing(stage)


async def test_cut_packets_of_known_sources_break_nothing(stage: Stage, caller: Caller) -> None:
    await join(stage, caller)
    viewer = Caller(CERTIFICATE)
    await join(stage, viewer)
    caller.sending = True
    await _flowing(stage)
    for number in range(200):
        head = (
            bytes((0x80 | (number * 7 & 0x3F), 0x60)) + os.urandom(6) + caller.video_ssrc.to_bytes(4, "big")
        )
        with contextlib.suppress(pylibsrtp.Error):  # the strangest do not even get out
            caller.send_rtp(head + os.urandom(number % 20))
    before = viewer.received
    async with asyncio.timeout(30):
        while viewer.received < before + 100:
            await asyncio.sleep(0.02)
    await viewer.close()


class TestFlood:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(person_bitrate=2_000_000)

    async def test_a_hundred_megabits_are_cut_and_the_voice_goes_on(
        self, stage: Stage, caller: Caller
    ) -> None:
        await join(stage, caller)
        viewer = Caller(CERTIFICATE)
        await join(stage, viewer)
        caller.sending = True
        await _flowing(stage)
        call = stage.engine._calls[stage.call]
        person = next(p for p in call.people.values() if p.tracks and p.peer and p.tracks["mic"].on)  # type: ignore[index]
        mic = person.tracks["mic"]  # type: ignore[index]
        until, sent = time.monotonic() + 2.0, 0
        voice = mic.packets
        while time.monotonic() < until:
            for _ in range(50):
                sent += 1
                head = b"\x80\x60" + (sent & 0xFFFF).to_bytes(2, "big") + bytes(4)
                caller.send_rtp(head + (7).to_bytes(4, "big") + b"x" * 1_200)
            await asyncio.sleep(0.005)
        assert person.peer is not None
        assert person.peer.over_limit > sent / 3
        assert mic.packets - voice > 60
        await viewer.close()


async def test_fifty_people_at_fifty_calls_at_once(stage: Stage) -> None:
    callers = [Caller(CERTIFICATE) for _ in range(50)]
    rooms = [uuid4() for _ in callers]

    async def enter(caller: Caller, call: object) -> None:
        await stage.engine.open(call)  # type: ignore[arg-type]
        answer = await stage.engine.join(call, uuid4(), caller.offer())  # type: ignore[arg-type]
        await caller.connect(answer.sdp)

    await asyncio.gather(*(enter(caller, call) for caller, call in zip(callers, rooms, strict=True)))
    async with asyncio.timeout(30):
        while len(stage.told(Joined)) < 50:
            await asyncio.sleep(0.02)
    await asyncio.gather(*(caller.close() for caller in callers))


async def _flowing(stage: Stage) -> None:
    from core.ports.media import Source, TrackOn

    await stage.hears(TrackOn, lambda event: event.source is Source.camera)
