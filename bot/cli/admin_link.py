"""`deskbell admin-link`: a one-time sign-in link for an admin."""

from __future__ import annotations

import click

from bot.cli import edge
from bot.cli.reach import reached
from core.access import SYSTEM
from core.people import links
from core.settings import Settings


@click.command("admin-link")
def admin_link() -> None:
    """Print a one-time sign-in link for an admin.

    It works once, within the hour, without a second factor: whoever may run this command holds
    the data anyway. The first admin is made when there is none.
    """
    edge.run(_admin_link)


async def _admin_link(settings: Settings) -> None:
    async with reached(settings) as there:
        desk = await there.desk()
        async with desk.unit(SYSTEM) as uow:
            link = await links.first_admin_link(uow, settings.url)
        running = there.running or bool(settings.sqlalchemy_url)
    click.echo(link)
    if not running:
        click.echo("Start the desk (`deskbell run`) before you open it.", err=True)
