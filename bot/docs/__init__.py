"""The parts of docs/ that the program knows best: written out by it, and compared by a test."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any

import click
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

import adapters
import core
from bot import commands
from bot.cli import cli
from core.desk_settings import DeskSettings
from core.events import REGISTRY
from core.settings import Settings
from webui.api.document import document

NOTE = "<!-- Written by `make docs`; a test compares it with the program. -->\n"


def pages() -> dict[str, str]:
    """Path below docs/ → the page."""
    written: dict[str, Callable[[], str]] = {
        "settings.md": settings_page,
        "events.md": events_page,
        "commands.md": commands_page,
        "command-line.md": command_line_page,
    }
    made = {path: NOTE + page() for path, page in written.items()}
    return made | {"developers/openapi.json": json.dumps(document(), indent=1, sort_keys=True) + "\n"}


def settings_page() -> str:
    """Settings of the environment, of the adapters, and of the admin's page."""
    out = ["# Settings", ""]
    out += [
        "From the environment, or from a file `.env` beside the Makefile. They are read once, at the start; a",
        "malformed one ends the start with its name and an example.",
        "",
        *_table(("Name", "Default", "What it is", "Example"), _environment(Settings)),
    ]
    for name, rows in _adapter_settings():
        out += [
            "",
            f"## {name}",
            "",
            *_table(("Name", "Default", "What it is", "Example"), rows),
        ]
    out += [
        "",
        "## Set by an admin, in the desk",
        "",
        "Kept in the database and changed while the desk runs (Admin → Settings).",
        "",
        *_table(
            ("Name", "Default", "Allowed", "What it is"),
            (
                (f"`{name}`", _default(field), _allowed(field), field.description or "")
                for name, field in DeskSettings.model_fields.items()
            ),
        ),
    ]
    return "\n".join(out) + "\n"


def events_page() -> str:
    """All facts, by the thing they happen to."""
    for module in pkgutil.walk_packages(core.__path__, "core."):
        if module.name.endswith(".events"):
            importlib.import_module(module.name)
    out = [
        "# Events",
        "",
        "Facts in the past tense, in the table `event`: each with its subject, its actor and the time. Timeline,",
        "notices, reports and the audit read them. They hold ids, numbers and codes, never what a person wrote.",
    ]
    things = sorted({event.thing for event in REGISTRY.values()})
    for thing in things:
        rows = (
            (
                f"`{name}`",
                ", ".join(f"`{f.name}`" for f in fields(event) if f.name != "subject") or "–",
                _first(event),
            )
            for name, event in sorted(REGISTRY.items())
            if event.thing == thing
        )
        out += ["", f"## {thing}", "", *_table(("Event", "Data", "Meaning"), rows)]
    return "\n".join(out) + "\n"


def commands_page() -> str:
    """The commands of the chat."""
    rows = (
        (f"`{command.usage}`", command.title, f"`{command.needs.value}`" if command.needs else "everyone")
        for _name, command in sorted(commands.load().items())
    )
    return "\n".join(
        [
            "# Commands in the chat",
            "",
            "The same words on every platform; each platform shows them in its own manner. Where a place holds a",
            "ticket, its number may be left out. `<…>` is needed, `[…]` may be left out.",
            "",
            *_table(("Command", "What it does", "Who may: the permission"), rows),
            "",
        ]
    )


def command_line_page() -> str:
    """The program's command line."""
    out = ["# The command line", "", *_help(cli), ""]
    out += [
        "Exit codes: 0 done, 1 it did not work (one line says why), 2 wrong start or wrong usage, 130 interrupted.",
    ]
    for words, command in _all_commands(cli, ("deskbell",)):
        out += ["", f"## {' '.join(words)}", "", *_help(command)]
        rows = [
            (", ".join(f"`{o}`" for o in p.opts), _kind(p), p.help or "")
            for p in command.params
            if isinstance(p, click.Option)
        ]
        usage = " ".join([*words, *command.collect_usage_pieces(click.Context(command))])
        out += ["", "```", usage, "```"]
        if rows:
            out += ["", *_table(("Option", "Value", "What it is"), rows)]
    return "\n".join(out) + "\n"


def _adapter_settings() -> Iterable[tuple[str, Iterable[tuple[str, ...]]]]:
    """Each adapter's own settings, where it names them: rows of a table."""
    for folder in pkgutil.iter_modules(adapters.__path__):
        try:
            module = importlib.import_module(f"adapters.{folder.name}.settings")
        except ModuleNotFoundError:
            continue
        rows: Iterable[tuple[str, str, str, str]] = getattr(module, "ENVIRONMENT", ())
        if rows:
            yield (
                folder.name.capitalize(),
                [
                    (f"`{name}`", f"`{default}`" if default else "–", what, f"`{example}`" if example else "")
                    for name, default, what, example in rows
                ],
            )


def _environment(settings: type[BaseModel]) -> Iterable[tuple[str, ...]]:
    for name, field in settings.model_fields.items():
        example = str(field.examples[0]) if field.examples else ""
        shown = f"`{example}`" if example and "`" not in example else example
        yield f"`{field.alias or name}`", _default(field), field.description or "", shown


def _default(field: FieldInfo) -> str:
    value: Any = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value in ("", None) or value == {} or value == []:
        return "–"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _allowed(field: FieldInfo) -> str:
    """Bounds and choices, from the field's own rules."""
    bounds = {type(rule).__name__: rule for rule in field.metadata}
    if "Ge" in bounds and "Le" in bounds:
        return f"{bounds['Ge'].ge} to {bounds['Le'].le}"
    choices = getattr(field.annotation, "__args__", ())
    if choices and all(isinstance(choice, str) for choice in choices):
        return ", ".join(f"`{choice}`" for choice in choices)
    return "yes, no" if field.annotation is bool else ""


def _all_commands(
    group: click.Group, words: tuple[str, ...]
) -> Iterable[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _all_commands(command, (*words, name))
        elif command is not None:
            yield (*words, name), command


def _help(command: click.Command) -> list[str]:
    return inspect.cleandoc(command.help or "").split("\n")


def _kind(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return ", ".join(str(choice) for choice in option.type.choices)
    shown = option.type.name
    if isinstance(option.type, click.IntRange):
        shown = f"{option.type.min} to {option.type.max}"
    default = option.default
    known = isinstance(default, int | str) and not isinstance(default, bool)
    return f"{shown}, {default} when left out" if known else str(shown)


def _first(thing: type) -> str:
    """The first sentence of a docstring of one's own; a dataclass makes one that says nothing."""
    text = thing.__doc__ or ""
    return "" if text.startswith(f"{thing.__name__}(") else text.strip().split("\n\n")[0].replace("\n", " ")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [_line(head), _line(("---",) * len(head))]
    return lines + [_line(tuple(cell.replace("|", "\\|") for cell in row)) for row in rows]


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(' '.join(cell.split()) for cell in cells)} |"
