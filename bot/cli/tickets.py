"""`deskbell tickets`: the open tickets as a table."""

from __future__ import annotations

from datetime import timedelta

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import select

from bot.cli import edge
from bot.cli.reach import reached
from core import clock
from core.access import SYSTEM
from core.conversations.model import Conversation
from core.db import UnitOfWork
from core.people.model import Team
from core.settings import Settings
from core.tickets import access
from core.tickets.model import LIVE, Status, Ticket

COLUMNS = ("No.", "Status", "Priority", "Age", "Team", "Subject")


@click.command()
@click.option(
    "--status",
    type=click.Choice([*(s.value for s in Status), "all"]),
    help="Only this status; without it: open, in progress and waiting.",
)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
def tickets(status: str | None, limit: int) -> None:
    """List the open tickets, the one that waits longest first."""

    async def work(settings: Settings) -> None:
        async with reached(settings) as there:
            desk = await there.desk()
            async with desk.unit(SYSTEM) as uow:
                rows = await _rows(uow, status, limit + 1)
        _print(rows[:limit], more=len(rows) > limit)

    edge.run(work)


async def _rows(uow: UnitOfWork, status: str | None, most: int) -> list[tuple[str, ...]]:
    query = (
        select(Ticket, Conversation, Team.name)
        .join(Conversation, Conversation.id == Ticket.conversation_id)
        .outerjoin(Team, Team.id == Ticket.team_id)
        .where(access.visible(SYSTEM))
        .order_by(Ticket.updated_at, Ticket.number)
        .limit(most)
    )
    if status != "all":
        query = query.where(Ticket.status.in_([status] if status else [s.value for s in LIVE]))
    found = (await uow.session.execute(query)).all()
    await uow.keys.of_persons(uow.session, [conversation.owner_id for _t, conversation, _n in found])
    return [await _row(uow, ticket, conversation, team) for ticket, conversation, team in found]


async def _row(
    uow: UnitOfWork, ticket: Ticket, conversation: Conversation, team: str | None
) -> tuple[str, ...]:
    key = await access.thread_key(uow.session, uow.keys, conversation)
    return (
        str(ticket.number),
        ticket.status.replace("_", " "),
        ticket.priority,
        _age(clock.now() - ticket.created_at),
        team or "–",
        access.subject_of(ticket, key),
    )


def _age(age: timedelta) -> str:
    minutes = int(age.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"


def _print(rows: list[tuple[str, ...]], *, more: bool) -> None:
    if not rows:
        click.echo("No tickets.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, title in enumerate(COLUMNS):
        # On a narrow terminal only the subject is cut.
        width = max(len(row[place]) for row in rows) if title != "Subject" else 20
        right = title in ("No.", "Age")
        table.add_column(
            title, no_wrap=True, min_width=max(width, len(title)), justify="right" if right else "left"
        )
    for row in rows:
        table.add_row(*(Text(_printable(cell)) for cell in row))
    Console(soft_wrap=False).print(table)
    if more:
        click.echo(f"More than {len(rows)}: see --limit.", err=True)


def _printable(cell: str) -> str:
    """A subject is somebody else's text: no control character of it reaches the terminal."""
    return "".join(char if char.isprintable() else "·" for char in cell)
