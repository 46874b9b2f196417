"""The page, in a real browser at the width of a telephone."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator

import pytest
import telegram
from playwright.async_api import FilePayload, Page, async_playwright
from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from playground.telegram import TelegramServer
from playground.telegram.seed import Seeded

pytestmark = pytest.mark.browser


@pytest.fixture
async def page(server: TelegramServer, bot: telegram.Bot) -> AsyncIterator[Page]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium: install it or set CHROMIUM to its path")
    flags = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=path, args=flags)
        opened = await browser.new_page(viewport={"width": 400, "height": 760})
        opened.set_default_timeout(10_000)
        problems: list[str] = []
        opened.on("pageerror", lambda error: problems.append(str(error)))
        await opened.goto(server.url)
        yield opened
        assert await opened.evaluate("document.documentElement.scrollWidth") <= 400
        await browser.close()
        assert problems == []


async def _write(page: Page, text: str) -> None:
    await page.fill("#text", text)
    await page.press("#text", "Enter")


async def test_a_conversation(page: Page, server: TelegramServer, world: Seeded, bot: telegram.Bot) -> None:
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Claim", callback_data="claim:1")]])
    await bot.send_message(world.requester.id, "<b>Hello</b>", parse_mode="HTML", reply_markup=keyboard)
    hello = page.locator(".message", has_text="Hello")
    await hello.locator(".keyboard button").click()
    (update,) = await bot.get_updates(timeout=5)
    assert update.callback_query
    await update.callback_query.answer("Yours now")
    await page.wait_for_selector("#sign >> text=Yours now")
    await _write(page, "**typed** here")
    typed = page.locator(".message.mine", has_text="typed here")
    await typed.locator("[data-do=edit]").click()
    await _write(page, "changed")
    await page.wait_for_selector(".mark >> text=edited")
    await hello.locator("[data-do=react]").click()
    await hello.locator(".emoji button").first.click()
    await page.wait_for_selector(".reactions >> text=👍 1")
    await hello.locator("[data-do=reply]").click()
    await _write(page, "an answer")
    await page.wait_for_selector(".quoted >> text=Hello")
    await page.locator(".message.mine", has_text="changed").locator("[data-do=delete]").click()
    await page.locator(".message.mine", has_text="changed").wait_for(state="detached")
    texts = [one["text"] for one in server.shows(world.private)]
    assert texts == ["/start", "Hello", "an answer"]


async def test_files_and_commands(
    page: Page, server: TelegramServer, world: Seeded, bot: telegram.Bot
) -> None:
    await bot.set_my_commands([("help", "Shows help")])
    file: FilePayload = {"name": "n.txt", "mimeType": "text/plain", "buffer": b"hi"}
    await page.set_input_files("#files", files=[file])
    await page.click("button[type=submit] >> text=Send")
    await page.wait_for_selector(".files >> text=n.txt")
    assert server.shows(world.private)[-1]["files"][0]["size"] == 2
    for kind in ("location", "contact", "poll", "dice", "sticker", "voice", "strange"):
        stand = len(server.shows(world.private))
        await page.select_option("#other", kind)
        await page.wait_for_function("n => document.querySelectorAll('.message').length > n", arg=stand)
    await page.click("#commands")
    await page.click("text=/help: Shows help")
    assert await page.input_value("#text") == "/help "


async def test_topics_of_the_room(
    page: Page, server: TelegramServer, world: Seeded, bot: telegram.Bot
) -> None:
    topic = await bot.create_forum_topic(world.room.id, "Printer")
    number = topic.message_thread_id
    await page.goto(f"{server.url}/?user={world.agent.id}&chat={world.room.key}&topic={number}")
    await page.wait_for_selector("text=“Printer” was created")
    await _write(page, "in the topic")
    await page.wait_for_selector(".message >> text=in the topic")
    await bot.send_chat_action(world.room.id, "typing", message_thread_id=number)
    await page.wait_for_selector("#sign >> text=typing…")
    assert server.shows(world.room, number)[-1]["text"] == "in the topic"
