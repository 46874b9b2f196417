"""Where `deskbell connect` takes values from: options, lines, the environment, a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import click

from bot.cli import edge
from core.chat import Guide, GuideField
from core.env_file import environment
from core.errors import StartError

MOST_LINES = 50


def from_options(given: Iterable[str]) -> dict[str, str]:
    return dict(_pair(one) for one in given)


def from_lines(lines: Iterable[str]) -> dict[str, str]:
    """NAME=VALUE, a line each; empty ones count for nothing."""
    pairs = [_pair(line) for _number, line in zip(range(MOST_LINES), lines, strict=False) if line.strip()]
    return dict(pairs)


def by_environment(platform: str, guide: Guide) -> dict[str, str]:
    """The values that stand in the environment or in `.env`, by the names of the adapter's settings."""
    known = environment()
    names = {one.name: f"DESKBELL_{platform}_{one.name}".upper() for one in guide.fields}
    return {name: value for name, setting in names.items() if (value := known.get(setting, "").strip())}


def check_names(guide: Guide, values: Mapping[str, str]) -> None:
    """Raises `StartError` for a value that nobody asks for: it is misspelt."""
    names = [one.name for one in guide.fields]
    unknown = sorted(set(values) - set(names))
    if unknown:
        raise StartError(f"{unknown[0][:40]} is none of the values that are asked for: {', '.join(names)}.")


def asked_for(guide: Guide, values: Mapping[str, str], at_terminal: bool) -> dict[str, str]:
    """What the guide needs; a person is asked for what is not there yet."""
    found = dict(values)
    for one in guide.fields:
        if one.name in found:
            continue
        if at_terminal:
            found[one.name] = _prompt(one)
        elif one.required:
            words = f"{one.name} is missing: give it by --stdin, --value or the environment."
            edge.leave(words, edge.WRONG_START)
    return found


def _prompt(one: GuideField) -> str:
    label = f"{one.label} ({one.hint})" if one.hint else one.label
    if not one.required:
        label += ", or nothing"
    asked: str = click.prompt(
        label, default="" if not one.required else None, hide_input=one.secret, show_default=False
    )
    return asked


def _pair(raw: str) -> tuple[str, str]:
    name, equals, value = raw.strip().partition("=")
    if not equals or not name.strip():
        raise StartError("Write values as NAME=VALUE.")
    return name.strip(), value.strip()
