"""`deskbell worker`: what time brings, as one of several processes."""

from __future__ import annotations

import click

from bot.cli import apart


@click.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8082,
    show_default=True,
    help="Port for health and metrics.",
)
def worker(port: int) -> None:
    """Run the jobs of a desk in parts, until SIGTERM.

    Any number of them may run; with REDIS_URL they share the work, and without it, or while Redis is away,
    each looks by itself. Answers /healthz, /readyz and /metrics on its own port. Needs DATABASE_URL.
    """
    from bot import running

    apart.serve(running.worker, "worker", port)
