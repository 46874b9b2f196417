"""`deskbell demo`: fill a new desk with a believable past, then say how to sign in."""

from __future__ import annotations

import click

from bot import migrate
from bot.cli import edge
from bot.cli.reach import reached
from core.settings import Settings

STORY = 600
"""So many tickets at most are told through the services, as they would have happened."""


@click.command()
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same desk.")
@click.option(
    "--tickets",
    type=click.IntRange(1, 10_000_000),
    default=600,
    show_default=True,
    help=f"How many tickets. Beyond {STORY:,} the rest is made in bulk, with words of no meaning.",
)
@click.option(
    "--messages",
    type=click.IntRange(2, 50),
    default=5,
    show_default=True,
    help="About how many messages each ticket has that is made in bulk.",
)
def demo(seed: int, tickets: int, messages: int) -> None:
    """Fill an empty desk with teams, agents, requesters and tickets of the last 90 days.

    Prints sign-in links for an admin, an agent and a requester. Refused for a desk with tickets.
    """
    edge.run(lambda settings: _demo(settings, seed, tickets, messages))


async def _demo(settings: Settings, seed: int, tickets: int, messages: int) -> None:
    from bot.demo.make import add_in_bulk, make

    async with reached(settings, create=True) as there:
        await migrate.to_head(there.db.engine)
        desk = await there.desk()
        with edge.progress() as bar:
            task = bar.add_task("Tickets", total=tickets)
            story = min(tickets, STORY)
            made = await make(desk, seed=seed, tickets=story, progress=lambda count: bar.advance(task, count))
            rest = tickets - story
            if rest:
                await add_in_bulk(
                    desk, rest, messages=messages, seed=seed, progress=lambda count: bar.advance(task, count)
                )
        running = there.running
    click.echo(
        f"{made.tickets + rest} tickets of {made.people} people, {made.articles} articles and translations. "
        "One-time sign-in links, good for a day:"
    )
    for person in (made.admin, made.agent, made.requester):
        click.echo(f"  {person.role:<10} {person.name:<20} {settings.url}{person.path}")
    if not running:
        click.echo("Start the desk with `make run`.")
