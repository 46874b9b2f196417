"""Commands, declared once: the signature is the schema, `needs` the permission.

Names satisfy the narrowest platform (1 to 32 of a-z, 0-9 and _), checked at import. A
parameter called `ticket` may be left out where a place holds a ticket; a last parameter of
type str takes the rest of the line.
"""

from __future__ import annotations

import inspect
import re
import shlex
import typing
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from core.access import Actor, Permission
from core.chat import Card, CommandSpec, FileRef, Form, Inbound, Limits, ParameterSpec
from core.db import UnitOfWork
from core.errors import Invalid
from core.fit import at_hand
from core.i18n import _
from core.people.model import Person

_NAME = re.compile(r"[a-z0-9_]{1,32}")
_NUMBER = re.compile(r"#?([0-9]{1,18})")
_WORD = re.compile(r""" "(?:[^"\\]|\\.)*"(?!\S) | (?:'[^']*'|"'")+(?!\S) | \S+ """, re.VERBOSE | re.DOTALL)
_LONGEST = 50_000
PROSE = ("text", "comment", "solution")
"""Parameters that people read as they were written."""


NARROW = Limits(text=2_000, forms=False, private=False)


@dataclass(slots=True)
class Turn:
    """One command on its way: who asks, where, and the ticket that this place holds."""

    uow: UnitOfWork
    actor: Actor
    person: Person
    inbound: Inbound
    here: int | None = None
    limits: Limits = NARROW
    """What the platform can carry on which this was said."""
    files: tuple[FileRef, ...] = ()
    """What was sent along, until a command takes it."""


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    kind: type
    required: bool
    rest: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    title: str
    needs: Permission | None
    run: Run
    parameters: tuple[Parameter, ...]
    often: bool = False

    @property
    def usage(self) -> str:
        """`/assign [ticket] <to>`: as it is typed where commands have names of their own."""
        return self.usage_as(f"/{self.name}")

    def usage_as(self, name: str) -> str:
        parts = [f"<{p.name}>" if p.required else f"[{p.name}]" for p in self.parameters]
        return " ".join((name, *parts))


COMMANDS: dict[str, Command] = {}
Said = Card | Form
Run = Callable[..., Awaitable[Said]]


def command(
    name: str, title: str, *, needs: Permission | None = None, often: bool = False
) -> Callable[[Run], Run]:
    """Declare a command. `title` is one line of help in English, translated when shown; `often` puts it
    among the first where a platform has little room."""
    if not _NAME.fullmatch(name) or name in COMMANDS:
        raise TypeError(f"{name!r} cannot be the name of a command")

    def declare(fn: Run) -> Run:
        COMMANDS[name] = Command(name, title, needs, fn, _parameters(fn), often)
        return fn

    return declare


async def run(turn: Turn, name: str, line: str, options: Mapping[str, str] | None = None) -> Said:
    """Run a command as typed: a card, or a form that asks for what is missing; raises `Invalid` with its usage when the words do not fit."""
    found = COMMANDS.get(name)
    if found is None:
        raise unknown(name, turn.limits)
    if found.needs is not None:
        turn.actor.require(found.needs)
    return await found.run(turn, **bind(found, turn.here, line, options or {}, turn.limits))


def typed(name: str, limits: Limits) -> str:
    """A command as one types it on a platform: `/help`, `/desk help`, `/desk more language`."""
    _first, others = at_hand(specs(), limits)
    group = f"{limits.more} " if any(one.name == name for one in others) else ""
    return f"{limits.command}{group}{name}"


def bare(words: str, limits: Limits) -> str:
    """A line that begins as a platform's one command does, with the command's own name first: `/desk more
    language` is `/language`, and that one command alone asks for help."""
    line, one = words.strip(), limits.command.strip()
    if one == "/" or not re.match(rf"{re.escape(one)}(\s|$)", line, re.IGNORECASE):
        return line
    rest = line[len(one) :].strip()
    if limits.more and re.match(rf"{re.escape(limits.more)}(\s|$)", rest, re.IGNORECASE):
        rest = rest[len(limits.more) :].strip()
    return f"/{rest or 'help'}"


def usage(found: Command, limits: Limits) -> str:
    """A command with what it takes, as one types it on a platform."""
    return found.usage_as(typed(found.name, limits))


def unknown(name: str, limits: Limits) -> Invalid:
    words = _("There is no command {name}. Write {help} to see what there is.")
    return Invalid(words.format(name=f"{limits.command}{name[:32]}", help=typed("help", limits)))


def bind(
    found: Command, here: int | None, line: str, options: Mapping[str, str], limits: Limits = NARROW
) -> dict[str, Any]:
    """The arguments of a command from a typed line, or from named options."""
    left = line[:_LONGEST].strip()
    given: dict[str, Any] = {}
    for index, parameter in enumerate(found.parameters):
        raw = options.get(parameter.name, "")
        if not raw and parameter.rest:
            raw, left = _whole(parameter, left), ""
        elif (
            not raw
            and left
            and not _is_here(found, index, here, left)
            and _fits(parameter, word := _word(left))
        ):
            raw, left = _unquoted(word), left[len(word) :].lstrip()
        value = _value(found, parameter, raw, here, limits)
        if value is not None:
            given[parameter.name] = value
    if left:
        raise _unfit(found, limits)
    return given


def specs() -> tuple[CommandSpec, ...]:
    """All commands as platforms register them."""
    return tuple(
        CommandSpec(
            name=known.name,
            title=known.title,
            parameters=tuple(_spec(each) for each in known.parameters),
            staff=known.needs is not None,
            usage=known.usage,
            often=known.often,
        )
        for known in COMMANDS.values()
    )


def _spec(parameter: Parameter) -> ParameterSpec:
    kind: Literal["text", "number", "choice"] = "number" if parameter.kind is int else "text"
    if parameter.choices:
        kind = "choice"
    return ParameterSpec(parameter.name, kind, parameter.required, parameter.rest, parameter.choices)


def _parameters(fn: Run) -> tuple[Parameter, ...]:
    hints = typing.get_type_hints(fn)
    listed = list(inspect.signature(fn).parameters.values())[1:]
    made = []
    for index, parameter in enumerate(listed):
        kind = hints[parameter.name]
        kind = next((a for a in typing.get_args(kind) if a is not type(None)), kind)
        required = parameter.default is inspect.Parameter.empty and parameter.name != "ticket"
        choices = tuple(kind) if isinstance(kind, type) and issubclass(kind, StrEnum) else ()
        made.append(
            Parameter(parameter.name, kind, required, kind is str and index == len(listed) - 1, choices)
        )
    return tuple(made)


def _is_here(found: Command, index: int, here: int | None, left: str) -> bool:
    """Whether the number of the ticket was left out: `/merge 22` in a ticket's own thread."""
    needed = sum(one.required for one in found.parameters[index + 1 :])
    is_ticket = found.parameters[index].name == "ticket"
    return is_ticket and here is not None and 0 < needed >= len(_WORD.findall(left))


def _fits(parameter: Parameter, word: str) -> bool:
    if parameter.kind is int and not parameter.required:
        return _NUMBER.fullmatch(word) is not None
    return True


def _value(found: Command, parameter: Parameter, raw: str, here: int | None, limits: Limits) -> Any:
    if not raw:
        if parameter.name == "ticket":
            if here is None:
                words = _("Which ticket? Write {usage}.").format(usage=usage(found, limits))
                raise Invalid(words, field="ticket")
            return here
        if parameter.required:
            raise _unfit(found, limits)
        return None
    if parameter.kind is int:
        number = _NUMBER.fullmatch(raw)
        if number is None:
            raise _unfit(found, limits)
        return int(number.group(1))
    if parameter.choices:
        chosen = raw.casefold()
        if chosen not in parameter.choices:
            raise Invalid(
                _("“{raw}” is none of: {choices}.").format(
                    raw=raw[:40], choices=", ".join(parameter.choices)
                ),
                field=parameter.name,
            )
        return parameter.kind(chosen)
    return raw


def _unfit(found: Command, limits: Limits) -> Invalid:
    words = _("That did not fit. Write it like this: {usage}")
    return Invalid(words.format(usage=usage(found, limits)))


def _word(left: str) -> str:
    """The first word, or what stands in quotation marks at the beginning."""
    found = _WORD.match(left)
    return found.group() if found is not None else ""


def _whole(parameter: Parameter, left: str) -> str:
    """The rest of a line. What somebody is to read stays as it was written, to the last line and mark."""
    if parameter.name in PROSE:
        return left
    return _unquoted(left) if _word(left) == left else left


def _unquoted(word: str) -> str:
    try:
        found = shlex.split(word)
    except ValueError:
        # A single apostrophe in a sentence is no open quotation.
        return word
    return found[0] if len(found) == 1 else word
