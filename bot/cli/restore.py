"""`deskbell restore`: a backup into an empty data folder, or an empty database of a server."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID

import click

from adapters.files import make_store
from adapters.postgres import DataFolder, start
from bot.app import database
from bot.backup import erasing
from bot.backup.archive import NoBackup
from bot.backup.make import Tick, beside
from bot.backup.programs import Target
from bot.backup.restore import Backup, NotEmpty, Restored, check_empty
from bot.backup.restore import restore as put_back
from bot.cli import edge
from bot.cli.backup import ticking
from bot.secrets import kept_keys
from core.db import Database
from core.env_file import environment
from core.errors import StartError
from core.i18n import _
from core.settings import Settings

_Source = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command()
@click.argument("file", type=_Source)
@click.option(
    "--keys",
    type=_Source,
    help="The file of people's keys: of this backup or a later one. FILE.keys when left out.",
)
@click.option(
    "--without-keys",
    is_flag=True,
    help="Restore numbers and times only: nothing that people wrote can be read, and no name.",
)
@click.option(
    "--erased",
    type=_Source,
    multiple=True,
    help="A newer list of erased people (`deskbell erased`, or FILE.erased of a later backup).",
)
def restore(file: Path, keys: Path | None, without_keys: bool, erased: tuple[Path, ...]) -> None:
    """Put the backup FILE into an empty desk.

    Without DATABASE_URL into an empty DESKBELL_DATA; with it into that empty database, files
    into DESKBELL_DATA. The master key must be there: DESKBELL_MASTER_KEY or master.key.
    People who were erased, by the backup's own list or by --erased, stay erased.
    """

    async def work(settings: Settings) -> None:
        found = _keys(file, keys, without_keys)
        with edge.progress(unit=False) as bar:
            done = await _restore(settings, Backup(file, found), erased, ticking(bar))
        _tell(done, found is not None)

    edge.run(work)


def _keys(file: Path, named: Path | None, without: bool) -> Path | None:
    """The file of keys to use. A desk that nobody can read is made only for whoever asks for it."""
    if named is not None and without:
        raise StartError(_("Name a file with --keys, or say --without-keys, but not both."))
    if named is not None or without:
        return named
    beside_it = beside(file, ".keys")
    if beside_it.exists():
        return beside_it
    raise StartError(
        _(
            "There is no {path}, and without people's keys nothing that they wrote can be read. Name the file "
            "with --keys, or say --without-keys."
        ).format(path=beside_it)
    )


async def _restore(settings: Settings, backup: Backup, lists: tuple[Path, ...], tick: Tick) -> Restored:
    folder = settings.data.expanduser().absolute()
    files = make_store(environment(), folder)
    masters = kept_keys(settings, folder)
    try:
        erased = _erased(backup, lists)
        backup.check(masters, tick)
        async with _empty(settings, folder) as db:
            target = Target.of(db.engine.url)
            await check_empty(target, files)
            return await put_back(backup, target, db, files, masters, erased=erased, tick=tick)
    finally:
        backup.close()


def _erased(backup: Backup, lists: tuple[Path, ...]) -> dict[UUID, datetime]:
    """All lists in one; raises `NoBackup` for the list of another desk."""
    persons: dict[UUID, datetime] = {}
    for path in lists:
        one = erasing.read_file(path)
        if one.desk != backup.manifest.desk:
            raise NoBackup(_("{path} is the list of another desk.").format(path=path), field="erased")
        persons |= one.persons
    return persons


@asynccontextmanager
async def _empty(settings: Settings, folder: Path) -> AsyncIterator[Database]:
    """The database to restore into, the data folder claimed. An embedded one is made for it, and
    removed again when the restore fails."""
    async with AsyncExitStack() as stack:
        claim = stack.enter_context(DataFolder(folder))
        if settings.sqlalchemy_url:
            yield await stack.enter_async_context(database(settings, folder))
            return
        if (folder / "postgres").exists():
            raise NotEmpty(
                _("There is a desk in {path} already: set DESKBELL_DATA to an empty folder.").format(
                    path=folder
                )
            )
        stack.push(_clearing(folder))
        server = await start(claim)
        stack.push_async_callback(server.stop)
        db = Database(server.url, pool=5)
        stack.push_async_callback(db.close)
        yield db


def _clearing(folder: Path) -> Callable[..., None]:
    """On the way out of a failed restore: the half that came back would be taken for a desk."""
    files_before = (folder / "files").exists()

    def clear(kind: type[BaseException] | None, *_rest: object) -> None:
        if kind is not None:
            shutil.rmtree(folder / "postgres", ignore_errors=True)
            if not files_before:
                shutil.rmtree(folder / "files", ignore_errors=True)

    return clear


def _tell(done: Restored, with_keys: bool) -> None:
    counts = done.manifest.counts
    click.echo(
        f"Restored {counts['ticket']} tickets, {counts['message']} messages, {done.files} files "
        f"as of {done.manifest.at:%Y-%m-%d %H:%M} UTC."
    )
    if not with_keys:
        click.echo(
            "Without the keys nothing that people wrote can be read, and no name: only numbers and times"
        )
        click.echo(
            "came back. Restore again into an empty folder with the backup's .keys file, if it still exists."
        )
    else:
        click.echo(f"The words of {done.readable} of {done.persons} people can be read.")
    if done.erased:
        click.echo(f"{done.erased} people are on the list of the erased and stay erased.")
    click.echo("Start the desk with `deskbell run`.")
