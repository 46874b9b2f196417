"""The page in a real browser, and the program started as one does."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import discord
import pytest
from discord import app_commands
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.playground.discord.conftest import Bot, World, text_channel

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    path = os.environ.get("CHROMIUM", "") or next(
        (one for name in NAMES if (one := shutil.which(name))), None
    )
    async with async_playwright() as playwright:
        if path is None and not Path(playwright.chromium.executable_path).exists():
            pytest.skip("no Chromium: install it, or set CHROMIUM to its path")
        arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        running = await playwright.chromium.launch(executable_path=path, args=arguments)
        yield running
        await running.close()


@pytest.fixture
async def page(browser: Browser, world: World) -> AsyncIterator[Page]:
    page = await browser.new_page(viewport={"width": 400, "height": 800})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    yield page
    await page.close()
    assert [one for one in errors if "400" not in one] == []


def answers(bot: Bot) -> None:
    """A bot with a form, a button and a command with completion."""
    desk = app_commands.Group(name="desk", description="The desk")

    @desk.command(name="claim", description="Take a ticket")
    async def claim(asked: discord.Interaction, ticket: int) -> None:
        await asked.response.send_message(f"ticket {ticket} is yours", ephemeral=True)

    @claim.autocomplete("ticket")
    async def tickets(asked: discord.Interaction, typed: str) -> list[app_commands.Choice[int]]:
        return [app_commands.Choice(name=f"#{n} printer", value=n) for n in (41, 42)]

    bot.tree.add_command(desk)

    async def answer(asked: discord.Interaction) -> None:
        if asked.type is discord.InteractionType.component:
            form = discord.ui.Modal(title="New ticket", custom_id="new")
            form.add_item(discord.ui.TextInput(label="Subject", custom_id="subject"))
            await asked.response.send_modal(form)
        elif asked.type is discord.InteractionType.modal_submit:
            data: Any = asked.data
            said = data["components"][0]["components"][0]["value"]
            await asked.response.send_message(f"made: {said}")

    bot.on_asked = answer


@pytest.mark.browser
async def test_the_page(world: World, bot: Bot, page: Page) -> None:
    answers(bot)
    await bot.tree.sync()
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label="Get help", custom_id="help"))
    card = await text_channel(bot, world).send("**Welcome** to `help`", view=view)
    await page.goto(f"{world.server.url}/?user=Ada&channel={world.room.id}")
    await expect(page.get_by_text("Welcome")).to_be_visible()
    await page.get_by_label("Message", exact=True).fill("hello from the page")
    await page.get_by_role("button", name="Send").click()
    assert (await bot.hears("message", lambda one: one.content == "hello from the page")).author.name == "ada"
    await expect(page.get_by_text("hello from the page")).to_be_visible()
    await page.get_by_role("button", name="Get help").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Subject").fill("the printer")
    await dialog.get_by_role("button", name="Submit").click()
    await expect(page.get_by_text("made: the printer")).to_be_visible()
    await page.locator("article").first.get_by_role("button", name="👍").click()
    await bot.hears("raw_reaction_add", lambda raw: raw.message_id == card.id)
    await page.get_by_label("Message", exact=True).fill("/desk claim ticket:4")
    await page.get_by_role("button", name="#42 printer").click()
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_text("ticket 42 is yours")).to_be_visible()
    await expect(page.get_by_text("Only you can see this")).to_be_visible()
    await page.get_by_role("button", name="Channels").click()
    await page.get_by_role("button", name="tickets").click()
    await page.get_by_label("Title").fill("A post")
    await page.get_by_label("Text", exact=True).fill("with words")
    await page.get_by_label("open").check()
    await page.get_by_role("button", name="New post").click()
    await expect(page.get_by_role("heading", name="A post")).to_be_visible()
    assert (await bot.hears("thread_create")).name == "A post"
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= 400, "nothing is wider than the screen"


async def test_the_program_starts_and_stops() -> None:
    command = [sys.executable, "-m", "playground.discord", "--port", "0", "--json", "--token", "the.token"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            facts = json.loads(await process.stdout.readline())
        assert facts["token"] == "the.token"
        headers = {"Authorization": "Bot the.token"}
        async with aiohttp.ClientSession(headers=headers) as session:
            async with session.get(f"{facts['api']}/users/@me") as answer:
                assert (await answer.json())["id"] == facts["bot"]
            async with session.get(facts["page"]) as answer:
                assert "Playground" in await answer.text()
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 20) == 0
