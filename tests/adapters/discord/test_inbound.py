"""Payloads become the words of chat; what is spoiled breaks nothing."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.discord.asked import gathered, target_of
from adapters.discord.files import is_discords
from adapters.discord.inbound import to_inbound
from adapters.discord.known import Known
from adapters.discord.settings import Settings
from core import clock
from core.chat import Completing, Deleted, Edited, Invoked, Place, Pressed, Said, Submitted, Typing, key_of
from core.errors import StartError
from tests.adapters.discord import payloads

CONTRACT = Path(__file__).parents[4] / "shared" / "platforms" / "discord" / "openapi.json"
FUZZ = int(os.environ.get("DESKBELL_FUZZ", "2000"))


def known() -> Known:
    made = Known("1", frozenset({"21"}))
    made.hear("GUILD_CREATE", payloads.GUILD)
    return made


def heard(event: str, data: Any, where: Known | None = None) -> Any:
    return to_inbound(event, data, where or known(), clock.now())


def test_a_message() -> None:
    said = heard("MESSAGE_CREATE", payloads.MESSAGE)
    assert isinstance(said, Said)
    assert said.sender.name == "Ada L."
    assert said.place == Place("discord", "1", "20", payloads.MESSAGE["id"])
    assert said.text.startswith("@Deskbell **hi** @bob :x:")
    assert "[Sticker: Wave]" in said.text
    assert "[Poll: Which?]" in said.text
    assert "> old" in said.text
    assert [one.locator for one in said.files] == [f"20/{said.native}/7", f"20/{said.native}/4"]
    assert said.reply_to == "6"
    assert said.at.year == 2026


def test_an_edit_has_the_time_of_the_edit() -> None:
    edited = heard("MESSAGE_UPDATE", payloads.MESSAGE)
    assert isinstance(edited, Edited)
    assert edited.version == payloads.MESSAGE["edited_timestamp"]
    assert heard("MESSAGE_UPDATE", {**payloads.MESSAGE, "edited_timestamp": None}) is None


def test_live_and_history_are_one_fact() -> None:
    live = heard("MESSAGE_CREATE", payloads.MESSAGE)
    bare = {key: value for key, value in payloads.MESSAGE.items() if key != "member"}
    assert key_of(heard("MESSAGE_CREATE", bare)) == key_of(live)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook_id": "3"},
        {"author": {**payloads.USER, "bot": True}},
        {"author": {**payloads.USER, "id": "1"}},
        *({"type": kind} for kind in (1, 2, 3, 4, 6, 7, 18, 20, 21, 23, 46)),
    ],
)
def test_what_no_person_says_is_ignored(change: dict[str, Any]) -> None:
    assert heard("MESSAGE_CREATE", payloads.MESSAGE | change) is None


def test_what_only_discord_can_show_is_told() -> None:
    bare = {**payloads.MESSAGE, "content": "", "attachments": [], "sticker_items": [], "poll": None}
    bare |= {"message_snapshots": [], "embeds": [], "activity": {"type": 1}}
    assert heard("MESSAGE_CREATE", bare).text == "[Something that can only be seen on Discord]"
    embed = bare | {
        "activity": None,
        "embeds": [{"title": "A *b*", "description": "c", "url": "https://d.e"}],
    }
    assert heard("MESSAGE_CREATE", embed).text == "**A \\*b\\***\n\nc\n\nhttps://d.e"


def test_threads_forums_and_mentions_by_role() -> None:
    in_thread = {**payloads.MESSAGE, "channel_id": "22", "mentions": [], "mention_roles": []}
    said = heard("MESSAGE_CREATE", in_thread)
    assert (said.place, said.direct) == (Place("discord", "1", "20", "22"), False)
    assert heard("MESSAGE_CREATE", in_thread | {"mention_roles": ["5"]}).direct
    where = known()
    where.learn({"id": "31", "type": 11, "parent_id": "21", "guild_id": "9"})
    starter = in_thread | {"id": "31", "channel_id": "31"}
    assert heard("MESSAGE_CREATE", starter, where).direct
    assert not heard("MESSAGE_CREATE", starter | {"id": "32"}, where).direct


def test_interactions() -> None:
    command = heard("INTERACTION_CREATE", payloads.COMMAND)
    assert isinstance(command, Invoked)
    assert (command.command, command.options) == ("priority", {"to": "high"})
    assert command.sender.locale == "de"
    pressed = heard("INTERACTION_CREATE", payloads.PRESS)
    assert isinstance(pressed, Pressed)
    assert (pressed.button, pressed.choice) == ("claim:ticket:7", "a")
    completing = heard("INTERACTION_CREATE", payloads.COMPLETE)
    assert isinstance(completing, Completing)
    assert (completing.option, completing.typed) == ("name", "p")
    submitted = heard("INTERACTION_CREATE", payloads.FORM)
    assert isinstance(submitted, Submitted)
    assert submitted.values == {"subject": "Mouse", "category": "m"}
    assert heard("INTERACTION_CREATE", payloads.ON_MESSAGE) is None
    assert target_of(payloads.ON_MESSAGE) == payloads.MESSAGE


def test_deletions_and_typing() -> None:
    assert isinstance(heard("MESSAGE_DELETE", {"id": "6", "channel_id": "20"}), Deleted)
    assert isinstance(heard("TYPING_START", payloads.TYPING), Typing)
    assert heard("TYPING_START", payloads.TYPING | {"user_id": "1"}) is None


def test_spoiled_payloads_break_nothing() -> None:
    rng = random.Random(7)
    for number in range(FUZZ):
        event, payload = payloads.ALL[number % len(payloads.ALL)]
        data = payloads.spoiled(payload, rng)
        where = known()
        inbound = to_inbound(event, data, where, clock.now())
        where.hear(event, data)
        if inbound is not None:
            assert key_of(inbound)
            assert inbound.place.key
        target = target_of(data)
        if target is not None:
            gathered(data, [target], where, clock.now())


@pytest.mark.skipif(not CONTRACT.is_file(), reason="the platform's own document is not here")
def test_every_message_of_the_platforms_document_passes() -> None:
    schemas = json.loads(CONTRACT.read_text())["components"]["schemas"]

    @given(st.data())
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    def passes(data: st.DataObject) -> None:
        shape = data.draw(_of({"$ref": "#/components/schemas/MessageResponse"}, schemas, 3))
        for event in ("MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE"):
            to_inbound(event, shape if isinstance(shape, dict) else {}, known(), clock.now())

    passes()


def _of(schema: dict[str, Any], schemas: dict[str, Any], depth: int) -> st.SearchStrategy[Any]:
    """Values of a schema, filled to some depth."""
    if "$ref" in schema:
        return _of(schemas[schema["$ref"].rsplit("/", 1)[1]], schemas, depth)
    for key in ("oneOf", "anyOf", "allOf"):
        if schema.get(key):
            return st.one_of([_of(one, schemas, depth) for one in schema[key][:6]])
    kind = schema.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    made = [_simple(one, schema, schemas, depth) for one in kinds]
    return st.one_of(made)


def _simple(kind: str | None, schema: dict[str, Any], schemas: dict[str, Any], depth: int) -> Any:
    if kind == "object" and depth > 0:
        parts = {name: _of(one, schemas, depth - 1) for name, one in schema.get("properties", {}).items()}
        return st.fixed_dictionaries({}, optional=parts)
    if kind == "array" and depth > 0:
        return st.lists(_of(schema.get("items", {}), schemas, depth - 1), max_size=2)
    return {
        "string": st.text(max_size=20) | st.integers(0, 2**63).map(str),
        "integer": st.integers(-1, 2**40),
        "number": st.floats(),
        "boolean": st.booleans(),
        "null": st.none(),
        "object": st.just({}),
        "array": st.just([]),
    }.get(kind or "", st.none())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DESKBELL_DISCORD_API_BASE_URL", "discord.example"),
        ("DESKBELL_DISCORD_GATEWAY_URL", "https://x"),
        ("DESKBELL_DISCORD_WEBHOOKS", "perhaps"),
        ("DESKBELL_DISCORD_TICKET_PLACE", "moon"),
        ("DESKBELL_DISCORD_CLOSED_DAYS", "soon"),
        ("DESKBELL_DISCORD_CLOSED_DAYS", "4000"),
        ("DESKBELL_DISCORD_FORUMS", "general"),
        ("DESKBELL_DISCORD_SHARDS", "0"),
        ("DESKBELL_DISCORD_SHARDS", "65"),
        ("DESKBELL_DISCORD_SHARDS", "two"),
    ],
)
def test_a_malformed_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(StartError, match=name):
        Settings.of({name: value})


def test_the_token_is_never_shown() -> None:
    assert "secret" not in repr(Settings.of({"DESKBELL_DISCORD_BOT_TOKEN": "secret"}))


def test_files_are_fetched_from_discord_alone() -> None:
    assert is_discords("https://cdn.discordapp.com/attachments/1/2/a.png?ex=1")
    for elsewhere in (
        "http://169.254.169.254/latest/meta-data", "http://cdn.discordapp.com/a", "https://localhost/a", "file:///etc/passwd",
        "https://cdn.discordapp.com.example.com/a", "https://cdn.discordapp.com@example.com/a", "gopher://x", "",
    ):  # fmt: skip
        assert not is_discords(elsewhere), elsewhere
