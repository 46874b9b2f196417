"""How long people wait: the place in the queue, and the wait as it was measured."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import extract, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core import clock
from core.tickets.model import Status, Ticket

MOST_PLACES = 500
LOOKED_AT = 500
USUAL_OVER = timedelta(days=30)
RECENT = 30


async def places(session: AsyncSession, channel: str) -> dict[UUID, int]:
    """Conversation → place in the queue of unassigned live tickets of a channel, from 1; the
    first `MOST_PLACES` only."""
    query = (
        select(Ticket.conversation_id)
        .where(
            Ticket.assignee_id.is_(None),
            Ticket.status.in_((Status.open, Status.in_progress)),
            Ticket.channel == channel,
            Ticket.merged_into_id.is_(None),
            Ticket.first_answer_at.is_(None),
        )
        .order_by(Ticket.created_at, Ticket.number)
        .limit(MOST_PLACES)
    )
    return {conversation: place for place, conversation in enumerate(await session.scalars(query), start=1)}


async def usual_answer(session: AsyncSession, channel: str) -> timedelta | None:
    """The median time to the first answer over the last 30 days (its newest 500 tickets); None
    when there are fewer than three."""
    return await _median(session, channel, LOOKED_AT)


async def recent_wait(session: AsyncSession, channel: str) -> timedelta | None:
    """The median over the newest answered tickets: what one waits now."""
    return await _median(session, channel, RECENT)


async def _median(session: AsyncSession, channel: str, most: int) -> timedelta | None:
    seconds = extract("epoch", Ticket.first_answer_at - Ticket.created_at).label("seconds")
    newest = (
        select(seconds)
        .where(
            Ticket.first_answer_at.is_not(None),
            Ticket.created_at > clock.now() - USUAL_OVER,
            Ticket.channel == channel,
        )
        .order_by(Ticket.created_at.desc())
        .limit(most)
        .subquery()
    )
    row = (
        await session.execute(
            select(func.count(), func.percentile_cont(0.5).within_group(newest.c.seconds)).select_from(newest)
        )
    ).one()
    count, median = row
    return timedelta(seconds=float(median)) if count >= 3 and median is not None else None
