"""Looks at what is kept: database, schema, master key, files, the last backup; and at the clock."""

from __future__ import annotations

import shutil
import time
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.exc import ProgrammingError

from bot import migrate
from bot.doctor.patient import Patient
from bot.secrets import FILE, kept_keys
from core import clock as desk_clock
from core.admin.checkup import Line
from core.admin.health import BACKUP
from core.errors import StartError
from core.files.size import in_words
from core.i18n import _
from core.outbox_model import ScheduledJob
from core.ports.files import FileStore, StoreDown, StoreFull, new_name

OLDEST_SERVER = 180_000
OLD_BACKUP = timedelta(days=2)
LITTLE_DISK = 1 << 30
FAST_SECONDS, WRONG_SECONDS = 2.0, 30.0
_PROBE = b"deskbell doctor"


async def database(patient: Patient) -> Sequence[Line]:
    began = time.monotonic()
    async with patient.db.sessions() as session:
        await session.execute(text("select 1"))
        milliseconds = (time.monotonic() - began) * 1000
        version = int(await session.scalar(text("show server_version_num")) or 0)
        most = int(await session.scalar(text("show max_connections")) or 0)
        used = int(await session.scalar(text("select count(*) from pg_stat_activity")) or 0)
    name = f"PostgreSQL {version // 10_000}.{version % 10_000}"
    if version < OLDEST_SERVER:
        return [
            Line(
                "database",
                "warn",
                _("{name} is older than what is tested.").format(name=name),
                _("Move to PostgreSQL 18."),
            )
        ]
    if used * 10 > most * 9:
        words = _("{used} of {most} connections are taken.").format(used=used, most=most)
        return [Line("database", "warn", words, _("Raise max_connections, or run fewer parts."))]
    words = _("{name} answers within {ms} ms; {used} of {most} connections are taken.")
    return [Line("database", "ok", words.format(name=name, ms=f"{milliseconds:.0f}", used=used, most=most))]


async def migrations(patient: Patient) -> Sequence[Line]:
    at, head = await migrate.current(patient.db.engine), migrate.head()
    if at == head:
        return [Line("migrations", "ok", _("The schema is this program's ({head}).").format(head=head))]
    if at is None:
        return [
            Line(
                "migrations",
                "fail",
                _("There is no desk in this database yet."),
                _("Start it: `deskbell run`, or restore a backup."),
            )
        ]
    words = _("The database is at revision {at}, this program at {head}.").format(at=at, head=head)
    if at > head:
        return [
            Line("migrations", "fail", words, _("Start the newer version of Deskbell, or restore a backup."))
        ]
    return [Line("migrations", "fail", words, _("Make a backup, then run `deskbell migrate`."))]


async def master_key(patient: Patient) -> Sequence[Line]:
    try:
        keys = kept_keys(patient.settings, patient.folder)
    except StartError as error:
        return [Line("master_key", "fail", error.words)]
    if not keys:
        return [
            Line(
                "master_key",
                "fail",
                _("There is no master key."),
                _("Put back master.key, or set DESKBELL_MASTER_KEY."),
            )
        ]
    if patient.desk is None:
        if patient.closed:  # It names the key that is looked for, and what to do.
            return [Line("master_key", "fail", patient.closed)]
        words = _("The desk cannot be opened with this master key.")
        return [Line("master_key", "fail", words, _("Set the key that the desk was made with."))]
    path = patient.folder / FILE
    if not patient.settings.masters() and path.stat().st_mode & 0o077:
        words = _("Others on this machine can read {path}.").format(path=path)
        return [Line("master_key", "warn", words, _("Run: chmod 600 {path}").format(path=path))]
    named = ", ".join(key.name for key in keys)
    return [
        Line(
            "master_key",
            "ok",
            _("It opens the desk (fingerprint {named}). Keep a copy elsewhere.").format(named=named),
        )
    ]


async def backup(patient: Patient) -> Sequence[Line]:
    try:
        async with patient.db.sessions() as session:
            row = select(ScheduledJob.last_run_at).where(ScheduledJob.name == BACKUP)
            at: datetime | None = await session.scalar(row)
    except ProgrammingError:
        return []  # an empty database
    mend = _("Run `deskbell backup FILE` each night, and keep FILE elsewhere.")
    if at is None:
        return [Line("backup", "warn", _("No backup was made yet by `deskbell backup`."), mend)]
    words = _("The last backup is of {at} UTC.").format(at=f"{at:%Y-%m-%d %H:%M}")
    if desk_clock.now() - at > OLD_BACKUP:
        return [Line("backup", "warn", words, mend)]
    return [Line("backup", "ok", words)]


async def clock(patient: Patient) -> Sequence[Line]:
    """This machine's own beside the database's, which is the desk's; where both are one machine's, nothing is
    told by it."""
    began = desk_clock.of_this_machine()
    async with patient.db.sessions() as session:
        theirs = await session.scalar(select(func.clock_timestamp()))
    ended = desk_clock.of_this_machine()
    if theirs is None:
        return []
    off = max((began - theirs).total_seconds(), (theirs - ended).total_seconds(), 0.0)
    if off < FAST_SECONDS:
        return [Line("clock", "ok", _("This machine and the database agree on the time."))]
    words = _("This machine and the database are {seconds} s apart.").format(seconds=f"{off:.0f}")
    mend = _("Keep both by NTP (such as chrony or systemd-timesyncd).")
    return [Line("clock", "fail" if off > WRONG_SECONDS else "warn", words, mend)]


async def storage(patient: Patient) -> Sequence[Line]:
    """An object there and back."""
    if patient.desk is None:
        return []
    try:
        read = await _there_and_back(patient.desk.means.files)
    except StoreFull as error:
        mend = _("Make room in {path}, or in the bucket: old backups and logs first.")
        return [Line("storage", "fail", error.words, mend.format(path=patient.folder))]
    except StoreDown as error:
        mend = _(
            "See that its disk or service runs and lets the desk in: DESKBELL_S3_ENDPOINT and its keys, or who owns {path}."
        )
        return [Line("storage", "fail", error.words, mend.format(path=patient.folder / "files"))]
    if read != _PROBE:
        return [
            Line(
                "storage",
                "fail",
                _("What was stored came back changed."),
                _("Do not trust this disk or service."),
            )
        ]
    free = shutil.disk_usage(patient.folder).free
    if free < LITTLE_DISK:
        words = _("Only {size} of disk space is left.").format(size=in_words(free))
        return [Line("storage", "warn", words, _("Make room in {path}.").format(path=patient.folder))]
    return [
        Line(
            "storage",
            "ok",
            _("Files can be written and read; {size} of disk space is left.").format(size=in_words(free)),
        )
    ]


async def _there_and_back(files: FileStore) -> bytes:
    name = new_name()
    await files.put(name, _probe())
    read = b"".join([piece async for piece in files.read(name)])
    await files.delete(name)
    return read


async def _probe() -> AsyncIterator[bytes]:
    yield _PROBE
