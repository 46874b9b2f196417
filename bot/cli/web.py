"""`deskbell web`: the pages, the API and the web chat, as one of several processes."""

from __future__ import annotations

import click

from bot.cli import edge
from bot.cli.run import announce
from core import log
from core.settings import Settings


@click.command()
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Port to listen on, instead of that of DESKBELL_PORT."
)
def web(port: int | None) -> None:
    """Serve the web of a desk in parts, until SIGTERM.

    Any number of them may run, behind a proxy. Needs DATABASE_URL, a data folder or file store that all
    parts share, and REDIS_URL for live updates without a delay. `deskbell gateway` and `deskbell worker`
    do the rest.
    """

    async def work(settings: Settings) -> None:
        from bot import running

        log.configure(settings.log_format)
        await running.serve_part(settings, running.web, port or settings.port, announce)

    edge.run(work, quiet=False)
