"""What all payloads of Slack have in common, read without trusting their shape."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from adapters.slack.names import Person
from core import clock
from core.chat import Sender

Json = Mapping[str, Any]

PLATFORM = "slack"
TS = re.compile(r"\d{1,12}\.\d{1,6}")
"""A message's id, which is its time."""
_MENTIONED = re.compile(r"<@([UW][A-Z0-9]{1,30})(?:\|[^<>]*)?>")
_CHANNELS = re.compile(r"<#([CDG][A-Z0-9]{1,30})(?:\|[^<>]*)?>")


def sender_of(person: Person) -> Sender:
    return Sender(
        person.external or person.user,
        name=person.name,
        email=person.email,
        locale=person.locale,
        zone=person.zone,
        vouched=person.vouched,
        bot=person.bot,
    )


def moment(ts: str) -> datetime:
    """The time in a message's id; now for one that has none."""
    try:
        return datetime.fromtimestamp(float(ts), UTC)
    except (ValueError, OverflowError, OSError):
        return clock.now()


def named(message: Json) -> tuple[set[str], set[str]]:
    users = set(_MENTIONED.findall(string(message.get("text"))))
    channels = set(_CHANNELS.findall(string(message.get("text"))))
    for element in _walk(message.get("blocks"), 0):
        users.add(string(element.get("user_id")))
        channels.add(string(element.get("channel_id")))
    return {one for one in users if one}, {one for one in channels if one}


def _walk(value: Any, depth: int) -> list[Json]:
    found: list[Json] = []
    for one in dicts(value)[:500] if depth < 5 else ():
        found += [one, *_walk(one.get("elements"), depth + 1)]
    return found


def channel_of(payload: Json) -> str:
    container = mapping(payload.get("container"))
    return string(mapping(payload.get("channel")).get("id")) or string(container.get("channel_id"))


def mapping(value: Any) -> Json:
    return value if isinstance(value, Mapping) else {}


def dicts(value: Any) -> list[Json]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def string(value: Any) -> str:
    return value if isinstance(value, str) else ""
