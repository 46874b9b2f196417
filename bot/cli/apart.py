"""How `deskbell gateway` and `deskbell worker` start: a part with nothing but health on its own port."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bot.app import App
from bot.cli import edge
from core import log
from core.settings import Settings

if TYPE_CHECKING:
    from bot.running import Part


def serve(part: Part, name: str, port: int) -> None:
    """Run it until it is told to stop."""

    async def work(settings: Settings) -> None:
        from bot.running import serve_part

        log.configure(settings.log_format)
        await serve_part(settings, part, port, announce)

    async def announce(_app: App) -> None:
        click.echo(f"  The {name} is up (health on port {port}).")

    edge.run(work, quiet=False)
