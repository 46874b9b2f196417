"""Channels, threads, forum posts and webhooks with the real client."""

from __future__ import annotations

import io

import discord
import pytest

from tests.playground.discord.conftest import Bot, World, forum_channel, text_channel


async def test_a_thread_from_a_message(world: World, bot: Bot) -> None:
    world.people.say("Ada", world.room, "help me")
    message = await bot.hears("message")
    thread = await message.create_thread(name="Ada's ticket")
    assert thread.id == message.id
    await thread.send("we are here")
    world.people.say("Ada", str(thread.id), "thanks")
    heard = await bot.hears("message", lambda one: one.content == "thanks")
    assert heard.channel == thread
    await bot.hears("thread_member_join", lambda member: member.id == int(world.ada.id))
    shown = world.people.view(world.room, "Ada")["messages"][0]
    assert (shown["thread"]["name"], shown["flags"]) == ("Ada's ticket", 32)
    with pytest.raises(discord.HTTPException) as again:
        await message.create_thread(name="another")
    assert again.value.code == 160004


async def test_a_private_thread_is_for_its_members(world: World, bot: Bot) -> None:
    thread = await text_channel(bot, world).create_thread(
        name="private", type=discord.ChannelType.private_thread, invitable=False
    )
    ids = [one["id"] for one in (world.people.view(world.room, "Bob")["messages"])]
    assert ids == []
    with pytest.raises(Exception, match="Missing Access"):
        world.people.say("Bob", str(thread.id), "let me in")
    await thread.add_user(discord.Object(int(world.bob.id)))
    world.people.say("Bob", str(thread.id), "I am in")
    await bot.hears("message", lambda one: one.content == "I am in")
    assert {one.id for one in await thread.fetch_members()} == {bot.user.id, int(world.bob.id)}
    await thread.remove_user(discord.Object(int(world.bob.id)))
    with pytest.raises(Exception, match="Missing Access"):
        world.people.say("Bob", str(thread.id), "still there?")


async def test_a_forum_post_by_the_bot(world: World, bot: Bot) -> None:
    forum = forum_channel(bot, world)
    tag = forum.available_tags[0]
    made = await forum.create_thread(
        name="#1 Printer",
        content="card",
        applied_tags=[tag],
        file=discord.File(io.BytesIO(b"x"), "a.txt"),
    )
    assert made.thread.id == made.message.id
    assert made.thread.applied_tags == [tag]
    assert [one.filename for one in made.message.attachments] == ["a.txt"]
    await made.message.edit(content="card, changed")
    await made.thread.edit(applied_tags=[forum.available_tags[1]])
    shown = world.people.view(str(made.thread.id), "Ada")
    assert shown["messages"][0]["content"] == "card, changed"
    assert shown["channel"]["applied_tags"] == [str(forum.available_tags[1].id)]


async def test_a_forum_post_by_a_person(world: World, bot: Bot) -> None:
    post = world.people.post("Ada", world.forum, "Printer", "It burns", tags=["open"])
    thread = await bot.hears("thread_create")
    assert (thread.id, thread.name, thread.owner_id) == (int(post.id), "Printer", int(world.ada.id))
    message = await bot.hears("message")
    assert (message.id, message.content) == (thread.id, "It burns")
    assert [tag.name for tag in thread.applied_tags] == ["open"]


async def test_archived_threads_wake_and_locked_ones_do_not(world: World, bot: Bot) -> None:
    thread = await text_channel(bot, world).create_thread(
        name="t", type=discord.ChannelType.public_thread, auto_archive_duration=60
    )
    await thread.edit(archived=True)
    await thread.send("wake up")
    assert not world.server.world.channel(str(thread.id)).archived
    await thread.edit(archived=True, locked=True)
    with pytest.raises(discord.HTTPException) as archived:
        await thread.send("wake up")
    assert archived.value.code == 50083
    found = [one.id async for one in text_channel(bot, world).archived_threads()]
    assert found == [thread.id]
    assert await bot.get_guild(int(world.guild.id)).active_threads() == []
    await thread.edit(archived=False, locked=False)
    assert [one.id for one in await bot.get_guild(int(world.guild.id)).active_threads()] == [thread.id]


async def test_a_deleted_thread_and_channel_are_gone(world: World, bot: Bot) -> None:
    thread = await text_channel(bot, world).create_thread(name="t", type=discord.ChannelType.public_thread)
    world.people.remove_channel(str(thread.id))
    await bot.hears("raw_thread_delete")
    with pytest.raises(discord.NotFound) as gone:
        await thread.send("hello?")
    assert gone.value.code == 10003
    world.people.remove_channel(world.room)
    await bot.hears("guild_channel_delete")


async def test_a_name_changes_only_twice(world: World, bot: Bot) -> None:
    thread = await text_channel(bot, world).create_thread(name="t", type=discord.ChannelType.public_thread)
    await thread.edit(name="one")
    await thread.edit(name="two")
    with pytest.raises(discord.RateLimited) as limited:
        await thread.edit(name="three")
    assert 500 < limited.value.retry_after <= 600


async def test_channels_with_overwrites(world: World, bot: Bot) -> None:
    guild = bot.get_guild(int(world.guild.id))
    hidden = {guild.default_role: discord.PermissionOverwrite(view_channel=False)}
    mine = {guild.me: discord.PermissionOverwrite(view_channel=True)}
    channel = await guild.create_text_channel("Ticket 1", overwrites={**hidden, **mine}, topic="a ticket")
    assert channel.name == "ticket-1"
    with pytest.raises(Exception, match="Missing Access"):
        world.people.say("Bob", str(channel.id), "?")
    await channel.set_permissions(guild.get_member(int(world.bob.id)), view_channel=True)
    world.people.say("Bob", str(channel.id), "I see")
    await bot.hears("message", lambda one: one.content == "I see")
    await channel.set_permissions(guild.me, overwrite=None)
    with pytest.raises(discord.Forbidden) as shut:
        await channel.send("and I?")
    assert shut.value.code == 50001


async def test_a_webhook_speaks_under_another_name(world: World, bot: Bot) -> None:
    channel = text_channel(bot, world)
    hook = await channel.create_webhook(name="Desk")
    assert [one.id for one in await channel.webhooks()] == [hook.id]
    thread = await channel.create_thread(name="t", type=discord.ChannelType.public_thread)
    said = await hook.send(
        "hello", username="Bob B.", avatar_url="http://127.0.0.1/b.png", wait=True, thread=thread
    )
    assert (said.author.name, said.channel.id, said.webhook_id) == ("Bob B.", thread.id, hook.id)
    heard = await bot.hears("message", lambda one: one.content == "hello")
    assert heard.author.name == "Bob B."
    await said.edit(content="hello!")
    shown = world.people.view(str(thread.id), "Ada")["messages"][-1]
    assert (shown["content"], shown["picture"]) == ("hello!", "http://127.0.0.1/b.png")
    await said.delete()
    await hook.delete()
    with pytest.raises(discord.NotFound) as gone:
        await hook.send("anyone?", wait=True)
    assert gone.value.code == 10015


async def test_kicked_and_invited_again(world: World, bot: Bot) -> None:
    world.people.kick(world.app, world.guild)
    await bot.hears("guild_remove")
    with pytest.raises(discord.Forbidden) as out:
        await bot.get_partial_messageable(int(world.room.id)).send("?")
    assert out.value.code == 50001
    world.people.invite(world.app, world.guild)
    await bot.hears("guild_join")
    await text_channel(bot, world).send("back")
