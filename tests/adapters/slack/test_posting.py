"""What the desk says: once, in the right place, changed and taken back; and what Slack's refusals mean."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from core.chat import (
    Button,
    Card,
    Field,
    Gone,
    MissingPermission,
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
from tests.adapters.slack.standin import Standin, opened


def again(post: Post) -> Post:
    return replace(post, again=True, since=datetime.now(UTC))


async def texts(slack: Standin, place: Place) -> list[str]:
    return await slack.shows(place)


@pytest.mark.parametrize("where", ["place", "room", "thread"])
async def test_an_answer_that_was_lost_is_said_once(slack: Standin, where: str) -> None:
    place = slack.room if where == "room" else slack.place
    if where == "thread":
        place = (await slack.adapter.open_thread(slack.room, "#1", Post(Card(title="#1")), key="h")).place
    post = Post(Card(text="once"))
    slack.server.faults.add("chat.postMessage", "commit_drop", times=1)
    with pytest.raises(PostFailed):
        await slack.adapter.post(place, post, key="k1")
    native = await slack.adapter.post(place, again(post), key="k1")
    shown = [one for one in await texts(slack, place) if one == "once"]
    assert shown == ["once"]
    other = await slack.adapter.post(place, again(post), key="k2")
    assert other != native


async def test_what_was_left_unheard_is_found_to_be_taken_away(slack: Standin) -> None:
    place, post = slack.place, Post(Card(text="gone by now"))
    slack.server.faults.add("chat.postMessage", "commit_drop", times=1)
    with pytest.raises(PostFailed):
        await slack.adapter.post(place, post, key="k1")
    part = again(Post(Card(text="This message was deleted.")))
    assert await slack.adapter.recall(place, part, key="k2", is_file=False) == ""
    native = await slack.adapter.recall(place, part, key="k1", is_file=False)
    assert await texts(slack, place) == ["gone by now"]
    await slack.adapter.delete(place, native)
    assert await texts(slack, place) == []


async def test_a_thread_that_was_opened_unheard_is_opened_once(slack: Standin) -> None:
    head = Post(Card(title="#7 Printer", fields=(Field("Status", "open"),)))
    slack.server.faults.add("chat.postMessage", "commit_status", times=1)
    with pytest.raises(PostFailed):
        await slack.adapter.open_thread(slack.room, "#7 Printer", head, key="h7")
    made = await slack.adapter.open_thread(slack.room, "#7 Printer", again(head), key="h7")
    assert made.place.thread == made.head
    assert len(await texts(slack, slack.room)) == 1
    own = await slack.adapter.open_thread(slack.room, "x", head, key="h8", member=slack.world.ada)
    assert own.place == slack.place
    assert len(await texts(slack, slack.place)) == 1


async def test_a_vanished_thread_is_told_and_leaves_nothing_in_the_channel(slack: Standin) -> None:
    gone = replace(slack.room, thread="1700000000.000001")
    with pytest.raises(ThreadGone):
        await slack.adapter.post(gone, Post(Card(text="lost")), key="k1")
    with pytest.raises(ThreadGone):
        await slack.adapter.post(gone, again(Post(Card(text="lost"))), key="k1")
    assert await texts(slack, slack.room) == []


async def test_a_head_that_was_deleted_is_a_vanished_thread(slack: Standin) -> None:
    made = await slack.adapter.open_thread(slack.room, "#1", Post(Card(title="#1")), key="h")
    await slack.adapter.post(made.place, Post(Card(text="reply")), key="k")
    channel = slack.server.world.channels[slack.room.channel]
    slack.server.acts.remove(channel, channel.messages[made.head])
    with pytest.raises(ThreadGone):
        await slack.adapter.edit(made.place, made.head, Post(Card(title="#1 changed")))


async def test_edit_and_delete_reach_the_same_end_twice(slack: Standin) -> None:
    native = await slack.adapter.post(slack.place, Post(Card(text="a", author="Ben")), key="k")
    for _twice in range(2):
        await slack.adapter.edit(slack.place, native, Post(Card(text="b **c**", author="Ben")))
    (shown,) = (await slack.server.play.channel(slack.place.channel))["messages"]
    assert shown["text"] == "Ben\nb c"
    assert shown["blocks"][0]["elements"][0]["elements"][-1]["style"] == {"bold": True}
    for _twice in range(2):
        await slack.adapter.delete(slack.place, native)
    assert await texts(slack, slack.place) == []
    with pytest.raises(NotSupported):
        await slack.adapter.edit(slack.place, native, Post(Card(text="x")))


@pytest.mark.parametrize(
    ("method", "act"),
    [
        ("chat.update", lambda a, p, n: a.edit(p, n, Post(Card(text="new")))),
        ("chat.delete", lambda a, p, n: a.delete(p, n)),
        ("reactions.add", lambda a, p, n: a.react(p, n, ("👍",))),
        ("reactions.add", lambda a, p, n: a.mark(p, n, "sent")),
    ],
)
async def test_what_was_done_unheard_may_be_done_again(slack: Standin, method: str, act: Any) -> None:
    native = await slack.adapter.post(slack.place, Post(Card(text="old")), key="k")
    slack.server.faults.add(method, "commit_drop", times=1)
    with pytest.raises(PostFailed):
        await act(slack.adapter, slack.place, native)
    await act(slack.adapter, slack.place, native)
    assert len(await texts(slack, slack.place)) <= 1


async def test_reactions_are_a_state_and_marks_stay(slack: Standin) -> None:
    said = await slack.server.play.say(slack.world.ada, "bot", "thanks")

    async def names() -> set[str]:
        (shown,) = (await slack.server.play.channel(slack.place.channel))["messages"]
        return {one["name"] for one in shown.get("reactions", [])}

    await slack.adapter.mark(slack.place, said["ts"], "failed")
    assert await names() == {"warning"}
    await slack.adapter.mark(slack.place, said["ts"], "sent")
    assert await names() == {"white_check_mark"}
    await slack.adapter.react(slack.place, said["ts"], ("👍", "🎉"))
    assert await names() == {"white_check_mark", "+1", "tada"}
    await slack.adapter.react(slack.place, said["ts"], (":party_parrot:",))
    assert await names() == {"white_check_mark", "party_parrot"}
    with pytest.raises(NotSupported):
        await slack.adapter.react(slack.place, said["ts"], ("👍", "not an emoji"))
    assert await names() == {"white_check_mark", "+1"}
    await slack.server.play.react(slack.world.ada, "bot", said["ts"], "+1")
    await slack.adapter.react(slack.place, said["ts"], ("👍",))
    (shown,) = (await slack.server.play.channel(slack.place.channel))["messages"]
    assert {one["name"]: one["users"] for one in shown["reactions"]}["+1"] == [slack.world.ada]
    await slack.server.play.unreact(slack.world.ada, "bot", said["ts"], "+1")
    await slack.adapter.react(slack.place, said["ts"], ("👍",))
    assert await names() == {"white_check_mark", "+1"}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "ratelimited", "retry_after": 3600}, RetryAfter),
        ({"kind": "status", "status": 503}, PostFailed),
        ({"kind": "drop"}, PostFailed),
        ({"kind": "error", "error": "channel_not_found"}, Gone),
        ({"kind": "error", "error": "is_archived"}, Gone),
        ({"kind": "error", "error": "restricted_action"}, MissingPermission),
        ({"kind": "error", "error": "token_revoked"}, Revoked),
        ({"kind": "error", "error": "invalid_blocks"}, NotSupported),
        ({"kind": "error", "error": "internal_error"}, PostFailed),
        ({"kind": "error", "error": "missing_scope"}, NotSupported),
    ],
)
async def test_refusals_have_meanings(slack: Standin, fault: dict[str, Any], error: type[Exception]) -> None:
    await slack.adapter.workspaces.refresh()
    slack.server.faults.add("chat.postMessage", times=1, **fault)
    with pytest.raises(error) as caught:
        await slack.adapter.post(slack.place, Post(Card(text="x")), key="k")
    assert type(caught.value) is error or error is NotSupported
    if isinstance(caught.value, RetryAfter):
        assert caught.value.seconds == 3600


async def test_a_place_that_is_gone(slack: Standin) -> None:
    await slack.server.play.leave("bot", "desk")
    with pytest.raises(Gone):
        await slack.adapter.post(slack.room, Post(Card(text="x")), key="k")
    with pytest.raises(Revoked):
        await slack.adapter.post(replace(slack.room, installation="T0NOBODY"), Post(Card(text="x")), key="k")


async def test_a_token_that_is_revoked_while_sending(slack: Standin) -> None:
    await slack.adapter.post(slack.place, Post(Card(text="x")), key="k")
    await slack.server.play.revoke_tokens(slack.world.team)
    with pytest.raises(Revoked):
        await slack.adapter.post(slack.place, Post(Card(text="y")), key="k2")


async def test_nothing_pings(slack: Standin) -> None:
    loud = "<!channel> <@U123> @everyone @here <!subteam^S1>"
    await slack.adapter.post(slack.room, Post(Card(text=loud, author="<!here>", title="<!channel>")), key="k")
    (shown,) = (await slack.server.play.channel(slack.room.channel))["messages"]
    assert "<!" not in shown["text"]
    assert "<@" not in shown["text"]
    for block in shown["blocks"]:
        if block["type"] == "rich_text":
            kinds = {one["type"] for section in block["elements"] for one in section["elements"]}
            assert kinds <= {"text", "link"}


async def test_forty_thousand_characters_in_parts(slack: Standin) -> None:
    from core.fit import split

    text = "\n\n".join(f"paragraph {number} " + "word " * 40 for number in range(190))
    assert len(text) > 40_000
    parts = split(text, slack.adapter.limits.text)
    for number, part in enumerate(parts):
        await slack.adapter.post(
            slack.place, Post(Card(text=part, author="Ben"), part=number), key=f"k{number}"
        )
    shown = await texts(slack, slack.place)
    assert len(shown) == len(parts)
    assert shown[0].startswith("Ben\n")
    assert "paragraph 189" in shown[-1]


async def test_a_card_with_everything(slack: Standin) -> None:
    card = Card(
        text="- a\n- b\n\n> quote\n\n```py\ncode\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |",
        title="T" * 300,
        fields=tuple(Field(f"f{n}", "**v** <x>") for n in range(23)),
        buttons=(
            *(Button(f"b{n}", f"claim:ticket:{n}") for n in range(24)),
            Button("same", "claim:ticket:1", style="danger"),
            Button("open", url="https://desk.example.com/t/1"),
        ),
        selects=(
            Select("priority:ticket:1", "Priority", tuple(Option(f"o{n}", f"v{n}") for n in range(120))),
        ),
        tone="warning",
        image="https://desk.example.com/a.png",
    )
    native = await slack.adapter.post(slack.room, Post(card), key="k")
    await slack.adapter.edit(slack.room, native, Post(card))


async def test_names_of_agents_stand_above_where_the_admin_wants_it(desk: Any) -> None:
    async with opened(desk, DESKBELL_SLACK_CUSTOM_NAMES="1") as slack:
        card = Card(text="hello", author="Ben", picture="https://desk.example.com/ben.png")
        native = await slack.adapter.post(slack.place, Post(card), key="k")
        await slack.adapter.edit(slack.place, native, Post(Card(text="hello again", author="Ben")))
        (shown,) = (await slack.server.play.channel(slack.place.channel))["messages"]
        assert (shown["username"], shown["text"]) == ("Ben", "hello again")
        await slack.adapter.delete(slack.place, native)


async def test_an_answer_links_to_what_it_answers(slack: Standin) -> None:
    said = await slack.server.play.say(slack.world.ada, "bot", "two questions")
    await slack.adapter.post(slack.place, Post(Card(text="one answer"), reply_to=said["ts"]), key="k")
    shown = (await slack.server.play.channel(slack.place.channel))["messages"][-1]
    assert f"/p{said['ts'].replace('.', '')}|" in str(shown["blocks"])


async def test_a_colleagues_note_does_not_look_like_a_reply(slack: Standin) -> None:
    await slack.adapter.post(slack.room, Post(Card(text="A reply", author="Ben")), key="r")
    await slack.adapter.post(slack.room, Post(Card(text="A note", author="Ben", tone="note")), key="n")
    assert await slack.shows(slack.room) == ["Ben\nA reply", "Ben · internal note\nA note"]
    note = (await slack.server.play.channel(slack.room.channel))["messages"][-1]
    assert "Ben · internal note" in json.dumps(note["blocks"], ensure_ascii=False)
