"""Tells the other parts, and the page "Performance", that this process runs and how fast it is."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from datetime import UTC, datetime
from typing import Any

import structlog

from core import metrics, pace, pulse
from core.desk import Desk
from core.ids import new_id
from core.outage import MAY_BE_AWAY

log = structlog.get_logger("bot.pulse")
LAST_SECONDS = 2.0
FORGETTING = 360
"""At the first beat and at each of so many, about an hour, those are forgotten that are silent for long."""


async def run(desk: Desk, name: str) -> None:
    """Until cancelled. What cannot be told now is told the next time."""
    me, started = new_id(), datetime.fromtimestamp(metrics.STARTED, UTC)
    try:
        for number in itertools.count():
            try:
                async with desk.db.sessions() as session:
                    await pulse.beat(session, me, name, started, told(desk))
                    if number % FORGETTING == 0:
                        await pulse.forget(session)
                    await session.commit()
            except MAY_BE_AWAY as error:
                log.warning("pulse.not_told", error=type(error).__name__)
            await asyncio.sleep(pulse.EVERY)
    finally:
        with contextlib.suppress(*MAY_BE_AWAY):
            async with asyncio.timeout(LAST_SECONDS), desk.db.sessions() as session:
                await pulse.ended(session, me)
                await session.commit()


def told(desk: Desk) -> dict[str, Any]:
    """Numbers of this process; those of time are of the last five minutes."""
    return {
        "steps": {
            name: {str(step): count for step, count in steps.items()}
            for name, steps in pace.here.steps().items()
        },
        "counts": pace.here.counts(),
        "memory": metrics.memory_bytes(),
        "pool": metrics.pool_of(desk.db),
        "pages": metrics.pages(),
        "leads": metrics.leads(),
        "redis": getattr(desk.bus, "connected", None),
    }
