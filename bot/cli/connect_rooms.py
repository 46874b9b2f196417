"""Desk rooms at the command line: choose them, add them, send a test and wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

import click
from sqlalchemy import func, select

from bot.cli.connect_words import printable
from bot.cli.connecting import Connecting
from core.access import SYSTEM
from core.chat import Candidate, Place
from core.db import UnitOfWork
from core.errors import Conflict, NotFound
from core.outbox_model import Delivery
from core.people.model import Team
from core.rooms import service as rooms
from core.rooms import testing
from core.rooms.model import DeskRoom, RoomRule

TEST_SECONDS = 20.0
LOOK_EVERY = 0.2


def choose(candidates: Sequence[Candidate], named: Sequence[str], at_terminal: bool) -> list[tuple[str, str]]:
    """Channel and name of each place that shall become a room."""
    if named:
        return [_found(candidates, one) for one in named]
    if not at_terminal:
        return []
    if not candidates:
        click.echo("No place for a desk room was found. Let the bot into one, then name it with --room.")
        return []
    for number, one in enumerate(candidates, 1):
        click.echo(f"  {number:>3}  {printable(one.name)}  ({printable(one.place.channel)})")
    said = click.prompt("Desk rooms, by number (1 3), or nothing", default="", show_default=False)
    chosen = [int(word) for word in said.replace(",", " ").split() if word.isdecimal()]
    return [
        (candidates[one - 1].place.channel, candidates[one - 1].name)
        for one in dict.fromkeys(chosen)
        if 1 <= one <= len(candidates)
    ]


async def make_rooms(
    here: Connecting,
    platform: str,
    external: str,
    wanted: Sequence[tuple[str, str]],
    team: str,
    rule: RoomRule,
    test: bool,
) -> None:
    """Add them all, or none; then the tests."""
    tests: list[tuple[str, UUID]] = []
    async with here.desk.unit(SYSTEM) as uow:
        team_id = await _team(uow, team)
        for channel, name in wanted:
            place = Place(platform, external, channel)
            try:
                room = await rooms.add(uow, SYSTEM, place, name=name, team_id=team_id, rule=rule)
            except Conflict:
                room = await _there(uow, place)
            click.echo(f"Desk room: {printable(name or channel)}")
            if test:
                tests.append((name or channel, (await testing.send(uow, SYSTEM, room)).id))
    if tests and not here.running:
        click.echo("The test messages go out when the desk is started.")
        return
    for name, delivery in tests:
        await _tell(here, printable(name), delivery)


async def _tell(here: Connecting, name: str, delivery: UUID) -> None:
    """Wait until the running desk has sent a test, or could not."""
    row = await _ended(here, delivery)
    if row.state == "sent":
        click.echo(f"The test message stands in {name}.")
    elif row.state == "dead":
        click.echo(f"The test message did not reach {name} ({row.error}): see Admin, Deliveries.", err=True)
    else:
        why = f"the last try said {row.error}" if row.error else "no running desk has taken it up"
        click.echo(f"The test message for {name} still waits: {why}.", err=True)


async def _ended(here: Connecting, delivery: UUID) -> Delivery:
    loop = asyncio.get_running_loop()
    until = loop.time() + TEST_SECONDS
    while True:
        async with here.desk.db.sessions() as session:
            row = await session.get_one(Delivery, delivery)
        if row.state != "due" or loop.time() > until:
            return row
        await asyncio.sleep(LOOK_EVERY)


def _found(candidates: Sequence[Candidate], named: str) -> tuple[str, str]:
    """A place by its name, by the end of it after a #, or by its id; what fits none, or several, is taken
    for an id."""
    exact = [one for one in candidates if named in (one.place.channel, one.name)]
    ends = [one for one in candidates if one.name.endswith(f"#{named.removeprefix('#')}")]
    if len(found := exact or ends) == 1:
        return found[0].place.channel, found[0].name
    if candidates:
        click.echo(
            f"{printable(named)} is no name of a place that was found: taken for the platform's id.", err=True
        )
    return named, ""


async def _there(uow: UnitOfWork, place: Place) -> DeskRoom:
    found = await rooms.at(uow.session, place.key)
    assert found is not None
    return found


async def _team(uow: UnitOfWork, name: str) -> UUID | None:
    if not name.strip():
        return None
    found: UUID | None = await uow.session.scalar(
        select(Team.id).where(func.lower(Team.name) == name.strip().casefold(), Team.active).limit(1)
    )
    if found is None:
        raise NotFound("There is no such team.")
    return found
