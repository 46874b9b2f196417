"""How far each channel of a platform was read. Kept after the work is done: what comes again after
a crash is seen before by its fact's key, so nothing is lost and nothing doubled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core import clock
from core.installations.model import Cursor

MOST = 10_000
MOST_AT_ONCE = 1_000


async def get(session: AsyncSession, platform: str, installation: str, channel: str = "") -> str:
    """The last value; empty when there is none."""
    found = await session.get(Cursor, (platform, installation, channel))
    return found.value if found is not None else ""


async def moved_at(session: AsyncSession, platform: str, installation: str, channel: str = "") -> datetime:
    """When the last value was written; the beginning of time when there is none."""
    found = await session.get(Cursor, (platform, installation, channel))
    return found.at if found is not None else datetime.min.replace(tzinfo=UTC)


async def all_of(
    session: AsyncSession, platform: str, installation: str, most: int = MOST
) -> Mapping[str, str]:
    """Channel to last value, for one installation; the most recently moved of them."""
    rows = await session.execute(
        select(Cursor.channel, Cursor.value)
        .where(Cursor.platform == platform, Cursor.installation == installation)
        .order_by(Cursor.at.desc())
        .limit(most)
    )
    return dict(rows.all())


async def beginning_with(
    session: AsyncSession, platform: str, installation: str, start: str
) -> Mapping[str, str]:
    """Those whose name begins so, which is no channel's; `MOST` of them."""
    rows = await session.execute(
        select(Cursor.channel, Cursor.value)
        .where(Cursor.platform == platform, Cursor.installation == installation)
        .where(Cursor.channel.startswith(start, autoescape=True))
        .order_by(Cursor.at.desc())
        .limit(MOST)
    )
    return dict(rows.all())


async def move(session: AsyncSession, platform: str, installation: str, channel: str, value: str) -> None:
    """Read until here. The caller commits."""
    await move_all(session, platform, installation, {channel: value})


async def move_all(
    session: AsyncSession, platform: str, installation: str, values: Mapping[str, str]
) -> None:
    """The same of many channels, in one order whoever does it."""
    rows = [
        {
            "platform": platform,
            "installation": installation,
            "channel": channel,
            "value": value,
            "at": clock.now(),
        }
        for channel, value in sorted(values.items())
    ]
    for first in range(0, len(rows), MOST_AT_ONCE):
        new = insert(Cursor).values(rows[first : first + MOST_AT_ONCE])
        set_ = {"value": new.excluded.value, "at": new.excluded.at}
        await session.execute(
            new.on_conflict_do_update(index_elements=["platform", "installation", "channel"], set_=set_)
        )


async def forget(session: AsyncSession, platform: str, installation: str, channel: str) -> None:
    """The channel is gone. The caller commits."""
    await session.execute(
        delete(Cursor).where(
            Cursor.platform == platform, Cursor.installation == installation, Cursor.channel == channel
        )
    )
