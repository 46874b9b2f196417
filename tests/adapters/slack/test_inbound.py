"""Every shape that Slack is known to send, filled with anything, is read without an exception."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.slack import inbound, messages
from adapters.slack.names import Known, Person
from core.chat import Edited, Inbound, Relocated, Said, key_of
from core.chat_codec import from_json, to_json

SHAPES = Path(__file__).parents[4] / "shared" / "platforms" / "slack"
FUZZED = 100_000 if os.environ.get("DESKBELL_FUZZ") else 2_000
KNOWN = Known(
    "T1",
    bot_user="UBOT",
    bot_id="BBOT",
    people={"U1": Person("U1", "U1", "Ada")},
    directs={"U1": "D1"},
    commands=frozenset({"claim"}),
)
VALUES = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["U1", "UBOT", "D1", "C1", "1790000000.000100", "message", "im", "T1", "<@UBOT> claim"]),
    st.none(),
    st.booleans(),
    st.integers(-10, 2_000_000_000),
    st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
)


def shapes() -> list[Path]:
    return sorted([*SHAPES.glob("events/*.json"), *SHAPES.glob("interactive/*.json")])


@pytest.mark.skipif(not SHAPES.exists(), reason="the shapes of payloads are not beside this checkout")
@settings(max_examples=5, deadline=None)
@given(st.data())
@pytest.mark.parametrize("path", shapes(), ids=lambda path: path.stem)
def test_every_shape_filled_with_anything(path: Path, data: st.DataObject) -> None:
    shape = json.loads(path.read_text())
    read(filled(shape, lambda old: data.draw(st.one_of(st.just(old), VALUES))))


@pytest.mark.skipif(not SHAPES.exists(), reason="the shapes of payloads are not beside this checkout")
def test_many_payloads_that_are_broken_somewhere() -> None:
    dice = random.Random(11)
    found = [json.loads(path.read_text()) for path in shapes() if path.stat().st_size < 20_000]
    odd = [
        None,
        True,
        -1,
        1e300,
        "",
        "\ud800",
        "U1",
        "D1",
        "1790000000.000100",
        [],
        {},
        [[]],
        {"type": "user"},
    ]
    for _number in range(FUZZED):
        payload = broken(dice.choice(found), dice, odd)
        if isinstance(payload, dict):
            read(payload)


@settings(max_examples=300, deadline=None)
@given(
    st.recursive(
        VALUES, lambda inner: st.dictionaries(st.sampled_from(["type", "event", "view", "user"]), inner)
    )
)
def test_anything_at_all(value: Any) -> None:
    read(value if isinstance(value, dict) else {"type": "event_callback", "event": value})
    read({"command": "/desk", "text": value, "user_id": "U1", "channel_id": "C1", "trigger_id": "1"})


def read(payload: dict[str, Any]) -> Inbound | None:
    inbound.teams(payload)
    inbound.wanted(payload)
    found = inbound.to_inbound(payload, KNOWN)
    if found is not None:
        assert key_of(found)
        assert from_json(to_json(found)) == found
    return found


def filled(shape: Any, fill: Any) -> Any:
    if isinstance(shape, dict):
        return {name: filled(value, fill) for name, value in shape.items()}
    if isinstance(shape, list):
        return [filled(value, fill) for value in shape[:3]]
    return shape if shape in ("message", "event_callback") else fill(shape)


def broken(shape: Any, dice: random.Random, odd: list[Any]) -> Any:
    if dice.random() < 0.04:
        return dice.choice(odd)
    if isinstance(shape, dict):
        return {name: broken(value, dice, odd) for name, value in shape.items() if dice.random() > 0.02}
    if isinstance(shape, list):
        return [broken(value, dice, odd) for value in shape[:3]]
    return dice.choice(odd) if dice.random() < 0.2 else shape


def message(**more: Any) -> dict[str, Any]:
    event = {"type": "message", "channel": "D1", "channel_type": "im", "user": "U1", "text": "hi"}
    event |= {"ts": "1790000000.000100", "event_ts": "1790000000.000100", **more}
    return {"type": "event_callback", "team_id": "T1", "event": event}


def test_one_fact_has_one_key_live_mentioned_and_in_history() -> None:
    said = message(channel="C1", channel_type="channel", text="<@UBOT> help")
    mention = message(channel="C1", text="<@UBOT> help") | {"event_id": "Ev2"}
    mention["event"] |= {"type": "app_mention"}
    mention["event"].pop("channel_type")
    history = messages.said(said["event"], KNOWN, "C1", missed=True)
    keys = {key_of(one) for one in (read(said), read(mention), history) if one is not None}
    assert len(keys) == 1


@pytest.mark.parametrize(
    "event",
    [
        {"user": "UBOT"},
        {"bot_id": "B9"},
        {"subtype": "bot_message", "user": None},
        {"subtype": "channel_join"},
        {"subtype": "message_replied"},
        {"user": "USLACKBOT"},
        {"text": ""},
        {"ts": "x"},
        {"channel": ""},
        {"channel": None, "user": None},
    ],
)
def test_what_is_none_of_our_business(event: dict[str, Any]) -> None:
    assert read(message(**event)) is None


def test_an_edit_that_changes_no_words_is_none() -> None:
    inner = {"user": "U1", "text": "hi", "ts": "1790000000.000100"}
    edited = {**inner, "text": "ho", "edited": {"user": "U1", "ts": "1790000001.000000"}}
    change = {"subtype": "message_changed", "user": None}
    assert read(message(**change, message=inner, previous_message=inner)) is None
    found = read(message(**change, message=edited, previous_message=inner))
    assert isinstance(found, Edited)
    assert found.version == "1790000001.000000"


def test_a_name_of_only_emoji_and_a_call_to_everyone() -> None:
    known = Known("T1", "UBOT", people={"U1": Person("U1", name="😀🎉")})
    found = inbound.to_inbound(message(text="<!everyone> <!channel> <@U1>"), known)
    assert isinstance(found, Said)
    assert (found.sender.name, found.text) == ("😀🎉", "@everyone @channel @😀🎉")


def test_a_reply_in_a_direct_conversation_says_what_it_answers() -> None:
    found = read(message(thread_ts="1780000000.000100"))
    assert isinstance(found, Said)
    assert (found.place.thread, found.reply_to) == ("", "1780000000.000100")


def test_a_channel_that_gets_another_id() -> None:
    event = {
        "type": "channel_id_changed",
        "old_channel_id": "G1",
        "new_channel_id": "C1",
        "event_ts": "1.000001",
    }
    found = read({"type": "event_callback", "event": event})
    assert isinstance(found, Relocated)
    assert (found.place.channel, found.to.channel) == ("G1", "C1")


def test_a_file_that_lies_elsewhere_is_a_link() -> None:
    file = {"id": "F1", "is_external": True, "url_private": "https://docs.example.com/d", "title": "Plan"}
    found = read(message(text="see", files=[file]))
    assert isinstance(found, Said)
    assert (found.text, found.files) == ("see\n[Plan](<https://docs.example.com/d>)", ())
