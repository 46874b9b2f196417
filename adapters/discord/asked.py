"""Interactions (commands, buttons, choices, forms, completions) as the neutral words of chat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from adapters.discord.known import WITH_THREADS, Known
from adapters.discord.people import sender_of_interaction
from adapters.discord.reading import items, number, string, strings, table, time_of
from adapters.discord.settings import PLATFORM
from adapters.discord.spoken import said
from core.chat import Completing, Gathered, Inbound, Invoked, Place, Pressed, Said, Submitted

COMMAND, COMPONENT, COMPLETION, FORM = 2, 3, 4, 5
ON_MESSAGE = 3
_LEVELS = (1, 2)
"""Options that are a subcommand or a group of them."""
MOST_VALUES = 40


def interaction(data: Mapping[str, Any], known: Known, now: datetime) -> Inbound | None:
    """What somebody asked of the bot. A command on a message is told apart by `target_of`."""
    native, asked = string(data, "id"), table(data, "data")
    who = sender_of_interaction(data)
    if not native or not string(data, "channel_id") or not who.external or who.bot:
        return None
    place = place_of(data, known)
    common: dict[str, Any] = {
        "place": place,
        "sender": who,
        "native": native,
        "at": time_of(native, now),
        "direct": bool(place.thread) or not string(data, "guild_id"),
    }
    match number(data, "type"):
        case 2 if number(asked, "type", 1) == 1:
            return _invoked(asked, common)
        case 3:
            return _pressed(data, asked, common)
        case 4:
            return _completing(asked, common)
        case 5:
            return _submitted(asked, common)
        case _:
            return None


def place_of(data: Mapping[str, Any], known: Known) -> Place:
    """Where it was asked: the interaction itself tells of its channel."""
    channel = string(data, "channel_id")
    shape = table(data, "channel")
    if string(shape, "id") == channel and known.room(channel) is None:
        known.learn(shape, string(data, "guild_id"))
    return known.place(channel, PLATFORM)


def target_of(data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The message that a command of the context menu was called on; None for all else."""
    asked = table(data, "data")
    if number(data, "type") != COMMAND or number(asked, "type") != ON_MESSAGE:
        return None
    found = table(table(table(asked, "resolved"), "messages"), string(asked, "target_id"))
    return found or None


def gathered(
    data: Mapping[str, Any], messages: Sequence[Mapping[str, Any]], known: Known, now: datetime
) -> Gathered | None:
    """Messages that somebody took to the desk, the oldest first. Where they stand in no thread of
    their own, one will grow from the first."""
    spoken = [one for shape in messages if (one := said(shape, known, now)) is not None]
    native, who = string(data, "id"), sender_of_interaction(data)
    if not native or not spoken or not who.external:
        return None
    place = _grows_from(spoken[0], known)
    return Gathered(
        place=place, sender=who, native=native, at=time_of(native, now), messages=tuple(_at(spoken, place))
    )


def _grows_from(first: Said, known: Known) -> Place:
    room = known.room(first.place.channel)
    if first.place.thread or room is None or room.kind not in WITH_THREADS:
        return first.place
    return Place(PLATFORM, known.bot, first.place.channel, first.native)


def _at(spoken: Sequence[Said], place: Place) -> Iterator[Said]:
    yield from (replace(one, place=place, direct=True) for one in spoken)


def _invoked(asked: Mapping[str, Any], common: dict[str, Any]) -> Invoked | None:
    name, options = _innermost(asked)
    if not name:
        return None
    given = {string(one, "name"): _value(one) for one in options if string(one, "name")}
    return Invoked(command=name, options=given, **common)


def _completing(asked: Mapping[str, Any], common: dict[str, Any]) -> Completing | None:
    name, options = _innermost(asked)
    typed = next((one for one in options if one.get("focused") is True), None)
    if not name or typed is None:
        return None
    return Completing(command=name, option=string(typed, "name"), typed=_value(typed)[:100], **common)


def _pressed(data: Mapping[str, Any], asked: Mapping[str, Any], common: dict[str, Any]) -> Pressed | None:
    button = string(asked, "custom_id")
    if not button:
        return None
    chosen = strings(asked, "values")
    message = string(table(data, "message"), "id")
    return Pressed(button=button, message=message, choice=chosen[0] if chosen else "", **common)


def _submitted(asked: Mapping[str, Any], common: dict[str, Any]) -> Submitted | None:
    form = string(asked, "custom_id")
    if not form:
        return None
    values = {string(one, "custom_id"): _answer(one) for one in _controls(asked) if string(one, "custom_id")}
    return Submitted(form=form, values=dict(list(values.items())[:MOST_VALUES]), **common)


def _innermost(asked: Mapping[str, Any]) -> tuple[str, Sequence[Mapping[str, Any]]]:
    """The command without its group: `/desk claim` is `claim`."""
    name, options = string(asked, "name"), items(asked, "options")
    for _level in _LEVELS:
        if not options or number(options[0], "type") not in _LEVELS:
            break
        name, options = string(options[0], "name"), items(options[0], "options")
    return name, options


def _value(option: Mapping[str, Any]) -> str:
    value = option.get("value")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return string(option, "value")[:6_000]


def _controls(asked: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The filled-in controls of a form, in rows of the old kind and in labels."""
    for row in items(asked, "components")[:MOST_VALUES]:
        yield from items(row, "components")[:MOST_VALUES]
        if part := table(row, "component"):
            yield part


def _answer(control: Mapping[str, Any]) -> str:
    chosen = strings(control, "values")
    return ", ".join(chosen) if chosen else _value(control)
