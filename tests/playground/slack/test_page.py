"""The page in a real browser: two people, a card with a button, a form, a thread."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, async_playwright
from slack_bolt.app.async_app import AsyncApp

from playground.slack import Seeded, SlackServer
from tests.playground.slack.conftest import Connect
from tests.playground.slack.test_forms import form

pytestmark = pytest.mark.browser
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    path = os.environ.get("CHROMIUM") or next(
        (found for name in NAMES if (found := shutil.which(name))), None
    )
    async with async_playwright() as playwright:
        if path is None and not Path(playwright.chromium.executable_path).exists():
            pytest.skip("no Chromium: install it (apt install chromium) or set CHROMIUM to its path")
        browser = await playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        made = await browser.new_page(viewport={"width": 400, "height": 700})
        made.set_default_timeout(15_000)
        wrong: list[str] = []
        made.on("pageerror", lambda error: wrong.append(str(error)))
        made.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
        yield made
        await browser.close()
    assert wrong == []


async def test_a_ticket_by_hand(
    app: AsyncApp, connect: Connect, page: Page, slack: SlackServer, world: Seeded
) -> None:
    sent: list[dict[str, Any]] = []

    @app.command("/desk")
    async def command(ack: Any, body: dict[str, Any], client: Any) -> None:
        await client.views_open(trigger_id=body["trigger_id"], view=form())
        await ack()

    @app.view("ticket")
    async def submitted(ack: Any, view: dict[str, Any]) -> None:
        await ack()
        sent.append(view["state"]["values"])

    @app.action("claim")
    async def claim(ack: Any, respond: Any) -> None:
        await ack()
        await respond("Claimed", replace_original=True)

    @app.event("message")
    async def heard() -> None: ...

    await connect(app)
    button = {"type": "button", "text": {"type": "plain_text", "text": "Claim"}, "action_id": "claim"}
    blocks = [{"type": "actions", "elements": [button]}]
    await app.client.chat_postMessage(channel=world.desk, text="A ticket", blocks=blocks)
    await page.goto(f"{slack.base}/?user=ben&channel=desk")
    await page.get_by_role("button", name="Claim").click()
    await page.get_by_text("Claimed").wait_for()

    box = page.get_by_label("Message", exact=True)
    await box.fill("hello *bold*")
    await box.press("Enter")
    await page.locator("b", has_text="bold").wait_for()
    row = page.locator(".message", has_text="hello")
    await row.hover()
    await row.get_by_role("button", name="React eyes").click()
    await page.locator(".reactions button[aria-pressed=true]").wait_for()
    await row.hover()
    await row.get_by_role("button", name="Reply").click()
    reply = page.get_by_label("Reply", exact=True)
    await reply.fill("under it")
    await reply.press("Enter")
    await page.locator("#replies").get_by_text("under it").wait_for()
    await page.get_by_role("button", name="Close").click()
    await page.get_by_role("button", name="1 reply").wait_for()

    await box.fill("/desk new")
    await box.press("Enter")
    await page.get_by_label("Subject").fill("printer")
    await page.locator("dialog").get_by_role("button", name="Send").click()
    await page.get_by_text("Please fill in this field.").wait_for()
    await page.get_by_label("Priority").select_option("high")
    await page.locator("dialog").get_by_role("button", name="Send").click()
    await page.locator("dialog").wait_for(state="hidden")
    assert sent[0]["subject"]["subject"]["value"] == "printer"

    await slack.play.say(world.cleo, "desk", "from elsewhere")
    await page.get_by_text("from elsewhere").wait_for()
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found = await Axe().run(page)
        assert [one["id"] for one in found.response["violations"]] == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= 400
