"""Commands, buttons, choices, shortcuts and forms. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from adapters.slack import reading
from adapters.slack.messages import HELP
from adapters.slack.names import Known
from adapters.slack.payload import PLATFORM, Json, channel_of, dicts, mapping, sender_of, string
from core import clock
from core.chat import Inbound, Invoked, Place, Pressed, Submitted

MAKE_TICKET, GET_HELP = "make_ticket", "get_help"
"""The shortcuts, as the manifest names them."""
NEW = "new"
AGAIN = "again"
"""A button of ours that invokes a command once more, now with a trigger that can open its form."""


def command(payload: Json, known: Known) -> Invoked | None:
    """`/desk claim 42`: the first word is the command."""
    user, channel = string(payload.get("user_id")), string(payload.get("channel_id"))
    native = string(payload.get("trigger_id"))
    if not user or not channel or not native:
        return None
    words = reading.plain(string(payload.get("text")), known)
    name, _sep, rest = words.partition(" ")
    return Invoked(
        place=Place(PLATFORM, known.team, channel),
        sender=sender_of(known.person(user, string(payload.get("team_id")))),
        native=native,
        at=clock.now(),
        direct=_is_with_bot(channel, known, user),
        command=name.lstrip("/").lower() or HELP,
        arguments=rest.strip(),
    )


def _pressed(payload: Json, known: Known) -> Pressed | Invoked | None:
    action = next(iter(dicts(payload.get("actions"))), {})
    chosen = mapping(action.get("selected_option"))
    button = string(action.get("value")) or string(action.get("block_id"))
    choice = string(chosen.get("value"))
    if chosen:
        button = string(action.get("action_id")).partition("#")[0]
    common = _asked(payload, known)
    if common is None or not button or action.get("url"):
        return None
    if button.startswith(f"{AGAIN}:"):
        name, _sep, rest = button.removeprefix(f"{AGAIN}:").partition(" ")
        return Invoked(command=name, arguments=rest, **common)
    message = mapping(payload.get("message"))
    container = mapping(payload.get("container"))
    shown = string(message.get("ts")) or string(container.get("message_ts"))
    return Pressed(button=button, choice=choice, message=shown, **common)


def _shortcut(payload: Json, known: Known) -> Invoked | None:
    """The shortcut that is everywhere asks for help; the one on a message needs the whole thread."""
    common = _asked(payload, known)
    if common is None or payload.get("callback_id") != GET_HELP:
        return None
    return Invoked(command=NEW, **common)


def _submitted(payload: Json, known: Known) -> Submitted | None:
    view = mapping(payload.get("view"))
    common = _asked(payload, known)
    form = string(view.get("callback_id"))
    if common is None or not form:
        return None
    values: dict[str, str] = {}
    for block, inputs in mapping(mapping(view.get("state")).get("values")).items():
        for state in mapping(inputs).values():
            if isinstance(block, str) and isinstance(state, Mapping):
                values[block] = _value(state)
    return Submitted(form=form, values=values, **common)


def _asked(payload: Json, known: Known) -> dict[str, Any] | None:
    """Who asks, and where: the channel of the message, the place that a form was opened for, or
    their conversation with the bot."""
    user = mapping(payload.get("user"))
    key, native = string(user.get("id")), string(payload.get("trigger_id"))
    native = native or string(mapping(payload.get("view")).get("hash"))
    place = _place_asked(payload, known, key)
    if not key or not native or place is None:
        return None
    return {
        "place": place,
        "sender": sender_of(known.person(key, string(user.get("team_id")))),
        "native": native,
        "at": clock.now(),
        "direct": bool(place.thread) or _is_with_bot(place.channel, known, key),
    }


def _is_with_bot(channel: str, known: Known, user: str) -> bool:
    """Whether a channel is somebody's own conversation with the bot; others read along in any other."""
    return channel.startswith("D") and known.directs.get(user, channel) == channel


def _place_asked(payload: Json, known: Known, user: str) -> Place | None:
    noted = _noted(string(mapping(payload.get("view")).get("private_metadata")))
    if noted is not None:
        return Place(PLATFORM, known.team, *noted)
    channel = channel_of(payload) or known.directs.get(user, "")
    if not channel:
        return None
    if channel.startswith("D"):
        return Place(PLATFORM, known.team, channel)
    message, container = mapping(payload.get("message")), mapping(payload.get("container"))
    thread = string(message.get("thread_ts")) or string(container.get("thread_ts"))
    if not container.get("is_ephemeral"):
        thread = thread or string(message.get("ts"))
    return Place(PLATFORM, known.team, channel, thread)


INTERACTIONS: dict[str, Callable[[Json, Known], Inbound | None]] = {
    "block_actions": _pressed,
    "shortcut": _shortcut,
    "view_submission": _submitted,
}


def _noted(text: str) -> tuple[str, str] | None:
    """The place that a form was opened for."""
    try:
        found = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    channel, thread = string(found.get("channel")), string(found.get("thread"))
    return (channel, thread) if channel else None


def _value(state: Json) -> str:
    """What was put into one control, as text."""
    for name in ("value", "selected_date", "selected_time", "selected_user", "selected_channel"):
        if isinstance(state.get(name), str):
            return str(state[name])
    if isinstance(state.get("selected_option"), Mapping):
        return string(state["selected_option"].get("value"))
    if isinstance(state.get("selected_options"), list):
        return ",".join(string(one.get("value")) for one in dicts(state["selected_options"]))
    return ""
