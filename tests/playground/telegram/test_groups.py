"""What bots see in groups, and who is who there."""

from __future__ import annotations

import telegram

from playground.telegram import Chat, TelegramServer
from playground.telegram.seed import Seeded


def _group(server: TelegramServer, world: Seeded) -> Chat:
    group = server.people.create_group(world.agent, "Chatter", world.bot, world.requester)
    world.bot.queue.clear()
    return group


async def _texts(bot: telegram.Bot) -> list[str | None]:
    return [u.message.text for u in await bot.get_updates() if u.message]


async def test_privacy_mode_shows_only_what_is_meant_for_the_bot(
    server: TelegramServer, world: Seeded, bot: telegram.Bot
) -> None:
    group, people, rita = _group(server, world), server.people, world.requester
    answer = await bot.send_message(group.id, "I am here")
    people.say(rita, group, "just chatter")
    people.say(rita, group, "/help")
    people.say(rita, group, "/help@someone_else_bot")
    people.say(rita, group, "hey @help_desk_bot, are you there?")
    people.say(rita, group, "good", reply_to=answer.message_id)
    assert await _texts(bot) == ["/help", "hey @help_desk_bot, are you there?", "good"]


async def test_administrators_and_bots_without_privacy_see_all(
    server: TelegramServer, world: Seeded, bot: telegram.Bot
) -> None:
    group = _group(server, world)
    server.people.promote(world.agent, group, world.bot)
    server.people.say(world.requester, group, "one")
    server.people.demote(world.agent, group, world.bot)
    server.people.say(world.requester, group, "two")
    world.bot.privacy = False
    server.people.say(world.requester, group, "three")
    assert await _texts(bot) == ["one", "three"]
    assert (await bot.get_me()).can_read_all_group_messages


async def test_bots_do_not_see_each_other_and_share_commands(
    server: TelegramServer, world: Seeded, bot: telegram.Bot
) -> None:
    group = _group(server, world)
    other = server.world.add_bot("Other", "other_bot", privacy=False)
    server.people.add(world.agent, group, other)
    await bot.send_message(group.id, "from a bot")
    assert not [one for one in other.queue.take(0, 100) if one.get("message", {}).get("text")]
    server.people.say(world.requester, group, "/help")
    assert "/help" in await _texts(bot)


async def test_members_and_their_changes(server: TelegramServer, world: Seeded, bot: telegram.Bot) -> None:
    await bot.get_updates(allowed_updates=["chat_member", "my_chat_member"])
    newcomer = server.world.add_user("New")
    server.people.add(world.agent, world.room, newcomer)
    (update,) = await bot.get_updates()
    assert update.chat_member
    assert update.chat_member.new_chat_member.user.id == newcomer.id
    assert (await bot.get_chat_member(world.room.id, newcomer.id)).status == "member"
    admins = {one.user.id for one in await bot.get_chat_administrators(world.room.id)}
    assert admins == {world.agent.id, world.bot.id}
    assert (await bot.get_chat(world.room.id)).is_forum


async def test_replies_in_a_plain_supergroup_carry_a_thread(
    server: TelegramServer, world: Seeded, bot: telegram.Bot
) -> None:
    group = _group(server, world)
    first = await bot.send_message(group.id, "root")
    server.people.say(world.requester, group, "child", reply_to=first.message_id)
    (update,) = await bot.get_updates()
    assert update.message
    assert update.message.message_thread_id == first.message_id
    assert not update.message.is_topic_message
