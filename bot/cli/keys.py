"""`deskbell keys`: make new keys while the desk runs, and see which are in use."""

from __future__ import annotations

import base64

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select

from bot.cli import edge
from bot.cli.reach import reached, where_is_the_master_key
from core.crypto import keys as key_store
from core.crypto.fields import new_key
from core.crypto.model import IntermediateKey, PersonKey
from core.settings import Settings


@click.group()
def keys() -> None:
    """The keys that wrap the keys of people."""


@keys.command("rotate")
def rotate() -> None:
    """Wrap all keys of people anew, under a fresh key and the first master key.

    Works while the desk runs; nothing that was written is touched. To change the master key,
    set DESKBELL_MASTER_KEY (or master.key) to "new,old" and restart the desk first. Afterwards
    `deskbell keys list` says whether the old master key is still needed.
    """
    edge.run(_rotate)


@keys.command("new")
def new() -> None:
    """Print a fresh master key. It changes nothing: put it where the desk finds it."""
    click.echo(base64.b64encode(new_key()).decode())


@keys.command("list")
def list_() -> None:
    """List the intermediate keys, the master keys above them, and how many people they serve."""
    edge.run(_list)


async def _rotate(settings: Settings) -> None:
    async with reached(settings) as there:
        desk = await there.desk()
        async with desk.db.sessions() as session:
            total = await session.scalar(select(func.count()).select_from(PersonKey)) or 0
        with edge.progress() as bar:
            task = bar.add_task("Wrapping keys", total=total)
            async with desk.db.sessions() as session:
                moved = await key_store.rotate(
                    session, desk.means.keys, desk.masters, lambda count: bar.advance(task, count)
                )
        where = where_is_the_master_key(settings, there.folder)
    click.echo(f"{moved} keys are wrapped anew. The master key is {where}.")


async def _list(settings: Settings) -> None:
    async with reached(settings) as there:
        desk = await there.desk()
        async with desk.db.sessions() as session:
            served = select(PersonKey.intermediate_id, func.count()).group_by(PersonKey.intermediate_id)
            counts = dict((await session.execute(served)).tuples().all())
            rows = list(await session.scalars(select(IntermediateKey).order_by(IntermediateKey.created_at)))
    table = Table("Key", "Master key", "Made", "State", "People", box=None, pad_edge=False)
    for row in rows:
        count = counts.get(row.id, 0)
        state = "in use" if row.retired_at is None else ("still needed" if count else "retired")
        table.add_row(str(row.id)[-12:], row.master, f"{row.created_at:%Y-%m-%d %H:%M}", state, str(count))
    Console().print(table)
