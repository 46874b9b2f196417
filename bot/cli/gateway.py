"""`deskbell gateway`: the connections to chat platforms and all deliveries."""

from __future__ import annotations

import click

from bot.cli import apart


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

    Any number of them may run: they share the connections, each led by one, and take over from each other
    within five seconds. Answers /healthz, /readyz, /metrics and what platforms call on its own port. Needs
    DATABASE_URL.
    """
    from bot import running

    apart.serve(running.gateway, "gateway", port)
