"""`deskbell erased`: the list of erased people, for restoring older backups."""

from __future__ import annotations

from pathlib import Path

import click

from bot.backup.make import export_erased
from bot.cli import edge
from bot.cli.reach import reached
from core.settings import Settings


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, resolve_path=True))
def erased(file: Path) -> None:
    """Write the list of erased people into FILE, replacing it.

    `deskbell restore --erased FILE` applies it, so that people who were erased after a backup
    was made stay erased when it is restored. The list holds ids and times only.
    """

    async def work(settings: Settings) -> None:
        async with reached(settings) as there:
            listed = await export_erased(there.target, file)
        click.echo(f"{len(listed.persons)} people are on the list in {file}.")

    edge.run(work)
