"""Sessions that end, downtime, and what is found afterwards."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.discord import connection, guide, lanes, missed, read_marks
from adapters.discord.settings import bot_in
from bot.router import Router
from core.access import SYSTEM
from core.chat import Card, Deleted, Edited, Post, Revoked, Said
from core.desk import Desk
from core.installations import cursors
from core.installations import service as installations
from tests.adapters.discord import copies
from tests.adapters.discord.conftest import Ears, World, running
from tests.adapters.discord.standin import TOKEN, Standin, opened, until


async def test_what_was_said_while_away_comes_in_order(
    desk: Desk, standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    people, help_channel = standin.server.people, standin.seeded.channels[0]
    bot = standin.seeded.app.user.id
    async with running(desk, standin) as world:
        await standin.says("before")
        await world.ears.hears(Said)
        thread = people.thread("Ada", help_channel, "a thread")
        people.say("Ada", thread, "in a thread")
        await world.ears.hears(Said, 2)
    async with desk.db.sessions() as session:
        assert await cursors.get(session, "discord", bot, standin.place.channel)
    for text in ("one", "two"):
        await standin.says(text)
    people.say("Ada", thread, "three")
    people.say("Bob", help_channel, f"<@{bot}> four")
    post = people.post("Deniz", standin.room.channel, "Post", f"<@{bot}> five")
    monkeypatch.setattr(missed, "_JUST_NOW", timedelta(0))
    async with running(desk, standin) as world:
        await world.ears.hears(Said, 5)
        await world.bot.lanes.settled()
        await standin.says("live")
        await world.ears.hears(Said, 6)
        in_direct = [one for one in world.ears.of(Said) if one.place == standin.place]
        assert [(one.text, one.missed) for one in in_direct] == [
            ("one", True),
            ("two", True),
            ("live", False),
        ]
        others = {one.text: one for one in world.ears.of(Said)}
        assert others["three"].place == world.place(help_channel, thread)
        assert others["@Deskbell four"].place.thread == others["@Deskbell four"].native
        assert others["@Deskbell five"].place == world.place(standin.seeded.channels[3], post)
        assert all(one.at.tzinfo is not None for one in in_direct)


async def test_first_words_while_away_are_found_when_the_person_writes_again(
    desk: Desk, standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The platform lists no direct channels, so nobody tells of somebody's very first words."""
    monkeypatch.setattr(read_marks, "MARGIN", timedelta(0))
    people = standin.server.people
    async with running(desk, standin) as world:
        await standin.says("somebody else")
        await world.ears.hears(Said)
    direct = people.dm("Bob", standin.seeded.app)
    people.say("Bob", direct.id, "Is anybody there?")
    for _restart in range(2):
        async with running(desk, standin) as world:
            await standin.says("in between")
            await world.ears.hears(Said)
            await world.bot.marks.write(connected=True)
    async with running(desk, standin) as world:
        people.say("Bob", direct.id, "Hello?")
        await world.ears.hears(Said, 2)
        assert [one.text for one in world.ears.of(Said)] == ["Is anybody there?", "Hello?"]


async def test_many_wait_after_an_outage(desk: Desk, standin: Standin) -> None:
    async with running(desk, standin) as world:
        await standin.says("before")
        await world.ears.hears(Said)
    for number in range(450):
        await standin.says(f"m{number}")
    async with running(desk, standin) as world:
        await world.ears.hears(Said, 450)
        await world.bot.lanes.settled()
        assert [one.text for one in world.ears.heard] == [f"m{number}" for number in range(450)]


async def test_a_live_message_does_not_overtake_what_was_missed(desk: Desk, standin: Standin) -> None:
    """Direct channels are listed nowhere: the first live message in one makes the adapter look."""
    async with running(desk, standin) as world:
        await world.bot.lanes.settled()
    direct = standin.server.people.dm("Bob", standin.seeded.app)
    standin.server.people.say("Bob", direct, "first")
    async with running(desk, standin) as world:
        standin.server.people.say("Bob", direct, "second")
        await world.ears.hears(Said, 2)
        await world.bot.lanes.settled()
        assert [one.text for one in world.ears.of(Said)] == ["first", "second"]


async def test_edits_and_deletions_while_away_are_found(desk: Desk, standin: Standin) -> None:
    people, place = standin.server.people, standin.place
    ada = standin.seeded.users[0]
    router = Router(desk)
    ears = Ears(answers=router.deliver)
    async with running(desk, standin, ears) as world:
        first = people.say("Ada", place.channel, "one")
        second = people.say("Ada", place.channel, "two")
        third = people.say("Ada", place.channel, "three")
        await ears.hears(Said, 3)
        await world.bot.lanes.settled()
    people.edit("Ada", first, "one, but better")
    people.delete("Ada", second)
    ears = Ears(answers=router.deliver)
    async with running(desk, standin, ears):
        edited = await ears.hears(Edited)
        deleted = await ears.hears(Deleted)
        assert (edited.native, edited.text, edited.missed) == (first.id, "one, but better", True)
        assert (deleted.native, deleted.sender.external) == (second.id, ada.id)
        assert third.id not in [one.native for one in ears.of(Deleted)]


async def test_a_ticket_that_grew_from_a_mention_is_looked_at_with_its_first_message(
    desk: Desk, standin: Standin
) -> None:
    people, channel = standin.server.people, standin.seeded.channels[0]
    router = Router(desk)
    ears = Ears(answers=router.deliver)
    async with running(desk, standin, ears) as world:
        messages = [
            people.say("Ada", channel, f"<@{standin.seeded.app.user.id}> {text}") for text in ("a", "b", "c")
        ]
        for message in messages:
            place = world.place(channel, message)
            await ears.hears(Said, 1 + messages.index(message))
            await world.adapter.post(place, Post(Card(text="hm")), key=message.id)
        await world.bot.lanes.settled()
    people.edit("Ada", messages[0], "better")
    people.delete("Ada", messages[1])
    ears = Ears(answers=router.deliver)
    async with running(desk, standin, ears) as world:
        assert (await ears.hears(Edited)).native == messages[0].id
        assert (await ears.hears(Deleted)).native == messages[1].id
        await world.bot.lanes.settled()
        assert len(ears.of(Deleted)) == 1


async def test_a_copy_that_somebody_cleared_away_takes_nothing_back(world: World) -> None:
    place = world.place(world.channel("help"))
    native = await world.adapter.post(place, Post(Card(text="hi")), key="k")
    await copies.keep(world.desk, place, native)
    world.people.delete("Carla", native)
    world.people.say("Ada", world.channel("help"), "end")
    await world.ears.hears(Said)
    assert not world.ears.of(Deleted)


async def test_a_dropped_socket_and_an_invalid_session(world: World) -> None:
    await world.standin.says("one")
    world.server.gateway.drop()
    await world.standin.says("two")
    await world.ears.hears(Said, 2)
    world.server.gateway.invalidate_all()
    await world.standin.says("three")
    await until(lambda: len(world.ears.of(Said)) == 3, 20)
    await world.bot.lanes.settled()
    assert [one.text for one in world.ears.of(Said)] == ["one", "two", "three"]


async def test_nothing_counts_as_heard_while_the_session_begins_anew(
    desk: Desk, standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a channel that was silent so far nothing but the time of the session tells from where to read."""
    monkeypatch.setattr(read_marks, "MARGIN", timedelta(0))
    monkeypatch.setattr(connection, "WRITE_EVERY", 0.05)
    async with running(desk, standin) as world:
        world.server.gateway.invalidate_all()
        world.people.say("Ada", world.channel("general"), f"<@{standin.place.installation}> in the gap")
        assert (await world.ears.hears(Said)).text == "@Deskbell in the gap"


async def test_doubled_events_are_one(world: World) -> None:
    world.server.faults.add("duplicate", event="MESSAGE_CREATE")
    for number in range(5):
        await world.standin.says(f"m{number}")
    await world.ears.hears(Said, 5)
    await world.bot.lanes.settled()
    assert [one.text for one in world.ears.of(Said)] == [f"m{n}" for n in range(5)]


async def test_a_payload_that_the_library_does_not_know_does_not_deafen_the_bot(world: World) -> None:
    from playground.discord.events import Event, Intent

    world.server.gateway.tell(Event("CHANNEL_CREATE", {"id": "no"}, Intent(0), None, None, None, None))
    await until(lambda: world.server.gateway.identified == 2, 20)
    await until(lambda: world.bot.is_listening)
    await world.standin.says("still there?")
    assert (await world.ears.hears(Said)).text == "still there?"


async def test_a_full_lane_is_let_go_and_found_again(world: World) -> None:
    blocked = asyncio.Event()
    direct = world.standin.place.channel
    world.bot.lanes.put(direct, blocked.wait)  # type: ignore[arg-type]
    most, lanes.MOST_WAITING = lanes.MOST_WAITING, 10
    try:
        for number in range(30):
            await world.standin.says(f"m{number}")
        await until(lambda: len(world.bot.lanes._waiting[direct]) > 0)
        await asyncio.sleep(0.2)
    finally:
        lanes.MOST_WAITING = most
    blocked.set()
    await world.ears.hears(Said, 30)
    await world.bot.lanes.settled()
    assert [one.text for one in world.ears.of(Said)] == [f"m{n}" for n in range(30)]


async def test_a_session_remembers_of_so_many_channels_only_that_it_looked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One whose thread it forgot looks there once more, and hears each word once."""
    monkeypatch.setattr(missed, "MOST_CHECKED", 3)
    help_channel, bot = world.standin.seeded.channels[0], world.standin.seeded.app.user.id
    threads = [world.people.thread("Ada", help_channel, f"thread {number}") for number in range(8)]
    for round_ in range(2):
        for number, thread in enumerate(threads):
            world.people.say("Ada", thread, f"<@{bot}> {round_}-{number}")
    await world.ears.hears(Said, 16)
    await world.bot.lanes.settled()
    assert world.bot.missed is not None
    assert len(world.bot.missed._checked) <= 3
    heard = [one.text.removeprefix("@Deskbell ") for one in world.ears.of(Said)]
    assert sorted(heard) == sorted(f"{r}-{n}" for r in range(2) for n in range(8))


async def test_without_the_intent_the_bot_still_hears_what_is_meant_for_it(
    desk: Desk, standin: Standin
) -> None:
    standin.seeded.app.privileged = 0
    async with running(desk, standin) as world:
        assert world.bot.read_words is False
        await standin.says("hello")
        assert (await world.ears.hears(Said)).text == "hello"
        findings = {one.name: one for one in await world.adapter.check()}
        assert findings["token"].ok
        assert not findings["message_content"].ok


async def test_a_right_that_is_missing_is_named_with_what_it_is_for(desk: Desk, standin: Standin) -> None:
    role = next(one for one in standin.seeded.guild.roles.values() if one.bot_id)
    role.permissions = guide.NEEDED & ~guide.RIGHTS["manage_webhooks"]
    async with running(desk, standin) as world:
        findings = {one.name: one for one in await world.adapter.check()}
        assert "manage webhooks (needed for: agents' own names and pictures)" in findings["rights"].words
        assert "view channel" not in findings["rights"].words
        role.permissions = guide.NEEDED
        assert all(one.ok for one in await world.adapter.check())


async def test_a_bot_comes_and_goes_by_its_row(desk: Desk) -> None:
    async with opened(desk, DESKBELL_DISCORD_BOT_TOKEN="") as standin:
        ears = Ears()
        task = asyncio.create_task(standin.adapter.run(ears.deliver))
        try:
            await asyncio.sleep(0)
            assert not standin.adapter._bots
            tried = await standin.adapter.try_out({"bot_token": f"Bot {TOKEN}"})
            assert (tried.external, tried.secrets) == (standin.place.installation, {"bot_token": TOKEN})
            async with desk.unit() as uow:
                row = await installations.connect(
                    uow,
                    SYSTEM,
                    platform="discord",
                    external=tried.external,
                    name=tried.name,
                    secrets=tried.secrets,
                )
            await until(lambda: any(bot.is_listening for bot in standin.adapter._bots.values()))
            await standin.says("hello")
            await ears.hears(Said)
            names = [one.name for one in await standin.adapter.candidates(tried.external)]
            assert "Playground › #desk" in names
            standin.server.people.revoke(standin.seeded.app)
            standin.server.gateway.close(4004)
            async with asyncio.timeout(30):
                while (await _state(desk, tried.external)) != ("broken", "token_revoked"):
                    await asyncio.sleep(0.02)
            with pytest.raises(Revoked):
                await standin.adapter.post(standin.place, Post(Card(text="hi")), key="k")
            async with desk.unit() as uow:
                await installations.disconnect(uow, SYSTEM, row.id)
            await until(lambda: not standin.adapter._bots)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_a_token_that_was_refused_before_the_start_is_told(desk: Desk) -> None:
    async with opened(desk, DESKBELL_DISCORD_BOT_TOKEN="") as standin:
        external = standin.place.installation
        async with desk.unit() as uow:
            secrets = {"bot_token": TOKEN}
            await installations.connect(
                uow, SYSTEM, platform="discord", external=external, name="x", secrets=secrets
            )
        standin.server.people.revoke(standin.seeded.app)
        task = asyncio.create_task(standin.adapter.run(Ears().deliver))
        try:
            async with asyncio.timeout(30):
                while (await _state(desk, external)) != ("broken", "token_revoked"):
                    await asyncio.sleep(0.02)
            with pytest.raises(Revoked):
                await standin.adapter.post(standin.place, Post(Card(text="hi")), key="k")
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_a_new_token_is_used_at_once_and_not_refused_for_the_old_one(desk: Desk) -> None:
    """What waited is due the moment it is kept, before the bot was begun anew."""
    async with opened(desk, DESKBELL_DISCORD_BOT_TOKEN="") as standin:
        external = standin.place.installation
        connection = {"platform": "discord", "external": external, "name": "x"}
        async with desk.unit() as uow:
            await installations.connect(uow, SYSTEM, **connection, secrets={"bot_token": TOKEN})
        task = asyncio.create_task(standin.adapter.run(Ears().deliver))
        try:
            await until(lambda: any(bot.is_listening for bot in standin.adapter._bots.values()))
            standin.server.people.rotate(standin.seeded.app, "another.token")
            async with asyncio.timeout(30):
                while (await _state(desk, external)) != ("broken", "token_revoked"):
                    await asyncio.sleep(0.02)
            async with desk.unit() as uow:
                await installations.connect(uow, SYSTEM, **connection, secrets={"bot_token": "another.token"})
            await standin.adapter.post(standin.place, Post(Card(text="back")), key="k")
            assert await _state(desk, external) == ("on", None)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _state(desk: Desk, external: str) -> tuple[str, str | None]:
    async with desk.db.sessions() as session:
        found = await installations.by_external(session, "discord", external)
        assert found is not None
        return found.state, found.problem


async def test_without_running_places_are_found_by_calls(desk: Desk) -> None:
    """As the command line asks, beside a desk that runs."""
    async with opened(desk) as standin:
        found = await standin.adapter.candidates(standin.place.installation)
    assert "Playground › #desk" in [one.name for one in found]
    assert {one.place.installation for one in found} == {standin.place.installation}


@pytest.mark.parametrize(
    ("token", "bot"),
    [
        (urlsafe_b64encode(b"1280000000000000001").decode().rstrip("=") + ".x.y", "1280000000000000001"),
        ("playground-token", ""),
        ("MTI.x", "12"),
        ("M", ""),
        ("", ""),
        ("ключ", ""),
        (urlsafe_b64encode("１２".encode()).decode(), ""),
    ],
)
def test_whose_a_token_is_stands_in_its_first_part(token: str, bot: str) -> None:
    assert bot_in(token) == bot


async def test_the_environments_older_token_harms_no_bot_that_was_connected_anew(desk: Desk) -> None:
    """Its row would be marked as broken, and the bot that holds would be stopped."""
    async with opened(desk) as standin:
        bot = standin.place.installation
        older = urlsafe_b64encode(bot.encode()).decode().rstrip("=") + ".older.token"
        standin.adapter.settings = replace(standin.adapter.settings, bot_token=older)
        async with desk.unit() as uow:
            await installations.connect(
                uow, SYSTEM, platform="discord", external=bot, name="Desk", secrets={"bot_token": TOKEN}
            )
        assert await standin.adapter.shares() == {bot: frozenset({bot})}
        async with running(desk, standin) as world:
            await world.adapter.post(standin.place, Post(Card(text="hi")), key="k")
        assert (await _state(desk, bot)) == ("on", None)
        assert 401 not in {call[-1] for call in standin.server.calls}
