"""The one connection of each platform that the environment names. Its token is kept nowhere: a row without
secrets tells the admins whose it is, and whether the platform takes it.

Called by whoever runs the connection; what an admin has connected goes before it and is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import select

from core import clock, lease
from core.db import UnitOfWork
from core.desk import Desk
from core.installations.events import InstallationBroken, InstallationConnected
from core.installations.model import Installation, InstallationState
from core.outage import MAY_BE_AWAY

UNKNOWN = ""
"""Where a row stands for a token of which nobody knows whose it is."""
NOT_NAMED = "not_named"
"""The problem of a connection that the environment names no more."""


def setting(platform: str) -> str:
    """The variable that holds the token."""
    return f"DESKBELL_{platform.upper()}_BOT_TOKEN"


def names(row: Installation) -> bool:
    """Whether it is the environment's: nobody has connected it in the desk."""
    return row.secrets is None and (row.state != InstallationState.off or row.problem == NOT_NAMED)


async def taken(uow: UnitOfWork, platform: str, external: str, name: str) -> None:
    """The platform takes the token: what waited for it goes out."""
    row = await _clear(uow, platform, external)
    if row is None:
        row = Installation(platform=platform, external=external)
        uow.session.add(row)
        await uow.session.flush()
    elif row.secrets is not None:
        return
    elif row.state == InstallationState.on:
        row.name = name[:120] or row.name
        return
    row.name, row.updated_at = name[:120] or row.name, clock.now()
    row.state, row.problem = InstallationState.on.value, None
    uow.emit(InstallationConnected(subject=row.id, platform=platform))


async def refused(uow: UnitOfWork, platform: str, external: str, problem: str) -> None:
    """The platform refuses the token; `external` is empty where the token does not tell whose it is. Then it
    is the one that was taken before, if there is one. `problem` is a code."""
    row = await _clear(uow, platform, external) if external else await _last(uow, platform)
    if row is None:
        row = Installation(platform=platform, external=external)
        uow.session.add(row)
        await uow.session.flush()
    elif row.secrets is not None or row.state == InstallationState.broken:
        return
    row.state, row.problem, row.updated_at = InstallationState.broken.value, problem[:100], clock.now()
    uow.emit(InstallationBroken(subject=row.id, platform=platform, problem=problem[:100]))


async def note_absent(desk: Desk, platform: str) -> None:
    """By whoever runs the platform's connections, at their start: the admins read that the environment names
    none. With the database away it is told at the next one."""
    with suppress(*MAY_BE_AWAY), lease.about():
        async with desk.unit() as uow:
            await absent(uow, platform)


async def absent(uow: UnitOfWork, platform: str) -> None:
    """The environment names none of this platform."""
    await _clear(uow, platform, UNKNOWN)
    if (row := await _found(uow, platform, UNKNOWN)) is not None:
        await uow.session.delete(row)


async def _clear(uow: UnitOfWork, platform: str, external: str) -> Installation | None:
    """The row of what is named now; the others, named before, are so no more."""
    for row in await _of_environment(uow, platform):
        if row.external == external:
            continue
        if row.external == UNKNOWN:
            await uow.session.delete(row)
        else:
            row.state, row.problem = InstallationState.off.value, NOT_NAMED
            row.updated_at = clock.now()
    return await _found(uow, platform, external)


async def _last(uow: UnitOfWork, platform: str) -> Installation | None:
    rows = await _of_environment(uow, platform)
    return max(rows, key=lambda row: (row.state == InstallationState.on, row.updated_at), default=None)


async def _of_environment(uow: UnitOfWork, platform: str) -> Sequence[Installation]:
    query = select(Installation).where(
        Installation.platform == platform,
        Installation.secrets.is_(None),
        Installation.state != InstallationState.off,
    )
    return list(await uow.session.scalars(query))


async def _found(uow: UnitOfWork, platform: str, external: str) -> Installation | None:
    found: Installation | None = await uow.session.scalar(
        select(Installation).where(Installation.platform == platform, Installation.external == external)
    )
    return found
