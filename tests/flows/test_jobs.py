"""What runs by itself: each job on a real database, once at a time, through faults and restarts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select, update

from bot import jobs
from bot.jobs import Job, schedule
from core import clock
from core.admin import audit
from core.admin.model import AuditSeal
from core.conversations import attachments
from core.conversations.model import Attachment
from core.db import EventRow, UnitOfWork
from core.desk import Desk
from core.ids import new_id
from core.notices.model import Notice
from core.outbox_model import Delivery, IdempotentAnswer, Inbound, OutboxMail, ScheduledJob
from core.people.model import OneTimeLink, Session
from core.tickets import access
from core.tickets import service as tickets
from tests.notices.world import Clock, actor, agent, fresh, opened, requester

JOBS = schedule()
BY_NAME = {job.name: job for job in JOBS}


@pytest.fixture
def time() -> Iterator[Clock]:
    moved = Clock()
    with clock.fixed(moved):
        yield moved


async def run(desk: Desk, name: str) -> int:
    """Run one job, due or not."""
    async with desk.unit() as uow:
        await uow.session.execute(
            update(ScheduledJob).where(ScheduledJob.name == name).values(last_run_at=None)
        )
    return await jobs.run_one(desk, BY_NAME[name])


async def count(desk: Desk, model: type) -> int:
    async with desk.unit() as uow:
        return int(await uow.session.scalar(select(func.count()).select_from(model)) or 0)


async def events(desk: Desk, name: str) -> int:
    async with desk.unit() as uow:
        rows = await uow.session.scalars(select(EventRow.id).where(EventRow.name == name))
        return len(rows.all())


# --- the jobs ---------------------------------------------------------------------------


async def test_a_snoozed_ticket_wakes_when_its_time_has_come(desk: Desk, time: Clock) -> None:
    bob = await agent(desk, "Bob")
    ticket = await opened(desk, await requester(desk))
    async with desk.unit(await actor(desk, bob)) as uow:
        await tickets.snooze(uow, uow.actor, ticket.number, clock.now() + timedelta(hours=1))
    assert await run(desk, "wake_snoozed") == 0
    time.forward(hours=1)
    assert await run(desk, "wake_snoozed") == 1
    assert (await fresh(desk, ticket)).snoozed_until is None
    assert await events(desk, "ticket.woken") == 1
    assert await run(desk, "wake_snoozed") == 0


async def test_a_resolved_ticket_is_closed_after_the_set_days(desk: Desk, time: Clock) -> None:
    bob = await agent(desk, "Bob")
    ada = await requester(desk)
    old, young = await opened(desk, ada), await opened(desk, ada, "Another")
    async with desk.unit(await actor(desk, bob)) as uow:
        await tickets.resolve(uow, uow.actor, old.number)
    time.forward(days=desk.means.settings.close_after_days, seconds=-1)
    async with desk.unit(await actor(desk, bob)) as uow:
        await tickets.resolve(uow, uow.actor, young.number)
    assert await run(desk, "close_resolved") == 0
    time.forward(seconds=2)
    assert await run(desk, "close_resolved") == 1
    assert [(await fresh(desk, each)).status for each in (old, young)] == ["closed", "resolved"]
    async with desk.unit() as uow:
        closed = await uow.session.scalar(select(EventRow).where(EventRow.name == "ticket.closed"))
        assert closed is not None
        assert (closed.actor_kind, closed.data["reason"]) == ("system", "time")


async def test_a_ticket_that_somebody_works_on_waits_for_the_next_run(desk: Desk, time: Clock) -> None:
    bob = await agent(desk, "Bob")
    ada = await requester(desk)
    held, free = await opened(desk, ada), await opened(desk, ada)
    async with desk.unit(await actor(desk, bob)) as uow:
        for each in (held, free):
            await tickets.snooze(uow, uow.actor, each.number, clock.now() + timedelta(minutes=1))
    time.forward(minutes=2)
    async with desk.unit() as busy:
        await access.change(busy, busy.actor, held.number)
        assert await run(desk, "wake_snoozed") == 1
    assert await run(desk, "wake_snoozed") == 1


async def test_more_than_one_batch_is_done_in_one_run(desk: Desk, time: Clock) -> None:
    async with desk.unit() as uow:
        for n in range(jobs.MANY + 3):
            uow.session.add(Inbound(key=f"k{n}", at=clock.now()))
    time.forward(days=31)
    assert await run(desk, "drop_inbound") == jobs.MANY + 3
    assert await count(desk, Inbound) == 0


async def test_what_nobody_needs_any_more_is_dropped_and_nothing_else(desk: Desk, time: Clock) -> None:
    ada = await requester(desk)
    forever = clock.now() + timedelta(days=400)

    async def fill() -> None:
        mark = str(new_id())
        async with desk.unit() as uow:
            now = clock.now()
            uow.session.add_all(
                [
                    Inbound(key=f"done{mark}", at=now),
                    Inbound(key=f"held{mark}", state="held", at=now),
                    IdempotentAnswer(digest=mark.encode(), request=b"", status=200, at=now),
                    Session(person_id=ada.id, digest=mark.encode(), expires_at=now + timedelta(days=14)),
                    Session(person_id=ada.id, digest=f"r{mark}".encode(), expires_at=forever, revoked_at=now),
                    OneTimeLink(person_id=ada.id, purpose="sign_in", digest=mark.encode(), expires_at=now),
                    OutboxMail(person_id=ada.id, content=b"", at=now),
                    Delivery(kind="mail", place_key=mark, state="sent", created_at=now),
                    Delivery(kind="mail", place_key=mark, state="dead", created_at=now),
                    Delivery(kind="post", place_key=mark, state="sent", created_at=now),
                    Notice(person_id=ada.id, kind="reply", at=now, read_at=now),
                    Notice(person_id=ada.id, kind="reply", at=now),
                ]
            )

    await fill()
    time.forward(days=100)
    await fill()
    await jobs.run_due(desk, JOBS)
    counts = {
        model: await count(desk, model)
        for model in (Inbound, IdempotentAnswer, Session, OneTimeLink, OutboxMail, Delivery, Notice)
    }
    assert counts == {
        Inbound: 3,
        IdempotentAnswer: 1,
        Session: 2,
        OneTimeLink: 1,
        OutboxMail: 1,
        Delivery: 5,
        Notice: 3,
    }


async def test_unsent_uploads_are_swept(desk: Desk, time: Clock) -> None:
    ada = await requester(desk)

    async def chunks() -> AsyncIterator[bytes]:
        yield b"hello"

    async with desk.unit(await actor(desk, ada)) as uow:
        row = await attachments.upload(uow, ada.id, "notes.txt", chunks())
    assert await run(desk, "sweep_files") == 0
    time.forward(days=2)
    assert await run(desk, "sweep_files") == 1
    assert await count(desk, Attachment) == 0
    assert [name async for name in desk.means.files.names()] == []
    assert row.object_id


# --- the audit chain --------------------------------------------------------------------


async def test_a_sealed_event_that_is_changed_removed_or_slipped_in_shows(desk: Desk) -> None:
    ada = await requester(desk)
    for n in range(3):
        await opened(desk, ada, f"Question {n}")
        async with desk.unit() as uow:
            assert await audit.seal(uow, most=3) > 0
    async with desk.db.sessions() as session:
        assert await audit.verify(session) == []
        first, last = (await session.execute(select(func.min(EventRow.id), func.max(EventRow.id)))).one()

    async def broken(statement: object) -> list[str]:
        async with desk.db.sessions() as session:
            await session.execute(statement)  # type: ignore[call-overload]
            found = await audit.verify(session)
            await session.rollback()
            return [problem.code for problem in found]

    changed = update(EventRow).where(EventRow.id == first)
    assert await broken(changed.values(actor_kind="bot")) == ["hash"]
    assert await broken(changed.values(data={"number": 7})) == ["hash"]
    assert await broken(changed.values(at=clock.now() + timedelta(microseconds=1))) == ["hash"]
    assert await broken(delete(EventRow).where(EventRow.id == first)) == ["count"]
    assert await broken(update(AuditSeal).values(hash=b"x" * 32)) != []
    assert await broken(update(EventRow).where(EventRow.id == last - 1).values(tx=1)) != []
    # A restore into another server shifts the transactions' numbers, all by the same amount.
    async with desk.db.sessions() as session:
        await session.execute(update(EventRow).values(tx=EventRow.tx - 10_000_000))
        await session.execute(
            update(AuditSeal).values(
                first_tx=AuditSeal.first_tx - 10_000_000, last_tx=AuditSeal.last_tx - 10_000_000
            )
        )
        assert await audit.verify(session) == []
        await session.rollback()


async def test_nothing_is_sealed_twice_or_before_its_transaction_is_over(desk: Desk) -> None:
    ada = await requester(desk)
    async with desk.unit() as slow:
        await slow.session.execute(select(func.pg_current_xact_id()))
        await opened(desk, ada)
        async with desk.unit() as uow:
            before = await audit.seal(uow)
    sealed = await asyncio.gather(*(run_seal(desk) for _each in range(4)))
    assert before + sum(sealed) == await count(desk, EventRow)
    assert await run_seal(desk) == 0
    async with desk.db.sessions() as session:
        assert await audit.verify(session) == []


async def run_seal(desk: Desk) -> int:
    async with desk.unit() as uow:
        return await audit.seal(uow)


# --- the schedule -----------------------------------------------------------------------


class Step:
    """A job's step with switches: `breaks`, and a gate at which it waits."""

    def __init__(self) -> None:
        self.runs = 0
        self.breaks = False
        self.gate: asyncio.Event | None = None
        self.begun = asyncio.Event()

    async def __call__(self, uow: UnitOfWork) -> int:
        self.runs += 1
        self.begun.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.breaks:
            raise RuntimeError("private words")
        return 0


def job_of(step: Step, every: float = 60) -> Job:
    return Job("test", timedelta(seconds=every), step)


async def test_a_job_runs_when_it_is_due_also_after_a_restart(desk: Desk, time: Clock) -> None:
    step = Step()
    for forward, runs in ((0, 1), (30, 1), (31, 2), (-3600, 3)):
        time.forward(seconds=forward)
        await jobs.run_due(desk, (job_of(step),))
        assert step.runs == runs


async def test_of_many_processes_one_runs_it(desk: Desk) -> None:
    step = Step()
    step.gate = asyncio.Event()
    first = asyncio.create_task(jobs.run_one(desk, job_of(step, every=0)))
    await step.begun.wait()
    await asyncio.gather(*(jobs.run_one(desk, job_of(step, every=0)) for _each in range(3)))
    assert step.runs == 1, "the others went on instead of waiting"
    step.gate.set()
    await first


async def test_a_broken_job_is_kept_as_a_code_and_the_others_run_on(desk: Desk, time: Clock) -> None:
    bad, good = Step(), Step()
    bad.breaks = True
    both = (job_of(bad), Job("good", timedelta(seconds=1), good))
    await jobs.run_due(desk, both)
    async with desk.unit() as uow:
        row = await uow.session.get(ScheduledJob, "test")
        assert row is not None
        assert row.error == "RuntimeError"
    assert good.runs == 1
    bad.breaks = False
    time.forward(seconds=61)
    await jobs.run_due(desk, both)
    async with desk.unit() as uow:
        row = await uow.session.get(ScheduledJob, "test")
        assert row is not None
        assert row.error is None


async def test_the_loop_runs_until_it_is_told_to_stop(desk: Desk) -> None:
    step, stop = Step(), asyncio.Event()
    loop = asyncio.create_task(jobs.run(desk, stop, (job_of(step),)))
    async with asyncio.timeout(30):
        await step.begun.wait()
        stop.set()
        await loop
    assert step.runs == 1


def test_every_job_has_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(JOBS)
    assert all(job.every > timedelta(0) for job in JOBS)
