"""`deskbell version`."""

from __future__ import annotations

import platform

import click

from core.version import VERSION


@click.command()
def version() -> None:
    """Print the versions of Deskbell and of what it runs on."""
    click.echo(f"deskbell {VERSION}")
    click.echo(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}")
