"""How the desk is: the database, what waits, how fast it answers, what it uses."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from core import clock, metrics, outbox
from core.access import Actor, Permission
from core.db import Database, EventRow, UnitOfWork, estimated_count
from core.metrics import Depths
from core.outbox_model import Delivery, Inbound, ReaderMark, ScheduledJob
from core.tickets.model import LIVE, Ticket
from core.version import VERSION

BACKUP = "backup"
"""The row of the schedule that says when a backup was made."""
COUNTED_TO = 10_000
"""A queue is counted so far and no further: more than that is only "more"."""
MANY_WAIT = 1_000
LATE_SECONDS = 300.0
SLOW_SECONDS = 0.5
LITTLE_DISK = 1 << 30


@dataclass(frozen=True, slots=True)
class Job:
    name: str
    last_run_at: datetime | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Health:
    """One look. Sizes in bytes, times in seconds; None where nothing is known."""

    version: str
    server: str
    database_bytes: int
    connections: int
    most_connections: int
    pool: dict[str, int]
    tickets: int
    depths: Depths
    jobs: Sequence[Job]
    requests: int
    p50: float | None
    p95: float | None
    memory_bytes: int
    uptime_seconds: float
    disk_free: int | None
    disk_total: int | None
    subscribers: int
    at: datetime

    @property
    def troubles(self) -> list[str]:
        """Codes of what someone should look at."""
        depths = self.depths
        found = {
            "parked": depths.inbound.get("parked", 0) > 0,
            "dead": depths.deliveries.get("dead", 0) > 0,
            "held": depths.inbound.get("held", 0) > 0,
            "late": depths.oldest_due_seconds > LATE_SECONDS,
            "lag": max(depths.readers.values(), default=0) > MANY_WAIT,
            "slow": (self.p95 or 0) > SLOW_SECONDS,
            "disk": self.disk_free is not None and self.disk_free < LITTLE_DISK,
            "jobs": any(job.error for job in self.jobs),
            "connections": self.connections * 10 > self.most_connections * 9,
        }
        return [name for name, wrong in found.items() if wrong]


async def look(uow: UnitOfWork, actor: Actor, database: Database, *, folder: Path | None = None) -> Health:
    """Look at everything once. `folder` is where the data lie, for the space that is left."""
    actor.require(Permission.see_health)
    session = uow.session
    server, size, connections, most = await _database(session)
    count, (p50, p95) = metrics.recent.percentiles(0.5, 0.95)
    free, total = disk(folder)
    return Health(
        version=VERSION,
        server=server,
        database_bytes=size,
        connections=connections,
        most_connections=most,
        pool=metrics.pool_of(database),
        tickets=await estimated_count(session, Ticket),
        depths=await depths(session),
        jobs=await _jobs(session),
        requests=count,
        p50=p50,
        p95=p95,
        memory_bytes=metrics.memory_bytes(),
        uptime_seconds=metrics.uptime_seconds(),
        disk_free=free,
        disk_total=total,
        subscribers=metrics.pages(),
        at=clock.now(),
    )


async def depths(session: AsyncSession) -> Depths:
    """What waits. Every count stops at `COUNTED_TO`."""
    inbound = {state: await bounded(session, _inbound(state)) for state in ("received", "parked", "held")}
    deliveries = {
        state: await bounded(session, select(Delivery.id).where(Delivery.state == state))
        for state in ("due", "dead")
    }
    due_at = await outbox.next_due(session)
    waited = (clock.now() - due_at).total_seconds() if due_at is not None else 0.0
    return Depths(
        inbound,
        deliveries,
        max(0.0, waited),
        await _lags(session),
        await tickets(session),
        await _backup_age(session),
    )


async def tickets(session: AsyncSession) -> dict[str, int]:
    """Live tickets by status, and those that nobody has."""
    live = Ticket.status.in_(LIVE)
    found = {
        str(status): await bounded(session, select(Ticket.id).where(live, Ticket.status == status))
        for status in LIVE
    }
    nobodys = select(Ticket.id).where(live, Ticket.assignee_id.is_(None))
    return found | {"unassigned": await bounded(session, nobodys)}


async def _backup_age(session: AsyncSession) -> float:
    row = select(ScheduledJob.last_run_at).where(ScheduledJob.name == BACKUP)
    at: datetime | None = await session.scalar(row)
    return max(0.0, (clock.now() - at).total_seconds()) if at is not None else -1.0


def _inbound(state: str) -> Any:
    return select(Inbound.id).where(Inbound.state == state, Inbound.state.in_(("received", "parked", "held")))


async def bounded(session: AsyncSession, query: Any) -> int:
    some = query.limit(COUNTED_TO).subquery()
    return int(await session.scalar(select(func.count()).select_from(some)) or 0)


async def _lags(session: AsyncSession) -> dict[str, int]:
    """For each reader of the events, how many it has not dealt with."""
    found: dict[str, int] = {}
    for mark in await session.scalars(select(ReaderMark).order_by(ReaderMark.name).limit(50)):
        beyond = select(EventRow.id).where(
            text("(event.tx, event.id) > (:tx, :event)").bindparams(tx=mark.tx, event=mark.event_id)
        )
        found[mark.name] = await bounded(session, beyond)
    return found


async def _jobs(session: AsyncSession) -> list[Job]:
    rows = await session.scalars(select(ScheduledJob).order_by(ScheduledJob.name).limit(100))
    return [Job(row.name, row.last_run_at, row.error) for row in rows]


async def _database(session: AsyncSession) -> tuple[str, int, int, int]:
    row = (
        await session.execute(
            text(
                "select current_setting('server_version'), pg_database_size(current_database()), "
                "(select count(*) from pg_stat_activity where datname = current_database()), "
                "current_setting('max_connections')::int"
            )
        )
    ).one()
    return str(row[0]), int(row[1]), int(row[2]), int(row[3])


def disk(folder: Path | None) -> tuple[int | None, int | None]:
    if folder is None:
        return None, None
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None, None
    return usage.free, usage.total
