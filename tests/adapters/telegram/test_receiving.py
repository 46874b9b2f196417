"""From Telegram to the desk: groups, topics, edits, reactions, presses, and what was missed."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import structlog

from core import clock
from core.chat import (
    Answer,
    Button,
    Card,
    CommandSpec,
    Edited,
    Inbound,
    Invoked,
    Joined,
    Place,
    Post,
    Pressed,
    Reacted,
    Relocated,
    Said,
)
from core.conversations.model import PendingQuestion
from core.desk import Desk
from core.errors import Forbidden
from core.ids import new_id
from tests.adapters.telegram.conftest import Door, eventually, listening, running
from tests.adapters.telegram.standin import Standin, opened


async def test_edits_and_reactions_find_their_message(standin: Standin, door: Door) -> None:
    people, world = standin.server.people, standin.world
    async with running(standin.adapter, door):
        await listening(standin)
        said = people.say(world.requester, world.private, "one")
        people.edit(world.requester, said, "two **b**", typed=True)
        people.react(world.requester, said, "👍", "🎉")
        people.react(world.requester, said)
        heard = await door.until(4)
    assert {one.native for one in heard} == {str(said.id)}
    edited, reacted, none = heard[1:]
    assert isinstance(edited, Edited)
    assert edited.text == "two **b**"
    assert isinstance(reacted, Reacted)
    assert isinstance(none, Reacted)
    assert (reacted.emoji, none.emoji) == (("👍", "🎉"), ())


async def test_a_press_is_answered_with_a_sign_or_a_message(standin: Standin, door: Door) -> None:
    people, world, adapter = standin.server.people, standin.world, standin.adapter
    native = await adapter.post(
        standin.place, Post(Card(text="Well?", buttons=(Button("Yes", id="close:ticket:4"),))), key="k"
    )
    said = world.private.messages[int(native)]
    door.answer = lambda inbound: Answer(cards=(Card(text="Closed **#4**."),))
    async with running(adapter, door):
        press = people.press(world.requester, said, "Yes")
        assert (await people.answered(press))["text"] == "Closed #4."
        (pressed,) = await door.until(1)
        assert isinstance(pressed, Pressed)
        assert (pressed.button, pressed.message, pressed.native) == ("close:ticket:4", native, press.id)
        door.answer = lambda inbound: Answer(cards=(Card(title="A list", text="long " * 60),))
        press = people.press(world.requester, said, "Yes")
        assert (await people.answered(press))["text"] == ""
        await eventually(lambda: standin.messages(standin.place)[-1]["text"].startswith("A list"))


async def test_a_mistake_is_told_to_the_sender_alone(standin: Standin, door: Door) -> None:
    people, world = standin.server.people, standin.world
    door.error = Forbidden("You may not do that.")
    async with running(standin.adapter, door):
        people.say(world.agent, world.room, "/close@help_desk_bot 4")
        own = Place("telegram", standin.place.installation, str(world.agent.id))
        await eventually(lambda: any("may not" in m["text"] for m in standin.messages(own)))
        assert not any("may not" in m["text"] for m in standin.server.shows(world.room))
        stranger = standin.server.world.add_user("Eve")
        people.add(world.agent, world.room, stranger)
        people.say(stranger, world.room, "/close@help_desk_bot 4")
        await eventually(lambda: any("may not" in m["text"] for m in standin.server.shows(world.room)))


async def test_topics_of_a_desk_room(standin: Standin, door: Door) -> None:
    people, world, adapter = standin.server.people, standin.world, standin.adapter
    thread = (await adapter.open_thread(standin.room, "#4", Post(Card(text="h")), key="k")).place
    async with running(adapter, door):
        people.say(world.agent, world.room, "a reply", thread=int(thread.thread))
        people.say(world.agent, world.room, "/claim", thread=int(thread.thread))
        people.say(world.agent, world.room, "in General")
        heard = await door.until(3)
    said, invoked, general = heard
    assert isinstance(said, Said)
    assert (said.place, said.direct, said.reply_to) == (thread, False, "")
    assert isinstance(invoked, Invoked)
    assert (invoked.place, invoked.command) == (thread, "claim")
    assert general.place == standin.room


async def test_the_bots_own_and_other_bots_words_are_not_heard(standin: Standin, door: Door) -> None:
    people, world, adapter = standin.server.people, standin.world, standin.adapter
    other = standin.server.world.add_bot("Other", "other_bot")
    people.add(world.agent, world.room, other)
    async with running(adapter, door):
        for _number in range(3):
            await adapter.post(standin.room, Post(Card(text="mine")), key="k")
        people.close_topic(world.agent, world.room, people.create_topic(world.agent, world.room, "t").id)
        people.say(world.agent, world.room, "the end")
        heard = await door.until(1)
    assert [type(one) for one in heard] == [Said]


async def test_a_group_comes_moves_and_goes(standin: Standin, door: Door) -> None:
    people, world, adapter = standin.server.people, standin.world, standin.adapter
    async with running(adapter, door):
        group = people.create_group(world.agent, "G", world.bot, kind="group")
        people.migrate(world.agent, group)
        people.block(world.requester, world.bot)
        heard = await door.until(4)
    kinds = [type(one) for one in heard]
    assert {Joined, Relocated} <= set(kinds)
    assert any(isinstance(one, Joined) and one.left for one in heard)


async def test_what_was_said_while_away_comes_oldest_first_and_marked(standin: Standin, door: Door) -> None:
    people, world = standin.server.people, standin.world
    async with running(standin.adapter, door):
        await standin.says("live")
        await eventually(lambda: not len(world.bot.queue))
    first = people.say(world.requester, world.private, "away 1")
    people.edit(world.requester, first, "away 1, better")
    for number in range(2, 150):
        people.say(world.requester, world.private, f"away {number}")
    for waiting in world.bot.queue._waiting:
        for moment in {"date", "edit_date"} & set(waiting.payload):
            waiting.payload[moment] -= 3_600
    async with running(standin.adapter, door):
        heard = await door.until(151)
    assert heard[0].missed is False
    assert all(one.missed for one in heard[1:])
    said = [one.text for one in heard[1:] if isinstance(one, Said)]
    assert said == [f"away {number}" for number in range(1, 150)]


async def test_catch_up_reads_to_the_end(standin: Standin, door: Door) -> None:
    for number in range(120):
        await standin.says(str(number))
    assert await standin.adapter.catch_up(door) == 120
    assert await standin.adapter.catch_up(door) == 0
    assert [one.text for one in door.heard if isinstance(one, Said)] == [str(n) for n in range(120)]


async def test_ids_that_start_anew_lose_nothing(standin: Standin, door: Door) -> None:
    async with running(standin.adapter, door):
        await standin.says("before")
        await door.until(1)
    standin.world.bot.queue.clear()
    standin.world.bot.queue.restart_ids(500)
    await standin.says("after")
    async with running(standin.adapter, door):
        heard = await door.until(2)
        await standin.says("and on")
        await door.until(3)
    assert [one.text for one in heard if isinstance(one, Said)] == ["before", "after", "and on"]


async def test_smaller_ids_after_a_long_silence_lose_nothing(standin: Standin, door: Door) -> None:
    standin.world.bot.queue.restart_ids(900)
    async with running(standin.adapter, door):
        await standin.says("before")
        await door.until(1)
    standin.world.bot.queue.clear()
    standin.world.bot.queue.restart_ids(40)
    await standin.says("after")
    week = clock.now() + timedelta(days=8)
    with clock.fixed(lambda: week):
        assert await standin.adapter.catch_up(door) == 1
        await standin.says("and on")
        assert await standin.adapter.catch_up(door) == 1
    assert [one.text for one in door.heard if isinstance(one, Said)] == ["before", "after", "and on"]


async def test_an_unreadable_update_keeps_nothing_from_coming(standin: Standin, door: Door) -> None:
    queue = standin.world.bot.queue
    async with running(standin.adapter, door):
        queue.add("message", {"message_id": [], "chat": 5, "from": None})
        queue.add("message", {"what": "ever"})
        await standin.says("fine")
        (said,) = await door.until(1)
    assert isinstance(said, Said)
    assert said.text == "fine"


async def test_bad_days_of_polling(standin: Standin, door: Door) -> None:
    faults = standin.server.faults
    faults.add("error", "getUpdates", times=1, status=502)
    faults.add("drop_after", "getUpdates", times=1)
    faults.updates.duplicate = 0.3
    faults.updates.reorder = 0.3
    async with running(standin.adapter, door):
        for number in range(20):
            await standin.says(str(number))
        await eventually(lambda: len({one.native for one in door.heard}) == 20)


async def test_strange_kinds_are_logged_by_their_name_alone(standin: Standin, door: Door) -> None:
    with structlog.testing.capture_logs() as logs:
        async with running(standin.adapter, door):
            standin.server.people.say(
                standin.world.requester, standin.world.private, extra={"paid_media": {"star_count": 5}}
            )
            (said,) = await door.until(1)
    assert isinstance(said, Said)
    assert "paid media" in said.text
    assert [one["kind"] for one in logs if one["event"] == "message.strange"] == ["paid_media"]


async def test_the_menu_is_registered(standin: Standin, door: Door) -> None:
    standin.adapter.offer(
        (CommandSpec("help", "Show what you can do here"), CommandSpec("claim", "Take it", staff=True))
    )
    async with running(standin.adapter, door):
        commands: dict[str, Any] = await eventually(lambda: standin.world.bot.commands)
        await eventually(lambda: len(commands) == 2)
    assert all([one["command"] for one in offered] == ["help"] for offered in commands.values())


async def test_a_topic_of_its_own_for_each_ticket(desk: Desk, door: Door) -> None:
    async with opened(desk, topics=True) as standin:
        people, world = standin.server.people, standin.world
        async with running(standin.adapter, door):
            first = people.say(world.requester, world.private, "My printer is on fire\nhelp")
            (one,) = await door.until(1)
            people.say(world.requester, world.private, "Another thing")
            people.say(world.requester, world.private, "more", thread=int(one.place.thread))
            heard = await door.until(3)
        assert one.native == str(first.id)
        assert world.private.topics[int(one.place.thread)].name == "My printer is on fire"
        assert heard[1].place.thread not in ("", one.place.thread)
        assert heard[2].place == one.place
        assert "My printer" in (await standin.shows(one.place))[0]


async def test_an_answer_to_a_question_gets_no_topic(desk: Desk, door: Door) -> None:
    async with opened(desk, topics=True) as standin:
        async with desk.unit() as uow:
            uow.session.add(PendingQuestion(place_key=standin.place.key, person_id=new_id(), state=b"sealed"))
        async with running(standin.adapter, door):
            await standin.says("My chair")
            (one,) = await door.until(1)
        assert one.place == standin.place
        assert not standin.world.private.topics


async def test_the_same_message_again_gets_no_second_topic(desk: Desk, door: Door) -> None:
    async with opened(desk, topics=True) as standin:
        door.away = 2
        async with running(standin.adapter, door):
            await standin.says("once")
            (one,) = await door.until(1)
        assert len(standin.world.private.topics) == 1
        assert one.place.thread


async def test_ten_thousand_would_wait_in_batches(standin: Standin) -> None:
    """Many chats side by side, the order kept within each."""
    people, world = standin.server.people, standin.world
    persons = [standin.server.world.add_user(f"P{n}") for n in range(20)]
    chats = {person.id: people.start(person, world.bot).chat for person in persons}
    world.bot.queue.clear()
    for number in range(15):
        for person in persons:
            people.say(person, chats[person.id], str(number))
    heard: list[Inbound] = []

    async def slow(inbound: Inbound) -> Answer:
        await asyncio.sleep(0)
        heard.append(inbound)
        return Answer()

    assert await standin.adapter.catch_up(slow) == 300
    for person in persons:
        mine = [one.text for one in heard if isinstance(one, Said) and one.sender.external == str(person.id)]
        assert mine == [str(n) for n in range(15)]


@pytest.mark.parametrize("started", [True, False])
async def test_what_is_for_colleagues_is_never_said_before_a_group(
    standin: Standin, door: Door, started: bool
) -> None:
    server, world = standin.server, standin.world
    agent = server.world.add_user("Nils", "Holm", "nils")
    if started:
        server.people.start(agent, world.bot)
        world.bot.queue.clear()
    group = server.people.create_group(agent, "G", world.bot, world.requester)
    secret = Card(text="Refunds above the limit", private=True, inside=True)
    door.answer = lambda inbound: Answer(cards=(secret,))
    where = server.world.private(agent, world.bot) if started else group
    words = secret.text if started else "for colleagues only"
    async with running(standin.adapter, door):
        await listening(standin)
        server.people.say(agent, group, "@help_desk_bot /kb refunds")
        await eventually(lambda: words in server.shows(where)[-1]["text"])
    assert "Refunds" not in " ".join(one["text"] for one in server.shows(group))
