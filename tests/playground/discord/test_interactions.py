"""Commands, buttons, selects, forms and completions with the real client."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
import pytest
from discord import app_commands

from playground.discord.errors import Refused
from tests.playground.discord.conftest import Bot, World, text_channel


def buttons() -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label="Claim", custom_id="claim:ticket:1"))
    options = [discord.SelectOption(label=name, value=name) for name in ("low", "high")]
    view.add_item(discord.ui.Select(custom_id="priority:ticket:1", options=options))
    return view


async def settled(asked: Any) -> Any:
    async with asyncio.timeout(30):
        await asked.settled.wait()
    return asked


async def test_a_press_is_deferred_and_followed_up(world: World, bot: Bot) -> None:
    message = await text_channel(bot, world).send("card", view=buttons())
    seen: list[Any] = []

    async def answer(asked: discord.Interaction) -> None:
        seen.append((asked.data["custom_id"], asked.user.name, asked.message.id))
        await asked.response.defer(ephemeral=True, thinking=True)
        assert world.people.view(world.room, "Bob")["messages"][-1]["flags"] & 128
        await asked.followup.send("claimed", ephemeral=True)
        await asked.followup.send("second", ephemeral=True)

    bot.on_asked = answer
    asked = world.people.press("Bob", str(message.id), "claim:ticket:1")
    async with asyncio.timeout(30):
        while len(world.people.view(world.room, "Bob")["messages"]) < 3:
            await world.server.world.journal.wait(world.server.world.journal.last, 1)
    assert seen == [("claim:ticket:1", "bob", message.id)]
    assert asked.answer == 5
    assert [one["content"] for one in world.people.view(world.room, "Bob")["messages"]] == [
        "card",
        "claimed",
        "second",
    ]
    assert [one["content"] for one in world.people.view(world.room, "Ada")["messages"]] == ["card"]


async def test_a_choice_changes_the_card(world: World, bot: Bot) -> None:
    message = await text_channel(bot, world).send("card", view=buttons())

    async def answer(asked: discord.Interaction) -> None:
        await asked.response.edit_message(content=f"priority {asked.data['values'][0]}", view=None)

    bot.on_asked = answer
    await settled(world.people.press("Bob", str(message.id), "priority:ticket:1", ["high"]))
    shown = world.people.view(world.room, "Bob")["messages"][0]
    assert (shown["content"], shown["components"]) == ("priority high", [])
    with pytest.raises(Refused):
        world.people.press("Bob", str(message.id), "claim:ticket:1")


async def test_a_form_is_opened_filled_in_and_answered(world: World, bot: Bot) -> None:
    message = await text_channel(bot, world).send("panel", view=buttons())

    async def answer(asked: discord.Interaction) -> None:
        if asked.type is discord.InteractionType.modal_submit:
            text, choice = asked.data["components"]
            said = f"{text['components'][0]['value']}/{choice['component']['values'][0]}"
            await asked.response.send_message(said)
            return
        form = discord.ui.Modal(title="New ticket", custom_id="new:ticket:1")
        form.add_item(discord.ui.TextInput(label="Subject", custom_id="subject", min_length=3))
        options = [discord.SelectOption(label=name, value=name) for name in ("it", "hr")]
        select = discord.ui.Select(custom_id="category", options=options)
        form.add_item(discord.ui.Label(text="Category", component=select))
        await asked.response.send_modal(form)

    bot.on_asked = answer
    asked = await settled(world.people.press("Ada", str(message.id), "claim:ticket:1"))
    assert [form["title"] for form in world.people.view(world.room, "Ada")["forms"]] == ["New ticket"]
    with pytest.raises(Refused):
        world.people.submit("Ada", asked, {"subject": "x", "category": "it"})
    sent = await settled(world.people.submit("Ada", asked, {"subject": "printer", "category": "it"}))
    assert sent.original.content == "printer/it"
    assert world.people.forms(world.ada.id) == []


async def test_a_file_comes_by_a_form(world: World, bot: Bot) -> None:
    message = await text_channel(bot, world).send("panel", view=buttons())

    async def answer(asked: discord.Interaction) -> None:
        if asked.type is discord.InteractionType.modal_submit:
            found = next(iter(asked.data["resolved"]["attachments"].values()))
            async with asked.client.http._HTTPClient__session.get(found["url"]) as file:
                await asked.response.send_message((await file.read()).decode())
            return
        form = discord.ui.Modal(title="New ticket", custom_id="new:ticket:1")
        form.add_item(discord.ui.Label(text="File", component=discord.ui.FileUpload(custom_id="file")))
        await asked.response.send_modal(form)

    bot.on_asked = answer
    asked = await settled(world.people.press("Ada", str(message.id), "claim:ticket:1"))
    with pytest.raises(Refused):
        world.people.submit("Ada", asked, {})
    files = {"file": [("log.txt", b"it burns")]}
    sent = await settled(world.people.submit("Ada", asked, {}, files=files))
    assert sent.original.content == "it burns"


async def test_commands_with_subcommands_options_and_completion(world: World, bot: Bot) -> None:
    desk = app_commands.Group(name="desk", description="The desk")

    @desk.command(name="claim", description="Take a ticket")
    async def claim(asked: discord.Interaction, ticket: int, note: str = "") -> None:
        await asked.response.send_message(f"{ticket} {note}", ephemeral=True)

    @claim.autocomplete("ticket")
    async def tickets(asked: discord.Interaction, typed: str) -> list[app_commands.Choice[int]]:
        return [app_commands.Choice(name=f"#{n} {typed}", value=n) for n in (1, 2)]

    @app_commands.context_menu(name="Make a ticket")
    async def make(asked: discord.Interaction, message: discord.Message) -> None:
        await asked.response.send_message(f"from: {message.content}", ephemeral=True)

    bot.tree.add_command(desk)
    bot.tree.add_command(make)
    guild = discord.Object(int(world.guild.id))
    bot.tree.copy_global_to(guild=guild)
    synced = await bot.tree.sync(guild=guild)
    assert sorted(one.name for one in synced) == ["Make a ticket", "desk"]
    done = await settled(
        world.people.command("Bob", world.room, "/desk claim", {"ticket": 42, "note": "mine"})
    )
    assert (done.original.content, done.original.only_for) == ("42 mine", world.bob.id)
    found = await settled(world.people.complete("Bob", world.room, "desk claim", "ticket", "4"))
    assert [one["value"] for one in found.choices] == [1, 2]
    assert found.choices[0]["name"] == "#1 4"
    said = world.people.say("Ada", world.room, "it burns")
    made = await settled(world.people.use_on_message("Bob", said, "Make a ticket"))
    assert made.original.content == "from: it burns"
    with pytest.raises(Refused):
        world.people.command("Bob", world.room, "desk claim", {})
    with pytest.raises(Refused):
        world.people.command("Bob", world.room, "desk nothing")


async def test_answers_are_edited_and_deleted(world: World, bot: Bot) -> None:
    message = await text_channel(bot, world).send("card", view=buttons())
    done = asyncio.Event()

    async def answer(asked: discord.Interaction) -> None:
        await asked.response.send_message("one")
        await asked.edit_original_response(content="two")
        original = await asked.original_response()
        assert original.content == "two"
        more = await asked.followup.send("three", wait=True)
        await more.edit(content="four")
        await asked.delete_original_response()
        done.set()

    bot.on_asked = answer
    world.people.press("Ada", str(message.id), "claim:ticket:1")
    async with asyncio.timeout(30):
        await done.wait()
    assert [one["content"] for one in world.people.view(world.room)["messages"]] == ["card", "four"]


async def test_a_late_or_second_answer_is_refused(world: World, bot: Bot) -> None:
    message = await text_channel(bot, world).send("card", view=buttons())
    codes: asyncio.Queue[int] = asyncio.Queue()

    async def answer(asked: discord.Interaction) -> None:
        for _time in range(2):
            route = discord.http.Route("POST", f"/interactions/{asked.id}/{asked.token}/callback")
            try:
                await bot.http.request(route, json={"type": 6})
            except discord.HTTPException as error:
                codes.put_nowait(error.code)

    bot.on_asked = answer
    asked = await settled(world.people.press("Ada", str(message.id), "claim:ticket:1"))
    assert asked.answer == 6
    assert await asyncio.wait_for(codes.get(), 5) == 40060
    late = world.people.press("Ada", str(message.id), "claim:ticket:1")
    late.asked_at -= 10
    assert [await asyncio.wait_for(codes.get(), 5) for _time in range(2)] == [10062, 10062]
    assert late.answer is None


async def test_components_of_the_second_kind(world: World, bot: Bot) -> None:
    view = discord.ui.LayoutView(timeout=None)
    box = discord.ui.Container(discord.ui.TextDisplay("**Ticket 1**"), discord.ui.Separator())
    button = discord.ui.Button(label="Claim", custom_id="claim:ticket:1")
    box.add_item(discord.ui.Section(discord.ui.TextDisplay("open"), accessory=button))
    view.add_item(box)
    message = await text_channel(bot, world).send(view=view)
    assert message.flags.components_v2

    done = asyncio.Event()

    async def answer(asked: discord.Interaction) -> None:
        await asked.response.defer()
        await asked.followup.send("done", ephemeral=True)
        done.set()

    bot.on_asked = answer
    asked = world.people.press("Ada", str(message.id), "claim:ticket:1")
    await asyncio.wait_for(done.wait(), 5)
    assert [one.content for one in asked.said] == ["done"]
    with pytest.raises(discord.HTTPException) as mixed:
        await bot.http.request(
            discord.http.Route("POST", "/channels/{channel_id}/messages", channel_id=int(world.room.id)),
            json={"content": "x", "flags": 1 << 15, "components": [{"type": 10, "content": "y"}]},
        )
    assert mixed.value.code == 50035
    large = discord.ui.LayoutView()
    for _number in range(5):
        large.add_item(discord.ui.TextDisplay("x" * 1000))
    with pytest.raises((discord.HTTPException, ValueError)):
        await message.channel.send(view=large)


async def test_an_interaction_in_a_direct_message(world: World, bot: Bot) -> None:
    user = await bot.fetch_user(int(world.ada.id))
    message = await user.send("rate us", view=buttons())

    async def answer(asked: discord.Interaction) -> None:
        assert asked.guild is None
        await asked.response.send_message(f"thanks, {asked.user.name}")

    bot.on_asked = answer
    asked = await settled(world.people.press("Ada", str(message.id), "claim:ticket:1"))
    assert asked.original.content == "thanks, ada"
