"""Put a backup into an empty database and an empty file store.

The order keeps what must not be read unreadable at every moment: the database without people's
keys first, then the erase list, and only in that same transaction the keys of those who are
not on it.
"""

from __future__ import annotations

import base64
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg
from alembic.script import ScriptDirectory

from bot import migrate
from bot.backup import archive, erasing, programs
from bot.backup.archive import KeysManifest, Manifest, NoBackup, Reading
from bot.backup.make import Tick
from bot.backup.programs import Target
from core.crypto import keys as key_store
from core.crypto.keys import MasterKey
from core.db import Database
from core.errors import Refused, StartError
from core.i18n import _
from core.ports.files import FileStore


class NotEmpty(Refused):
    code = "restore_not_empty"


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back. `readable` is the number of people whose words can be read."""

    manifest: Manifest
    files: int
    persons: int
    readable: int
    erased: int


class Backup:
    """An archive, and the file of keys that belongs to it; both checked before anything is done."""

    def __init__(self, path: Path, keys: Path | None = None) -> None:
        self.archive = Reading(path)
        self.manifest = self.archive.manifest(Manifest)
        self.keys = Reading(keys) if keys is not None else None
        self.keys_manifest = self.keys.manifest(KeysManifest) if self.keys is not None else None

    def check(self, masters: Sequence[MasterKey], tick: Tick = lambda _step, _done, _of: None) -> None:
        """Sums, versions, and whether the keys fit together.

        Raises `NoBackup` for damage or a foreign file of keys, `StartError` for a missing
        master key or a backup of a newer program.
        """
        known = {
            revision.revision for revision in ScriptDirectory.from_config(migrate.config()).walk_revisions()
        }
        if self.manifest.revision not in known:
            raise StartError(
                _(
                    "The backup is of a newer Deskbell ({version}); install that version to restore it."
                ).format(version=self.manifest.deskbell)
            )
        needed = set(self.manifest.masters)
        if self.keys_manifest is not None:
            needed |= {one.master for one in self.keys_manifest.intermediates if one.retired_at is None}
        _check_masters(needed, masters)
        if self.keys is not None and self.keys_manifest is not None:
            if self.keys_manifest.desk != self.manifest.desk:
                raise NoBackup(
                    _("{path} holds the keys of another desk.").format(path=self.keys.path), field="keys"
                )
            self.keys.check(self.keys_manifest)
        done, size = 0, self.archive.whole_size()

        def count(piece: int) -> None:
            nonlocal done
            done += piece
            tick("check", done, size)

        self.archive.check(self.manifest, count)

    def close(self) -> None:
        self.archive.close()
        if self.keys is not None:
            self.keys.close()


async def check_empty(target: Target, files: FileStore) -> None:
    """Raises `NotEmpty` unless both the database and the file store hold nothing."""
    connection = await target.connect()
    try:
        there = await connection.fetchval(
            """select count(*) from pg_class join pg_namespace on pg_namespace.oid = relnamespace
               where nspname = 'public' or relname = 'alembic_version'"""
        )
    finally:
        await connection.close()
    if there:
        raise NotEmpty(
            _("The database {name} is not empty: a backup is restored into an empty one only.").format(
                name=target.database
            )
        )
    async for _name in files.names():
        raise NotEmpty(_("There are files in the data folder already: set DESKBELL_DATA to an empty folder."))


async def restore(
    backup: Backup,
    target: Target,
    db: Database,
    files: FileStore,
    masters: list[MasterKey],
    *,
    erased: Mapping[UUID, datetime],
    tick: Tick = lambda _step, _done, _of: None,
) -> Restored:
    """Restore a checked backup. `db` is the same database as `target`; both targets are empty."""
    await programs.load(target, _dump(backup.archive, tick))
    await migrate.to_head(db.engine)
    copied = await _restore_files(backup.archive, files, tick)
    tick("settle", 0, 0)
    connection = await target.connect()
    try:
        async with connection.transaction():
            await _settle_order(connection)
            await connection.execute("update delivery set lease_until = null where state = 'due'")
        async with connection.transaction():
            if backup.keys is not None and backup.keys_manifest is not None:
                await _restore_keys(connection, backup.keys, backup.keys_manifest)
            gone = await erasing.apply(connection, erased)
        await connection.execute("analyze")
        persons, readable = await connection.fetchrow(
            "select (select count(*) from person), (select count(*) from person_key)"
        )
    finally:
        await connection.close()
    await _try_keys(db, masters)
    return Restored(backup.manifest, copied, persons, readable, gone)


def _check_masters(needed: set[str], masters: Sequence[MasterKey]) -> None:
    missing = sorted(needed - {master.name for master in masters})
    if not missing:
        return
    if masters:
        words = _("The master key does not fit this backup: it needs the one with fingerprint {named}.")
    else:
        words = _(
            "This backup needs its master key (fingerprint {named}), which is in no backup: set "
            "DESKBELL_MASTER_KEY, or put master.key into the data folder first."
        )
    raise StartError(words.format(named=", ".join(missing)))


async def _dump(reading: Reading, tick: Tick) -> AsyncIterator[bytes]:
    done, size = 0, reading.size(archive.DUMP)
    for piece in reading.pieces(archive.DUMP):
        yield piece
        done += len(piece)
        tick("database", done, size)


async def _restore_files(reading: Reading, files: FileStore, tick: Tick) -> int:
    names = reading.files()
    for done, name in enumerate(names, 1):
        await files.put(name, _pieces(reading, archive.FILES + name))
        tick("files", done, len(names))
    return len(names)


async def _pieces(reading: Reading, name: str) -> AsyncIterator[bytes]:
    for piece in reading.pieces(name):
        yield piece


async def _settle_order(connection: asyncpg.Connection) -> None:
    """Transaction numbers of events are those of the old server; a new one begins small again.

    Readers go by them, so all are moved below zero by the same step: their order, the marks of
    the readers and the ranges of the audit's seals keep their meaning, and every restored event
    is older than whatever the new server will write.
    """
    step = await connection.fetchval(
        "select greatest((select max(tx) from event), (select max(tx) from reader_mark), 0)"
    )
    await connection.execute("update event set tx = tx - $1", step)
    await connection.execute("update reader_mark set tx = tx - $1", step)
    await connection.execute("update audit_seal set first_tx = first_tx - $1, last_tx = last_tx - $1", step)


async def _restore_keys(connection: asyncpg.Connection, reading: Reading, manifest: KeysManifest) -> None:
    """People's keys, for the people who are in the restored database. A file of keys that is
    newer than the archive fits as well: it brings the intermediate keys made since."""
    await connection.executemany(
        """insert into intermediate_key (id, wrapped, master, created_at, retired_at)
           values ($1, $2, $3, $4, $5) on conflict do nothing""",
        [
            (one.id, base64.b64decode(one.wrapped), one.master, one.created_at, one.retired_at)
            for one in manifest.intermediates
        ],
    )
    await connection.execute("create temporary table came_back (like person_key) on commit drop")
    with tempfile.TemporaryFile() as spooled:
        for piece in reading.pieces(archive.KEYS):
            spooled.write(piece)
        spooled.seek(0)
        await connection.copy_to_table(
            "came_back",
            columns=("person_id", "wrapped", "intermediate_id"),
            source=spooled,
            format="binary",
        )
    await connection.execute(
        """insert into person_key (person_id, wrapped, intermediate_id)
           select person_id, wrapped, intermediate_id from came_back
           where person_id in (select id from person)"""
    )


async def _try_keys(db: Database, masters: list[MasterKey]) -> None:
    """Open the desk's keys once, as the first start would; raises `StartError`."""
    async with db.sessions() as session:
        await key_store.load(session, masters)
        await session.rollback()
