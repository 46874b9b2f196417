"""Topics in a forum and in private chats."""

from __future__ import annotations

import pytest
import telegram
from telegram.error import BadRequest

from playground.telegram import PlayError, TelegramServer
from playground.telegram.seed import Seeded
from tests.playground.telegram.conftest import client


async def test_a_topic_from_birth_to_death(server: TelegramServer, world: Seeded, bot: telegram.Bot) -> None:
    topic = (await bot.create_forum_topic(world.room.id, "#1 printer")).message_thread_id
    said = await bot.send_message(world.room.id, "head", message_thread_id=topic)
    assert said.is_topic_message
    assert said.reply_to_message
    assert said.reply_to_message.forum_topic_created
    await bot.edit_forum_topic(world.room.id, topic, name="#1 printer, solved")
    await bot.close_forum_topic(world.room.id, topic)
    with pytest.raises(BadRequest, match=r"(?i)TOPIC_NOT_MODIFIED"):
        await bot.close_forum_topic(world.room.id, topic)
    with pytest.raises(PlayError, match=r"(?i)closed"):
        server.people.say(world.requester, world.room, "late", thread=topic)
    await bot.reopen_forum_topic(world.room.id, topic)
    await bot.delete_forum_topic(world.room.id, topic)
    with pytest.raises(BadRequest, match=r"(?i)message thread not found"):
        await bot.send_message(world.room.id, "x", message_thread_id=topic)
    assert server.shows(world.room, topic) == []
    kinds = [u.message.to_dict().keys() for u in await bot.get_updates() if u.message]
    assert any("forum_topic_created" in keys for keys in kinds), "a bot is told of its own topics"


async def test_general_has_no_number(server: TelegramServer, world: Seeded, bot: telegram.Bot) -> None:
    with pytest.raises(BadRequest, match=r"(?i)message thread not found"):
        await bot.send_message(world.room.id, "x", message_thread_id=1)
    server.people.say(world.agent, world.room, "in general")
    (update,) = await bot.get_updates()
    assert update.message
    assert update.message.message_thread_id is None


async def test_a_closed_topic_is_closed_to_bots_without_the_right(
    server: TelegramServer, world: Seeded, bot: telegram.Bot
) -> None:
    topic = server.people.create_topic(world.agent, world.room, "shut").id
    server.people.close_topic(world.agent, world.room, topic)
    assert await bot.send_message(world.room.id, "an administrator may", message_thread_id=topic)
    server.people.promote(world.agent, world.room, world.bot, "can_delete_messages")
    with pytest.raises(BadRequest, match=r"(?i)TOPIC_CLOSED"):
        await bot.send_message(world.room.id, "x", message_thread_id=topic)
    with pytest.raises(BadRequest, match=r"(?i)not enough rights"):
        await bot.create_forum_topic(world.room.id, "x")


async def test_a_reply_stays_in_its_topic(server: TelegramServer, world: Seeded, bot: telegram.Bot) -> None:
    topic = server.people.create_topic(world.agent, world.room, "one").id
    asked = server.people.say(world.agent, world.room, "hm?", thread=topic)
    assert (
        await bot.send_message(world.room.id, "yes", reply_to_message_id=asked.id)
    ).message_thread_id == topic


async def test_private_chats_have_topics_where_the_bot_may(server: TelegramServer, world: Seeded) -> None:
    other = server.world.add_bot("Topics", "topics_bot", topics=True)
    server.people.start(world.requester, other)
    chat = server.world.private(world.requester, other)
    async with client(server, other.token) as bot:
        assert (await bot.get_me()).has_topics_enabled
        topic = (await bot.create_forum_topic(world.requester.id, "#7")).message_thread_id
        said = await bot.send_message(world.requester.id, "here", message_thread_id=topic)
        assert (said.message_thread_id, said.is_topic_message, said.reply_to_message) == (topic, True, None)
        server.people.say(world.requester, chat, "thanks", thread=topic)
        last = (await bot.get_updates())[-1].message
        assert last
        assert last.message_thread_id == topic


async def test_no_topics_elsewhere(world: Seeded, bot: telegram.Bot) -> None:
    with pytest.raises(BadRequest, match=r"(?i)not a forum"):
        await bot.create_forum_topic(world.requester.id, "x")
    with pytest.raises(BadRequest, match=r"(?i)message thread not found"):
        await bot.send_message(world.requester.id, "x", message_thread_id=5)
