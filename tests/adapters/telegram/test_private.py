"""A private chat: what is said comes in and is acknowledged only then; what is posted stands there."""

from __future__ import annotations

import asyncio

from core.chat import Answer, Card, Post, Said
from core.desk import Desk
from core.installations import cursors
from tests.adapters.telegram.conftest import Door, eventually, running
from tests.adapters.telegram.standin import Standin


async def test_what_is_said_comes_in_and_is_answered(standin: Standin, door: Door) -> None:
    door.answer = lambda inbound: Answer(cards=(Card(text="We **have** it."),))
    async with running(standin.adapter, door):
        await standin.says("My printer is on fire")
        (said,) = await door.until(1)
        assert isinstance(said, Said)
        assert said.place == standin.place
        assert (said.text, said.direct, said.sender.name) == ("My printer is on fire", True, "Rita Moreno")
        await eventually(
            lambda: any(m["html"] == "We <b>have</b> it." for m in standin.messages(standin.place))
        )


async def test_what_could_not_be_kept_comes_again(standin: Standin, door: Door) -> None:
    door.away = 2
    async with running(standin.adapter, door):
        await standin.says("one")
        await standin.says("two")
        await eventually(lambda: not len(standin.world.bot.queue))
    assert [one.text for one in door.heard if isinstance(one, Said)] == ["one", "two"]
    assert door.knocks >= 4


async def test_the_offset_moves_only_after_the_desk_has_it(standin: Standin, door: Door, desk: Desk) -> None:
    held = asyncio.Event()

    async def slow(inbound: object) -> Answer:
        await held.wait()
        return Answer()

    async with running(standin.adapter, slow):
        await standin.says("one")
        await eventually(
            lambda: any(c.method.lower() == "getupdates" and c.status for c in standin.server.calls)
        )
        async with desk.db.sessions() as session:
            assert await cursors.get(session, "telegram", standin.place.installation) == ""
        assert len(standin.world.bot.queue) == 1
        held.set()
        await eventually(lambda: len(standin.world.bot.queue) == 0)
    async with desk.db.sessions() as session:
        assert await cursors.get(session, "telegram", standin.place.installation) != ""


async def test_a_post_stands_there_under_its_author(standin: Standin) -> None:
    part = Post(Card(text="Try *this*: `off`", author="Ahmed"))
    native = await standin.adapter.post(standin.place, part, key="k")
    (shown,) = [one for one in standin.messages(standin.place) if str(one["id"]) == native]
    assert shown["html"] == "<b>Ahmed</b>\nTry <i>this</i>: <code>off</code>"
