"""What people say, change and take back; told once, and acknowledged only when it is kept."""

from __future__ import annotations

import asyncio

import pytest

from core.chat import Answer, Card, Deleted, Edited, Invoked, Place, Post, Said
from core.errors import Unavailable
from tests.adapters.slack.conftest import Hearing
from tests.adapters.slack.standin import Standin


async def test_a_direct_message_is_heard_and_answered(live: Standin, hearing: Hearing) -> None:
    await live.says("the *printer* is on fire")
    said = await hearing.first(Said)
    assert said.place == live.place
    assert said.text == "the **printer** is on fire"
    assert (said.sender.external, said.sender.name) == (live.world.ada, "Ada Lind")
    assert (said.sender.email, said.sender.vouched) == ("ada@northwind.example", True)
    assert said.direct
    native = await live.adapter.post(said.place, Post(Card(text="We are **on** it.", author="Ben")), key="k1")
    assert (await live.shows(live.place))[-1] == "Ben\nWe are on it."
    assert native
    assert await live.server.play.settled(5)


async def test_it_is_acknowledged_only_when_it_was_kept(live: Standin, hearing: Hearing) -> None:
    hearing.down = 1
    await live.says("hello")
    said = await hearing.first(Said)
    assert said.text == "hello"
    await live.server.play.settled()
    tries = [one for one in live.server.delivery.sent if one["type"] == "message"]
    assert [one["ok"] for one in tries] == [False, True]


async def test_nothing_is_acknowledged_before_the_desk_has_it(live: Standin, hearing: Hearing) -> None:
    gate = asyncio.Event()

    async def slowly(inbound: object) -> Answer:
        await gate.wait()
        return Answer()

    hearing.answer = slowly
    await live.says("hello")
    await hearing.first(Said)
    assert live.server.sockets.acked == 0
    gate.set()
    await live.server.play.settled()
    assert live.server.sockets.acked == 1


async def test_an_edit_and_a_deletion(live: Standin, hearing: Hearing) -> None:
    said = await live.server.play.say(live.world.ada, "bot", "helo")
    await live.server.play.edit(live.world.ada, "bot", said["ts"], "hello")
    edited = await hearing.first(Edited)
    assert (edited.native, edited.text, edited.direct) == (said["ts"], "hello", False)
    await live.server.play.delete(live.world.ada, "bot", said["ts"])
    deleted = await hearing.first(Deleted)
    assert deleted.native == said["ts"]


async def test_a_mention_is_one_fact_in_a_thread_of_its_own(live: Standin, hearing: Hearing) -> None:
    said = await live.server.play.say(live.world.ada, "general", "@deskbell my screen is dark")
    heard = await hearing.first(Said)
    assert heard.place == Place("slack", live.world.team, live.world.general, said["ts"])
    assert (heard.text, heard.direct) == ("my screen is dark", True)
    await live.server.play.settled()
    assert {one.native for one in hearing.all(Said)} == {said["ts"]}
    await live.server.play.say(live.world.ada, "general", "still dark", thread=said["ts"])
    more = await hearing.first(Said, text="still dark")
    assert (more.place, more.direct) == (heard.place, False)


async def test_a_command_by_name_in_a_thread(live: Standin, hearing: Hearing) -> None:
    from core.chat import CommandSpec

    live.adapter.offer([CommandSpec("claim", "Take a ticket"), CommandSpec("close", "Close a ticket")])
    head = await live.server.play.say(live.world.ben, "desk", "head")
    await live.server.play.say(live.world.ben, "desk", "@deskbell claim", thread=head["ts"])
    called = await hearing.first(Invoked)
    assert (called.command, called.arguments, called.place.thread) == ("claim", "", head["ts"])
    await live.server.play.say(live.world.ada, "general", "@deskbell close the window please")
    assert (await hearing.first(Said, direct=True)).text == "close the window please"


async def test_a_command_by_name_keeps_its_files_lines_and_edits(live: Standin, hearing: Hearing) -> None:
    from core.chat import CommandSpec

    live.adapter.offer([CommandSpec("note", "A note")])
    head = await live.server.play.say(live.world.ben, "desk", "head")
    file = {"name": "a.txt", "data": "aGVsbG8="}
    said = await live.server.play.say(
        live.world.ben, "desk", "@deskbell note\nshe shouts", thread=head["ts"], files=[file]
    )
    called = await hearing.first(Invoked)
    assert (called.command, called.arguments, called.standing) == ("note", "she shouts", True)
    assert [one.name for one in called.files] == ["a.txt"]
    await live.server.play.edit(live.world.ben, "desk", said["ts"], "@deskbell note she sings")
    assert (await hearing.first(Edited)).text == "/note she sings"
    await live.server.play.say(live.world.ben, "desk", "@deskbell nte she sings", thread=head["ts"])
    assert (await hearing.first(Said, text="nte she sings")).by_name


async def test_a_workspace_that_was_not_reached_yet_is_heard_later(slack: Standin, hearing: Hearing) -> None:
    slack.server.faults.add("auth.test", "status", status=503)
    payload = {"type": "event_callback", "team_id": slack.world.team, "event": {"type": "message"}}
    with pytest.raises(Unavailable):
        await slack.adapter.receiving.receive(payload)
    slack.server.faults.clear()
    slack.adapter.receiving.deliver = hearing
    assert await slack.adapter.receiving.receive(payload) == {}
    assert await slack.adapter.receiving.receive(payload | {"team_id": "T0NOBODY"}) == {}
