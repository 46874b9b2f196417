"""Calls over networks that lose datagrams, stop, or change."""

from __future__ import annotations

import asyncio
import os
from uuid import uuid4

import pytest

from adapters.media.aiortc import call as calls
from adapters.media.recordings import StoredRecordings
from benchmarks.callers import Caller
from core.ports.media import Joined, Left, Lost, QualitySample, Reason, Recording, Source
from tests.media.conftest import Stage
from tests.media.test_bad_input import CERTIFICATE
from tests.media.test_recording import decoded, whole
from tests.media.visitors import RATE, moved
from tests.media.weather import weather


async def test_a_twentieth_lost_is_made_good(stage: Stage) -> None:
    async with weather(("127.0.0.1", stage.engine.port)) as bad:
        sender, viewer = Caller(CERTIFICATE), Caller(CERTIFICATE)
        who = uuid4()
        answer = await stage.engine.join(stage.call, who, sender.offer())
        await sender.connect(moved(answer.sdp, bad.address))
        answer = await stage.engine.join(stage.call, uuid4(), viewer.offer())
        await viewer.connect(answer.sdp)
        recording = Recording(uuid4(), who, os.urandom(32))
        sender.sending = viewer.sending = True
        await stage.engine.record(stage.call, (recording,))
        await asyncio.sleep(1)
        bad.loss = 0.05
        await stage.hears(QualitySample, lambda e: e.person == who and e.quality.up_loss > 0)
        assert sender.nacks > 10
        await sender.close()
        await viewer.close()


async def test_what_is_asked_for_again_is_in_the_recording(stage: Stage) -> None:
    async with weather(("127.0.0.1", stage.engine.port)) as bad:
        one, other = stage.visitor(shade=60), stage.visitor(shade=200)
        await one.join(through=bad.address)
        await other.join()
        await other.sees()
        recording = Recording(uuid4(), one.id, os.urandom(32))
        await stage.engine.record(stage.call, (recording,))
        bad.loss = 0.08
        await other.sees(more=70, seconds=30)
        bad.loss = 0.0
        await other.sees(more=10)
        await stage.engine.stop_recording(stage.call)
        times = decoded(await whole(StoredRecordings(stage.store, stage.spool), recording, Source.camera))
        assert bad.lost > 20
        assert len(times) == pytest.approx((times[-1] - times[0]) * RATE + 1, abs=2)


async def test_five_seconds_without_network_are_got_over_on_the_same_connection(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "LOST_SECONDS", 1.0)
    async with weather(("127.0.0.1", stage.engine.port)) as bad:
        one, other = Caller(CERTIFICATE), Caller(CERTIFICATE)
        who = uuid4()
        answer = await stage.engine.join(stage.call, who, one.offer())
        await one.connect(moved(answer.sdp, bad.address))
        answer = await stage.engine.join(stage.call, uuid4(), other.offer())
        await other.connect(answer.sdp)
        one.sending = other.sending = True
        await asyncio.sleep(0.5)
        bad.out = True
        assert (await stage.hears(Lost)).person == who
        bad.out = False
        again = await stage.hears(Joined, lambda e: e.again)
        assert again.person == who
        before = one.received
        async with asyncio.timeout(30):
            while one.received < before + 50:
                await asyncio.sleep(0.02)
        assert not stage.told(Left)
        await one.close()
        await other.close()


async def test_who_does_not_come_back_has_left(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "GONE_SECONDS", 0.5)
    one, _other = await stage.two()
    await one.close()
    left = await stage.hears(Left)
    assert (left.person, left.reason) == (one.id, Reason.lost)


async def test_a_new_address_of_the_same_connection_takes_over(stage: Stage) -> None:
    """A phone that goes from one network to the other, as the engine sees it."""
    async with weather(("127.0.0.1", stage.engine.port)) as way:
        one, other = Caller(CERTIFICATE), Caller(CERTIFICATE)
        answer = await stage.engine.join(stage.call, uuid4(), one.offer())
        await one.connect(answer.sdp)
        answer = await stage.engine.join(stage.call, uuid4(), other.offer())
        await other.connect(answer.sdp)
        one.sending = other.sending = True
        await stage.hears(Joined, lambda e: not e.again)
        one._remote = (*one._remote[:2], way.address)
        async with asyncio.timeout(30):
            while way.passed < 300:
                await asyncio.sleep(0.05)
        before = one.received
        async with asyncio.timeout(30):
            while one.received < before + 50:
                await asyncio.sleep(0.02)
        assert not stage.told(Lost)
        await one.close()
        await other.close()
