"""The platform's refusals, and what the client library makes of them."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
import telegram
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, RetryAfter

from playground.telegram import TelegramServer
from playground.telegram.seed import Seeded


async def test_a_person_who_blocked_the_bot(server: TelegramServer, world: Seeded, bot: telegram.Bot) -> None:
    server.people.block(world.requester, world.bot)
    with pytest.raises(Forbidden, match=r"(?i)blocked by the user"):
        await bot.send_message(world.requester.id, "hello?")
    (blocked,) = await bot.get_updates()
    assert blocked.my_chat_member
    assert blocked.my_chat_member.new_chat_member.status == "kicked"
    server.people.start(world.requester, world.bot, "again")
    unblocked, started = (await bot.get_updates())[1:]
    assert unblocked.my_chat_member
    assert started.message
    assert started.message.text == "/start again"
    assert await bot.send_message(world.requester.id, "hello!")


async def test_a_person_who_never_started_the_bot(server: TelegramServer, bot: telegram.Bot) -> None:
    stranger = server.world.add_user("Stranger")
    with pytest.raises(Forbidden, match=r"(?i)can't initiate conversation"):
        await bot.send_message(stranger.id, "hello")
    with pytest.raises(BadRequest, match=r"(?i)chat not found"):
        await bot.send_message(55, "hello")


async def test_a_bot_thrown_out(server: TelegramServer, world: Seeded, bot: telegram.Bot) -> None:
    server.people.kick(world.agent, world.room, world.bot)
    with pytest.raises(Forbidden, match=r"(?i)bot was kicked from the supergroup"):
        await bot.send_message(world.room.id, "x")
    changes = [u.my_chat_member for u in await bot.get_updates() if u.my_chat_member]
    assert changes[-1].new_chat_member.status == "kicked"
    server.people.add(world.agent, world.room, world.bot)
    assert await bot.send_message(world.room.id, "back")
    await bot.leave_chat(world.room.id)
    with pytest.raises(Forbidden, match=r"(?i)not a member"):
        await bot.send_message(world.room.id, "x")


async def test_a_group_that_became_a_supergroup(
    server: TelegramServer, world: Seeded, bot: telegram.Bot
) -> None:
    group = server.people.create_group(world.agent, "Small", world.bot, kind="group")
    new = server.people.migrate(world.agent, group)
    with pytest.raises(ChatMigrated) as migrated:
        await bot.send_message(group.id, "x")
    assert migrated.value.new_chat_id == new.id
    assert await bot.send_message(new.id, "x")
    told = [u.message for u in await bot.get_updates() if u.message]
    assert [one.migrate_to_chat_id for one in told if one.migrate_to_chat_id] == [new.id]
    assert [one.migrate_from_chat_id for one in told if one.migrate_from_chat_id] == [group.id]


async def test_a_token_that_is_none(server: TelegramServer, world: Seeded, bot: telegram.Bot) -> None:
    async with httpx.AsyncClient() as http:
        assert (await http.get(f"{server.base_url}123:nonsense/getMe")).status_code == 401
    server.revoke(world.bot)
    with pytest.raises(InvalidToken):
        await bot.send_message(world.requester.id, "x")


async def test_one_a_second_in_a_chat(server: TelegramServer, world: Seeded, bot: telegram.Bot) -> None:
    server.limits.on = True
    await bot.send_message(world.requester.id, "one")
    with pytest.raises(RetryAfter) as wait:
        await bot.send_message(world.requester.id, "two")
    assert wait.value.retry_after == timedelta(seconds=1)
    assert await bot.send_message(world.agent.id, "elsewhere")
    server.world.clock.advance(1)
    assert await bot.send_message(world.requester.id, "two")


async def test_twenty_a_minute_in_a_group(server: TelegramServer, world: Seeded, bot: telegram.Bot) -> None:
    server.limits.on, server.limits.chat = True, (100, 1.0)
    for number in range(20):
        await bot.send_message(world.room.id, str(number))
    with pytest.raises(RetryAfter) as wait:
        await bot.send_message(world.room.id, "20")
    assert timedelta(seconds=50) < wait.value.retry_after <= timedelta(seconds=60)  # type: ignore[operator]
    server.world.clock.advance(60)
    assert await bot.send_message(world.room.id, "20")


async def test_thirty_a_second_over_all(server: TelegramServer, bot: telegram.Bot) -> None:
    server.limits.on, server.limits.overall = True, (30, 1000.0)
    own = server.world.bot()
    for number in range(31):
        person = server.world.add_user(f"Person {number}")
        server.people.start(person, own)
        if number < 30:
            await bot.send_message(person.id, "x")
    with pytest.raises(RetryAfter):
        await bot.send_message(person.id, "x")
