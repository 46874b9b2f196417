"""`deskbell connect`: connect a chat platform, choose desk rooms, send a test."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

import click

from bot.cli import edge
from bot.cli.connect_rooms import choose, make_rooms
from bot.cli.connect_values import asked_for, by_environment, check_names, from_lines, from_options
from bot.cli.connect_words import show_check, show_connections, show_findings, show_guide
from bot.cli.connecting import Connecting, connecting
from core.access import SYSTEM
from core.chat import Candidate, Guide
from core.errors import NotFound, StartError, Unavailable
from core.installations import connecting as work
from core.installations import service
from core.rooms.model import RoomRule
from core.settings import Settings

_Rule = click.Choice([one.value for one in RoomRule])


@dataclass(slots=True)
class Talk:
    """What was asked and found between the steps; no database waits while somebody types."""

    platform: str
    guide: Guide | None = None
    values: dict[str, str] = field(default_factory=dict)
    external: str = ""
    candidates: list[Candidate] = field(default_factory=list)


@click.command()
@click.argument("platform", required=False, default="")
@click.option("--list", "listing", is_flag=True, help="List what is connected, and the desk rooms.")
@click.option("--guide", is_flag=True, help="Print the steps and what is to be pasted there; ask nothing.")
@click.option(
    "--value",
    "given",
    multiple=True,
    metavar="NAME=VALUE",
    help="A value that the guide asks for. Others on this machine may see it: for tokens take --stdin.",
)
@click.option("--stdin", "lines", is_flag=True, help="Read lines NAME=VALUE from the standard input.")
@click.option(
    "--room",
    "named",
    multiple=True,
    metavar="PLACE",
    help="A place that becomes a desk room: its name as listed, or the platform's id of it.",
)
@click.option("--team", help="The rooms show the tickets of this team only.")
@click.option(
    "--rule",
    type=_Rule,
    default=RoomRule.assignee.value,
    show_default=True,
    help="Whose words in a ticket's thread reach the requester.",
)
@click.option("--test/--no-test", default=True, help="Send a test message to each new room.")
@click.option(
    "--check", is_flag=True, help="Look at the connections again: exit code 1 if something is missing."
)
@click.option("--disconnect", metavar="ID", help="End a connection and destroy its tokens.")
def connect(
    platform: str,
    listing: bool,
    guide: bool,
    given: tuple[str, ...],
    lines: bool,
    named: tuple[str, ...],
    team: str | None,
    rule: str,
    test: bool,
    check: bool,
    disconnect: str | None,
) -> None:
    """Connect a chat PLATFORM, step by step, while the desk runs or not.

    Prints what to do there, asks for the tokens, tries them, says what is missing, and offers
    places for desk rooms. Tokens may also come from the environment, as
    DESKBELL_<PLATFORM>_<NAME>. Without PLATFORM: what can be connected and what is.

    A running desk takes the connection up within a second or two.
    """
    if listing or not platform:
        edge.run(lambda settings: _list(settings, platform))
    elif guide:
        edge.run(lambda settings: _guide(settings, Talk(platform)))
    elif check:
        edge.run(lambda settings: _check(settings, platform))
    elif named_id := disconnect or "":
        edge.run(lambda settings: _disconnect(settings, platform, named_id))
    else:
        _connect(Talk(platform), given, lines, named, team or "", RoomRule(rule), test)


def _connect(
    talk: Talk,
    given: tuple[str, ...],
    lines: bool,
    named: tuple[str, ...],
    team: str,
    rule: RoomRule,
    test: bool,
) -> None:
    """Guide, values, connection, rooms, test: each with the database only as long as it takes."""
    at_terminal = sys.stdin.isatty() and not lines
    edge.run(lambda settings: _begin(settings, talk, given, lines, quiet=not at_terminal))
    assert talk.guide is not None
    values = asked_for(talk.guide, talk.values, at_terminal)
    edge.run(lambda settings: _keep(settings, talk, values, look=bool(named) or at_terminal))
    wanted = choose(talk.candidates, named, at_terminal)
    if wanted:
        edge.run(lambda settings: _rooms(settings, talk, wanted, team, rule, test))


async def _list(settings: Settings, platform: str) -> None:
    async with connecting(settings) as here:
        if platform:
            here.offer(platform)
        await show_connections(here, platform)


async def _begin(settings: Settings, talk: Talk, given: tuple[str, ...], lines: bool, quiet: bool) -> None:
    """The guide, and the values that need nobody to type them."""
    talk.values = from_options(given) | (from_lines(sys.stdin) if lines else {})
    await _guide(settings, talk, quiet)
    assert talk.guide is not None
    check_names(talk.guide, talk.values)
    talk.values = by_environment(talk.platform, talk.guide) | talk.values


async def _guide(settings: Settings, talk: Talk, quiet: bool = False) -> None:
    async with connecting(settings) as here:
        talk.guide = here.offer(talk.platform).guide(settings.url)
    if not quiet:
        show_guide(talk.guide)


async def _keep(settings: Settings, talk: Talk, values: dict[str, str], look: bool) -> None:
    assert talk.guide is not None
    async with connecting(settings) as here:
        offer = here.offer(talk.platform)
        _id, tried = await work.connect(here.desk, SYSTEM, talk.platform, offer, talk.guide, values)
        talk.external = tried.external
        click.echo(f"Connected: {tried.name} ({tried.external}). Its tokens are kept encrypted.")
        show_findings(tried.findings)
        if not here.running:
            click.echo("Start the desk with `deskbell run`.")
        if look:
            talk.candidates = await _candidates(here, talk)


async def _candidates(here: Connecting, talk: Talk) -> list[Candidate]:
    try:
        return list(await work.candidates(here.offer(talk.platform), talk.external))
    except Unavailable as error:
        click.echo(f"Places for desk rooms are not known now: {error.words}", err=True)
        return []


async def _rooms(
    settings: Settings, talk: Talk, wanted: list[tuple[str, str]], team: str, rule: RoomRule, test: bool
) -> None:
    async with connecting(settings) as here:
        await make_rooms(here, talk.platform, talk.external, wanted, team, rule, test)


async def _check(settings: Settings, platform: str) -> None:
    async with connecting(settings) as here:
        offer = here.offer(platform)
        rows = [row for row in await here.listed() if row.platform == platform and row.secrets is not None]
        if not rows:
            raise NotFound(f"Nothing of {platform} is connected by an admin.")
        well = [show_check(row, await work.look(here.desk, SYSTEM, offer, platform, row.id)) for row in rows]
    if not all(well):
        sys.exit(edge.DID_NOT_WORK)


async def _disconnect(settings: Settings, platform: str, named: str) -> None:
    async with connecting(settings) as here:
        here.offer(platform)
        found = [
            row
            for row in await here.listed()
            if row.platform == platform and named in (row.external, row.name)
        ]
        if len(found) != 1:
            raise StartError(f"There is no connection {named} of {platform}: see `deskbell connect --list`.")
        async with here.desk.unit(SYSTEM) as uow:
            await service.disconnect(uow, SYSTEM, found[0].id)
    click.echo(f"Disconnected: {found[0].name}. Its tokens are destroyed; what was said there stays.")
