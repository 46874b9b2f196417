"""What a person chose in an element, as payloads tell it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from playground.slack.blocks import elements
from playground.slack.errors import PlayError
from playground.slack.richtext import rich

Json = dict[str, Any]


def chosen(element: Json, value: Any) -> Json:
    """The state of an element with this value: a plain string, a list of strings, or nothing."""
    kind = element["type"]
    if kind not in _STATES:
        raise PlayError(f"a {kind} takes no value")
    return {"type": kind, **_STATES[kind](element, value)}


def initial(element: Json) -> Json:
    """The state before anyone touched it."""
    kind = element["type"]
    if kind not in _STATES:
        return {}
    empty = chosen(element, None)
    for name in list(empty):
        given = element.get("initial_" + name.removeprefix("selected_"))
        if given is not None:
            empty[name] = given
    return empty


def values_of(blocks: list[Json], given: Json) -> Json:
    """All values of a form: {block_id: {action_id: state}}.

    Given are plain values, by action_id or as {block_id: {action_id: value}}.
    """
    state: Json = {}
    for block, element in elements(blocks):
        if element["type"] in _STATES:
            found, value = _given(given, block["block_id"], element["action_id"])
            state.setdefault(block["block_id"], {})[element["action_id"]] = (
                chosen(element, value) if found else initial(element)
            )
    return state


def missing(blocks: list[Json], state: Json) -> Iterator[str]:
    """The blocks that must be filled in and are not; the client itself says so."""
    for block, element in elements(blocks):
        if block.get("type") == "input" and not block.get("optional"):
            held = state.get(block["block_id"], {}).get(element["action_id"], {})
            if not any(value for name, value in held.items() if name != "type"):
                yield block["block_id"]


def pressed(element: Json, value: Any) -> Json:
    """The one entry of `actions` in a payload."""
    kind = element["type"]
    if kind == "button":
        own: Json = {name: element[name] for name in ("text", "value", "style", "url") if name in element}
        return {"type": kind, **own}
    if kind == "overflow":
        return {"type": kind, "selected_option": _option(element, value)}
    return chosen(element, value)


def _given(given: Json, block: str, action: str) -> tuple[bool, Any]:
    inner = given.get(block)
    if isinstance(inner, dict) and action in inner:
        return True, inner[action]
    return action in given, given.get(action)


def _option(element: Json, value: Any) -> Json | None:
    if value is None or value == "":
        return None
    if isinstance(value, dict):
        return value
    groups = element.get("option_groups") or []
    options = [*(element.get("options") or []), *(o for group in groups for o in group["options"])]
    for option in options:
        if option.get("value") == value or option["text"]["text"] == value:
            return dict(option)
    if element["type"].endswith("external_select"):
        return {"text": {"type": "plain_text", "text": str(value)}, "value": str(value)}
    raise PlayError(f"no such option: {value}")


def _options(element: Json, value: Any) -> list[Json]:
    values = value if isinstance(value, list) else [value] if value else []
    return [option for one in values if (option := _option(element, one))]


def _one(name: str) -> Callable[[Json, Any], Json]:
    return lambda element, value: {name: value or None}


def _many(name: str) -> Callable[[Json, Any], Json]:
    return lambda element, value: {name: value if isinstance(value, list) else [value] if value else []}


def _single(element: Json, value: Any) -> Json:
    return {"selected_option": _option(element, value)}


def _several(element: Json, value: Any) -> Json:
    return {"selected_options": _options(element, value)}


def _rich(element: Json, value: Any) -> Json:
    if isinstance(value, str):
        value = rich(value)[0] if value else None
    return {"rich_text_value": value}


_STATES: dict[str, Callable[[Json, Any], Json]] = {
    "plain_text_input": _one("value"),
    "email_text_input": _one("value"),
    "url_text_input": _one("value"),
    "number_input": _one("value"),
    "rich_text_input": _rich,
    "file_input": _many("files"),
    "datepicker": _one("selected_date"),
    "timepicker": _one("selected_time"),
    "datetimepicker": _one("selected_date_time"),
    "checkboxes": _several,
    "radio_buttons": _single,
    "static_select": _single,
    "external_select": _single,
    "users_select": _one("selected_user"),
    "conversations_select": _one("selected_conversation"),
    "channels_select": _one("selected_channel"),
    "multi_static_select": _several,
    "multi_external_select": _several,
    "multi_users_select": _many("selected_users"),
    "multi_conversations_select": _many("selected_conversations"),
    "multi_channels_select": _many("selected_channels"),
}
