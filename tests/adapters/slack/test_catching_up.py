"""What was said while the desk was away, and what Slack sends twice, late or in the wrong order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from adapters.slack import catchup, make
from core import clock
from core.chat import Answer, Card, Deleted, Edited, Post, Reacted, Said, Sender
from core.conversations.model import MessageCopy
from core.installations import cursors
from tests.adapters.slack.conftest import Hearing
from tests.adapters.slack.standin import Standin, env_of


@asynccontextmanager
async def up(standin: Standin, hearing: Hearing) -> AsyncIterator[None]:
    """A program that runs for a while; each time a new one."""
    standin.adapter = make(standin.adapter.desk, env_of(standin.server, standin.world))
    running = asyncio.create_task(standin.adapter.run(hearing))
    assert await standin.server.sockets.connected(30)
    yield
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def read_up_to(standin: Standin, channel: str) -> str:
    async with standin.adapter.desk.db.sessions() as session:
        return await cursors.get(session, "slack", standin.world.team, channel)


async def test_what_was_said_in_between_comes_in_order(
    slack: Standin, hearing: Hearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catchup, "BRIEF", 0.0)
    play, ada, ben = slack.server.play, slack.world.ada, slack.world.ben
    slack.server.set_knob("retry_delays", [])
    await play.say(ada, "bot", "before we came")
    async with up(slack, hearing):
        await play.say(ada, "bot", "one")
        head = await play.say(ada, "general", "@deskbell help")
        await hearing.first(Said, text="one")
        await hearing.first(Said, text="help")
        await play.settled()
    assert await read_up_to(slack, slack.place.channel) != ""
    for number in range(5):
        await play.say(ada, "bot", f"missed {number}")
    await play.say(ben, "bot", "from somebody new")
    await play.say(ada, "general", "in the thread", thread=head["ts"])
    changed = await play.say(ada, "bot", "wrnog")
    await play.edit(ada, "bot", changed["ts"], "wrong")
    hearing.heard.clear()
    async with up(slack, hearing):
        await hearing.first(Edited, text="wrong")
        await hearing.first(Said, text="from somebody new")
        await hearing.first(Said, text="in the thread")
    words = [one.text for one in hearing.all(Said) if one.missed and one.place == slack.place]
    assert words == [f"missed {number}" for number in range(5)] + ["wrong"]
    assert "before we came" not in {one.text for one in hearing.all(Said)}
    assert not [one for one in hearing.all(Said) if one.text == "one" and one.missed]


async def test_who_speaks_after_a_pause_has_what_came_before_told_first(
    slack: Standin, hearing: Hearing
) -> None:
    play, ada = slack.server.play, slack.world.ada
    slack.server.set_knob("retry_delays", [])
    async with up(slack, hearing):
        await play.say(ada, "bot", "0")
        await hearing.first(Said, text="0")
        for round in range(1, 4):
            slack.server.sockets.cut_all()
            await play.say(ada, "bot", f"{round}a")
            assert await slack.server.sockets.connected(20)
            await play.say(ada, "bot", f"{round}b")
        await hearing.first(Said, text="3b")
        await play.settled()
    told = list(dict.fromkeys(one.text for one in hearing.all(Said)))
    assert told == ["0", *(f"{round}{half}" for round in range(1, 4) for half in "ab")]


async def test_who_speaks_first_takes_no_edit_of_yesterday_from_the_sweep(
    slack: Standin, hearing: Hearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catchup, "OVERLAP", 0.0)
    play, ada = slack.server.play, slack.world.ada
    async with up(slack, hearing):
        old = await play.say(ada, "bot", "wrnog")
        await play.say(ada, "bot", "the last before the pause")
        await hearing.first(Said, text="the last before the pause")
        await play.settled()
    await play.edit(ada, "bot", old["ts"], "wrong")
    await slack.adapter.workspaces.close()
    slack.adapter = make(slack.adapter.desk, env_of(slack.server, slack.world))
    await slack.adapter.workspaces.refresh()
    workspace, found = await slack.adapter.workspaces.of(slack.world.team), slack.adapter.catchup
    # Somebody speaks here before the sweep has come to this channel.
    now = f"{time.time():.6f}"
    await found.before(workspace, slack.place.channel, now, hearing)
    found.done(workspace, slack.place.channel, now)
    hearing.heard.clear()
    await found.sweep(hearing)
    await slack.adapter.workspaces.close()
    assert [one.text for one in hearing.all(Edited)] == ["wrong"]


async def test_what_could_not_be_kept_is_looked_for(live: Standin, hearing: Hearing) -> None:
    live.server.set_knob("retry_delays", [])
    await live.says("first")
    await hearing.first(Said, text="first")
    hearing.down = 1
    await live.says("lost by Slack")
    await live.server.play.settled()
    await live.says("next")
    await hearing.first(Said, text="next")
    told = list(dict.fromkeys(one.text for one in hearing.all(Said)))
    assert told == ["first", "lost by Slack", "next"]


async def test_a_sweep_that_asked_before_something_failed_does_not_vouch_for_the_channel(
    live: Standin, hearing: Hearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.server.set_knob("retry_delays", [])
    await live.says("first")
    await hearing.first(Said, text="first")
    await live.server.play.settled()
    found, workspace = live.adapter.catchup, await live.adapter.workspaces.of(live.world.team)
    channel = live.place.channel
    asked = await found._fetched(workspace, channel, ())
    hearing.down = 1
    monkeypatch.setattr(
        found, "failed", lambda *given: (type(found).failed(found, *given), found.wanted.clear())
    )
    await live.says("refused")
    await live.server.play.settled()
    async with live.adapter.receiving.lanes.turn(f"{workspace.team} {channel}"):
        await found._hand_over(workspace, channel, asked, hearing)
    await live.says("next")
    await hearing.first(Said, text="next")
    assert list(dict.fromkeys(one.text for one in hearing.all(Said))) == ["first", "refused", "next"]


async def test_the_last_of_what_was_missed_does_not_overtake_the_middle(
    slack: Standin, hearing: Hearing
) -> None:
    """Slack tells again of the first and of the last: what it shows between them comes between them."""
    play, ada, channel = slack.server.play, slack.world.ada, slack.place.channel
    slack.server.set_knob("retry_delays", [])
    await slack.adapter.workspaces.refresh()
    workspace = await slack.adapter.workspaces.of(slack.world.team)
    said = [await play.say(ada, "bot", text) for text in ("one", "two", "three")]
    found = slack.adapter.catchup
    for one in (said[0], said[2]):
        await found.before(workspace, channel, one["ts"], hearing)
        await hearing(
            Said(place=slack.place, sender=Sender(ada), native=one["ts"], at=clock.now(), text=one["text"])
        )
        found.done(workspace, channel, one["ts"])
    await slack.adapter.workspaces.close()
    assert [one.text for one in hearing.all(Said)] == ["one", "two", "three"]


async def test_within_the_narrowest_limits(slack: Standin, hearing: Hearing) -> None:
    play = slack.server.play
    slack.server.set_knob("retry_delays", [])
    async with up(slack, hearing):
        await play.say(slack.world.ada, "bot", "0")
        await hearing.first(Said)
        await play.settled()
    for number in range(40):
        await play.say(slack.world.ada, "bot", f"m{number}")
    slack.server.set_knob("narrow_history", True)
    slack.server.set_knob("rate_scale", 0.005)
    async with up(slack, hearing):
        async with asyncio.timeout(30):
            await hearing.first(Said, text="m39")
    told = [one.text for one in hearing.all(Said) if one.text.startswith("m")]
    assert told == [f"m{number}" for number in range(40)]


async def test_doubled_and_shuffled_events(live: Standin, hearing: Hearing) -> None:
    live.server.faults.add("event:*", "duplicate", probability=0.5)
    live.server.faults.add("event:*", "redeliver", probability=0.3)
    for number in range(20):
        await live.says(f"m{number}")
    await live.server.play.settled()
    told = list(dict.fromkeys(one.text for one in hearing.all(Said)))
    assert told == [f"m{number}" for number in range(20)]


async def test_a_deletion_that_overtakes_its_message(live: Standin, hearing: Hearing) -> None:
    hearing.answer = lambda inbound: Answer(ignored=isinstance(inbound, Deleted))
    live.server.faults.add("event:message", "reorder", times=1, seconds=1.0)
    said = await live.server.play.say(live.world.ada, "bot", "oops")
    await live.server.play.delete(live.world.ada, "bot", said["ts"])
    await live.server.play.settled()
    kinds = [type(one) for one in hearing.heard]
    assert Deleted in kinds
    assert kinds in ([Deleted], [Said, Deleted])


async def test_an_edit_that_overtakes_its_message_follows_it(live: Standin, hearing: Hearing) -> None:
    hearing.answer = lambda inbound: Answer(ignored=isinstance(inbound, Edited) and not hearing.all(Said))
    live.server.faults.add("event:message", "reorder", times=1, seconds=1.0)
    said = await live.server.play.say(live.world.ada, "bot", "teh")
    await live.server.play.edit(live.world.ada, "bot", said["ts"], "the")
    await live.server.play.settled()
    last = hearing.heard[-1]
    assert isinstance(last, Edited)
    assert (last.native, last.text) == (said["ts"], "the")


async def test_an_edit_that_the_process_before_was_told_of(slack: Standin, hearing: Hearing) -> None:
    """The edit came first, and the process died before its message came."""
    hearing.answer = lambda inbound: Answer(
        ignored=isinstance(inbound, Edited)
        and inbound.native not in [one.native for one in hearing.all(Said)]
    )
    play, ada = slack.server.play, slack.world.ada
    async with up(slack, hearing):
        await play.say(ada, "bot", "one")
        await hearing.first(Said, text="one")
        slack.server.faults.add("event:message", "reorder", times=1, seconds=2.0)
        said = await play.say(ada, "bot", "teh")
        await play.edit(ada, "bot", said["ts"], "the")
        await hearing.first(Edited)
    async with up(slack, hearing):
        await play.settled()
        await play.say(ada, "bot", "two")
        await hearing.first(Said, text="two")
    told = [one for one in hearing.heard if one.native == said["ts"]]
    assert told[-1].text == "the"


async def test_a_deletion_that_the_process_before_was_told_of(slack: Standin, hearing: Hearing) -> None:
    """The deletion came first, and the process died before its message came."""
    hearing.answer = lambda inbound: Answer(ignored=isinstance(inbound, Deleted))
    play, ada = slack.server.play, slack.world.ada
    async with up(slack, hearing):
        await play.say(ada, "bot", "one")
        await hearing.first(Said, text="one")
        slack.server.faults.add("event:message", "reorder", times=1, seconds=2.0)
        said = await play.say(ada, "bot", "oops")
        await play.delete(ada, "bot", said["ts"])
        await hearing.first(Deleted)
    async with up(slack, hearing):
        await play.settled()
        await play.say(ada, "bot", "two")
        await hearing.first(Said, text="two")
    assert "oops" not in [one.text for one in hearing.all(Said)]


async def test_a_channel_that_cannot_be_read_keeps_no_other_waiting(
    slack: Standin, hearing: Hearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catchup, "BRIEF", 0.0)
    play, ada, ben = slack.server.play, slack.world.ada, slack.world.ben
    slack.server.set_knob("retry_delays", [])
    async with up(slack, hearing):
        await play.say(ada, "bot", "one")
        await play.say(ben, "bot", "one too")
        await hearing.first(Said, text="one too")
        await play.settled()
    await play.say(ada, "bot", "missed")
    await play.say(ben, "bot", "missed too")
    slack.server.faults.add("conversations.history", "error", times=1)
    async with up(slack, hearing):
        await hearing.first(Said, text="missed")
        await hearing.first(Said, text="missed too")


async def test_reactions_are_asked_for_only_where_they_matter(live: Standin, hearing: Hearing) -> None:
    play, ada = live.server.play, live.world.ada
    other = await play.say(ada, "general", "lunch?")
    await play.react(ada, "general", other["ts"], "pizza")
    await play.settled()
    assert live.server.calls_of("reactions.get") == []
    native = await live.adapter.post(live.place, Post(Card(text="done")), key="k")
    await _stands(live, native)
    for name in ("+1", "tada"):
        await play.react(ada, "bot", native, name)
    both = await hearing.first(Reacted, emoji=("🎉", "👍"))
    assert (both.native, both.sender.external) == (native, ada)
    await play.unreact(ada, "bot", native, "+1")
    await hearing.first(Reacted, emoji=("🎉",))
    await play.unreact(ada, "bot", native, "tada")
    await hearing.first(Reacted, emoji=())


async def _stands(live: Standin, native: str) -> None:
    """The desk knows this message."""
    from bot.router import Router

    desk = live.adapter.desk
    router = Router(desk)
    from core import clock
    from core.chat import Sender

    said = Said(
        place=live.place, sender=Sender(live.world.ada), native="1.000001", at=clock.now(), text="hello"
    )
    answer = await router.deliver(said)
    async with desk.unit() as uow:
        from uuid import UUID

        uow.session.add(
            MessageCopy(message_id=UUID(answer.message_id), place_key=live.place.key, native=native)
        )


async def test_loops_are_ignored(live: Standin, hearing: Hearing) -> None:
    play = live.server.play
    bot = (await play.add_user("otherbot", live.world.team, bot=True))["user"]["id"]
    await play.join(bot, "general")
    await play.say(bot, "general", f"<@{live.world.bot}> hello", raw=True)
    await live.adapter.post(live.room, Post(Card(text=f"<@{live.world.bot}> me")), key="k")
    await live.server.play.add_channel("more", live.world.ada, with_bot=True)
    await live.says("a person")
    await hearing.first(Said)
    await play.settled()
    assert {one.text for one in hearing.all(Said)} == {"a person"}


async def test_a_preview_is_no_edit(live: Standin, hearing: Hearing) -> None:
    said = await live.server.play.say(live.world.ada, "bot", "see https://example.com/page")
    await live.server.play.unfurl(live.place.channel, said["ts"])
    await live.server.play.settled()
    assert hearing.all(Edited) == []
    assert (await hearing.first(Said)).text == "see https://example.com/page"
