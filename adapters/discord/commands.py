"""The desk's commands as Discord registers them: `/desk` with subcommands, and one on messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.discord.render import LIMITS
from core.chat import CommandSpec, ParameterSpec
from core.fit import at_hand
from core.i18n import LANGUAGES, N_, _, speaking

Json = dict[str, Any]
NAME = "desk"
ON_MESSAGE = N_("Make a ticket")
MOST = LIMITS.commands
"""Subcommands of one command or one group of it."""
_SUBCOMMAND, _GROUP, _TEXT, NUMBER = 1, 2, 3, 4
_MESSAGE = 3
_LONGEST = 100


def as_json(commands: Sequence[CommandSpec]) -> list[Json]:
    """All that the bot registers, the same on every server and in direct messages."""
    first, others = at_hand(commands, LIMITS)
    options = [_subcommand(one) for one in first]
    if others:
        rest = [_subcommand(one) for one in others[:MOST]]
        words = N_("More of the desk")
        options.append({"type": _GROUP, "name": LIMITS.more, **_described(words), "options": rest})
    desk: Json = {"type": 1, "name": NAME, **_described(N_("The support desk")), "options": options}
    names = {code: words for code, words in _in_each(ON_MESSAGE).items() if words != ON_MESSAGE}
    on_message: Json = {"type": _MESSAGE, "name": ON_MESSAGE}
    if names:
        on_message["name_localizations"] = names
    return [desk, on_message]


def _subcommand(one: CommandSpec) -> Json:
    # What must be given comes first there.
    parameters = sorted(one.parameters, key=lambda p: not p.required)
    return {
        "type": _SUBCOMMAND,
        "name": one.name,
        **_described(one.title),
        "options": [_option(p) for p in parameters[:MOST]],
    }


def _option(one: ParameterSpec) -> Json:
    shape: Json = {
        "type": NUMBER if one.kind == "number" else _TEXT,
        "name": one.name.lower(),
        "description": one.name.replace("_", " "),
        "required": one.required,
    }
    if one.choices:
        shape["choices"] = [{"name": value, "value": value} for value in one.choices[:MOST]]
    else:
        shape["autocomplete"] = True
    if one.kind == "text":
        shape["max_length"] = 4_000 if one.rest else 200
    return shape


def _described(words: str) -> Json:
    shape: Json = {"description": words[:_LONGEST]}
    others = {code: said[:_LONGEST] for code, said in _in_each(words).items() if said != words}
    return shape | ({"description_localizations": others} if others else {})


def _in_each(words: str) -> dict[str, str]:
    """The words in each language that the platform knows too, but for English."""
    found: dict[str, str] = {}
    for code in LANGUAGES:
        if code != "en":
            with speaking(code):
                found[code] = _(words)
    return found
