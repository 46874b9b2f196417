"""`deskbell doctor`: what is wrong with this desk, and how to mend it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import click

from bot import environment
from bot.cli import edge
from bot.cli.reach import Reached, reached
from core import settings as program
from core.admin.checkup import Line, worst
from core.chat import ChatAdapter, Closes, Menus
from core.desk import Desk
from core.errors import StartError


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One object a line: name, state, words, mend.")
def doctor(as_json: bool) -> None:
    """Look at everything this desk stands on.

    Settings, database, schema, master key, last backup, clock, files, Redis, mail, TURN, and each platform's
    token and rights: a line each, ok, warn or fail, and how to mend it. The desk may run meanwhile. Ends with
    code 1 when something fails.
    """
    edge.warnings_only()
    lines = asyncio.run(_examined())
    click.echo("\n".join(_json(line) if as_json else _plain(line) for line in lines))
    if worst(lines) == "fail":
        sys.exit(edge.DID_NOT_WORK)


async def _examined() -> list[Line]:
    from bot import doctor as looks
    from bot.doctor import outside
    from bot.doctor.patient import Patient

    try:
        settings = program.load()
        environment.check()
    except StartError as error:
        return [outside.unreadable(error)]
    try:
        async with reached(settings) as there, _opened(there) as (desk, chats, why):
            return await looks.examine(Patient(settings, there.folder, there.db, desk, chats, why))
    except StartError as error:
        return [Line("database", "fail", str(error))]


@asynccontextmanager
async def _opened(there: Reached) -> AsyncIterator[tuple[Desk | None, Mapping[str, ChatAdapter], str]]:
    """The desk and its adapters, which hear nothing; neither where it cannot be opened, and why."""
    from bot import wiring
    from bot.app import find_chats

    try:
        desk = await there.desk()
    except StartError as error:
        yield None, {}, error.words
        return
    chats = find_chats(desk)
    for chat in chats.values():
        if isinstance(chat, Menus):
            chat.offer(wiring.menu())
    try:
        yield desk, chats, ""
    finally:
        for chat in chats.values():
            if isinstance(chat, Closes):
                await chat.close()


def _plain(line: Line) -> str:
    mend = f"\n            {line.mend}" if line.mend and line.state != "ok" else ""
    return f"{line.state:<5} {line.name}: {line.words}{mend}"


def _json(line: Line) -> str:
    return json.dumps({"name": line.name, "state": line.state, "words": line.words, "mend": line.mend})
