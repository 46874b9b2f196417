"""Deliveries: claim what is due, note what was sent, retry what failed.

Order is kept per place: only the oldest unsent row of a place is due. A lease lets another
process take over when the one that claimed it has died.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ARRAY, Text, bindparam, func, select, update
from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncSession

from core import clock
from core.chat import Place
from core.db import UnitOfWork
from core.led import CONDITION, EVERYTHING, Led, bound
from core.outbox_model import Delivery

LEASE = timedelta(seconds=60)
MOST_ATTEMPTS = 12
LONGEST_WAIT = timedelta(days=1)
"""A pause that a platform asks for counts as no attempt, until the row is this old."""
SHUT_OUT = "shut_out"
"""Why something waits: the place lets the bot in no more."""
MOST_NOTED = 200
_LONGEST_PAUSE = 3600.0


# Written out, because building and compiling them for each row would cost more than running them.
# What was made, or leased, after the present moment tells that the clock was set back: it does not wait
# until the clock has caught up.
_CLAIM = select(Delivery).from_statement(
    bound(
        f"""
update delivery set lease_until = :until, attempts = attempts + 1 where id in (
    select id from delivery
    where state = 'due' and (due_at <= :now or created_at > :now)
        and (lease_until is null or lease_until < :now or lease_until > :until)
        and split_part(place_key, :between, 1) <> all(:but) and {CONDITION}
        and (apart or not exists (
            select from delivery earlier where earlier.state = 'due'
            and earlier.place_key = delivery.place_key and earlier.id < delivery.id and not earlier.apart
        ))
    order by due_at limit :most for update skip locked
) returning *
"""  # noqa: S608  a constant of ours
    ).bindparams(bindparam("but", type_=ARRAY(Text)))
)
_SENT = sql(
    "update delivery set state = 'sent', native = :native, sent_at = :now, lease_until = null, error = null"
    " where id = :id returning exists("
    "select from delivery other where other.state = 'due' and other.place_key = delivery.place_key"
    " and other.id <> delivery.id)"
)


async def claim(
    uow: UnitOfWork, most: int = 20, *, but: Collection[str] = (), led: Led = EVERYTHING
) -> Sequence[Delivery]:
    """Take due deliveries, the oldest of each place, under a lease; each counts as an attempt. `but`
    are platforms that have enough to do, `led` are the places to look at."""
    now = clock.now()
    rows = await uow.session.scalars(
        _CLAIM,
        {"now": now, "until": now + LEASE, "but": list(but), "most": most, **led.parameters},
        execution_options={"populate_existing": True},
    )
    return sorted(rows, key=lambda row: row.id)


async def sent(uow: UnitOfWork, delivery_id: UUID, native: str) -> bool:
    """Its call has ended well. True when something else waits for this place."""
    values = {"id": delivery_id, "native": native, "now": clock.now()}
    return bool((await uow.session.execute(_SENT, values)).scalar_one_or_none())


async def is_over(uow: UnitOfWork, delivery_id: UUID) -> bool:
    """Nothing is left to do for it."""
    state = await uow.session.scalar(select(Delivery.state).where(Delivery.id == delivery_id))
    return state != "due"


async def released(uow: UnitOfWork, delivery_id: UUID) -> None:
    """Whoever can takes it up now. The try counts: its call may have been made, and is looked for."""
    await _set(uow, delivery_id, lease_until=None)


async def cancelled(uow: UnitOfWork, delivery_id: UUID) -> None:
    """There is nothing to send any more: the message was taken back."""
    await _set(uow, delivery_id, state="cancelled", lease_until=None)


async def postponed(uow: UnitOfWork, delivery_id: UUID, until: datetime) -> None:
    """Not yet: the message is held until then. This try does not count."""
    await _set(uow, delivery_id, due_at=until, lease_until=None, attempts=Delivery.attempts - 1)


async def renew(uow: UnitOfWork, delivery_id: UUID) -> None:
    """The call takes long: nobody else may take it over yet."""
    await _set(uow, delivery_id, lease_until=clock.now() + LEASE)


async def paused(uow: UnitOfWork, delivery_id: UUID, seconds: float, error: str) -> None:
    """Its whole platform waits for an admin: kept, and this try does not count."""
    await _set(
        uow,
        delivery_id,
        due_at=clock.now() + timedelta(seconds=seconds),
        lease_until=None,
        attempts=Delivery.attempts - 1,
        error=error[:100],
    )


async def resume_platform(uow: UnitOfWork, platform: str, installation: str) -> int:
    """A connection holds again: what waited for it is due now."""
    prefix = Place.prefix(platform, installation)
    result = await uow.session.execute(
        update(Delivery)
        .where(Delivery.state == "due", Delivery.place_key.startswith(prefix, autoescape=True))
        .where(Delivery.error == "token_revoked")
        .values(due_at=clock.now(), error=None)
    )
    return int(getattr(result, "rowcount", 0) or 0)


async def shut_out(uow: UnitOfWork, row: Delivery, seconds: float) -> Sequence[Delivery]:
    """Its place lets the bot in no more: kept, and this try does not count. Those of the place that have not
    been noted as waiting for that yet, itself among them where it is new."""
    waiting = select(Delivery).where(
        Delivery.place_key == row.place_key,
        Delivery.state == "due",
        Delivery.due_at <= clock.now(),
        Delivery.error.is_distinct_from(SHUT_OUT),
    )
    behind = list(await uow.session.scalars(waiting.order_by(Delivery.id).limit(MOST_NOTED)))
    await _noted(uow, behind)
    await paused(uow, row.id, seconds, SHUT_OUT)
    return behind


async def let_in(uow: UnitOfWork, place: Place) -> int:
    """The bot is let in again: what waited for that is due now."""
    prefix = Place.prefix(place.platform, place.installation, place.channel)
    result = await uow.session.execute(
        update(Delivery)
        .where(Delivery.state == "due", Delivery.place_key.startswith(prefix, autoescape=True))
        .where(Delivery.error == SHUT_OUT, Delivery.lease_until.is_(None))
        .values(due_at=clock.now())
    )
    return int(getattr(result, "rowcount", 0) or 0)


async def release_all(session: AsyncSession, led: Led = EVERYTHING) -> int:
    """Leases of a process that is known to be dead: for whoever alone delivers to these places now."""
    leased = update(Delivery).where(
        Delivery.state == "due", Delivery.lease_until.is_not(None), bound(CONDITION)
    )
    result = await session.execute(leased.values(lease_until=None), led.parameters)
    return int(getattr(result, "rowcount", 0) or 0)


async def failed(
    uow: UnitOfWork, row: Delivery, error: str, *, after: float | None = None, gone: bool = False
) -> bool:
    """Try again later, or give up; True when it was given up. `error` is a code, never content."""
    if gone or row.attempts >= MOST_ATTEMPTS:
        await _set(uow, row.id, state="dead", error=error[:100], lease_until=None)
        return True
    asked = after is not None and row.created_at > clock.now() - LONGEST_WAIT
    pause = after if after is not None else backoff(row.attempts)
    await _set(
        uow,
        row.id,
        due_at=clock.now() + timedelta(seconds=pause),
        lease_until=None,
        error=error[:100],
        attempts=Delivery.attempts - 1 if asked else Delivery.attempts,
    )
    return False


async def send_again(uow: UnitOfWork, delivery_id: UUID) -> bool:
    """A dead delivery, sent again by hand."""
    result = await uow.session.execute(
        update(Delivery)
        .where(Delivery.id == delivery_id, Delivery.state == "dead")
        .values(state="due", attempts=0, due_at=clock.now(), error=None, lease_until=None)
    )
    return bool(getattr(result, "rowcount", 0))


async def next_due(session: AsyncSession, *, after: datetime | None = None) -> datetime | None:
    """When the next delivery is due, for a loop that sleeps until then.

    With `after`, the moment of its last claim, what was due by then is left out: it was taken,
    or waits for what is under way, whose end wakes the loop anyhow.
    """
    query = select(func.min(Delivery.due_at)).where(Delivery.state == "due")
    if after is not None:
        query = query.where(Delivery.due_at > after)
    moment: datetime | None = await session.scalar(query)
    return moment


async def depth(session: AsyncSession) -> dict[str, int]:
    """How many deliveries wait, and how many are dead."""
    rows = await session.execute(
        select(Delivery.state, func.count())
        .where(Delivery.state.in_(("due", "dead")))
        .group_by(Delivery.state)
    )
    return {"due": 0, "dead": 0} | dict(rows.all())


def backoff(attempts: int) -> float:
    """Seconds before the next try: doubling from one second, with jitter, an hour at most."""
    base = min(2.0 ** max(attempts - 1, 0), _LONGEST_PAUSE)
    return base * (0.5 + random.random() / 2)


async def _noted(uow: UnitOfWork, rows: Sequence[Delivery]) -> None:
    await uow.session.execute(
        update(Delivery).where(Delivery.id.in_([one.id for one in rows])).values(error=SHUT_OUT)
    )


async def _set(uow: UnitOfWork, delivery_id: UUID, **values: object) -> None:
    await uow.session.execute(update(Delivery).where(Delivery.id == delivery_id).values(**values))
