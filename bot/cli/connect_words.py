"""What `deskbell connect` prints."""

from __future__ import annotations

from collections.abc import Sequence

import click
from rich.console import Console
from rich.table import Table

from bot.cli.connecting import Connecting
from core.chat import Finding, Guide, Place
from core.installations import connecting as work
from core.installations.model import Installation
from core.markdown import to_text
from core.rooms import service as rooms
from core.rooms.model import DeskRoom


def show_guide(guide: Guide) -> None:
    """Steps with numbers, and what is to be pasted there between lines."""
    for number, step in enumerate(guide.steps, 1):
        click.echo(f"{number}. {printable(to_text(step))}")
    if guide.document:
        click.echo("\n----- to be pasted there -----")
        click.echo("\n".join(printable(line) for line in guide.document.splitlines()))
        click.echo("----- until here -----\n")


def show_findings(findings: Sequence[Finding]) -> bool:
    """What is missing, and what does not work without it; whether all is well."""
    wrong = [one for one in findings if not one.ok]
    for one in wrong:
        click.echo(f"  missing  {printable(one.name)}: {printable(one.words)}")
    for one in findings:
        if one.ok:
            click.echo(f"  well     {printable(one.name)}")
    if not wrong:
        click.echo("  All is there that is needed.")
    return not wrong


def show_check(row: Installation, findings: Sequence[Finding]) -> bool:
    click.echo(f"{printable(row.name)} ({row.platform} {printable(row.external)})")
    if words := work.problem_words(row):
        click.echo(f"  {words}")
    return show_findings(findings)


async def show_connections(here: Connecting, platform: str) -> None:
    """What can be connected, what is, and the desk rooms."""
    if not platform:
        click.echo(f"Can be connected: {', '.join(sorted(here.offers)) or 'nothing'}.")
    rows = [row for row in await here.listed() if platform in ("", row.platform)]
    _show(
        ("Platform", "Id", "Name", "State", "Problem"),
        [_connection(row) for row in rows],
        "Nothing is connected.",
    )
    async with here.desk.db.sessions() as session:
        found = await rooms.rooms(session)
    lines = [line for one in found if platform in ("", (line := _room(one))[0])]
    _show(("Platform", "Connection", "Desk room", "Id", "Rule"), lines, "There are no desk rooms.")


def printable(text: str) -> str:
    """What a platform said is somebody else's text: no control character of it reaches the terminal."""
    return "".join(char if char.isprintable() else " " for char in text)


def _connection(row: Installation) -> tuple[str, ...]:
    return row.platform, row.external, row.name, row.state, work.problem_words(row)


def _room(one: DeskRoom) -> tuple[str, ...]:
    place = Place.from_key(one.place_key)
    return place.platform, place.installation, one.name, place.channel, one.rule


def _show(heads: tuple[str, ...], lines: Sequence[tuple[str, ...]], nothing: str) -> None:
    if not lines:
        click.echo(nothing)
        return
    table = Table(box=None, pad_edge=False)
    for head in heads:
        table.add_column(head, overflow="fold")
    for line in lines:
        table.add_row(*(printable(cell) for cell in line))
    Console().print(table, markup=False)
