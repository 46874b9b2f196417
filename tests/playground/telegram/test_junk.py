"""Nonsense in any argument is refused in words; nothing makes the server fail."""

from __future__ import annotations

import itertools
import json
import random
from typing import Any

import httpx
import pytest

from playground.telegram import TelegramServer
from playground.telegram.methods import METHODS
from playground.telegram.seed import Seeded

JUNK: tuple[Any, ...] = (
    "",
    "x",
    "-1",
    "{",
    "[]",
    "[1]",
    "[[1]]",
    '{"a": 1}',
    7,
    None,
    [None],
    [{}],
    {"type": []},
    True,
)
NAMES = (
    "text",
    "caption",
    "parse_mode",
    "entities",
    "caption_entities",
    "reply_markup",
    "reply_parameters",
    "message_thread_id",
    "message_id",
    "message_ids",
    "media",
    "photo",
    "document",
    "sticker",
    "reaction",
    "commands",
    "scope",
    "options",
    "question",
    "offset",
    "limit",
    "allowed_updates",
    "url",
    "file_id",
    "user_id",
    "name",
    "latitude",
    "from_chat_id",
    "callback_query_id",
    "duration",
)
NESTED: tuple[dict[str, Any], ...] = (
    {"reply_markup": {"inline_keyboard": [[1]]}},
    {"reply_markup": {"inline_keyboard": 5}},
    {"reply_markup": {"inline_keyboard": [[{"text": 1, "callback_data": []}]]}},
    {"reply_markup": {"keyboard": 3}},
    {"reply_parameters": {"message_id": []}},
    {"reply_parameters": {"message_id": 1, "quote": 5}},
    {"entities": [{"type": [], "offset": 0, "length": 1}]},
    {"media": [{"type": []}, {"type": "photo", "media": 5}]},
    {"media": [{"type": "photo", "media": "x"}, 5]},
    {"media": [{"type": "photo", "media": [], "caption_entities": 5}] * 2},
    {"reaction": [{"type": "emoji", "emoji": 5}]},
    {"commands": [{"command": 5, "description": []}]},
    {"options": [{}, {"text": []}]},
    {"chat_id": []},
    {"chat_id": "@nobody"},
    {"text": "<a href=>x</a><b", "parse_mode": "HTML"},
    {"text": "\ud83d", "entities": [{"type": "bold", "offset": 0, "length": 1}]},
)


@pytest.mark.parametrize("name", sorted(METHODS))
async def test_no_argument_breaks_a_method(server: TelegramServer, world: Seeded, name: str) -> None:
    server.people.say(world.requester, world.private, "something to aim at")
    async with httpx.AsyncClient(base_url=f"{server.base_url}{world.bot.token}") as http:
        for given in _arguments(world, name):
            headers = {"Content-Type": "application/json"}
            answer = await http.post(f"/{name}", content=json.dumps(given), headers=headers)
            assert answer.status_code in (200, 400, 403, 409), (given, answer.text)


def _arguments(world: Seeded, method: str) -> list[dict[str, Any]]:
    """Every nested shape, and a sample of the flat ones that differs by method."""
    base = {"chat_id": world.requester.id, "message_id": 1, "text": "x"}
    flat = [{name: junk} for name, junk in itertools.product(NAMES, JUNK)]
    return [base | one for one in (*NESTED, *random.Random(method).sample(flat, 40))]
