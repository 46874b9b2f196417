"""The behaviours of the design system in a real browser, on its sample pages."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

sys.path.insert(0, str(Path(__file__).parent))
import kitchen_sink

pytestmark = pytest.mark.browser
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with kitchen_sink.serving() as base:
        yield base


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A tab that fails its test when the console complains."""
    complaints: list[str] = []
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=kitchen_sink.chromium(), args=FLAGS)
        tab = await browser.new_page(viewport={"width": 1440, "height": 900})
        tab.set_default_timeout(20_000)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("console", lambda entry: complaints.append(entry.text) if entry.type == "error" else None)
        yield tab
        await browser.close()
    assert not complaints


async def ready(page: Page, url: str) -> None:
    """The page with its scripts at work."""
    await page.goto(url)
    await page.wait_for_selector("html[data-ready]")


async def test_keys_walk_the_queue_and_a_refresh_keeps_focus_and_ticks(page: Page, address: str) -> None:
    await ready(page, f"{address}/queue")
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await expect(page.locator("#ticket-1479")).to_be_focused()
    await page.locator("[data-pick]").first.check()
    await page.locator("#ticket-1476").focus()
    await page.evaluate(
        "import('/static/js/fragment.js').then((part) => part.refresh(document.getElementById('rows')))"
    )
    await expect(page.locator("#ticket-1476")).to_be_focused()
    await expect(page.locator("[data-bulk-count]")).to_have_text("1 selected")


async def test_a_note_cannot_be_mistaken_for_a_reply(page: Page, address: str) -> None:
    await ready(page, f"{address}/ticket")
    send = page.locator("[data-composer-send]")
    await expect(send).to_have_accessible_name("Send reply to Ada")
    await page.keyboard.press("n")
    await expect(page.locator("#composer-body")).to_be_focused()
    await expect(send).to_have_accessible_name("Add note")
    await expect(page.locator(".composer__audience")).to_have_text(
        "Note, only agents see this", use_inner_text=True
    )


async def test_the_composer_mentions_saves_uploads_and_sends(page: Page, address: str) -> None:
    await ready(page, f"{address}/ticket")
    await page.keyboard.press("r")
    await page.keyboard.type("hello @mi")
    await expect(page.locator(".mentions [role=option]").first).to_have_text("Mira Lindqvist")
    await page.keyboard.press("Enter")
    await expect(page.locator("#composer-body")).to_have_value("hello @Mira ")
    await expect(page.locator("[data-composer-status]")).to_have_text("Draft saved")
    await page.locator("[data-composer-input]").set_input_files(
        {"name": "a.txt", "mimeType": "text/plain", "buffer": b"hi"}
    )
    await expect(page.locator("[name=attachment]")).to_have_count(1)
    await page.locator("#composer-body").press("Control+Enter")
    await expect(page.locator("#composer-body")).to_have_value("")
    await expect(page.locator("[name=attachment]")).to_have_count(0)


async def test_taking_a_reply_back_restores_it_as_a_reply(page: Page, address: str) -> None:
    await ready(page, f"{address}/ticket?kind=note")
    await page.locator("[data-hold-button]").click()
    await expect(page.locator("#composer-body")).to_have_value("One more thing: may we close this ticket?")
    await expect(page.locator("#composer-reply")).to_be_checked()


async def test_the_palette_finds_commands_and_tickets(page: Page, address: str) -> None:
    await ready(page, f"{address}/queue")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("resol")
    await expect(page.locator(".palette__item[aria-selected=true]")).to_contain_text("Resolve")
    await page.locator(".palette__input").fill("#42")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/ticket?number=42")


async def test_tokens_keep_their_contrast_for_any_accent(page: Page, address: str) -> None:
    await ready(page, f"{address}/queue")
    for accent in kitchen_sink.ACCENTS:
        for theme in ("light", "dark"):
            ratios = await page.evaluate(kitchen_sink.MEASURE, [kitchen_sink.PAIRS, accent, theme])
            low = [pair for pair, ratio in zip(kitchen_sink.PAIRS, ratios, strict=True) if ratio < pair[2]]
            assert not low, (accent, theme)
