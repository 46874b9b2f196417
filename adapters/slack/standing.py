"""What of a workspace the desk has to do with: messages that have copies, threads that hold tickets."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import exists, select

from core.chat import Place
from core.conversations.model import MessageCopy, Seat
from core.desk import Desk

MOST_THREADS = 2_000


async def stands(desk: Desk, place: Place, native: str) -> bool:
    """Whether a message of a channel is one of the desk's."""
    if not place.channel or not native:
        return False
    channel = Place(place.platform, place.installation, place.channel).key
    query = select(
        exists().where(
            MessageCopy.native == native, MessageCopy.place_key.startswith(channel, autoescape=True)
        )
    )
    async with desk.db.sessions() as session:
        return bool(await session.scalar(query))


async def threads(desk: Desk, platform: str, team: str) -> Sequence[Place]:
    """The places of a workspace that hold a live conversation."""
    start = Place.prefix(platform, team)
    query = (
        select(Seat.place_key)
        .where(Seat.active, Seat.place_key.startswith(start, autoescape=True))
        .order_by(Seat.id.desc())
        .limit(MOST_THREADS)
    )
    async with desk.db.sessions() as session:
        return [Place.from_key(key) for key in await session.scalars(query)]
