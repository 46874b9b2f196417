"""The whole way: the real desk behind the adapter, a requester and an agent in the same workspace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select

from adapters.slack import catchup, make
from bot import wiring
from bot.loops import Loops
from bot.post import Posting
from bot.router import Router
from bot.tell import Tell
from core.access import SYSTEM
from core.chat import Answer, Deleted, Inbound, Said
from core.conversations.model import Message
from core.desk import Desk
from core.installations import service as installations
from core.notices.model import Notice
from core.people import service as people
from core.people.model import Identity
from core.rooms import service as rooms
from core.settings import Settings
from tests.adapters.slack.standin import Standin, env_of


@dataclass
class Whole:
    slack: Standin
    desk: Desk

    @property
    def play(self) -> Any:
        return self.slack.server.play

    async def sees(self, channel: str, words: str, thread: str = "") -> Any:
        found = (await self.play.wait(channel, contains=words, thread=thread, timeout=20))["message"]
        assert found is not None, f"nobody sees {words!r}"
        return found

    async def until(self, check: Any) -> Any:
        async with asyncio.timeout(20):
            while not (found := await check()):
                await self.slack.server.changes.wait(self.slack.server.changes.seq, 0.5)
            return found


@pytest.fixture
async def whole(slack: Standin, desk: Desk) -> AsyncIterator[Whole]:
    world = slack.world
    async with desk.unit() as uow:
        admin = await people.actor_of(uow, await people.add(uow, name="Root", role="admin"))
        ben = await people.add(uow, name="Ben", role="agent", email="ben@northwind.example", verified=True)
        digest = people.digest_of_identity(uow, "slack", world.team, world.ben)
        uow.session.add(Identity(person_id=ben.id, platform="slack", digest=digest))
        await rooms.add(uow, admin, slack.room, name="Desk")
    desk.means.settings = desk.means.settings.model_copy(update={"hold_seconds": 0})
    chats: Any = {"slack": slack.adapter}
    router = Router(desk, limits={"slack": slack.adapter.limits})
    tell = Tell(desk, wiring.tellers(desk, chats), chats)
    posting = Posting(desk, chats, wiring.makers(Settings(), chats), public_url="http://desk.example")
    from bot import commands
    from core.chat import CommandSpec

    slack.adapter.offer([CommandSpec(name, known.title) for name, known in commands.load().items()])
    tasks = [asyncio.create_task(Loops(desk, router, tell, posting).run())]
    tasks += [asyncio.create_task(slack.adapter.run(router.deliver))]
    assert await slack.server.sockets.connected(30)
    yield Whole(slack, desk)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_from_a_direct_message_to_an_answer_and_back(whole: Whole) -> None:
    play, world = whole.play, whole.slack.world
    said = await play.say(
        world.ada, "bot", "The *printer* burns", files=[{"name": "smoke.txt", "text": "smoke"}]
    )
    head = await whole.sees("desk", "printer")
    thread = head["ts"]
    copy = await whole.sees("desk", "The printer burns", thread)
    room = whole.slack.server.world.channels[whole.slack.room.channel]

    async def with_file() -> bool:
        return any(one.files for one in room.replies(thread))

    await whole.until(with_file)
    await play.say(world.ben, "desk", "@deskbell claim", thread=thread)
    await whole.sees(whole.slack.place.channel, "looking into it")
    answer = await play.say(world.ben, "desk", "Is it *really*?", thread=thread)
    shown = await whole.sees(whole.slack.place.channel, "Is it really?")
    channel = whole.slack.server.world.channels[whole.slack.room.channel]

    async def marked() -> bool:
        return "white_check_mark" in channel.messages[answer["ts"]].reactions

    await whole.until(marked)
    await play.edit(world.ben, "desk", answer["ts"], "Is it true?")
    await whole.sees(whole.slack.place.channel, "Is it true?")
    await play.react(world.ada, "bot", shown["ts"], "heart")

    async def hearted() -> bool:
        return "heart" in channel.messages[answer["ts"]].reactions

    await whole.until(hearted)
    await play.edit(world.ada, "bot", said["ts"], "The printer smokes")
    await whole.sees("desk", "The printer smokes", thread)
    await play.delete(world.ben, "desk", answer["ts"])
    direct = whole.slack.server.world.channels[whole.slack.place.channel]

    async def taken_back() -> bool:
        return shown["ts"] not in direct.messages

    await whole.until(taken_back)
    assert copy["ts"] in channel.messages


async def test_a_mention_a_form_and_a_thread_that_vanishes(whole: Whole) -> None:
    play, world = whole.play, whole.slack.world
    asked = await play.say(world.ada, "general", "@deskbell the lamp is dark")
    head = await whole.sees("desk", "lamp")
    receipt = await whole.sees("general", "", thread=asked["ts"])
    assert receipt["user"] == world.bot
    channel = whole.slack.server.world.channels[whole.slack.room.channel]
    for message in [*channel.replies(head["ts"]), channel.messages[head["ts"]]]:
        whole.slack.server.acts.remove(channel, message)
    await play.say(world.ada, "general", "and the fan too", thread=asked["ts"])

    async def another_head() -> Any:
        tops = [one for one in channel.messages.values() if not one.is_reply and one.text.startswith("#1")]
        return tops[0].ts if tops else None

    again = await whole.until(another_head)
    assert again != head["ts"]
    await whole.sees("desk", "and the fan too", thread=again)
    await play.open_home(world.ada)
    home = await whole.until(lambda: _home(whole))
    assert "lamp" in str(home["blocks"])


async def _second_workspace(whole: Whole) -> str:
    """The customer's workspace is connected too; its bot's user."""
    world, slack = whole.slack.world, whole.slack.server.world
    token = slack.install(world.other_team)
    async with whole.desk.unit() as uow:
        await installations.connect(
            uow,
            SYSTEM,
            platform="slack",
            external=world.other_team,
            name="Contoso",
            secrets={"bot_token": token.value},
        )
    await whole.slack.adapter.workspaces.refresh()
    assert whole.slack.adapter.workspaces.settled() == {world.team, world.other_team}
    return slack.bot_of(world.other_team)


async def test_a_shared_channel_hears_the_name_of_either_workspaces_bot(whole: Whole) -> None:
    play, world = whole.play, whole.slack.world
    theirs = await _second_workspace(whole)
    asked = await play.say(world.dan, "with-contoso", f"<@{theirs}> the crane is stuck", raw=True)
    head = await whole.sees("desk", "crane")
    receipt = await whole.sees("with-contoso", "", thread=asked["ts"])
    assert receipt["user"] == world.bot  # Theirs is not in the channel.
    assert f"<@{theirs}>" not in str(await play.thread("desk", head["ts"]))
    await play.say(world.dan, "with-contoso", "it moves a little", thread=asked["ts"])
    await whole.sees("desk", "it moves a little", head["ts"])


async def test_a_thread_goes_on_when_the_other_workspaces_bot_joins_its_channel(whole: Whole) -> None:
    """From then on Slack tells of the channel through that workspace."""
    play, world = whole.play, whole.slack.world
    asked = await play.say(world.dan, "with-contoso", f"<@{world.bot}> the crane is stuck", raw=True)
    head = await whole.sees("desk", "crane")
    theirs = await _second_workspace(whole)
    await play.join(theirs, "with-contoso")
    more = await play.say(world.dan, "with-contoso", "and it smokes", thread=asked["ts"])
    await whole.sees("desk", "and it smokes", head["ts"])
    told = [one for one in whole.slack.server.delivery.sent if one["team"] == world.other_team]
    assert told, "the stand-in told it through the other workspace"
    await play.edit(world.dan, "with-contoso", more["ts"], "and it burns")
    await whole.sees("desk", "and it burns", head["ts"])
    await play.say(world.ben, "desk", "@deskbell reply Somebody comes.", thread=head["ts"])
    await whole.sees("with-contoso", "Somebody comes.", asked["ts"])
    # A new thread in the same channel, by the name of the bot that joined: one ticket.
    again = await play.say(world.dan, "with-contoso", f"<@{theirs}> the lift too", raw=True)
    await whole.sees("desk", "lift")
    receipt = await whole.sees("with-contoso", "", thread=again["ts"])
    assert receipt["user"] == world.bot


async def test_a_call_in_a_shared_channel_during_an_outage_is_one_ticket(whole: Whole) -> None:
    """Both workspaces' histories show it, and Slack tells it once more."""
    play, world = whole.play, whole.slack.world
    theirs = await _second_workspace(whole)
    await play.join(theirs, "with-contoso")
    lost = whole.slack.server.faults.add("event:*", "lose")
    asked = await play.say(world.dan, "with-contoso", f"<@{theirs}> the crane is stuck", raw=True)

    async def both_lost() -> bool:
        return lost.happened >= 2

    await whole.until(both_lost)
    whole.slack.server.faults.clear()
    adapter = whole.slack.adapter
    adapter.catchup.again()
    head = await whole.sees("desk", "crane")
    await play.say(world.dan, "with-contoso", "still stuck", thread=asked["ts"])
    await whole.sees("desk", "still stuck", head["ts"])
    assert adapter.receiving.deliver is not None
    await adapter.catch_up(adapter.receiving.deliver)
    room = whole.slack.server.world.channels[world.desk]
    heads = [one for one in room.messages.values() if not one.is_reply and "crane" in one.text]
    assert len(heads) == 1


async def _home(whole: Whole) -> Any:
    return (await whole.play.home(whole.slack.world.ada))["view"]


async def test_what_was_deleted_while_the_desk_was_away(
    slack: Standin, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catchup, "BRIEF", 0.0)
    play, world = slack.server.play, slack.world
    slack.server.set_knob("retry_delays", [])
    heard: list[Inbound] = []
    router = Router(desk, limits={"slack": slack.adapter.limits})

    async def deliver(inbound: Inbound) -> Answer:
        answer = await router.deliver(inbound)
        heard.append(inbound)
        return answer

    async def run_until(count: int, kind: type[Inbound]) -> None:
        slack.adapter = make(desk, env_of(slack.server, world))
        task = asyncio.create_task(slack.adapter.run(deliver))
        assert await slack.server.sockets.connected(30)
        async with asyncio.timeout(30):
            while len([one for one in heard if isinstance(one, kind)]) < count:
                await asyncio.sleep(0.02)
        await play.settled()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    said: list[Any] = []

    async def talk() -> None:
        await slack.server.sockets.connected(30)
        said.extend([await play.say(world.ada, "bot", words) for words in ("keep", "take back")])
        said.append(await play.say(world.ada, "general", "@deskbell in a thread"))
        said.append(await play.say(world.ada, "general", "take this back", thread=said[2]["ts"]))

    await asyncio.gather(run_until(4, Said), talk())
    await play.delete(world.ada, "bot", said[1]["ts"])
    await play.delete(world.ada, "general", said[3]["ts"])
    await play.say(world.ada, "general", "more", thread=said[2]["ts"])
    await run_until(2, Deleted)
    assert {one.native for one in heard if isinstance(one, Deleted)} == {said[1]["ts"], said[3]["ts"]}
    async with desk.db.sessions() as session:
        gone = list(await session.scalars(select(Message.deleted_at).where(Message.deleted_at.is_not(None))))
    assert len(gone) == 2


async def _claimed_in_general(whole: Whole) -> tuple[str, str]:
    """A ticket of a thread in a channel, which Ben has: the two threads."""
    play, world = whole.play, whole.slack.world
    asked = await play.say(world.ada, "general", "@deskbell the lamp is dark")
    head = await whole.sees("desk", "lamp")
    await whole.sees("desk", "the lamp is dark", head["ts"])
    await play.say(world.ben, "desk", "@deskbell claim", thread=head["ts"])
    await whole.sees("general", "looking into it", asked["ts"])
    return asked["ts"], head["ts"]


async def _shut(whole: Whole, how: str, channel: str) -> None:
    world = whole.slack.world
    if how == "archived":
        await whole.play.archive(world.cleo, channel)
    else:
        await whole.play.leave("bot", channel)


async def _open(whole: Whole, how: str, channel: str) -> None:
    world = whole.slack.world
    if how == "archived":
        await whole.play.archive(world.cleo, channel, archived=False)
    else:
        await whole.play.invite(world.ben, channel, "bot")


@pytest.mark.parametrize("how", ["archived", "removed"])
async def test_what_waits_for_a_closed_channel_goes_out_when_the_bot_is_let_in(
    whole: Whole, how: str
) -> None:
    play, world = whole.play, whole.slack.world
    asked, head = await _claimed_in_general(whole)
    await _shut(whole, how, "general")
    said = await play.say(world.ben, "desk", "Somebody is coming", thread=head)
    told = await whole.sees("desk", "has not reached Ada", head)
    assert "archived, or the bot was removed" in told["text"]
    room = whole.slack.server.world.channels[whole.slack.room.channel]
    assert "warning" in room.messages[said["ts"]].reactions
    await _open(whole, how, "general")
    await whole.sees("general", "Somebody is coming", asked)

    async def marked() -> bool:
        return "white_check_mark" in room.messages[said["ts"]].reactions

    await whole.until(marked)


@pytest.mark.parametrize("how", ["archived", "removed"])
async def test_a_desk_room_that_is_closed_stays_one_and_is_told_all_when_it_opens(
    whole: Whole, how: str
) -> None:
    play, world = whole.play, whole.slack.world
    asked, head = await _claimed_in_general(whole)
    await _shut(whole, how, "desk")
    await play.say(world.ada, "general", "It sparks", thread=asked)

    async def shut() -> Any:
        async with whole.desk.db.sessions() as session:
            return await rooms.shut(session)

    [(room, _since)] = await whole.until(shut)
    assert room.name == "Desk"

    async def rung() -> Any:
        async with whole.desk.db.sessions() as session:
            return list(await session.scalars(select(Notice).where(Notice.kind == "connection")))

    assert len(await whole.until(rung)) == 1, "the admin hears of it once"
    await _open(whole, how, "desk")
    await whole.sees("desk", "It sparks", head)

    async def all_out() -> bool:
        return not await shut()

    await whole.until(all_out)
    await play.say(world.ben, "desk", "Switch it off", thread=head)
    await whole.sees("general", "Switch it off", asked)


async def test_what_was_said_while_the_bot_was_out_of_a_channel_is_found(whole: Whole) -> None:
    play, world = whole.play, whole.slack.world
    asked, head = await _claimed_in_general(whole)
    await _shut(whole, "removed", "general")
    await play.say(world.ada, "general", "It sparks", thread=asked)
    await _open(whole, "removed", "general")
    await play.say(world.ada, "general", "It burns", thread=asked)
    await whole.sees("desk", "It burns", head)
    await whole.sees("desk", "It sparks", head)
