"""`deskbell backup`: one file that holds the desk, and one that holds its people's keys."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click
from rich.filesize import decimal
from rich.progress import Progress, TaskID
from sqlalchemy.dialects.postgresql import insert

from adapters.files import make_store
from bot.backup.make import Made, Tick, make
from bot.cli import edge
from bot.cli.reach import reached, where_is_the_master_key
from core import clock
from core.admin.health import BACKUP
from core.db import Database
from core.env_file import environment
from core.outbox_model import ScheduledJob
from core.settings import Settings

STEPS = {"check": "Checking", "database": "Database", "files": "Files", "settle": "Settling"}


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, resolve_path=True))
@click.option(
    "--keep-keys-days",
    type=click.IntRange(0, 3650),
    default=7,
    show_default=True,
    help="Remove files of keys of this desk beside FILE that are older. An erased person stays "
    "readable in backups for as long as such a file exists.",
)
def backup(file: Path, keep_keys_days: int) -> None:
    """Save the desk into FILE, while it runs or not.

    Writes FILE (database and sealed files), FILE.keys (people's wrapped keys, kept for a few
    days only) and FILE.erased (the list of erased people). The master key is in none of them.
    """

    async def work(settings: Settings) -> None:
        async with reached(settings) as there:
            with edge.progress(unit=False) as bar:
                made = await make(
                    there.target,
                    make_store(environment(), there.folder),
                    file,
                    keep_keys=timedelta(days=keep_keys_days),
                    tick=ticking(bar),
                )
            await _note(there.db)
            where = where_is_the_master_key(settings, there.folder)
        _tell(made, where)

    edge.run(work)


async def _note(db: Database) -> None:
    """For `deskbell doctor`, which says how old the last backup is."""
    async with db.sessions() as session:
        statement = insert(ScheduledJob).values(name=BACKUP, last_run_at=clock.now())
        await session.execute(
            statement.on_conflict_do_update(
                index_elements=[ScheduledJob.name], set_={"last_run_at": statement.excluded.last_run_at}
            )
        )
        await session.commit()


def ticking(bar: Progress) -> Tick:
    """A progress bar for each step, made when the step begins."""
    tasks: dict[str, TaskID] = {}

    def tick(step: str, done: int, of: int) -> None:
        if step not in tasks:
            tasks[step] = bar.add_task(STEPS[step], total=of or None)
        bar.update(tasks[step], completed=done, total=of or None)

    return tick


def _tell(made: Made, where: str) -> None:
    counts = made.manifest.counts
    click.echo(
        f"Saved {counts['ticket']} tickets, {counts['message']} messages, {made.manifest.files} files:"
    )
    click.echo(f"  {made.archive}  ({decimal(made.size)})")
    click.echo(f"  {made.keys}  (keys of {made.persons} people; to be removed after a few days)")
    click.echo(f"  {made.erased}  (the list of erased people; keep the newest)")
    for path in made.removed:
        click.echo(f"Removed {path}: older than --keep-keys-days.")
    click.echo(f"The master key is not in them. It is {where}. Keep a copy of it elsewhere: without it")
    click.echo("no backup can be read.")
