"""What runs by itself: one table, each line a job that does one bounded step in one unit.

A job's row is locked while it runs, so that it runs once at a time over all processes; row and
work commit together, so that a kill in the middle leaves the job due.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, delete, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute

from core import clock, metrics, tracing
from core.access import SYSTEM
from core.admin import audit
from core.conversations import attachments
from core.conversations.model import Conversation
from core.db import UnitOfWork
from core.desk import Desk
from core.errors import DeskError
from core.kb import due as articles_due
from core.kb import files as article_files
from core.kb import searches
from core.notices.model import Notice
from core.outage import MAY_BE_AWAY, is_outage
from core.outbox_model import Delivery, IdempotentAnswer, Inbound, OutboxMail, ScheduledJob
from core.people.model import OneTimeLink, Session
from core.tickets import offers, service
from core.tickets.model import LIVE, Status, Ticket

log = structlog.get_logger("bot.jobs")
TICK = 1.0
BATCH = 50
MANY = 5_000
LATE = timedelta(seconds=10)
MOST_STEPS = 20
"""Steps of one job in a row, before the others have their turn."""


Hand = Callable[[str], Awaitable[bool]]
"""Hands a job of this name to whoever is free; False when that cannot be done now."""


@dataclass(frozen=True, slots=True)
class Job:
    """`step` does a bounded part in one unit and returns how much; `full` is what says that
    there may be more."""

    name: str
    every: timedelta
    step: Callable[[UnitOfWork], Awaitable[int]]
    full: int = BATCH


# --- the jobs ---------------------------------------------------------------------------


def offer_chats(live: Collection[str]) -> Callable[[UnitOfWork], Awaitable[int]]:
    """Offers that nobody answered go on; waiting chats go to whoever has become free."""

    async def step(uow: UnitOfWork) -> int:
        return await offers.time_out(uow) + await offers.offer_waiting(uow, live)

    return step


async def wake_snoozed(uow: UnitOfWork) -> int:
    due = (Ticket.snoozed_until <= clock.now()) & Ticket.status.in_(LIVE)
    return await _each(uow, due, Ticket.snoozed_until, _wake)


async def close_resolved(uow: UnitOfWork) -> int:
    before = clock.now() - timedelta(days=uow.settings.close_after_days)
    due = (Ticket.status == Status.resolved) & (Ticket.resolved_at < before) & Ticket.merged_into_id.is_(None)
    return await _each(uow, due, Ticket.updated_at, _close)


async def sweep_files(uow: UnitOfWork) -> int:
    return await attachments.sweep(uow, BATCH) + await article_files.sweep(uow, BATCH)


async def publish_articles(uow: UnitOfWork) -> int:
    return await articles_due.publish_due(uow, BATCH)


async def drop_searches(uow: UnitOfWork) -> int:
    return await searches.drop_old(uow, MANY)


async def seal_audit(uow: UnitOfWork) -> int:
    return await audit.seal(uow)


async def drop_inbound(uow: UnitOfWork) -> int:
    """Keys of what was done: after 30 days no platform says it again."""
    old = (Inbound.state == "done") & (Inbound.at < _ago(days=30))
    return await _drop(uow, Inbound.key, old)


async def drop_answers(uow: UnitOfWork) -> int:
    return await _drop(uow, IdempotentAnswer.digest, IdempotentAnswer.at < _ago(days=1))


async def drop_sessions(uow: UnitOfWork) -> int:
    """Sessions that are over; a revoked one is shown for a week still."""
    over = or_(Session.expires_at < clock.now(), Session.revoked_at < _ago(days=7))
    return await _drop(uow, Session.id, over)


async def drop_links(uow: UnitOfWork) -> int:
    """Links that are over; for a week they can still say why they do not work."""
    return await _drop(uow, OneTimeLink.id, OneTimeLink.expires_at < _ago(days=7))


async def drop_outbox_mails(uow: UnitOfWork) -> int:
    return await _drop(uow, OutboxMail.id, OutboxMail.at < _ago(days=30))


async def drop_mail_rows(uow: UnitOfWork) -> int:
    """What was mailed: the rows hold sealed links that nobody needs any more."""
    done = (Delivery.kind == "mail") & Delivery.state.in_(("sent", "cancelled"))
    return await _drop(uow, Delivery.id, done & (Delivery.created_at < _ago(days=30)))


async def drop_notices(uow: UnitOfWork) -> int:
    return await _drop(uow, Notice.id, Notice.read_at < _ago(days=90))


def schedule(live: Collection[str] = ()) -> tuple[Job, ...]:
    """The table. `live` are the channels in which people sit and wait for an answer."""
    return (
        Job("offer_chats", timedelta(seconds=3), offer_chats(live), full=offers.MOST),
        Job("wake_snoozed", timedelta(seconds=15), wake_snoozed),
        Job("publish_articles", timedelta(seconds=15), publish_articles),
        Job("close_resolved", timedelta(minutes=10), close_resolved),
        Job("seal_audit", timedelta(minutes=5), seal_audit, full=audit.BATCH),
        Job("sweep_files", timedelta(hours=1), sweep_files),
        Job("drop_answers", timedelta(hours=1), drop_answers, full=MANY),
        Job("drop_sessions", timedelta(hours=6), drop_sessions, full=MANY),
        Job("drop_links", timedelta(hours=6), drop_links, full=MANY),
        Job("drop_inbound", timedelta(hours=6), drop_inbound, full=MANY),
        Job("drop_outbox_mails", timedelta(hours=6), drop_outbox_mails, full=MANY),
        Job("drop_mail_rows", timedelta(hours=6), drop_mail_rows, full=MANY),
        Job("drop_searches", timedelta(hours=6), drop_searches, full=MANY),
        Job("drop_notices", timedelta(hours=6), drop_notices, full=MANY),
    )


# --- running them -----------------------------------------------------------------------


async def run(desk: Desk, stop: asyncio.Event, jobs: tuple[Job, ...], hand: Hand | None = None) -> None:
    """Run what is due, or hand it on, second by second, until told to stop."""
    pause = TICK
    while not stop.is_set():
        try:
            await run_due(desk, jobs, hand)
            pause = TICK
        except MAY_BE_AWAY as error:
            log.warning("jobs.paused", error=type(error).__name__, seconds=pause)
            pause = min(pause * 2, 30.0)
        await _wait(stop, pause)


async def run_due(desk: Desk, jobs: tuple[Job, ...], hand: Hand | None = None) -> dict[str, int]:
    """Run every job that is due, once; returns what each of them did. What can be handed on is not
    run here, unless it is late: then whoever had it has died."""
    async with desk.db.sessions() as session:
        rows = await session.execute(select(ScheduledJob.name, ScheduledJob.last_run_at))
    last: Mapping[str, datetime | None] = dict(rows.all())
    done: dict[str, int] = {}
    for job in jobs:
        if not _is_due(job, last.get(job.name)):
            continue
        late = _is_due(job, last.get(job.name), LATE)
        if hand is None or (late and job.name in last) or not await _handed(hand, job):
            done[job.name] = await run_one(desk, job)
    return done


async def _handed(hand: Hand, job: Job) -> bool:
    with tracing.span("job.handed", job=job.name):
        return await hand(job.name)


async def run_one(desk: Desk, job: Job, trace: str | None = None) -> int:
    """Run one job if it is due and nobody else runs it, step by step until a step is not full.
    What it breaks on is logged, and kept as a code with its row. `trace` is the step of another process
    that handed it on."""
    begun = time.perf_counter()
    total, error = 0, None
    with tracing.span("job", kind="consumer", parent=trace, job=job.name) as step:
        try:
            total = await _steps(desk, job)
        except Exception as broken:
            if is_outage(broken):
                raise
            error = type(broken).__name__
            log.exception("job.failed", job=job.name, exc_info=broken)
            step.failed(error)
            await _broken(desk, job, error)
    metrics.observe_job(job.name, time.perf_counter() - begun, failed=error is not None)
    return total


async def _steps(desk: Desk, job: Job) -> int:
    total = 0
    await _enter(desk, job)
    for step in range(MOST_STEPS):
        count = await _step_of(desk, job, again=step > 0)
        total += count
        if count < job.full:
            break
    return total


async def _step_of(desk: Desk, job: Job, *, again: bool) -> int:
    async with desk.unit() as uow:
        row = await _row(uow, job)
        if row is None or not (again or _is_due(job, row.last_run_at)):
            return 0
        count = await job.step(uow)
        row.last_run_at, row.error = clock.now(), None
    if count:
        log.info("job.done", job=job.name, count=count)
    return count


async def _row(uow: UnitOfWork, job: Job) -> ScheduledJob | None:
    """The job's row, locked; None while another process has it."""
    return await uow.session.get(ScheduledJob, job.name, with_for_update={"skip_locked": True})


async def _enter(desk: Desk, job: Job) -> None:
    """A job that never ran has no row yet. It is written by a unit of its own, so that nobody
    has to wait for the first run to find out that it is being run."""
    async with desk.unit() as uow:
        if await uow.session.get(ScheduledJob, job.name) is None:
            await uow.session.execute(insert(ScheduledJob).values(name=job.name).on_conflict_do_nothing())


async def _broken(desk: Desk, job: Job, error: str) -> None:
    async with desk.unit() as uow:
        row = await _row(uow, job)
        if row is not None:
            row.last_run_at, row.error = clock.now(), error[:100]


def _is_due(job: Job, last: datetime | None, late: timedelta = timedelta()) -> bool:
    """Due also when the clock was set back: what lies in the future was not run yet."""
    now = clock.now()
    return last is None or last > now or now - last >= job.every + late


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass


# --- shared steps -----------------------------------------------------------------------


async def _each(
    uow: UnitOfWork,
    due: ColumnElement[bool],
    order: InstrumentedAttribute[Any],
    verb: Callable[[UnitOfWork, int], Awaitable[Any]],
) -> int:
    """Do a verb to a batch of tickets. One that somebody works on right now waits for the next
    run: a batch never waits for people, nor they for each other through it."""
    numbers = await uow.session.scalars(
        select(Ticket.number)
        .join(Conversation, Conversation.id == Ticket.conversation_id)
        .where(due)
        .order_by(order)
        .limit(BATCH)
        .with_for_update(of=(Conversation, Ticket), skip_locked=True)
    )
    count = 0
    for number in numbers.all():
        try:
            await verb(uow, number)
            count += 1
        except DeskError as error:
            log.warning("job.refused", number=number, error=error.code)
    return count


async def _wake(uow: UnitOfWork, number: int) -> None:
    await service.wake(uow, SYSTEM, number, "time")


async def _close(uow: UnitOfWork, number: int) -> None:
    await service.close(uow, SYSTEM, number, "time")


async def _drop(uow: UnitOfWork, key: InstrumentedAttribute[Any], old: ColumnElement[bool]) -> int:
    some = select(key).where(old).limit(MANY)
    result = await uow.session.execute(
        delete(key.class_).where(key.in_(some)).execution_options(synchronize_session=False)
    )
    return int(getattr(result, "rowcount", 0) or 0)


def _ago(*, days: int) -> datetime:
    return clock.now() - timedelta(days=days)
