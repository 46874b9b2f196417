"""What the media engine reports becomes facts: who came, who left, what was recorded, how it ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import or_, select, update

from core import clock
from core.access import SYSTEM
from core.calls import access, recordings, service
from core.calls.events import (
    CallInterrupted,
    CallJoined,
    CallLeft,
    CallRecordingStarted,
    CallRecordingStopped,
    CallReminded,
)
from core.calls.model import (
    LIVE,
    RUNNING,
    WAITING,
    Call,
    CallPerson,
    CallQuality,
    CallRecording,
    CallState,
    Presence,
)
from core.db import EventRow, UnitOfWork
from core.ports.media import Quality, Reason, Running

BROKEN_SECONDS = 120
"""So long a call whose engine died waits for somebody to come back."""
ON_ITS_WAY = timedelta(seconds=1)
"""So long a recording may be asked for before the engine knows of it."""
REMIND = timedelta(minutes=10)
LATE = timedelta(minutes=30)
BATCH = 50


async def came(uow: UnitOfWork, call_id: UUID, person_id: UUID, again: bool = False) -> None:
    """A person's connection stands."""
    call, opened = await access.change(uow, call_id)
    row = await access.person_in(uow, call_id, person_id)
    if row is None or not call.live:
        return
    news = row.presence != Presence.present
    again = again or row.joined_at is not None
    row.presence, row.joined_at, row.left_at = Presence.present.value, row.joined_at or clock.now(), None
    call.broken_at = None
    if not call.running:
        # From the first one who is there: the other's way is part of the call.
        call.state = CallState.joined.value
        call.version += 1
    call.started_at = call.started_at or clock.now()
    if news:
        told = CallJoined(subject=call.id, number=opened.number, person=person_id, again=again)
        service.record(uow, opened, told)


async def lost(uow: UnitOfWork, call_id: UUID, person_id: UUID) -> None:
    """Nothing comes from a person; their place is kept."""
    await _presence(uow, call_id, person_id, Presence.away)


async def left(uow: UnitOfWork, call_id: UUID, person_id: UUID, reason: str) -> None:
    """A person is no more in the call."""
    call, opened = await access.change(uow, call_id)
    row = await access.person_in(uow, call_id, person_id)
    if row is None or row.presence not in (Presence.present, Presence.away):
        return
    row.presence, row.left_at = Presence.left.value, clock.now()
    told = CallLeft(subject=call.id, number=opened.number, person=person_id, reason=reason)
    service.record(uow, opened, told)


async def recording_started(uow: UnitOfWork, call_id: UUID, person_id: UUID, recording: UUID) -> None:
    call, opened = await access.change(uow, call_id)
    told = CallRecordingStarted(subject=call.id, number=opened.number, person=person_id, recording=recording)
    service.record(uow, opened, told)


async def piece_written(uow: UnitOfWork, recording: UUID, milliseconds: int, size: int) -> None:
    """So much of it is safe now, in all."""
    await uow.session.execute(
        update(CallRecording)
        .where(CallRecording.id == recording)
        .values(milliseconds=milliseconds, size=size)
    )


async def recording_stopped(uow: UnitOfWork, recording: UUID, reason: str, milliseconds: int = 0) -> None:
    """Nothing more is added to a recording. Told once, whoever reports it first."""
    row = await uow.session.get(CallRecording, recording)
    if row is None:
        return
    call, opened = await access.change(uow, row.call_id)
    await uow.session.refresh(row)
    if row.stopped_at is not None:
        return
    row.stopped_at, row.reason = clock.now(), reason
    row.milliseconds = max(row.milliseconds, milliseconds)
    if not await _told_to_have_started(uow, row):
        # Its engine died, or we did, before that was heard.
        began = CallRecordingStarted(
            subject=call.id, number=opened.number, person=row.person_id, recording=row.id
        )
        service.record(uow, opened, began, at=row.began_at)
    told = CallRecordingStopped(
        subject=call.id, number=opened.number, person=row.person_id, recording=row.id, reason=reason,
        milliseconds=row.milliseconds,
    )  # fmt: skip
    service.record(uow, opened, told)


async def over(uow: UnitOfWork, call_id: UUID, reason: str) -> None:
    """The engine has ended a call, for whatever reason."""
    call, opened = await access.change(uow, call_id)
    for row in await recordings.open_of(uow, call):
        await recording_stopped(uow, row.id, reason)
    await service.end(uow, call, opened, SYSTEM, reason)


async def sample(uow: UnitOfWork, call_id: UUID, person_id: UUID, quality: Quality) -> None:
    """How it goes for one person."""
    if await access.person_in(uow, call_id, person_id) is not None:
        uow.session.add(CallQuality(call_id=call_id, person_id=person_id, data=asdict(quality)))


async def spoke(uow: UnitOfWork, call_id: UUID, person_id: UUID, begins: float, ends: float) -> None:
    """When somebody spoke, in seconds since the epoch: a mark in their recording. Of whoever is not
    recorded nothing is kept."""
    recorded = select(CallRecording.id).where(
        CallRecording.call_id == call_id,
        CallRecording.person_id == person_id,
        CallRecording.stopped_at.is_(None),
    )
    if await uow.session.scalar(recorded.limit(1)) is not None:
        data = {"spoke": [round(begins, 2), round(ends, 2)]}
        uow.session.add(CallQuality(call_id=call_id, person_id=person_id, data=data))


async def reconcile(
    uow: UnitOfWork,
    running: Sequence[Running],
    ended: Callable[[UUID], Reason | None] = lambda call: None,
    asked_at: datetime | None = None,
) -> list[UUID]:
    """After an engine began anew, or we did: which calls it does not know any more. Those of whose
    end it tells (`ended`) are over; the others are marked as interrupted, and their people come
    back by the same links. `asked_at` is when the engine said what runs."""
    known = {each.call: each for each in running}
    query = select(Call.id).where(Call.state.in_(RUNNING), Call.broken_at.is_(None))
    gone = {one: ended(one) for one in await uow.session.scalars(query) if one not in known}
    for call_id, reason in gone.items():
        if reason is not None:
            await over(uow, call_id, reason.value)
    lost_calls = [call_id for call_id, reason in gone.items() if reason is None]
    for call_id in lost_calls:
        call, opened = await access.change(uow, call_id)
        call.broken_at = clock.now()
        await uow.session.execute(
            update(CallPerson)
            .where(CallPerson.call_id == call.id, CallPerson.presence == Presence.present)
            .values(presence=Presence.away.value)
            .execution_options(synchronize_session="fetch")
        )
        service.record(uow, opened, CallInterrupted(subject=call.id, number=opened.number))
        for cut in await recordings.open_of(uow, call):
            await recording_stopped(uow, cut.id, Reason.engine.value)
    await uow.session.flush()
    for each in running:
        await _began_anew(uow, each)
        there = {present.person for present in each.people}
        for person in there:
            await came(uow, each.call, person)
        for row in await uow.session.scalars(select(CallPerson).where(CallPerson.call_id == each.call)):
            if row.person_id not in there:
                await left(uow, each.call, row.person_id, Reason.lost.value)
        await _stop_unknown(uow, each, asked_at or clock.now())
    await _stop_of_ended(uow, list(known))
    return lost_calls


async def time_out(uow: UnitOfWork) -> list[UUID]:
    """Calls that rang too long are missed; broken ones to which nobody came back have failed."""
    now = clock.now()
    rang = now - timedelta(seconds=uow.settings.call_ring_seconds)
    broken = now - timedelta(seconds=BROKEN_SECONDS)
    query = (
        select(Call.id)
        .where(
            or_(
                Call.state.in_(WAITING) & (Call.created_at < rang) & (Call.rang_at.is_(None) | (Call.rang_at < rang)),
                Call.state.in_(RUNNING) & (Call.broken_at < broken),
                (Call.state == CallState.scheduled) & (Call.scheduled_at < now - LATE),
            )
        )
        .limit(BATCH)
    )  # fmt: skip
    ended = list(await uow.session.scalars(query))
    for call_id in ended:
        call, opened = await access.change(uow, call_id)
        await service.end(uow, call, opened, SYSTEM, "timeout")
    return ended


async def remind(uow: UnitOfWork) -> int:
    """Scheduled calls that are near: each side is told once."""
    near = (
        (Call.state == CallState.scheduled)
        & (Call.scheduled_at < clock.now() + REMIND)
        & Call.reminded_at.is_(None)
    )
    found = list(await uow.session.scalars(select(Call.id).where(near).limit(BATCH)))
    for call_id in found:
        call, opened = await access.change(uow, call_id)
        call.reminded_at = clock.now()
        service.record(uow, opened, CallReminded(subject=call.id, number=opened.number), SYSTEM)
    await uow.session.flush()
    return len(found)


async def _began_anew(uow: UnitOfWork, running: Running) -> None:
    """People may be back in a new engine before we know that the old one died."""
    call, opened = await access.change(uow, running.call)
    since = datetime.fromtimestamp(running.since, UTC)
    if not call.running or call.started_at is None or since <= call.started_at:
        return
    told = select(EventRow.id).where(
        EventRow.subject == call.id,
        EventRow.name == CallInterrupted.name,
        EventRow.at >= since - timedelta(seconds=BROKEN_SECONDS),
    )
    if await uow.session.scalar(told.limit(1)) is None:
        service.record(uow, opened, CallInterrupted(subject=call.id, number=opened.number))


async def _stop_unknown(uow: UnitOfWork, running: Running, asked_at: datetime) -> None:
    """Recordings that the engine does not make: it was never told of them, or they ended while
    nobody listened."""
    made = {present.recording for present in running.people}
    open_ones = select(CallRecording.id).where(
        CallRecording.call_id == running.call,
        CallRecording.stopped_at.is_(None),
        CallRecording.began_at < max(asked_at - ON_ITS_WAY, datetime.fromtimestamp(running.since, UTC)),
    )
    for recording in list(await uow.session.scalars(open_ones)):
        if recording not in made:
            await recording_stopped(uow, recording, Reason.engine.value)


async def _stop_of_ended(uow: UnitOfWork, known: list[UUID]) -> None:
    """Recordings of calls that were ended before anybody knew that their engine had died."""
    query = (
        select(CallRecording.id)
        .join(Call, Call.id == CallRecording.call_id)
        .where(
            CallRecording.stopped_at.is_(None), Call.state.not_in(LIVE), CallRecording.call_id.not_in(known)
        )
    )
    for recording in list(await uow.session.scalars(query)):
        await recording_stopped(uow, recording, Reason.engine.value)


async def _told_to_have_started(uow: UnitOfWork, row: CallRecording) -> bool:
    told = select(EventRow.id).where(
        EventRow.subject == row.call_id,
        EventRow.name == CallRecordingStarted.name,
        EventRow.data["recording"].astext == str(row.id),
    )
    return await uow.session.scalar(told.limit(1)) is not None


async def _presence(uow: UnitOfWork, call_id: UUID, person_id: UUID, presence: Presence) -> None:
    await uow.session.execute(
        update(CallPerson)
        .where(
            CallPerson.call_id == call_id,
            CallPerson.person_id == person_id,
            CallPerson.presence == Presence.present,
        )
        .values(presence=presence.value)
    )
