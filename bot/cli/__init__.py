"""The command line `deskbell`: one file a command, loaded only when it is called.

Exit codes: 0 done, 1 it did not work (one line says why), 2 wrong start or wrong usage,
130 interrupted.
"""

from __future__ import annotations

import importlib
from typing import Any

import click

COMMANDS = {
    "run": "run",
    "web": "web",
    "gateway": "gateway",
    "worker": "worker",
    "media": "media",
    "demo": "demo",
    "migrate": "migrate",
    "doctor": "doctor",
    "admin-link": "admin_link",
    "connect": "connect",
    "tickets": "tickets",
    "kb": "kb",
    "backup": "backup",
    "restore": "restore",
    "erased": "erased",
    "keys": "keys",
    "version": "version",
}
"""Name of a command → its module in this package, which holds it under the module's name."""


class _Lazy(click.Group):
    """A group that imports a command when it is asked for: `run` does not wait for the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        found: click.Command = getattr(importlib.import_module(f"bot.cli.{module}"), module)
        return found

    def main(self, *args: Any, **options: Any) -> Any:
        # Also as `python -m bot` it calls itself by the name that people type.
        return super().main(*args, **{"prog_name": "deskbell"} | options)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def cli() -> None:
    """A support desk that lives in the chat people already use.

    Settings come from the environment or from `.env`; docs/settings.md lists them.
    """
