"""Bring a database to this program's schema, or say that it is newer.

Alembic is loaded only when there is something to migrate: the start of a desk that is up to date
does not wait for it.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

import migrations
from core.errors import StartError

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

_LOCK = 4_202_602
_AGAIN_SECONDS = 0.2
_PATIENT = {"timeout": 10, "server_settings": {"application_name": "deskbell", "jit": "off"}}
"""A migration of a large desk may take minutes."""
_FOLDER = Path(migrations.__file__).parent


async def to_head(engine: AsyncEngine) -> list[str]:
    """Upgrade; returns the revisions that ran. Two programs that start at once wait for each
    other. Raises `StartError` for a database newer than this program."""
    async with engine.connect() as connection:
        if await connection.run_sync(_revision) == head():
            return []
    patient = create_async_engine(engine.url, poolclass=sa.NullPool, connect_args=_PATIENT)
    try:
        async with patient.connect() as connection:
            return await _alone(connection)
    finally:
        await patient.dispose()


async def _alone(connection: AsyncConnection) -> list[str]:
    while not await connection.scalar(sa.text("select pg_try_advisory_lock(:lock)"), {"lock": _LOCK}):
        # Not in a statement that waits: who builds an index beside others waits for those that run.
        await connection.rollback()
        await asyncio.sleep(_AGAIN_SECONDS)
    await connection.commit()
    try:
        return await connection.run_sync(_upgrade)
    finally:
        await connection.rollback()
        await connection.execute(sa.text("select pg_advisory_unlock(:lock)"), {"lock": _LOCK})
        await connection.commit()


async def current(engine: AsyncEngine) -> str | None:
    """The revision of a database; None for an empty one."""
    async with engine.connect() as connection:
        return await connection.run_sync(_revision)


def head() -> str:
    """The newest revision: the first part of the last file's name (`0007_what_it_does.py`)."""
    return max(file.name.split("_")[0] for file in (_FOLDER / "versions").glob("[0-9]*.py"))


def config() -> Config:
    """Alembic's configuration, without a file."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return made


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(sa.text("select version_num from alembic_version"))
    return found


def _upgrade(connection: sa.Connection) -> list[str]:
    from alembic import command
    from alembic.script import ScriptDirectory

    before = _revision(connection)
    script = ScriptDirectory.from_config(config())
    known = {revision.revision for revision in script.walk_revisions()}
    if before is not None and before not in known:
        raise StartError(
            f"The database is newer than this program (its revision is {before}). "
            "Start the newer version of Deskbell, or restore a backup."
        )
    if before == script.get_current_head():
        return []
    made = config()
    made.attributes["connection"] = connection
    connection.commit()
    run = _revisions_after(script, before)
    command.upgrade(made, "head")
    connection.commit()
    return run


def _revisions_after(script: ScriptDirectory, before: str | None) -> list[str]:
    revisions: list[Any] = list(script.iterate_revisions("head", before or "base"))
    return [revision.revision for revision in reversed(revisions)]
