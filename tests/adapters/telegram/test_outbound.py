"""What the desk says, changes and takes back in a chat, and how Telegram's refusals are told."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.telegram.pacing import Pacer
from core.chat import (
    Button,
    Card,
    Field,
    Gone,
    Moved,
    NotSupported,
    Option,
    Place,
    Post,
    PostFailed,
    RetryAfter,
    Revoked,
    Select,
    ThreadGone,
)
from core.fit import fit
from playground.telegram.entities import units
from tests.adapters.telegram.standin import Standin


def saying(text: str, **more: Any) -> Post:
    return Post(Card(text=text), **more)


def last(standin: Standin, place: Place | None = None) -> dict[str, Any]:
    return standin.messages(place or standin.place)[-1]


async def test_edit_and_delete_follow(standin: Standin) -> None:
    adapter, place = standin.adapter, standin.place
    native = await adapter.post(place, saying("one"), key="k")
    await adapter.edit(place, native, saying("*two*"))
    await adapter.edit(place, native, saying("*two*"))
    assert last(standin)["html"] == "<i>two</i>"
    await adapter.delete(place, native)
    await adapter.delete(place, native)
    assert "two" not in await standin.shows(place)


async def test_too_late_to_delete_is_said_by_an_edit(standin: Standin) -> None:
    native = await standin.adapter.post(standin.place, saying("old"), key="k")
    standin.server.world.clock.advance(49 * 3600)
    with pytest.raises(NotSupported):
        await standin.adapter.delete(standin.place, native)
    await standin.adapter.edit(standin.place, native, saying("This message was deleted."))


async def test_an_edit_of_what_is_gone_cannot_be_done(standin: Standin) -> None:
    native = await standin.adapter.post(standin.place, saying("x"), key="k")
    await standin.adapter.delete(standin.place, native)
    with pytest.raises(NotSupported):
        await standin.adapter.edit(standin.place, native, saying("y"))


async def test_a_reply_answers_its_message_and_outlives_it(standin: Standin) -> None:
    adapter, place = standin.adapter, standin.place
    first = await adapter.post(place, saying("q"), key="1")
    await adapter.post(place, saying("a", reply_to=first), key="2")
    assert str(last(standin)["reply_to"]) == first
    await adapter.delete(place, first)
    await adapter.post(place, saying("again", reply_to=first), key="3")
    assert last(standin)["text"] == "again"


async def test_buttons_choices_and_addresses(standin: Standin) -> None:
    options = (Option("Sales", "s" * 60), Option("Help", "help"))
    card = Card(
        title="Ticket 4",
        text="What next?",
        fields=(Field("State", "open"),),
        buttons=(
            Button("Claim", id="claim:ticket:4"),
            Button("Open", url="https://desk.example/t/4"),
            Button("Local", url="http://localhost:8000/t/4"),
        ),
        selects=(Select("team:ticket:4", "Team", options),),
    )
    await standin.adapter.post(standin.place, Post(card), key="k")
    shown = last(standin)
    flat = [button for row in shown["buttons"] for button in row]
    assert [b.get("callback_data", b.get("url")) for b in flat] == [
        "claim:ticket:4",
        "https://desk.example/t/4",
        "team:ticket:4#0",
        "team:ticket:4=help",
    ]
    assert "Local: http://localhost:8000/t/4" in shown["text"]
    assert "State: open" in shown["text"]


@pytest.mark.parametrize("long", ["word " * 12_000, "😀" * 6_000, "a" * 9_000, "**b** " * 3_000])
async def test_whatever_is_posted_fits(standin: Standin, long: str) -> None:
    fields = tuple(Field(f"f{n}", "v" * 900) for n in range(20))
    for card in (Card(text=long), Card(text=long, title="T" * 400, author="A" * 300, fields=fields)):
        await standin.adapter.post(standin.place, Post(fit(card, standin.adapter.limits)), key="k")
        await standin.adapter.post(standin.place, Post(card), key="k")
        assert 0 < units(last(standin)["text"]) <= 4_096


async def test_reactions_one_of_the_list(standin: Standin) -> None:
    adapter, place = standin.adapter, standin.place
    said = standin.server.people.say(standin.world.requester, standin.world.private, "hi")
    native = str(said.id)
    await adapter.react(place, native, ("❤️",))
    assert last(standin)["reactions"] == [{"emoji": "❤", "by": standin.world.bot.id}]
    await adapter.react(place, native, ("🦖", "👍🏽"))
    assert last(standin)["reactions"][0]["emoji"] == "👍"
    with pytest.raises(NotSupported):
        await adapter.react(place, native, ("🦖",))
    assert last(standin)["reactions"] == []
    await adapter.mark(place, native, "sent")
    assert last(standin)["reactions"][0]["emoji"] == "👌"
    await adapter.mark(place, native, "failed")
    assert [one["emoji"] for one in last(standin)["reactions"]] == ["🤷"]
    await adapter.typing(place, True)
    assert any(change["what"] == "action" for change in standin.server.world.changes)


async def test_a_blocked_bot_and_an_unknown_chat_are_gone(standin: Standin) -> None:
    standin.server.people.block(standin.world.requester, standin.world.bot)
    with pytest.raises(Gone):
        await standin.adapter.post(standin.place, saying("x"), key="k")
    for channel in ("999999", "-4999", "junk"):
        with pytest.raises(Gone):
            await standin.adapter.post(
                Place("telegram", standin.place.installation, channel), saying("x"), key="k"
            )


async def test_a_bot_that_was_kicked(standin: Standin) -> None:
    standin.server.people.kick(standin.world.agent, standin.world.room, standin.world.bot)
    with pytest.raises(Gone):
        await standin.adapter.post(standin.room, saying("x"), key="k")


async def test_a_group_that_moved(standin: Standin) -> None:
    world, people = standin.world, standin.server.people
    group = people.create_group(world.agent, "G", world.bot, kind="group")
    new = people.migrate(world.agent, group)
    with pytest.raises(Moved) as moved:
        await standin.adapter.post(
            Place("telegram", standin.place.installation, str(group.id)), saying("x"), key="k"
        )
    assert moved.value.to.channel == str(new.id)


async def test_a_token_that_was_taken_away(standin: Standin) -> None:
    standin.server.revoke(standin.world.bot)
    with pytest.raises(Revoked):
        await standin.adapter.post(standin.place, saying("x"), key="k")
    with pytest.raises(Revoked):
        await standin.adapter.post(Place("telegram", "1", "5"), saying("nobody connected it"), key="k")


@pytest.mark.parametrize(
    ("kind", "knobs", "error"),
    [
        ("too_many", {"retry_after": 3_600}, RetryAfter),
        ("error", {"status": 500}, PostFailed),
        ("error", {"status": 502}, PostFailed),
        ("drop_before", {}, PostFailed),
        ("drop_after", {}, PostFailed),
    ],
)
async def test_bad_days(standin: Standin, kind: str, knobs: dict[str, Any], error: type[Exception]) -> None:
    standin.server.faults.add(kind, "sendMessage", times=1, **knobs)
    with pytest.raises(error) as raised:
        await standin.adapter.post(standin.place, saying("x"), key="k")
    if isinstance(raised.value, RetryAfter):
        assert raised.value.seconds == 3_600
    await standin.adapter.post(standin.place, saying("y"), key="k")
    assert (await standin.shows(standin.place))[-1] == "y"


@pytest.mark.parametrize("method", ["editMessageText", "deleteMessage", "setMessageReaction"])
async def test_what_was_done_and_not_heard_of_is_not_doubled(standin: Standin, method: str) -> None:
    """Edits, deletes and reactions say the same when they are said again."""
    adapter, place = standin.adapter, standin.place
    native = await adapter.post(place, saying("x"), key="k")
    before = len(standin.messages(place))
    standin.server.faults.add("drop_after", method, times=1)
    for _try in range(2):
        try:
            match method:
                case "editMessageText":
                    await adapter.edit(place, native, saying("y"))
                case "deleteMessage":
                    await adapter.delete(place, native)
                case _:
                    await adapter.react(place, native, ("👍",))
        except PostFailed:
            continue
    expected = before - 1 if method == "deleteMessage" else before
    assert len(standin.messages(place)) == expected


async def test_desk_room(standin: Standin) -> None:
    adapter, room = standin.adapter, standin.room
    opened = await adapter.open_thread(room, "#4 " + "t" * 300, saying("head"), key="k")
    assert opened.head == ""
    assert opened.place.channel == room.channel
    native = await adapter.post(opened.place, saying("head"), key="1")
    assert (await standin.shows(opened.place))[-1] == "head"
    topic = standin.world.room.topics[int(opened.place.thread)]
    assert len(topic.name) == 128
    for _again in range(2):
        await adapter.close_thread(opened.place)
        assert topic.closed
    for _again in range(2):
        await adapter.restore_thread(opened.place)
        assert not topic.closed
    await adapter.edit(opened.place, native, saying("changed"))
    standin.server.people.delete_topic(standin.world.agent, standin.world.room, topic.id)
    with pytest.raises(ThreadGone):
        await adapter.post(opened.place, saying("x"), key="2")
    with pytest.raises(ThreadGone):
        await adapter.close_thread(opened.place)


async def test_a_closed_topic_is_opened_to_post(standin: Standin) -> None:
    """A bot that may not manage topics may still reopen its own."""
    adapter = standin.adapter
    opened = await adapter.open_thread(standin.room, "t", saying("h"), key="k")
    await adapter.close_thread(opened.place)
    rights = ("can_delete_messages",)
    standin.server.people.promote(standin.world.agent, standin.world.room, standin.world.bot, *rights)
    await adapter.post(opened.place, saying("still"), key="1")
    assert (await standin.shows(opened.place))[-1] == "still"


async def test_no_topics_where_there_are_none(standin: Standin) -> None:
    world = standin.world
    group = standin.server.people.create_group(world.agent, "plain", world.bot)
    with pytest.raises(NotSupported):
        await standin.adapter.open_thread(
            Place("telegram", standin.place.installation, str(group.id)), "t", saying("h"), key="k"
        )


async def test_a_chain_of_replies_is_answered_in_it(standin: Standin) -> None:
    world, people = standin.world, standin.server.people
    group = people.create_group(world.agent, "plain", world.bot)
    said = people.say(world.agent, group, "@help_desk_bot broken")
    place = Place("telegram", standin.place.installation, str(group.id), f"~{said.id}")
    await standin.adapter.post(place, saying("on it"), key="k")
    assert standin.server.shows(group)[-1]["reply_to"] == said.id


async def test_the_pace_is_kept_and_a_long_wait_is_left_to_the_outbox() -> None:
    now = 1_000.0
    pacer = Pacer(now=lambda: now)
    for _number in range(19):
        await pacer.turn("-100")
        now += 1.1
    waits = []
    for _number in range(3):
        with pytest.raises(RetryAfter) as pause:
            await pacer.turn("-100")
        waits.append(pause.value.seconds)
    assert waits == sorted(waits)
    assert waits[0] == pytest.approx(60 - 19 * 1.1, abs=0.01)
    await pacer.turn("-200")
    await pacer.turn("5")
    now += 61
    await pacer.turn("-100")
