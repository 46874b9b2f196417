"""All commands: every module of this folder is loaded, so a new command is one function."""

from __future__ import annotations

import importlib
import pkgutil

from bot.registry import COMMANDS, Command, Turn, command, run, specs

__all__ = ["COMMANDS", "Command", "Turn", "command", "load", "run", "specs"]


def load() -> dict[str, Command]:
    """The registry, filled."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return COMMANDS
