"""`deskbell run`: the whole desk in one process."""

from __future__ import annotations

import click
from sqlalchemy import exists, select

from bot.app import App, serve
from bot.cli import edge
from core import log
from core.access import SYSTEM
from core.people import links
from core.people.model import Person, Session
from core.settings import Settings


@click.command()
def run() -> None:
    """Start the desk and serve it until Ctrl-C or SIGTERM.

    Everything runs in this process. Without DATABASE_URL it starts a PostgreSQL of its own in
    the data folder (DESKBELL_DATA), which ends with it.
    """
    edge.run(_run, quiet=False)


async def _run(settings: Settings) -> None:
    log.configure(settings.log_format)
    await serve(settings, announce)


async def announce(app: App) -> None:
    """Say in a few lines what is where; the first admin's link until an admin has signed in."""
    base = app.settings.url
    lines = ["", "  Deskbell is up.", ""]
    if app.chats:
        lines.append(f"  Web chat   {base}/chat")
    lines.append(f"  Desk       {base}/desk")
    async with app.desk.unit(SYSTEM) as uow:
        entered = await uow.session.scalar(
            select(exists().where(Person.role == "admin", Session.person_id == Person.id))
        )
        if entered:
            lines.append("  Sign-in    `deskbell admin-link` makes a one-time link for an admin")
        else:
            link = await links.first_admin_link(uow, base)
            lines.append(f"  Sign in    {link}")
            lines.append("             (once, within the hour; `deskbell admin-link` makes another)")
    click.echo("\n".join([*lines, ""]))
