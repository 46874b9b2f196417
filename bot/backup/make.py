"""Make a backup of a desk that may be running: the database as of one moment, then the files.

The dump and the keys are read in one snapshot. Stored files never change once they are there,
so copying those that exist after the snapshot gives all that its rows speak of; one that was
deleted meanwhile is left out.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
from sqlalchemy import Table

import core.models  # noqa: F401  all tables are counted
from bot.backup import archive, erasing, programs
from bot.backup.archive import Intermediate, KeysManifest, Manifest, NoBackup, Writing
from bot.backup.erasing import ErasedList
from bot.backup.programs import Target
from core import clock
from core.db import Base
from core.errors import NotFound
from core.i18n import _
from core.ids import new_id
from core.ports.files import FileStore
from core.version import VERSION

Tick = Callable[[str, int, int], None]
"""Told what is going on: the step, how much of it is done, of how much (0: not known)."""


@dataclass(frozen=True, slots=True)
class Made:
    """What was written, and which older files of keys were removed."""

    manifest: Manifest
    archive: Path
    keys: Path
    erased: Path
    size: int
    persons: int
    removed: tuple[Path, ...]


async def make(
    target: Target,
    files: FileStore,
    path: Path,
    *,
    keep_keys: timedelta = timedelta(days=7),
    tick: Tick = lambda _step, _done, _of: None,
) -> Made:
    """Write `path`, `path.keys` and `path.erased`; older files of keys beside them are removed.

    Raises `CannotWrite` when `path` exists or the disk refuses, `ProgramFailed`.
    """
    keys_path, erased_path = beside(path, ".keys"), beside(path, ".erased")
    archive.check_free(path, keys_path)
    with Writing(path) as whole, Writing(keys_path) as keys:
        async with _snapshot(target) as (connection, name):
            facts = await _facts(connection)
            erased = await erasing.read(connection, facts.desk)
            await _write_keys(keys, connection, facts)
            with whole.part(archive.DUMP) as write:
                done = 0
                async for piece in programs.dump(target, name, "--exclude-table-data=person_key"):
                    write(piece)
                    tick("database", done := done + len(piece), 0)
        copied = await _write_files(whole, files, tick)
        manifest = Manifest(
            id=facts.id,
            desk=facts.desk,
            at=facts.at,
            deskbell=VERSION,
            revision=facts.revision,
            masters=tuple(sorted({one.master for one in facts.intermediates if one.retired_at is None})),
            counts=facts.counts,
            files=copied,
            sums=whole.sums(),
        )
        persons = facts.counts["person_key"]
        keys.publish(
            KeysManifest(
                id=facts.id,
                desk=facts.desk,
                at=facts.at,
                persons=persons,
                intermediates=facts.intermediates,
                sums=keys.sums(),
            )
        )
        erasing.write_file(erased_path, erased)
        size = whole.publish(manifest)
    removed = remove_old_keys(keys_path, facts.desk, facts.at - keep_keys)
    return Made(manifest, path, keys_path, erased_path, size, persons, removed)


async def export_erased(target: Target, path: Path) -> ErasedList:
    """Write the list of erased people as it stands now."""
    connection = await target.connect()
    try:
        erased = await erasing.read(connection, await _desk_id(connection))
    finally:
        await connection.close()
    erasing.write_file(path, erased)
    return erased


def beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def remove_old_keys(newest: Path, desk: UUID, before: datetime) -> tuple[Path, ...]:
    """Files of keys of this desk in the folder that were made before a moment, removed.

    This is what makes an erasure reach the backups: nothing else of a backup opens with it.
    """
    removed = []
    for path in sorted(newest.parent.glob("*.keys")):
        if path == newest or not path.is_file():
            continue
        try:
            with archive.Reading(path) as reading:
                manifest = reading.manifest(KeysManifest)
        except NoBackup:
            continue
        if manifest.desk == desk and manifest.at < before:
            with archive.told(path):
                path.unlink(missing_ok=True)
            removed.append(path)
    return tuple(removed)


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """What the manifests say about the moment of the backup."""

    id: UUID
    desk: UUID
    at: datetime
    revision: str
    intermediates: tuple[Intermediate, ...]
    counts: dict[str, int]


@asynccontextmanager
async def _snapshot(target: Target) -> AsyncIterator[tuple[asyncpg.Connection, str]]:
    connection = await target.connect()
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield connection, await connection.fetchval("select pg_export_snapshot()")
    finally:
        await connection.close()


async def _facts(connection: asyncpg.Connection) -> _Snapshot:
    rows = await connection.fetch("select * from intermediate_key order by created_at, id")
    return _Snapshot(
        id=new_id(),
        desk=await _desk_id(connection),
        at=clock.now(),
        revision=await connection.fetchval("select version_num from alembic_version"),
        intermediates=tuple(
            Intermediate(
                id=row["id"],
                wrapped=base64.b64encode(row["wrapped"]).decode(),
                master=row["master"],
                created_at=row["created_at"],
                retired_at=row["retired_at"],
            )
            for row in rows
        ),
        counts={
            table.name: await connection.fetchval(f'select count(*) from "{table.name}"')  # noqa: S608
            for table in _tables()
        },
    )


async def _desk_id(connection: asyncpg.Connection) -> UUID:
    """The first intermediate key's id: it is made with the desk, and kept when keys are rotated."""
    found: UUID | None = await connection.fetchval(
        "select id from intermediate_key order by created_at, id limit 1"
    )
    if found is None:
        raise NotFound(_("There is no desk in this database yet: nothing was saved."))
    return found


async def _write_keys(keys: Writing, connection: asyncpg.Connection, facts: _Snapshot) -> None:
    with keys.part(archive.KEYS) as write:

        async def out(data: bytes) -> None:
            write(data)

        await connection.copy_from_table(
            "person_key", columns=("person_id", "wrapped", "intermediate_id"), output=out, format="binary"
        )


async def _write_files(whole: Writing, files: FileStore, tick: Tick) -> int:
    names = [name async for name in files.names()]
    copied = 0
    for done, name in enumerate(names, 1):
        try:
            # The first step tells whether it is still there, before a part is begun.
            pieces = files.read(name)
            first = await anext(aiter(pieces), b"")
        except NotFound:
            continue
        with whole.part(archive.FILES + name) as write:
            write(first)
            async for piece in pieces:
                write(piece)
        copied += 1
        tick("files", done, len(names))
    return copied


def _tables() -> list[Table]:
    return list(Base.metadata.sorted_tables)
