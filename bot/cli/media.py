"""`deskbell media`: the engine that carries calls, as a process of its own."""

from __future__ import annotations

import click

from bot.cli import edge
from core import log
from core.settings import Settings


@click.command()
def media() -> None:
    """Carry the calls of the desk in this data folder.

    `deskbell run` starts this by itself when the first call needs it, and again when it dies; start it by
    hand to keep it under a supervisor of your own. It ends in order at SIGTERM: people are told,
    recordings are complete.
    """
    edge.run(_media, quiet=False)


async def _media(settings: Settings) -> None:
    from adapters.files import make_store
    from adapters.media import process
    from adapters.media.settings import Settings as MediaSettings
    from bot.voice.engine import socket_of
    from core.env_file import environment

    log.configure(settings.log_format)
    folder = settings.data.absolute()
    await process.serve(MediaSettings.of(environment()), make_store(environment(), folder), socket_of(folder))
