"""`deskbell demo`: fill a new desk with a believable past, then say how to sign in."""

from __future__ import annotations

import click

from bot import migrate
from bot.cli import edge
from bot.cli.reach import reached
from core.settings import Settings


@click.command()
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same desk.")
@click.option(
    "--tickets", type=click.IntRange(1, 100_000), default=600, show_default=True, help="How many tickets."
)
def demo(seed: int, tickets: int) -> None:
    """Fill an empty desk with teams, agents, requesters and tickets of the last 90 days.

    Prints sign-in links for an admin, an agent and a requester. Refused for a desk with tickets.
    """
    edge.run(lambda settings: _demo(settings, seed, tickets))


async def _demo(settings: Settings, seed: int, tickets: int) -> None:
    from bot.demo.make import make

    async with reached(settings, create=True) as there:
        await migrate.to_head(there.db.engine)
        desk = await there.desk()
        with edge.progress() as bar:
            task = bar.add_task("Tickets", total=tickets)
            made = await make(
                desk, seed=seed, tickets=tickets, progress=lambda count: bar.advance(task, count)
            )
        running = there.running
    click.echo(
        f"{made.tickets} tickets of {made.people} people, {made.articles} articles and translations. "
        "One-time sign-in links, good for a day:"
    )
    for person in (made.admin, made.agent, made.requester):
        click.echo(f"  {person.role:<10} {person.name:<20} {settings.url}{person.path}")
    if not running:
        click.echo("Start the desk with `make run`.")
