"""`deskbell migrate`: bring the database to this program's schema, without starting the desk."""

from __future__ import annotations

import click

from bot import migrate as schema
from bot.cli import edge
from bot.cli.reach import reached
from core.settings import Settings


@click.command()
def migrate() -> None:
    """Bring the database to this program's schema.

    `run` does this by itself; apart from it, it serves desks whose start must be quick.
    """
    edge.run(_migrate)


async def _migrate(settings: Settings) -> None:
    async with reached(settings, create=True) as there:
        done = await schema.to_head(there.db.engine)
    click.echo(f"Migrated: {', '.join(done)}." if done else "Nothing to do.")
