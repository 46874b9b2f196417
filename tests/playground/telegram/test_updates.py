"""Long polling: offsets, what is asked for, two pollers, and updates that misbehave."""

from __future__ import annotations

import asyncio
import time

import pytest
import telegram
from telegram.error import Conflict

from playground.telegram import TelegramServer
from playground.telegram.seed import Seeded


async def test_an_offset_confirms_all_before_it(
    server: TelegramServer, world: Seeded, bot: telegram.Bot
) -> None:
    for number in range(5):
        server.people.say(world.requester, world.private, f"message {number}")
    first = await bot.get_updates(limit=2)
    again = await bot.get_updates(limit=2)
    rest = await bot.get_updates(offset=first[-1].update_id + 1)
    assert [u.message.text for u in first if u.message] == ["message 0", "message 1"]
    assert first == again
    assert [u.message.text for u in rest if u.message] == ["message 2", "message 3", "message 4"]
    assert await bot.get_updates(offset=rest[-1].update_id + 1) == ()


async def test_a_negative_offset_forgets_all_but_the_last(
    server: TelegramServer, world: Seeded, bot: telegram.Bot
) -> None:
    for number in range(5):
        server.people.say(world.requester, world.private, str(number))
    assert [u.message.text for u in await bot.get_updates(offset=-1) if u.message] == ["4"]
    assert len(await bot.get_updates()) == 1


async def test_a_long_poll_ends_when_something_is_said(
    server: TelegramServer, world: Seeded, bot: telegram.Bot
) -> None:
    polling = asyncio.create_task(bot.get_updates(timeout=30))
    while world.bot.queue.turn == 0:
        await asyncio.sleep(0)
    begun = time.monotonic()
    server.people.say(world.requester, world.private, "hello")
    (update,) = await polling
    assert update.message
    assert update.message.text == "hello"
    assert time.monotonic() - begun < 2


async def test_a_newer_poll_ends_the_older_one(
    server: TelegramServer, world: Seeded, bot: telegram.Bot
) -> None:
    older = asyncio.create_task(bot.get_updates(timeout=30))
    while world.bot.queue.turn == 0:
        await asyncio.sleep(0)
    await bot.get_updates()
    with pytest.raises(Conflict, match=r"(?i)terminated by other getUpdates"):
        await older


async def test_reactions_come_only_when_asked_for(
    server: TelegramServer, world: Seeded, bot: telegram.Bot
) -> None:
    said = await bot.send_message(world.room.id, "look")
    message = world.room.messages[said.message_id]
    server.people.react(world.agent, message, "👍")
    assert await bot.get_updates() == ()
    await bot.get_updates(allowed_updates=["message", "message_reaction"])
    server.people.react(world.agent, message, "🔥")
    (update,) = await bot.get_updates()
    assert update.message_reaction
    assert update.message_reaction.old_reaction[0].to_dict()["emoji"] == "👍"
    assert update.message_reaction.new_reaction[0].to_dict()["emoji"] == "🔥"


async def test_an_edit_is_told_and_a_delete_is_not(
    server: TelegramServer, world: Seeded, bot: telegram.Bot
) -> None:
    said = server.people.say(world.requester, world.private, "helo")
    server.people.edit(world.requester, said, "hello")
    server.people.delete(world.requester, said)
    first, second = await bot.get_updates()
    assert first.message
    assert second.edited_message
    assert second.edited_message.text == "hello"
    assert second.edited_message.edit_date


async def test_ids_may_restart_and_a_stale_offset_loses_nothing(
    server: TelegramServer, world: Seeded, bot: telegram.Bot
) -> None:
    server.people.say(world.requester, world.private, "before")
    (before,) = await bot.get_updates()
    offset = before.update_id + 1
    await bot.get_updates(offset=offset)
    world.bot.queue.restart_ids(500)
    server.people.say(world.requester, world.private, "after")
    (after,) = await bot.get_updates(offset=offset)
    assert after.update_id == 500


@pytest.mark.parametrize("new_id", [False, True])
async def test_confirmed_updates_may_come_again(
    server: TelegramServer, world: Seeded, bot: telegram.Bot, new_id: bool
) -> None:
    server.faults.updates.duplicate, server.faults.updates.duplicate_new_id = 1.0, new_id
    server.people.say(world.requester, world.private, "once")
    (first,) = await bot.get_updates()
    (second,) = await bot.get_updates(offset=first.update_id + 1)
    assert (second.update_id == first.update_id) != new_id
    assert second.message == first.message


async def test_a_batch_may_be_out_of_order(server: TelegramServer, world: Seeded, bot: telegram.Bot) -> None:
    server.faults.seed(3)
    server.faults.updates.reorder = 1.0
    for number in range(10):
        server.people.say(world.requester, world.private, str(number))
    ids = [update.update_id for update in await bot.get_updates()]
    assert ids != sorted(ids)
    assert len(set(ids)) == 10
