"""Who waits in a live chat, at which place, and how long that takes as it was measured."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, extract, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from core import clock
from core.db import EventRow
from core.tickets.events import RequesterLeft
from core.tickets.model import Status, Ticket

FRESH = timedelta(minutes=30)
"""A requester who was silent for longer does not sit in front of the chat any more."""
MOST_PLACES = 500
LOOKED_AT = 500
USUAL_OVER = timedelta(days=30)
RECENT = 30


def sits_and_waits(now: datetime) -> ColumnElement[bool]:
    """Tickets of nobody whose requester is still there: said something not long ago, and has
    not left since."""
    return and_(
        Ticket.status == Status.open,
        Ticket.assignee_id.is_(None),
        Ticket.snoozed_until.is_(None),
        Ticket.last_requester_at > now - FRESH,
        Ticket.updated_at > now - FRESH,  # says no more, but the index knows it
        ~_has_left(),
    )


def _has_left() -> ColumnElement[bool]:
    later = aliased(EventRow)
    came_back = exists().where(
        later.subject == EventRow.subject, later.name == RequesterLeft.name, later.id > EventRow.id
    )
    return exists().where(
        EventRow.subject == Ticket.id,
        EventRow.name == RequesterLeft.name,
        EventRow.data["back"].as_boolean().is_not(True),
        EventRow.at >= Ticket.last_requester_at,
        ~came_back,
    )


async def places(session: AsyncSession, channel: str) -> dict[UUID, int]:
    """Conversation → place among the chats of a channel whose requesters sit there and wait,
    from 1; the first `MOST_PLACES` only."""
    query = (
        select(Ticket.conversation_id)
        .where(Ticket.channel == channel, sits_and_waits(clock.now()))
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
