"""`deskbell gateway`: the connections to chat platforms and all deliveries."""

from __future__ import annotations

import click

from bot.app import App
from bot.cli import edge
from core import log
from core.settings import Settings


@click.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8081,
    show_default=True,
    help="Port for health and metrics.",
)
def gateway(port: int) -> None:
    """Keep the connections to chat platforms and deliver, until SIGTERM.

    Any number of them may run: one leads, the others take over within five seconds. Answers /healthz,
    /readyz, /metrics and what platforms call on its own port. Needs DATABASE_URL.
    """

    async def work(settings: Settings) -> None:
        from bot import running

        log.configure(settings.log_format)
        await running.serve_part(settings, running.gateway, port, _announce)

    async def _announce(_app: App) -> None:
        click.echo(f"  The gateway is up (health on port {port}).")

    edge.run(work, quiet=False)
