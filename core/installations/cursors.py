"""How far each channel of a platform was read. Kept after the work is done: what comes again after
a crash is seen before by its fact's key, so nothing is lost and nothing doubled."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core import clock
from core.installations.model import Cursor

MOST = 10_000


async def get(session: AsyncSession, platform: str, installation: str, channel: str = "") -> str:
    """The last value; empty when there is none."""
    found = await session.get(Cursor, (platform, installation, channel))
    return found.value if found is not None else ""


async def all_of(session: AsyncSession, platform: str, installation: str) -> Mapping[str, str]:
    """Channel to last value, for one installation; the most recently moved `MOST` of them."""
    rows = await session.execute(
        select(Cursor.channel, Cursor.value)
        .where(Cursor.platform == platform, Cursor.installation == installation)
        .order_by(Cursor.at.desc())
        .limit(MOST)
    )
    return dict(rows.all())


async def move(session: AsyncSession, platform: str, installation: str, channel: str, value: str) -> None:
    """Read until here. The caller commits."""
    values = {"value": value, "at": clock.now()}
    await session.execute(
        insert(Cursor)
        .values(platform=platform, installation=installation, channel=channel, **values)
        .on_conflict_do_update(index_elements=["platform", "installation", "channel"], set_=values)
    )


async def forget(session: AsyncSession, platform: str, installation: str, channel: str) -> None:
    """The channel is gone. The caller commits."""
    await session.execute(
        delete(Cursor).where(
            Cursor.platform == platform, Cursor.installation == installation, Cursor.channel == channel
        )
    )
