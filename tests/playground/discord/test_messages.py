"""Messages with the real client: heard, answered, changed, removed, read again."""

from __future__ import annotations

import io

import aiohttp
import discord
import pytest

from tests.playground.discord.conftest import Bot, World, running, text_channel


async def test_a_message_is_heard_and_answered(world: World, bot: Bot) -> None:
    said = world.people.say("Ada", world.room, "The printer is on fire")
    message = await bot.hears("message")
    assert (message.content, message.author.name, message.guild.name) == (
        "The printer is on fire",
        "ada",
        "Analytical Engines",
    )
    reply = await message.reply("Help is on its way")
    assert reply.reference.message_id == int(said.id)
    shown = world.people.view(world.room, "Ada")["messages"]
    assert [one["content"] for one in shown] == ["The printer is on fire", "Help is on its way"]


async def test_the_same_nonce_is_the_same_message(world: World, bot: Bot) -> None:
    channel = text_channel(bot, world)
    one, other = await channel.send("once", nonce="k1"), await channel.send("once", nonce="k1")
    assert one.id == other.id
    assert len(world.room.messages) == 1
    assert (await channel.send("once", nonce="k2")).id != one.id
    world.server.world.nonce_life = 0.0
    assert (await channel.send("once", nonce="k2")).id > other.id


async def test_edits_go_both_ways(world: World, bot: Bot) -> None:
    message = await text_channel(bot, world).send("before")
    await message.edit(content="after")
    assert world.room.messages[str(message.id)].content == "after"
    said = world.people.say("Ada", world.room, "frist")
    world.people.edit("Ada", said, "first")
    edited = await bot.hears("raw_message_edit", lambda raw: raw.message_id == int(said.id))
    assert edited.data["content"] == "first"
    assert edited.message.edited_at is not None


async def test_deletes_go_both_ways(world: World, bot: Bot) -> None:
    message = await text_channel(bot, world).send("before")
    await message.delete()
    assert not world.room.messages
    said = world.people.say("Ada", world.room, "oops")
    world.people.delete("Ada", said)
    await bot.hears("raw_message_delete", lambda raw: raw.message_id == int(said.id))
    many = [await text_channel(bot, world).send(str(n)) for n in range(3)]
    await text_channel(bot, world).delete_messages(many)
    await bot.hears("raw_bulk_message_delete")
    with pytest.raises(discord.NotFound) as gone:
        await message.edit(content="late")
    assert gone.value.code == 10008


async def test_reactions_go_both_ways(world: World, bot: Bot) -> None:
    message = await text_channel(bot, world).send("vote")
    await message.add_reaction("👍")
    world.people.react("Ada", str(message.id), "👍")
    raw = await bot.hears("raw_reaction_add", lambda one: one.user_id == int(world.ada.id))
    assert (str(raw.emoji), raw.member.name) == ("👍", "ada")
    fresh = await text_channel(bot, world).fetch_message(message.id)
    assert [(str(one.emoji), one.count, one.me) for one in fresh.reactions] == [("👍", 2, True)]
    assert {user.name async for user in fresh.reactions[0].users()} == {"ada", "Deskbot"}
    await message.remove_reaction("👍", bot.user)
    world.people.unreact("Ada", str(message.id), "👍")
    await bot.hears("raw_reaction_remove", lambda one: one.user_id == int(world.ada.id))
    await message.add_reaction("🎉")
    await message.clear_reactions()
    await bot.hears("raw_reaction_clear")
    with pytest.raises(discord.HTTPException) as unknown:
        await message.add_reaction("nonsense")
    assert unknown.value.code == 10014


async def test_history_before_after_and_around(world: World, bot: Bot) -> None:
    said = [world.people.say("Ada", world.room, str(number)) for number in range(250)]
    channel = text_channel(bot, world)
    at = discord.Object(int(said[100].id))
    after = [one.content async for one in channel.history(after=at, limit=None)]
    assert after == [str(number) for number in range(101, 250)]
    before = [one.content async for one in channel.history(before=at, limit=150)]
    assert before == [str(number) for number in range(99, -1, -1)]
    around = [one.content async for one in channel.history(around=at, limit=5)]
    assert around == ["102", "101", "100", "99", "98"] or around == ["98", "99", "100", "101", "102"]
    newest = [one.content async for one in channel.history(limit=2)]
    assert newest == ["249", "248"]


async def test_files_go_both_ways(world: World, bot: Bot) -> None:
    world.people.say("Ada", world.room, "look", files=[("engine.txt", b"brass and steam")])
    message = await bot.hears("message")
    assert await message.attachments[0].read() == b"brass and steam"
    files = [
        discord.File(io.BytesIO(b"one"), "a.txt", description="first"),
        discord.File(io.BytesIO(b"2"), "b.png"),
    ]
    sent = await message.channel.send("here", files=files)
    assert [one.filename for one in sent.attachments] == ["a.txt", "b.png"]
    assert sent.attachments[0].description == "first"
    kept = world.room.messages[str(sent.id)].files
    assert [one.data for one in kept] == [b"one", b"2"]
    edited = await sent.edit(attachments=[sent.attachments[1], discord.File(io.BytesIO(b"3"), "c.txt")])
    assert [one.filename for one in edited.attachments] == ["b.png", "c.txt"]


async def test_addresses_of_files_expire(world: World, bot: Bot) -> None:
    world.server.world.file_life = -1
    world.people.say("Ada", world.room, files=[("a.txt", b"x")])
    message = await bot.hears("message")
    with pytest.raises(discord.NotFound):
        await message.attachments[0].read()
    world.server.world.file_life = 60
    fresh = await message.channel.fetch_message(message.id)
    assert await fresh.attachments[0].read() == b"x"
    async with aiohttp.ClientSession() as session, session.get(fresh.attachments[0].url[:-1] + "!") as answer:
        assert answer.status == 404


async def test_what_is_too_large_is_refused(world: World, bot: Bot) -> None:
    channel = text_channel(bot, world)
    with pytest.raises(discord.HTTPException) as long:
        await channel.send("x" * 2001)
    with pytest.raises(discord.HTTPException) as empty:
        await channel.send("")
    with pytest.raises(discord.HTTPException) as heavy:
        await channel.send(file=discord.File(io.BytesIO(bytes(10 * 1024 * 1024 + 1)), "big.bin"))
    assert [long.value.code, empty.value.code, heavy.value.code] == [50035, 50006, 40005]
    assert heavy.value.status == 413


async def test_direct_messages_and_closed_ones(world: World, bot: Bot) -> None:
    world.people.say("Ada", world.people.dm("Ada", world.app), "psst")
    message = await bot.hears("message")
    assert isinstance(message.channel, discord.DMChannel)
    await message.channel.send("yes?")
    user = await bot.fetch_user(int(world.bob.id))
    await user.send("hello Bob")
    assert (
        world.people.view(world.people.dm("Bob", world.app), "Bob")["messages"][0]["content"] == "hello Bob"
    )
    world.people.close_dm("Bob", world.app)
    with pytest.raises(discord.Forbidden) as closed:
        await user.send("anyone?")
    assert closed.value.code == 50007


async def test_mentions_are_only_those_allowed(world: World, bot: Bot) -> None:
    text = f"<@{world.ada.id}> @everyone"
    quiet = await text_channel(bot, world).send(text)
    assert (quiet.mentions, quiet.mention_everyone) == ([], False)
    loud = await text_channel(bot, world).send(text, allowed_mentions=discord.AllowedMentions(users=True))
    assert [one.name for one in loud.mentions] == ["ada"]


async def test_content_is_hidden_without_the_intent(world: World) -> None:
    intents = discord.Intents.default()
    async with running(world, intents=intents) as bot:
        world.people.say("Ada", world.room, "secret")
        world.people.say("Ada", world.room, f"<@{world.app.id}> open")
        world.people.say("Ada", world.people.dm("Ada", world.app), "direct")
        await bot.hears("message", lambda one: one.content == "direct")
        heard = [what.content for name, what in bot.heard if name == "message"]
    assert heard == ["", f"<@{world.app.id}> open", "direct"]


async def test_typing_goes_both_ways(world: World, bot: Bot) -> None:
    world.people.type("Ada", world.room)
    assert (await bot.hears("raw_typing")).user_id == int(world.ada.id)
    async with text_channel(bot, world).typing():
        pass
    changes = world.server.world.journal.after(0)
    assert [one["user"] for one in changes if one["kind"] == "typing"] == [world.ada.id, world.app.id]


async def test_pictures_and_application(world: World, bot: Bot) -> None:
    assert (await bot.user.display_avatar.read()).startswith(b"\x89PNG")
    assert (await bot.application_info()).name == "Deskbot"
    assert [guild.name async for guild in bot.fetch_guilds()] == ["Analytical Engines"]
    guild = bot.get_guild(int(world.guild.id))
    assert {one.name async for one in guild.fetch_members()} == {"ada", "bob", "Deskbot"}
    assert guild.chunked


async def test_raw_fields_that_people_send(world: World, bot: Bot) -> None:
    sticker = {"id": "1", "name": "wave", "format_type": 1}
    world.people.say("Ada", world.room, extra={"sticker_items": [sticker]})
    assert (await bot.hears("message")).stickers[0].name == "wave"
    world.people.say("Ada", world.room, "odd", extra={"type": 999, "unheard_of": {}})
    assert (await bot.hears("message", lambda one: one.content == "odd")).type.value == 999
