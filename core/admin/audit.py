"""The audit chain: events sealed in batches, each seal holding the one before it.

A seal is SHA-256 (FIPS 180-4) over the seal before it and every event of its batch, so that an
event which was changed, removed or slipped in afterwards shows. Whoever could write the whole
database anew could write the chain anew too: for that the newest seal goes to the log, where a
copy of it is out of reach. The transaction's number orders events but is not sealed: a restore
into another server has to shift it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson
import structlog
from sqlalchemy import func, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from core.admin.model import AuditSeal
from core.db import EventRow, UnitOfWork

log = structlog.get_logger("admin.audit")
BATCH = 1_000
_LOCK = 4_202_604
_BEGIN = b"deskbell audit 1"


@dataclass(frozen=True, slots=True)
class Problem:
    """What does not fit: `code` is count, hash or order; `seal` names the batch."""

    seal: int
    code: str
    first_event: int
    last_event: int


async def seal(uow: UnitOfWork, most: int = BATCH) -> int:
    """Seal the next batch: what is not sealed yet, up to the oldest transaction that still runs.
    Returns how many events it held."""
    await uow.session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    last = await uow.session.scalar(select(AuditSeal).order_by(AuditSeal.id.desc()).limit(1))
    mark = (last.last_tx, last.last_event) if last is not None else (-(2**62), 0)
    query = select(EventRow).where(
        tuple_(EventRow.tx, EventRow.id) > mark,
        EventRow.tx < text("(pg_snapshot_xmin(pg_current_snapshot())::text)::bigint"),
    )
    events = list(await uow.session.scalars(query.order_by(EventRow.tx, EventRow.id).limit(most)))
    if not events:
        return 0
    digest = _hash(last.hash if last is not None else _BEGIN, events)
    uow.session.add(
        AuditSeal(
            first_tx=events[0].tx,
            first_event=events[0].id,
            last_tx=events[-1].tx,
            last_event=events[-1].id,
            count=len(events),
            hash=digest,
        )
    )
    uow.after(lambda: log.info("audit.sealed", events=len(events), upto=events[-1].id, hash=digest.hex()))
    return len(events)


async def verify(session: AsyncSession, most: int = 100) -> list[Problem]:
    """Look over the whole chain; the first `most` problems, none for a sound one. After a
    problem the stored seal is taken as it is, so that one change is told once."""
    problems: list[Problem] = []
    before, mark, seen = _BEGIN, (-(2**62), 0), 0
    while len(problems) < most:
        seals = list(
            await session.scalars(
                select(AuditSeal).where(AuditSeal.id > seen).order_by(AuditSeal.id).limit(100)
            )
        )
        if not seals:
            break
        for one in seals:
            if code := await _wrong(session, one, before, mark):
                problems.append(Problem(one.id, code, one.first_event, one.last_event))
            before, mark, seen = one.hash, (one.last_tx, one.last_event), one.id
    return problems[:most]


async def _wrong(session: AsyncSession, one: AuditSeal, before: bytes, mark: tuple[int, int]) -> str | None:
    """What is wrong with a seal. Its batch is everything after the seal before it, so that an
    event slipped in between two batches belongs to the later one and shows there."""
    last = (one.last_tx, one.last_event)
    if last <= mark:
        return "order"
    query = select(EventRow).where(
        tuple_(EventRow.tx, EventRow.id) > mark, tuple_(EventRow.tx, EventRow.id) <= last
    )
    query = query.order_by(EventRow.tx, EventRow.id).limit(one.count + 1)
    events = list(await session.scalars(query.execution_options(populate_existing=True)))
    if len(events) != one.count:
        return "count"
    return None if _hash(before, events) == one.hash else "hash"


def _hash(before: bytes, events: Sequence[EventRow]) -> bytes:
    digest = hashlib.sha256(before)
    for event in events:
        line = orjson.dumps(
            [
                event.id,
                event.name,
                event.subject,
                event.actor_id,
                event.actor_kind,
                event.conversation_id,
                event.seq,
                event.data,
                _microseconds(event.at),
            ],
            default=str,  # the driver's UUID is a class of its own
            option=orjson.OPT_SORT_KEYS,
        )
        digest.update(len(line).to_bytes(4, "big") + line)
    return digest.digest()


def _microseconds(at: datetime) -> int:
    """Whole microseconds, as the database keeps them: the same whatever zone it answers in."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
