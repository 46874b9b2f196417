"""The desk with three stand-in platforms and a page that shows them: no account anywhere.

`make playground` runs it. The stand-ins are a program of their own, strangers to the desk; this tool
starts them, connects the desk to them as an admin would, and then runs the desk itself. With `PARTS=1`
the desk runs in parts instead (`tools/scale.py`).

What is otherwise not seen there: `PLAYGROUND_TOPICS=1` gives the messenger's bot topics, and the desk's own
settings hold too (`DESKBELL_DISCORD_TICKET_PLACE=channel`, `DESKBELL_SLACK_COMMAND=/help-desk`,
`DESKBELL_SLACK_CUSTOM_NAMES=yes`, `DESKBELL_DISCORD_WEBHOOKS=yes`). On Discord Carla administers the desk: she
places the panel (`/desk more panel`) and further rooms (`/desk more room`).
"""

from __future__ import annotations

import os
import sys
import tempfile
from typing import TYPE_CHECKING

import standins

if TYPE_CHECKING:
    from core.desk import Desk

sys.path.insert(0, str(standins.ROOT))
TICKETS = 20


def main() -> int:
    from core import settings as core_settings

    # The stand-ins forget everything when they end, and count from one again: a desk that remembered
    # would take new messages for old ones.
    with tempfile.TemporaryDirectory(prefix="deskbell-playground-") as folder:
        os.environ.setdefault("DESKBELL_DATA", folder)
        try:
            with standins.running(core_settings.load().url) as facts:
                os.environ.update(standins.settings_of(facts))
                return _desk(facts)
        except standins.NotStarted as error:
            sys.stderr.write(str(error))
            return 2


def _desk(facts: standins.Facts) -> int:
    from bot.app import App, bind, compose, run
    from bot.cli import edge
    from core import log
    from core.settings import Settings

    async def serve(settings: Settings) -> None:
        log.configure(settings.log_format)
        listening = bind(settings)
        async with compose(settings) as app:
            await _furnish(app.desk)
            await standins.settle(app.desk, facts)

            async def announce(app: App) -> None:
                await standins.say(app.desk, app.settings.url, facts)

            await run(app, listening, announce)

    edge.run(serve, quiet=False)
    return 0


async def _furnish(desk: Desk) -> None:
    """Articles to be offered, and some tickets; the first time only."""
    from sqlalchemy import select

    from bot.demo import make as demo
    from core.tickets.model import Ticket

    async with desk.unit() as uow:
        empty = await uow.session.scalar(select(Ticket.id).limit(1)) is None
    if empty:
        await demo.make(desk, tickets=TICKETS)


if __name__ == "__main__":
    sys.exit(main())
