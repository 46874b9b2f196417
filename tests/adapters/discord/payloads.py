"""Payloads as the platform sends them, whole and spoiled."""

from __future__ import annotations

import copy
import random
from typing import Any

USER = {"id": "2", "username": "ada", "global_name": "Ada", "discriminator": "0"}
MEMBER = {"nick": "Ada L.", "roles": [], "joined_at": "2026-01-01T00:00:00+00:00"}
MESSAGE: dict[str, Any] = {
    "id": "1575763559902609408",
    "channel_id": "20",
    "guild_id": "9",
    "type": 19,
    "content": "<@1> **hi** <@3> <:x:5> ```py\nx``` ||y||",
    "author": USER,
    "member": MEMBER,
    "timestamp": "2026-11-01T10:00:00.000000+00:00",
    "edited_timestamp": "2026-11-01T10:01:00.000000+00:00",
    "mentions": [{"id": "1", "username": "Deskbell", "bot": True}, {"id": "3", "username": "bob"}],
    "mention_roles": ["5"],
    "attachments": [{"id": "7", "filename": "a.png", "size": 10, "content_type": "image/png", "url": "x"}],
    "embeds": [{"title": "t", "description": "d", "url": "https://a.b"}],
    "sticker_items": [{"id": "8", "name": "Wave", "format_type": 1}],
    "poll": {"question": {"text": "Which?"}, "answers": [{"poll_media": {"text": "This"}}]},
    "message_reference": {"type": 0, "message_id": "6", "channel_id": "20"},
    "message_snapshots": [{"message": {"content": "old", "attachments": [{"id": "4", "filename": "b"}]}}],
    "flags": 0,
}
REACTION: dict[str, Any] = {
    "user_id": "2",
    "channel_id": "20",
    "message_id": "6",
    "guild_id": "9",
    "emoji": {"id": None, "name": "👍"},
    "member": {"user": USER},
}
TYPING: dict[str, Any] = {
    "channel_id": "20",
    "guild_id": "9",
    "user_id": "2",
    "timestamp": 1,
    "member": {**MEMBER, "user": USER},
}
GUILD: dict[str, Any] = {
    "id": "9",
    "name": "Guild",
    "roles": [{"id": "5", "name": "Deskbell", "tags": {"bot_id": "1"}}],
    "emojis": [{"id": "44", "name": "party"}],
    "channels": [
        {"id": "20", "type": 0, "name": "help", "last_message_id": "30"},
        {"id": "21", "type": 15, "name": "forum", "available_tags": [{"id": "50", "name": "open"}]},
    ],
    "threads": [
        {"id": "22", "type": 11, "name": "t", "parent_id": "20", "thread_metadata": {"archived": False}}
    ],
}


def interaction(kind: int, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "1575763559902609409",
        "application_id": "1",
        "type": kind,
        "token": "secret",
        "guild_id": "9",
        "channel_id": "20",
        "channel": {"id": "20", "type": 0, "guild_id": "9"},
        "member": {**MEMBER, "user": USER},
        "locale": "de",
        "message": MESSAGE,
        "data": data,
    }


COMMAND = interaction(
    2,
    {
        "id": "1",
        "name": "desk",
        "type": 1,
        "options": [
            {
                "name": "more",
                "type": 2,
                "options": [
                    {"name": "priority", "type": 1, "options": [{"name": "to", "type": 3, "value": "high"}]}
                ],
            }
        ],
    },
)
ON_MESSAGE = interaction(
    2,
    {
        "id": "2",
        "name": "Make a ticket",
        "type": 3,
        "target_id": "6",
        "resolved": {"messages": {"6": MESSAGE}},
    },
)
PRESS = interaction(3, {"custom_id": "claim:ticket:7", "component_type": 3, "values": ["a"]})
COMPLETE = interaction(
    4,
    {
        "id": "1",
        "name": "desk",
        "type": 1,
        "options": [
            {
                "name": "macro",
                "type": 1,
                "options": [{"name": "name", "type": 3, "value": "p", "focused": True}],
            }
        ],
    },
)
FORM = interaction(
    5,
    {
        "custom_id": "ticket:new:1",
        "components": [
            {"type": 1, "components": [{"type": 4, "custom_id": "subject", "value": "Mouse"}]},
            {"type": 18, "component": {"type": 3, "custom_id": "category", "values": ["m"]}},
            {"type": 10, "id": 3},
        ],
    },
)
ALL: tuple[tuple[str, dict[str, Any]], ...] = (
    ("MESSAGE_CREATE", MESSAGE),
    ("MESSAGE_UPDATE", MESSAGE),
    ("MESSAGE_DELETE", {"id": "6", "channel_id": "20", "guild_id": "9"}),
    ("MESSAGE_DELETE_BULK", {"ids": ["6", "7"], "channel_id": "20", "guild_id": "9"}),
    ("MESSAGE_REACTION_ADD", REACTION),
    ("TYPING_START", TYPING),
    ("GUILD_CREATE", GUILD),
    ("GUILD_DELETE", {"id": "9"}),
    ("GUILD_EMOJIS_UPDATE", {"guild_id": "9", "emojis": GUILD["emojis"]}),
    ("GUILD_ROLE_CREATE", {"guild_id": "9", "role": {"id": "6", "name": "r"}}),
    ("CHANNEL_CREATE", {**GUILD["channels"][0], "guild_id": "9"}),
    ("CHANNEL_DELETE", {**GUILD["channels"][0], "guild_id": "9"}),
    ("THREAD_CREATE", {**GUILD["threads"][0], "guild_id": "9", "newly_created": True}),
    ("THREAD_DELETE", {**GUILD["threads"][0], "guild_id": "9"}),
    ("THREAD_LIST_SYNC", {"guild_id": "9", "threads": GUILD["threads"]}),
    ("INTERACTION_CREATE", COMMAND),
    ("INTERACTION_CREATE", ON_MESSAGE),
    ("INTERACTION_CREATE", PRESS),
    ("INTERACTION_CREATE", COMPLETE),
    ("INTERACTION_CREATE", FORM),
)
ODD: tuple[Any, ...] = (
    None, True, 0, -1, 2**70, 1.5, float("inf"), "", "x" * 3_000, "\ud800", "0" * 40, "٣", "<@", "```",
    "2026-99-99", "9999-12-31T23:59:59+00:00", [], [None], {}, {"id": None}, [[{}]], "\x00\u202e", "1e9",
)  # fmt: skip


def spoiled(payload: Any, rng: random.Random) -> Any:
    """A copy in which something is of another kind, missing or double."""
    whole = copy.deepcopy(payload)
    for _time in range(rng.randint(1, 4)):
        spots = list(_spots(whole))
        holder, key = rng.choice(spots)
        what = rng.random()
        if what < 0.2:
            del holder[key]
        elif what < 0.3:
            holder[key] = [holder[key], holder[key]]
        else:
            holder[key] = copy.deepcopy(rng.choice(ODD))
        if not whole:
            return whole
    return whole


def _spots(value: Any) -> Any:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(pairs):
        yield value, key
        yield from _spots(inner)
