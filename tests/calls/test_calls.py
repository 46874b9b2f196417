"""What calls are, without an engine: states, links, consent, limits, the end of each."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from adapters.media.endings import Endings
from bot.voice.engine import Voice
from core import clock
from core.access import SYSTEM
from core.admin import erase
from core.calls import access, happened, join_links, queries, reach, recordings, service
from core.calls.model import Call, CallPerson, CallRecording, CallState, Presence
from core.crypto.fields import Unreadable
from core.db import UnitOfWork
from core.desk import Desk
from core.desk_settings import store
from core.errors import DeskError, Forbidden, NotFound, Refused, TooMany, Unavailable
from core.people import service as people
from core.ports.media import Present, Quality, Reason, Recording, Running
from core.tickets import access as ticket_access
from core.tickets import service as tickets
from core.tickets.access import Opened
from tests.calls.house import House, engine_pid, settle
from tests.fakes.media import SilentEngine


@pytest.fixture
async def house(desk: Desk) -> House:
    return await settle(desk)


class ForgetfulEngine(SilentEngine):
    """Has both people of a call, and records nobody."""

    def __init__(self, call: UUID, house: House, refuses: UUID | None = None) -> None:
        self.call, self.house, self.refuses = call, house, refuses
        self.asked: list[Recording] = []
        self.ended: list[UUID] = []

    async def running(self) -> tuple[Running, ...]:
        both = [who.id for who in (self.house.ada, self.house.bob) if who.id is not None]
        return (Running(self.call, 0.0, people=tuple(Present(one, True) for one in both)),)

    async def end(self, call: UUID) -> None:
        self.ended.append(call)

    async def record(self, call: UUID, recordings: tuple[Recording, ...]) -> None:
        for one in recordings:
            if one.person == self.refuses:
                raise NotFound("gone")
            self.asked.append(one)


async def row_of(house: House, call: object, actor: object) -> CallPerson:
    async with house.desk.db.sessions() as session:
        found = await session.scalar(
            select(CallPerson).where(CallPerson.call_id == call, CallPerson.person_id == actor)
        )
        assert found is not None
        return found


async def settings(house: House, **values: object) -> None:
    async with house.desk.unit() as uow:
        await store(uow.session, values)
    await house.desk.refresh()


async def both_in(house: House) -> Call:
    call = await house.call()
    async with house.desk.unit() as uow:
        for who in (house.bob, house.ada):
            assert who.id is not None
            await happened.came(uow, call, who.id)
            await uow.session.flush()
    return await house.the_call(call)


async def test_from_ringing_to_the_end(house: House) -> None:
    call = await both_in(house)
    assert call.state == CallState.joined
    async with house.desk.unit() as uow:
        held, opened = await access.change(uow, call.id)
        assert await service.hold(uow, held, opened, house.bob, True)
        assert not await service.hold(uow, held, opened, house.bob, True)
        assert await service.hold(uow, held, opened, house.bob, False)
        await happened.over(uow, call.id, "asked")
        await happened.over(uow, call.id, "asked")
    ended = await house.the_call(call.id)
    assert ended.state == CallState.ended
    assert await house.facts() == [
        "call.rang", "call.joined", "call.joined", "call.held", "call.held", "call.ended",
    ]  # fmt: skip


async def test_a_second_press_brings_the_running_call(house: House) -> None:
    first = await house.call()
    assert await house.call() == first
    assert await house.call(house.ada) == first


async def test_a_requester_asks_and_an_agent_takes_it_up(house: House) -> None:
    call = await house.call(house.ada)
    assert (await house.the_call(call)).state == CallState.asked
    assert await house.call(house.bob) == call
    assert (await house.the_call(call)).state == CallState.ringing


async def unassigned(house: House) -> None:
    async with house.desk.unit() as uow:
        await tickets.release(uow, house.bob, house.number)


async def assignee(house: House) -> UUID | None:
    async with house.desk.unit() as uow:
        return (await ticket_access.get(uow, SYSTEM, house.number)).ticket.assignee_id


async def test_calling_about_a_ticket_that_nobody_has_takes_it(house: House) -> None:
    await unassigned(house)
    await house.call(house.ada)
    assert await assignee(house) is None, "a requester who asks takes nothing"
    await house.call()
    assert await assignee(house) == house.bob.id


async def test_where_answering_takes_nothing_calling_does_not_either(house: House) -> None:
    await unassigned(house)
    await settings(house, claim_on_reply=False)
    await house.call()
    assert await assignee(house) is None


async def test_the_end_of_a_call_and_its_last_marks_do_not_wait_for_each_other(house: House) -> None:
    """One unit has noted a sample of the call and wants the ticket; the other has both, and ends the
    call. If a sample held the call up, each would wait for the other."""
    call = await both_in(house)
    assert house.ada.id is not None
    async with house.desk.unit() as marking:
        await happened.sample(marking, call.id, house.ada.id, Quality())
        await marking.session.flush()
        async with asyncio.timeout(30), house.desk.unit() as ending:
            held, opened = await access.change(ending, call.id)
            await service.end(ending, held, opened, house.bob)
        await happened.left(marking, call.id, house.ada.id, "asked")
    assert (await house.the_call(call.id)).state == CallState.ended


async def test_what_nobody_takes_up_is_missed(house: House) -> None:
    call = await house.call()
    later = clock.now() + timedelta(seconds=400)
    with clock.fixed(lambda: later):
        async with house.desk.unit() as uow:
            assert await happened.time_out(uow) == [call]
    assert (await house.the_call(call)).state == CallState.missed


async def test_links_are_for_one_person_and_end_with_the_call(house: House) -> None:
    call = await both_in(house)
    async with house.desk.unit() as uow:
        mine = await access.person_in(uow, call.id, house.ada.id)
        other = await access.person_in(uow, call.id, house.bob.id)
        assert mine is not None
        assert other is not None
        good = join_links.path(uow, mine).removeprefix(join_links.PREFIX)
        theirs = join_links.path(uow, other).removeprefix(join_links.PREFIX)
        assert (await join_links.follow(uow, good))[1].person_id == house.ada.id
        for forged in (
            "",
            "x",
            good[:-1],
            good[:-1] + "~",
            good[:32] + theirs[32:],
            uuid4().hex + good[32:],
            "é" * 72,
        ):
            with pytest.raises(NotFound):
                await join_links.follow(uow, forged)
        await service.revoke(uow, house.bob, call.id, mine.person_id)
        with pytest.raises(NotFound):
            await join_links.follow(uow, good)
        late = clock.now() + timedelta(hours=13)
        with clock.fixed(lambda: late), pytest.raises(join_links.LinkOver):
            await join_links.follow(uow, theirs)
        await happened.over(uow, call.id, "asked")
        with pytest.raises(join_links.LinkOver):
            await join_links.follow(uow, theirs)
        assert (await join_links.follow(uow, theirs, over=True))[0].id == call.id


async def test_the_waiting_room(house: House) -> None:
    call = await house.call()
    async with house.desk.unit() as uow:
        held, opened = await access.change(uow, call)
        mine = await access.person_in(uow, call, house.ada.id)
        assert mine is not None
        assert not await service.enter(uow, held, opened, mine, house.ada)
        assert not await service.enter(uow, held, opened, mine, house.ada)
        with pytest.raises(Forbidden):
            await service.admit(uow, house.ada, call, mine.person_id)
        await service.admit(uow, house.bob, call, mine.person_id)
        assert await service.enter(uow, held, opened, mine, house.ada)
    assert (await house.facts()).count("call.knocked") == 1


async def held_by_both(
    uow: UnitOfWork, house: House, call: Call
) -> tuple[Call, Opened, CallPerson, CallPerson]:
    """The call to change, its ticket, Ada and Bob in it."""
    held, opened = await access.change(uow, call.id)
    ada = await access.person_in(uow, call.id, house.ada.id)
    bob = await access.person_in(uow, call.id, house.bob.id)
    assert ada is not None
    assert bob is not None
    return held, opened, ada, bob


async def test_nobody_is_recorded_before_all_have_agreed(house: House) -> None:
    call = await both_in(house)
    async with house.desk.unit() as uow:
        held, opened, ada, bob = await held_by_both(uow, house, call)
        with pytest.raises(Forbidden):
            await recordings.want(uow, held, opened, ada, house.ada, True)
        await recordings.want(uow, held, opened, bob, house.bob, True)
        await recordings.consent(uow, held, opened, bob, house.bob, True)
        assert await recordings.due(uow, held) == ()
        await recordings.consent(uow, held, opened, ada, house.ada, False)
        assert await recordings.due(uow, held) == ()
        await recordings.consent(uow, held, opened, ada, house.ada, True)
        due = await recordings.due(uow, held)
        assert {one.person for one in due} == {house.ada.id, house.bob.id}
        assert await recordings.due(uow, held) == ()
        row = await uow.session.get(CallRecording, due[0].id)
        assert row is not None
        assert await recordings.key_of(uow, row) == due[0].key


async def test_an_engine_that_died_leaves_a_mark_and_the_way_back(house: House) -> None:
    call = await both_in(house)
    async with house.desk.unit() as uow:
        assert await happened.reconcile(uow, []) == [call.id]
        assert await happened.reconcile(uow, []) == []
    assert (await row_of(house, call.id, house.ada.id)).presence == Presence.away
    async with house.desk.unit() as uow:
        assert house.ada.id is not None
        await happened.came(uow, call.id, house.ada.id)
    again = await house.the_call(call.id)
    assert again.broken_at is None
    assert again.running
    async with house.desk.unit() as uow:
        there = Running(call.id, 0.0, people=(Present(house.ada.id, True),))
        await happened.reconcile(uow, [there])
    assert (await row_of(house, call.id, house.bob.id)).presence == Presence.left
    async with house.desk.unit() as uow:
        await happened.reconcile(uow, [])
    later = clock.now() + timedelta(seconds=300)
    with clock.fixed(lambda: later):
        async with house.desk.unit() as uow:
            assert await happened.time_out(uow) == [call.id]
    assert (await house.the_call(call.id)).state == CallState.failed


async def recorded(house: House) -> Call:
    """Both are in, and have agreed; nobody has asked the engine yet."""
    call = await both_in(house)
    async with house.desk.unit() as uow:
        held, opened, ada, bob = await held_by_both(uow, house, call)
        await recordings.want(uow, held, opened, bob, house.bob, True)
        await recordings.consent(uow, held, opened, bob, house.bob, True)
        await recordings.consent(uow, held, opened, ada, house.ada, True)
    return call


async def due(house: House, call: Call) -> set[object]:
    async with house.desk.unit() as uow:
        held, _opened = await access.change(uow, call.id)
        return {one.person for one in await recordings.due(uow, held)}


async def test_whoever_is_away_is_recorded_when_they_are_back(house: House) -> None:
    """An engine that began anew has the first who comes back, and cannot record the other yet."""
    call = await recorded(house)
    assert await due(house, call) == {house.ada.id, house.bob.id}
    async with house.desk.unit() as uow:
        await happened.reconcile(uow, [])
    for person in (house.ada.id, house.bob.id):
        assert person is not None
        async with house.desk.unit() as uow:
            await happened.came(uow, call.id, person)
        assert await due(house, call) == {person}


async def test_a_recording_that_the_engine_does_not_make_ends_and_another_begins(
    house: House, tmp_path: Path
) -> None:
    """The desk was killed between noting it and asking the engine for it."""
    call = await recorded(house)
    assert await due(house, call) == {house.ada.id, house.bob.id}
    engine = ForgetfulEngine(call.id, house)
    voice = Voice(house.desk, tmp_path)
    voice.keeper.media = engine
    later = clock.now() + timedelta(seconds=3)
    with clock.fixed(lambda: later):
        await voice.keeper.reconcile()
    assert [row.reason for row in await house.recordings()] == ["engine", "engine", None, None]
    assert {one.person for one in engine.asked} == {house.ada.id, house.bob.id}
    facts = await house.facts()
    assert [facts.count(f"call.recording_{what}") for what in ("started", "stopped")] == [2, 2]


async def test_people_who_are_back_before_the_death_is_known(house: House) -> None:
    """The old engine's recordings end, and the timeline tells of the fault, once."""
    call = await recorded(house)
    assert await due(house, call) == {house.ada.id, house.bob.id}
    assert house.ada.id is not None
    there = Running(call.id, clock.now().timestamp() + 0.1, people=(Present(house.ada.id, True),))
    for _look in range(2):
        async with house.desk.unit() as uow:
            assert await happened.reconcile(uow, [there]) == []
    assert [row.reason for row in await house.recordings()] == ["engine", "engine"]
    assert (await house.facts()).count("call.interrupted") == 1
    assert (await house.the_call(call.id)).running


async def test_a_call_that_is_ended_before_the_death_is_known_has_a_whole_record(house: House) -> None:
    call = await recorded(house)
    assert await due(house, call) == {house.ada.id, house.bob.id}
    async with house.desk.unit() as uow:
        held, opened = await access.change(uow, call.id)
        await service.end(uow, held, opened, house.bob)
    assert (await row_of(house, call.id, house.ada.id)).presence == Presence.left
    assert [row.stopped_at for row in await house.recordings()] == [None, None], "the engine may still write"
    async with house.desk.unit() as uow:
        await happened.reconcile(uow, [Running(call.id, 0.0)])
    assert [row.stopped_at for row in await house.recordings()] == [None, None]
    async with house.desk.unit() as uow:
        await happened.reconcile(uow, [])
    assert [row.reason for row in await house.recordings()] == ["engine", "engine"]


async def test_a_call_that_ended_while_the_engine_could_not_be_told_ends_there_too(
    house: House, tmp_path: Path
) -> None:
    call = await recorded(house)
    async with house.desk.unit() as uow:
        held, opened = await access.change(uow, call.id)
        await service.end(uow, held, opened, house.bob)
    engine = ForgetfulEngine(call.id, house)
    voice = Voice(house.desk, tmp_path)
    voice.keeper.media = engine
    await voice.keeper.reconcile()
    assert engine.ended == [call.id]


async def test_a_recording_of_somebody_who_has_just_left_was_none(house: House, tmp_path: Path) -> None:
    call = await recorded(house)
    engine = ForgetfulEngine(call.id, house, refuses=house.ada.id)
    voice = Voice(house.desk, tmp_path)
    voice.keeper.media = engine
    await voice.keeper.record_due(call.id)
    assert [row.person_id for row in await house.recordings()] == [house.bob.id]


async def test_who_may_call_when_and_how_often(house: House) -> None:
    await settings(house, calls_by_requesters=False)
    with pytest.raises(Forbidden):
        await house.call(house.ada)
    await settings(house, calls=False)
    with pytest.raises(Refused):
        await house.call()
    await settings(house, calls=True, calls_at_once=1)
    await house.call()
    async with house.desk.unit() as uow:
        assert house.ada.id is not None
        person = await people.get(uow, house.ada.id)
        other = await tickets.open_ticket(uow, house.ada, person, tickets.Request(text="And the lamp"))
        with pytest.raises(TooMany):
            await service.ask(uow, house.bob, other.number)
    async with house.desk.unit() as uow:
        stranger = await people.actor_of(uow, await people.add(uow, name="Eve"))
    async with house.desk.unit() as uow:
        with pytest.raises(NotFound):
            await service.ask(uow, stranger, house.number)


async def test_a_call_is_set_reminded_of_and_rings_when_somebody_comes(house: House) -> None:
    at = clock.now() + timedelta(hours=1)
    async with house.desk.unit() as uow:
        call, _mine = await service.ask(uow, house.bob, house.number, at=at)
        assert await happened.remind(uow) == 0
    near = at - timedelta(minutes=5)
    with clock.fixed(lambda: near):
        async with house.desk.unit() as uow:
            assert await happened.remind(uow) == 1
            assert await happened.remind(uow) == 0
            held, opened = await access.change(uow, call.id)
            mine = await access.person_in(uow, call.id, house.bob.id)
            assert mine is not None
            assert await service.enter(uow, held, opened, mine, house.bob)
            assert held.state == CallState.ringing


async def test_transfer_and_invitation(house: House) -> None:
    call = await both_in(house)
    async with house.desk.unit() as uow:
        eve = await people.add(uow, name="Eve", role="agent")
        await uow.session.flush()
        row = await service.transfer(uow, house.bob, call.id, eve.id)
        assert row.staff
        found = await queries.people(uow, house.bob, await _call(uow, call))
        assert [one.name for one in found][-1] == "Eve"
    assert "call.transferred" in await house.facts()


async def _call(uow: object, call: Call) -> Call:
    return call


async def test_erasing_a_person_silences_their_recordings(house: House) -> None:
    call = await both_in(house)
    async with house.desk.unit() as uow:
        for who in (house.ada, house.bob):
            row = await access.person_in(uow, call.id, who.id)
            held, opened = await access.change(uow, call.id)
            assert row is not None
            held.recording = True
            await recordings.consent(uow, held, opened, row, who, True)
        due = await recordings.due(uow, held)
    mine = next(one for one in due if one.person == house.ada.id)
    async with house.desk.unit() as uow:
        assert house.ada.id is not None
        await erase.again(uow, house.ada.id)
    async with house.desk.unit() as uow:
        row = await uow.session.get(CallRecording, mine.id)
        assert row is not None
        with pytest.raises(Unreadable):
            await recordings.key_of(uow, row)
        assert await recordings.to_remove(uow) == [mine.id]
        await recordings.removed(uow, [mine.id])
        assert await recordings.to_remove(uow) == []


async def test_recordings_end_with_their_time(house: House) -> None:
    call = await both_in(house)
    async with house.desk.unit() as uow:
        assert house.ada.id is not None
        uow.session.add(
            CallRecording(
                call_id=call.id, person_id=house.ada.id, key=b"x", began_at=clock.now() - timedelta(days=91)
            )
        )
        await uow.session.flush()
        assert await recordings.expire(uow) == 1
        assert await recordings.expire(uow) == 0


async def test_a_rating_is_of_those_who_were_there(house: House) -> None:
    call = await both_in(house)
    async with house.desk.unit() as uow:
        held, opened = await access.change(uow, call.id)
        mine = await access.person_in(uow, call.id, house.ada.id)
        assert mine is not None
        for wrong in (0, 6):
            with pytest.raises(DeskError):
                await service.rate(uow, held, opened, mine, wrong)
        await service.rate(uow, held, opened, mine, 4)
    assert (await row_of(house, call.id, house.ada.id)).rating == 4


def test_browsers_give_media_over_https_or_here_only() -> None:
    for good in ("https://help.example.com", "http://localhost:8080", "http://127.0.0.1"):
        reach.require(good)
    for bad in ("http://help.example.com", "http://10.0.0.4:8080", ""):
        with pytest.raises(Refused):
            reach.require(bad)


async def test_what_ended_while_nobody_listened_is_over_at_once(house: House) -> None:
    call = await both_in(house)
    async with house.desk.unit() as uow:
        assert await happened.reconcile(uow, [], {call.id: Reason.asked}.get) == []
    ended = await house.the_call(call.id)
    assert (ended.state, ended.reason) == (CallState.ended, "asked")
    assert "call.interrupted" not in await house.facts()


def test_endings_are_noted_for_a_day(tmp_path: Path) -> None:
    endings, call = Endings(tmp_path / "spool" / "endings"), uuid4()
    assert endings.of(call) is None
    endings.note(call, Reason.alone)
    assert endings.of(call) is Reason.alone
    endings.sweep()
    assert endings.of(call) is Reason.alone
    [noted] = (tmp_path / "spool" / "endings").iterdir()
    os.utime(noted, (0, 0))
    endings.sweep()
    assert endings.of(call) is None
    (tmp_path / "file").touch()
    Endings(tmp_path / "file").note(call, Reason.alone)


async def test_a_machine_that_is_slow_to_start_the_engine_is_waited_for(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice, tried = Voice(desk, tmp_path), 0

    class Slow(SilentEngine):
        async def running(self) -> tuple[Running, ...]:
            nonlocal tried
            tried += 1
            if tried < 3:
                raise Unavailable("not yet")
            return ()

    monkeypatch.setattr("bot.voice.engine.AGAIN", 0.0)
    await voice._up(Slow())
    assert tried == 3


async def test_an_engine_that_a_supervisor_keeps_is_reached_and_none_is_started(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed, it is the supervisor's to start again: one in the gateway's container would have no ports."""
    monkeypatch.setenv("DESKBELL_MEDIA_APART", "1")
    with TemporaryDirectory(prefix="dbm") as folder:  # pytest's own are too long for the name of a socket
        voice = Voice(desk, Path(folder))
        voice.need()
        keeping = asyncio.create_task(voice.run())
        command = (sys.executable, "-m", "tests.media.engine_main", str(voice.socket), folder, "60")
        try:
            for _life in range(2):
                engine = await asyncio.create_subprocess_exec(*command)
                async with asyncio.timeout(30):
                    await voice.engine()
                    while await _who_answers(voice) != engine.pid:
                        await asyncio.sleep(0.05)
                engine.kill()
                await engine.wait()
                assert await _who_answers(voice) is None
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)


async def _who_answers(voice: Voice) -> int | None:
    """The process behind the engine's socket, once somebody waited for an answer of it."""
    assert voice.keeper.media is not None
    try:
        await voice.keeper.media.running()
        return engine_pid(voice.socket)
    except (Unavailable, OSError):
        return None
