"""Updates as neutral values: every shape, every kind of content, and what is none of ours."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.telegram.facts import Me
from adapters.telegram.inbound import album_of, chat_of, gathered, to_inbound
from core.chat import Edited, Inbound, Invoked, Joined, Place, Pressed, Reacted, Relocated, Said, key_of
from core.chat_codec import from_json, to_json

CONTRACT = Path(__file__).parents[4] / "shared" / "platforms" / "telegram" / "api.json"
ME = Me("77", "help_desk_bot", commands=frozenset({"close", "help", "start"}))
ADA = {"id": 5, "is_bot": False, "first_name": "Ada", "last_name": "Lovelace", "language_code": "de"}
BOT = {"id": 77, "is_bot": True, "first_name": "Desk", "username": "help_desk_bot"}
PRIVATE = {"id": 5, "type": "private", "first_name": "Ada"}
GROUP = {"id": -4001, "type": "group", "title": "G"}
SUPER = {"id": -1001, "type": "supergroup", "title": "S"}
FORUM = SUPER | {"is_forum": True}


def message(chat: Mapping[str, Any] = PRIVATE, **more: Any) -> dict[str, Any]:
    base = {"message_id": 9, "from": ADA, "chat": dict(chat), "date": 1_760_000_000}
    return {"update_id": 1, "message": base | more}


def read(update: Any, me: Me = ME) -> Any:
    return to_inbound(update, me)


def command(text: str, **more: Any) -> dict[str, Any]:
    length = len(text.split()[0])
    return message(text=text, entities=[{"type": "bot_command", "offset": 0, "length": length}], **more)


def test_said_in_private() -> None:
    said = read(message(text="hi"))
    assert said == Said(
        place=Place("telegram", "77", "5"),
        sender=said.sender,
        native="9",
        at=datetime.fromtimestamp(1_760_000_000, UTC),
        text="hi",
    )
    assert (said.sender.external, said.sender.name, said.sender.locale) == ("5", "Ada Lovelace", "de")


@pytest.mark.parametrize(
    ("more", "text", "file"),
    [
        ({"photo": [{"file_id": "s", "width": 9, "height": 6}, {"file_id": "L", "width": 90, "height": 60}]},
         "", ("photo-9.jpg", "L", "image/jpeg")),
        ({"document": {"file_id": "D", "file_name": "a.pdf", "mime_type": "application/pdf"}, "caption": "look"},
         "look", ("a.pdf", "D", "application/pdf")),
        ({"animation": {"file_id": "A"}, "document": {"file_id": "A2"}}, "", ("animation-9.mp4", "A", "video/mp4")),
        ({"voice": {"file_id": "V"}}, "", ("voice-9.ogg", "V", "audio/ogg")),
        ({"audio": {"file_id": "U", "file_name": "s.mp3"}}, "", ("s.mp3", "U", "audio/mpeg")),
        ({"video": {"file_id": "W"}}, "", ("video-9.mp4", "W", "video/mp4")),
        ({"video_note": {"file_id": "N"}}, "", ("video-9.mp4", "N", "video/mp4")),
        ({"sticker": {"file_id": "S", "emoji": "😀"}}, "😀", ("sticker-9.webp", "S", "image/webp")),
    ],
)  # fmt: skip
def test_files(more: dict[str, Any], text: str, file: tuple[str, str, str]) -> None:
    said = read(message(**more))
    assert said.text == text
    (ref,) = said.files
    assert (ref.name, ref.locator, ref.mime) == file


def test_a_moving_sticker_is_its_emoji() -> None:
    said = read(message(sticker={"file_id": "S", "emoji": "😀", "is_animated": True}))
    assert (said.text, said.files) == ("😀", ())


@pytest.mark.parametrize(
    ("more", "part"),
    [
        ({"location": {"latitude": 52.52, "longitude": 13.4}}, "[52.520000, 13.400000](<https://www.openstreetmap.org/"),
        ({"venue": {"location": {"latitude": 1, "longitude": 2}, "title": "Pier", "address": "Quay 1"},
          "location": {"latitude": 1, "longitude": 2}}, "Pier\nQuay 1\n📍 [1.000000"),
        ({"contact": {"phone_number": "+49 1", "first_name": "Bo"}}, "👤 Bo, +49 1"),
        ({"poll": {"question": "Tea?"}}, "Tea?"),
        ({"dice": {"emoji": "🎲", "value": 4}}, "🎲 4"),
        ({"story": {"id": 1}}, "story"),
        ({"hologram_of_the_future": {}}, "hologram of the future"),
    ],
)  # fmt: skip
def test_everything_else_in_a_sensible_form(more: dict[str, Any], part: str) -> None:
    assert part in read(message(**more)).text


@pytest.mark.parametrize(
    "update",
    [
        message(new_chat_members=[ADA]),
        message(forum_topic_created={"name": "x"}),
        message(pinned_message={"message_id": 1}),
        message(text="loop", **{"from": BOT}),
        message(text="other bot", **{"from": BOT | {"id": 78}}),
        message(text="as the group", sender_chat=GROUP),
        message(chat={"id": -5, "type": "channel"}, text="post"),
        message(text=""),
        message(),
        {"update_id": 3},
        {"update_id": 3, "poll": {"id": "1"}},
        None,
        [],
        {"message": "text"},
        {"message": {"message_id": "9", "from": ADA, "chat": PRIVATE, "text": "x"}},
    ],
)
def test_none_of_ours(update: Any) -> None:
    assert read(update) is None


def test_commands() -> None:
    invoked = read(command("/start ticket_42-x"))
    assert isinstance(invoked, Invoked)
    assert (invoked.command, invoked.arguments) == ("start", "ticket_42-x")
    invoked = read(command("/close@help_desk_bot 42 thanks", chat=GROUP))
    assert (invoked.command, invoked.arguments, invoked.direct) == ("close", "42 thanks", True)
    assert read(command("/close@other_bot 42", chat=GROUP)) is None
    assert read(command("/weather", chat=GROUP)) is None
    assert read(command("/weather")).command == "weather"


def test_arguments_keep_their_formats() -> None:
    update = message(
        text="/reply use this now",
        entities=[
            {"type": "bot_command", "offset": 0, "length": 6},
            {"type": "bold", "offset": 7, "length": 3},
        ],
    )
    assert read(update).arguments == "**use** this now"


def test_a_command_under_a_file_is_a_command() -> None:
    photo = [{"file_id": "f1", "width": 1, "height": 1}]
    mark = [{"type": "bot_command", "offset": 0, "length": 18}]
    update = message(caption="/note@help_desk_bot she shouts", photo=photo, caption_entities=mark, chat=GROUP)
    invoked = read(update)
    assert isinstance(invoked, Invoked)
    assert (invoked.command, invoked.arguments, invoked.standing) == ("note", "she shouts", True)
    assert [one.locator for one in invoked.files] == ["f1"]
    other = read(message(message_id=10, photo=[photo[0] | {"file_id": "f2"}], chat=GROUP))
    whole = gathered([invoked, other])
    assert isinstance(whole, Invoked)
    assert [one.locator for one in whole.files] == ["f1", "f2"]


def test_a_command_as_a_reply_knows_its_message() -> None:
    invoked = read(command("/delete", reply_to_message={"message_id": 4, "from": ADA}))
    assert invoked.reply_to == "4"


def test_groups_by_mention_or_reply() -> None:
    plain = read(message(GROUP, text="hello all"))
    assert plain.direct is False
    mention = {"type": "mention", "offset": 0, "length": 14}
    named = read(message(GROUP, text="@Help_Desk_Bot, it is broken", entities=[mention]))
    assert (named.direct, named.text, named.place.thread) == (True, "it is broken", "")
    answered = read(message(GROUP, text="and now?", reply_to_message={"message_id": 3, "from": BOT}))
    assert (answered.direct, answered.reply_to) == (True, "3")
    by_id = read(
        message(
            GROUP,
            text="Desk help",
            entities=[{"type": "text_mention", "offset": 0, "length": 4, "user": BOT}],
        )
    )
    assert by_id.direct is True


def test_in_a_supergroup_each_chain_of_replies_is_a_thread() -> None:
    mention = {"type": "mention", "offset": 0, "length": 14}
    named = read(message(SUPER, text="@help_desk_bot broken", entities=[mention]))
    assert named.place.thread == "~9"
    reply = read(
        message(SUPER, text="more", message_thread_id=9, reply_to_message={"message_id": 12, "from": BOT})
    )
    assert (reply.place.thread, reply.reply_to) == ("~9", "12")


def test_topics_of_a_forum() -> None:
    first = {"message_id": 40, "from": BOT, "forum_topic_created": {"name": "x"}}
    said = read(message(FORUM, text="a", message_thread_id=40, is_topic_message=True, reply_to_message=first))
    assert (said.place.thread, said.reply_to, said.direct) == ("40", "", False)
    general = read(
        message(FORUM, text="a", message_thread_id=7, reply_to_message={"message_id": 7, "from": ADA})
    )
    assert (general.place.thread, general.reply_to) == ("~7", "7")
    mention = {"type": "mention", "offset": 0, "length": 14}
    assert read(message(FORUM, text="@help_desk_bot broken", entities=[mention])).place.thread == "~9"


def test_a_picked_quote_stands_before_the_words() -> None:
    update = message(
        text="this?", quote={"text": "a *b*", "is_manual": True}, reply_to_message={"message_id": 4}
    )
    assert read(update).text == "> a \\*b\\*\n\nthis?"


def test_edits() -> None:
    edit = message(text="new", edit_date=1_760_000_060)
    edit["edited_message"] = edit.pop("message")
    edited = read(edit)
    assert isinstance(edited, Edited)
    assert (edited.native, edited.text) == ("9", "new")
    assert edited.at == datetime.fromtimestamp(1_760_000_060, UTC)
    again = json.loads(json.dumps(edit).replace('"new"', '"newer"'))
    assert key_of(read(again)) != key_of(edited)
    moved = message(location={"latitude": 1, "longitude": 1}, edit_date=1_760_000_060)
    moved["edited_message"] = moved.pop("message")
    assert read(moved) is None


def test_reactions_as_a_whole() -> None:
    change = {
        "chat": PRIVATE, "message_id": 9, "user": ADA, "date": 1_760_000_000, "old_reaction": [],
        "new_reaction": [{"type": "emoji", "emoji": "👍"}, {"type": "custom_emoji", "custom_emoji_id": "5"}],
    }  # fmt: skip
    reacted = read({"message_reaction": change})
    assert isinstance(reacted, Reacted)
    assert reacted.emoji == ("👍", ":custom_emoji:")
    assert read({"message_reaction": change | {"new_reaction": []}}).emoji == ()
    assert read({"message_reaction": change | {"user": None, "actor_chat": GROUP}}) is None


def test_presses_and_choices() -> None:
    query = {
        "id": "123",
        "from": ADA,
        "message": message()["message"] | {"from": BOT},
        "data": "claim:ticket:4",
    }
    pressed = read({"callback_query": query})
    assert isinstance(pressed, Pressed)
    assert (pressed.native, pressed.button, pressed.message, pressed.choice) == (
        "123",
        "claim:ticket:4",
        "9",
        "",
    )
    chosen = read({"callback_query": query | {"data": "team:ticket:4=a=b"}})
    assert (chosen.button, chosen.choice) == ("team:ticket:4", "a=b")


def test_coming_and_going() -> None:
    change = {
        "chat": GROUP, "from": ADA, "date": 1_760_000_000,
        "old_chat_member": {"status": "left", "user": BOT}, "new_chat_member": {"status": "member", "user": BOT},
    }  # fmt: skip
    joined = read({"my_chat_member": change})
    assert isinstance(joined, Joined)
    assert joined.left is False
    left = change | {"old_chat_member": {"status": "member"}, "new_chat_member": {"status": "kicked"}}
    assert read({"my_chat_member": left}).left is True


def test_a_group_that_became_a_supergroup() -> None:
    moved = read(message(GROUP, migrate_to_chat_id=-1009))
    assert isinstance(moved, Relocated)
    assert (moved.place.channel, moved.to.channel) == ("-4001", "-1009")
    other = read(message(SUPER, migrate_from_chat_id=-4001))
    assert (other.place.channel, other.to.channel) == ("-4001", "-1001")


def test_an_album_is_one_message() -> None:
    photos = [
        message(
            message_id=n, media_group_id="g", photo=[{"file_id": f"f{n}", "width": 1, "height": 1}], **more
        )
        for n, more in ((9, {}), (10, {"caption": "both"}))
    ]
    assert album_of(photos[0]) == album_of(photos[1]) == "5/g"
    one = gathered([read(photo) for photo in photos])
    assert (one.native, one.text, [f.locator for f in one.files]) == ("9", "both", ["f9", "f10"])


def test_the_same_message_has_the_same_key_whatever_the_envelope() -> None:
    first, again = message(text="hi"), message(text="hi") | {"update_id": 999}
    assert key_of(read(first)) == key_of(read(again))


def test_emoji_only_names_and_everyone() -> None:
    said = read(message(text="@everyone look", **{"from": ADA | {"first_name": "🦄🌈", "last_name": ""}}))
    assert (said.sender.name, said.text) == ("🦄🌈", "@everyone look")


# --- every shape of the contract, and junk


@cache
def _types() -> dict[str, Any]:
    if not CONTRACT.exists():
        pytest.skip("the contract file ../shared/platforms/telegram/api.json is not here")
    types: dict[str, Any] = json.loads(CONTRACT.read_text())["types"]
    return types


class Filler:
    """Objects of any type of the contract, filled from a seed."""

    def __init__(self, types: dict[str, Any], source: random.Random) -> None:
        self.types = types
        self.source = source

    def make(self, name: str, depth: int = 0) -> Any:
        if name.startswith("Array of "):
            inner = name.removeprefix("Array of ")
            return [self.make(inner, depth + 1) for _number in range(self.source.randint(0, 2))]
        match name:
            case "Integer":
                return self.source.choice([0, 1, 5, 77, -1001, 1_760_000_000, 2**53])
            case "Float":
                return self.source.uniform(-180, 180)
            case "String":
                return self.source.choice(
                    ["", "a", "/start x", "@help_desk_bot hi", "private", "😀*_", "emoji"]
                )
            case "Boolean" | "True":
                return self.source.random() < 0.7
        known = self.types.get(name, {})
        if known.get("subtypes"):
            return self.make(self.source.choice(known["subtypes"]), depth)
        if depth > 4:
            return {}
        share = (0.15, 0.05, 0.02)[depth] if depth < 3 else 0.0
        wanted = [f for f in known.get("fields", []) if f["required"] or self.source.random() < share]
        return {field["name"]: self.make(self.source.choice(field["types"]), depth + 1) for field in wanted}


@given(st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_every_shape_of_the_contract(seed: int) -> None:
    filler = Filler(_types(), random.Random(seed))
    for kind in ("message", "edited_message", "callback_query", "message_reaction", "my_chat_member"):
        update = {"update_id": 1, kind: filler.make(_type_of(kind))}
        _check(read(update))


def test_every_kind_of_content_of_the_contract() -> None:
    """One message for each optional field, alone."""
    filler = Filler(_types(), random.Random(7))
    for field in filler.types["Message"]["fields"]:
        if not field["required"]:
            _check(read(message(**{field["name"]: filler.make(field["types"][0], 2)})))


def _type_of(kind: str) -> str:
    names = {"callback_query": "CallbackQuery", "message_reaction": "MessageReactionUpdated"}
    return names.get(kind, "ChatMemberUpdated" if kind == "my_chat_member" else "Message")


def test_fuzzed_updates_raise_nothing() -> None:
    """DESKBELL_FUZZ=100000 for a long run."""
    source = random.Random(int(os.environ.get("DESKBELL_FUZZ_SEED", "1")))
    seeds = [
        message(text="hi there", entities=[{"type": "bold", "offset": 0, "length": 2}]),
        message(FORUM, message_thread_id=4, is_topic_message=True, text="/close@help_desk_bot 1"),
        message(photo=[{"file_id": "f", "width": 1, "height": 1}], caption="c", media_group_id="1"),
        message(venue={"location": {"latitude": 1, "longitude": 1}, "title": "t"}, quote={"text": "q", "is_manual": True}),
        {"callback_query": {"id": "1", "from": ADA, "message": message()["message"], "data": "a:b:1=c"}},
        {"message_reaction": {"chat": PRIVATE, "message_id": 1, "user": ADA, "new_reaction": [{"type": "emoji"}]}},
        {"my_chat_member": {"chat": GROUP, "from": ADA, "old_chat_member": {}, "new_chat_member": {"status": "member"}}},
    ]  # fmt: skip
    for _number in range(int(os.environ.get("DESKBELL_FUZZ", "2000"))):
        update = json.loads(json.dumps(source.choice(seeds)))
        for _change in range(source.randint(1, 4)):
            _spoil(update, source)
        _check(read(update))
        album_of(update)
        chat_of(update)


_JUNK: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**70, 1.5, "", "x" * 5_000, "\ud800", "\x00", "/", [], {}, [[]], [None], {"id": {}},
)  # fmt: skip


def _spoil(value: Any, source: random.Random) -> None:
    """Change one thing somewhere inside."""
    while isinstance(value, (dict, list)) and value:
        key = source.choice(list(value)) if isinstance(value, dict) else source.randrange(len(value))
        if source.random() < 0.4 or not isinstance(value[key], (dict, list)):
            if isinstance(value, dict) and source.random() < 0.2:
                del value[key]
            else:
                value[key] = source.choice(_JUNK)
            return
        value = value[key]


def _check(inbound: Inbound | None) -> None:
    """What comes out can be kept: as JSON and back, with a key."""
    if inbound is not None:
        assert key_of(inbound)
        assert from_json(to_json(inbound)) == inbound
