"""Calls between people, through real connections."""

from __future__ import annotations

import asyncio
import time
from uuid import uuid4

import pytest

from core.errors import NotFound, TooMany
from core.ports.media import (
    Bound,
    Ended,
    Joined,
    Left,
    Limits,
    Lost,
    QualitySample,
    Reason,
    Replaced,
    SeatsWanted,
    Source,
    Speaking,
    TrackOff,
    TrackOn,
)
from tests.media.conftest import Stage


async def test_two_people_see_and_hear_each_other(stage: Stage) -> None:
    one, other = await stage.two()
    await one.sees("0")
    await other.sees("0")
    assert abs(one.shades["1"] - 200) < 12
    assert abs(other.shades["1"] - 60) < 12
    bound = await stage.hears(Bound, lambda event: event.viewer == one.id)
    assert {(b.mid, b.person, b.source) for b in bound.bindings} == {
        ("0", other.id, Source.mic), ("1", other.id, Source.camera),
    }  # fmt: skip


async def test_a_newcomer_has_a_picture_within_a_second(stage: Stage) -> None:
    one, other = await stage.two()
    assert other.first["1"] < 1.0
    assert one.first["0"] < 5.0


async def test_the_answer_says_who_will_be_where(stage: Stage) -> None:
    one, other = stage.visitor(), stage.visitor()
    assert (await one.join()).bindings == ()
    answer = await other.join()
    assert {binding.person for binding in answer.bindings} == {one.id}
    assert answer.seats == 1


async def test_events_tell_who_came_and_what_flows(stage: Stage) -> None:
    one, _other = await stage.two()
    assert (await stage.hears(Joined, lambda e: e.person == one.id)).again is False
    await stage.hears(TrackOn, lambda e: e.person == one.id and e.source is Source.mic)
    await stage.hears(TrackOn, lambda e: e.person == one.id and e.source is Source.camera)
    (running,) = await stage.engine.running()
    assert {person.person for person in running.people} == {visitor.id for visitor in stage.visitors}
    assert all(set(person.sources) == {Source.mic, Source.camera} for person in running.people)


async def test_who_speaks_is_told(stage: Stage) -> None:
    quiet, loud = stage.visitor(loud=0.0), stage.visitor()
    await quiet.join()
    await loud.join()
    await stage.hears(Speaking, lambda e: e.person == loud.id and e.on)
    loud.tone.loud = 0.0
    await stage.hears(Speaking, lambda e: e.person == loud.id and not e.on)
    assert not [event for event in stage.told(Speaking) if event.person == quiet.id]


async def test_three_people_need_seats_and_get_them_on_the_same_connection(stage: Stage) -> None:
    one, _other = await stage.two()
    third = stage.visitor(shade=120, seats=2)
    await third.join()
    wanted = await stage.hears(SeatsWanted, lambda e: e.viewer == one.id)
    assert wanted.seats == 2
    one.pc.addTransceiver("audio", "recvonly")
    one.pc.addTransceiver("video", "recvonly")
    await one.join()
    assert len(one.answer.bindings) == 4
    await one.sees("3")
    assert abs(one.shades["3"] - 120) < 12
    assert abs(one.shades["1"] - 200) < 12
    await third.sees("1")
    await third.sees("3")
    assert {round(third.shades[mid], -1) for mid in ("1", "3")} <= {50, 60, 70, 190, 200, 210}
    assert [event.again for event in stage.told(Joined) if event.person == one.id] == [False]


async def test_a_screen_takes_the_only_picture_and_gives_it_back(stage: Stage) -> None:
    viewer = stage.visitor()
    sharer = stage.visitor(shade=60, screen=True)
    await viewer.join()
    await sharer.join()
    await stage.hears(TrackOn, lambda e: e.source is Source.screen)
    await stage.hears(
        Bound, lambda e: e.viewer == viewer.id and any(b.source is Source.screen for b in e.bindings)
    )
    await viewer.sees()
    async with asyncio.timeout(30):
        while abs(viewer.shades["1"] - 195) > 12:
            await viewer.sees(more=1)


async def test_muting_stops_one_source_only(stage: Stage) -> None:
    one, other = await stage.two()
    await stage.engine.mute(stage.call, one.id, Source.camera, True)
    await other.sees("0", more=20)
    before = other.frames["1"]
    await other.sees("0", more=20)
    assert other.frames["1"] - before <= 1
    await stage.engine.mute(stage.call, one.id, Source.camera, False)
    await other.sees("1")


async def test_on_hold_nothing_passes(stage: Stage) -> None:
    one, other = await stage.two()
    await stage.engine.hold(stage.call, True)
    await asyncio.sleep(0.5)
    before = dict(one.frames), dict(other.frames)
    await asyncio.sleep(1)
    assert all(one.frames[mid] - count <= 1 for mid, count in before[0].items())
    assert all(other.frames[mid] - count <= 1 for mid, count in before[1].items())
    (running,) = await stage.engine.running()
    assert running.held
    await stage.engine.hold(stage.call, False)
    await one.sees("1")
    await other.sees("0")


async def test_a_fresh_connection_takes_the_person_over(stage: Stage) -> None:
    one, other = await stage.two()
    again = stage.visitor(shade=100, who=one.id)
    await again.join()
    await again.sees()
    event = await stage.hears(Replaced)
    assert event.person == one.id
    assert [e.again for e in stage.told(Joined) if e.person == one.id] == [False, True]
    async with asyncio.timeout(30):
        while abs(other.shades["1"] - 100) > 12:
            await other.sees("1", more=1)
    assert not stage.told(Left)
    (running,) = await stage.engine.running()
    assert len(running.people) == 2


async def test_leaving_frees_the_seat(stage: Stage) -> None:
    one, other = await stage.two()
    await stage.engine.leave(stage.call, other.id)
    left = await stage.hears(Left)
    assert (left.person, left.reason) == (other.id, Reason.asked)
    await stage.hears(Bound, lambda e: e.viewer == one.id and e.bindings == ())
    third = stage.visitor(shade=120)
    await third.join()
    await stage.hears(Joined, lambda e: e.person == third.id)
    await one.sees("1")


async def test_a_closed_browser_is_lost_and_its_place_kept(stage: Stage) -> None:
    one, _other = await stage.two()
    await one.close()
    assert (await stage.hears(Lost)).person == one.id
    await stage.hears(TrackOff, lambda e: e.person == one.id)
    (running,) = await stage.engine.running()
    assert {p.person: p.connected for p in running.people}[one.id] is False


async def test_ending_a_call_tells_why_and_forgets_it(stage: Stage) -> None:
    one, other = await stage.two()
    await stage.engine.end(stage.call)
    assert (await stage.hears(Ended)).reason is Reason.asked
    assert {event.person for event in stage.told(Left)} == {one.id, other.id}
    assert await stage.engine.running() == ()
    with pytest.raises(NotFound):
        await one.join()


async def test_quality_is_sampled(stage: Stage) -> None:
    one, _other = await stage.two()
    sample = (await stage.hears(QualitySample, lambda e: e.person == one.id)).quality
    assert sample.up_bitrate > 10_000
    assert sample.down_bitrate > 10_000
    assert sample.up_loss == 0
    assert set(await stage.engine.stats(stage.call)) == {visitor.id for visitor in stage.visitors}


class TestPlaces:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(people=2)

    async def test_a_full_call_is_refused_in_words(self, stage: Stage) -> None:
        one, other = stage.visitor(), stage.visitor()
        await one.join()
        await other.join()
        with pytest.raises(TooMany, match="full"):
            await stage.visitor().join()

    async def test_fifty_at_once_get_two_places(self, stage: Stage) -> None:
        offer = await stage.visitor().offer()
        tries = [stage.engine.join(stage.call, uuid4(), offer) for _ in range(50)]
        answers = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(isinstance(answer, TooMany) for answer in answers) == 48


class TestAlone:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(alone_seconds=3.0, empty_seconds=1.0)

    async def test_a_call_with_nobody_ends_by_itself(self, stage: Stage) -> None:
        assert (await stage.hears(Ended)).reason is Reason.alone

    async def test_one_person_alone_waits_longer(self, stage: Stage) -> None:
        await stage.visitor().join()
        await stage.hears(Joined)
        came = time.monotonic()
        assert (await stage.hears(Ended)).reason is Reason.alone
        assert time.monotonic() - came > 1.5


class TestLength:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(seconds=1.5)

    async def test_a_call_that_lasts_too_long_ends(self, stage: Stage) -> None:
        await stage.visitor().join()
        assert (await stage.hears(Ended)).reason is Reason.timeout
