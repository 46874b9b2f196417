"""Three real browsers in one call, what they share and do, and what is played of it afterwards."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator
from pathlib import Path

import av
import pytest
from playwright.async_api import Browser, Page, async_playwright
from starlette.requests import Request
from starlette.responses import Response

from core.access import Actor
from core.calls import access
from core.people import service as people
from tests.browser.conftest import needed
from tests.browser.desk_server import violations
from tests.calls.house import House
from tests.calls.test_call_page import ARGS, browser, house, press, sees, together, visit
from webui import sessions

__all__ = ["browser", "house"]
SHOTS = os.environ.get("CALL_SHOTS", "")

pytestmark = pytest.mark.browser


@pytest.fixture
async def eve(house: House) -> Actor:
    async with house.desk.unit() as uow:
        person = await people.add(uow, name="Eve Expert", role="lead")
        await uow.session.flush()
        return await people.actor_of(uow, person)


@pytest.fixture
async def shy() -> AsyncIterator[Browser]:
    """A browser that gives nobody its microphone."""
    async with async_playwright() as playwright:
        args = [one for one in ARGS if "fake-ui" not in one]
        made = await playwright.chromium.launch(executable_path=needed(playwright), args=args)
        yield made
        await made.close()


async def test_a_third_is_asked_in_a_screen_is_shown_and_all_of_it_is_played(
    house: House, browser: Browser, eve: Actor
) -> None:
    wrong: list[str] = []
    bob, ada = await together(house, browser, wrong)
    call = (await house.the_calls())[0]

    # A third is asked in, by a form beside the call.
    await press(bob, "people")
    await bob.select_option('[data-people-list] select[name="colleague"]', label="Eve Expert")
    await shot(bob, "people")
    await bob.click("[data-people-form] button >> nth=0")
    await bob.wait_for_selector(".call__persons >> text=Eve Expert")
    await bob.keyboard.press("Escape")
    third = await visit(browser, await house.link(call, eve), wrong)
    await press(third, "join")
    for page in (bob, ada, third):
        await shows(page, 3)
        await sees(page)

    # Everybody sees a screen that is shown.
    await press(bob, "share")
    await bob.wait_for_selector('[data-do="share"][aria-pressed="true"]')
    for page in (ada, third):
        await page.wait_for_selector('[data-tile$="-screen"][data-frames]:visible', timeout=60_000)
    await shot(ada, "three-phone")
    await shot(third, "three")
    assert await ada.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    await press(bob, "share")
    await ada.wait_for_selector('[data-tile$="-screen"]', state="hidden", timeout=60_000)

    # Whole screen and a small window of its own.
    await press(third, "full")
    await third.wait_for_function("() => document.fullscreenElement !== null")
    await third.keyboard.press("f")
    await third.wait_for_function("() => document.fullscreenElement === null")
    await press(third, "float")
    await third.wait_for_function("() => document.pictureInPictureElement !== null")
    await press(third, "float")

    # All agree, and are recorded.
    await press(bob, "record")
    for page in (ada, third):
        await page.wait_for_selector("[data-consent][open]")
        await press(page, "agree")
    await house.until(lambda: _seconds(house, 3, 3_000))

    # Another network: a fresh connection, the same person, and the recording goes on.
    await ada.evaluate("window.dispatchEvent(new Event('online'))")
    await ada.wait_for_selector('[data-said="connected"]', timeout=60_000)
    await sees(ada, more=10)
    assert len(await house.recordings()) == 3

    # A link is taken back: who came by it is out, and the others go on.
    await press(bob, "people")
    await bob.click(".call__persons li:has-text('Eve Expert') .button--danger")
    await third.wait_for_selector('[data-said="revoked"]')
    await bob.keyboard.press("Escape")
    await shows(ada, 2)
    await press(bob, "end")
    await ada.wait_for_selector('[data-part="over"]:not([hidden])')
    await shot(ada, "over-phone")
    assert wrong == []

    lead = await desk_of(house, browser, eve, f"/tickets/{house.number}/calls/{call}", wrong)
    await played(lead)
    await marked(lead)
    await taken_out(lead)
    await listed(lead)
    assert wrong == []


async def shows(page: Page, tiles: int) -> None:
    await page.wait_for_function(
        "n => document.querySelectorAll('.call__tile:not([hidden])').length === n", arg=tiles, timeout=60_000
    )


async def played(page: Page) -> None:
    """All sides run in step, at any speed, from any place."""
    await page.wait_for_selector("[data-call-player][data-ready]")
    assert await page.locator("audio[data-track]").count() == 3
    assert [one for one in await violations(page) if "inline" not in one] == []
    await page.select_option("[data-speed]", "2")
    await page.click("[data-play]")
    await page.wait_for_function(
        "() => Number(document.querySelector('[data-seek]').value) > 1", timeout=60_000
    )
    strays = await page.evaluate(
        """() => { const at = Number(document.querySelector('[data-seek]').value);
           return [...document.querySelectorAll('audio[data-track]')].filter(m => !m.paused)
             .map(m => Math.abs(m.currentTime + Number(m.dataset.offset) - at)); }"""
    )
    assert strays
    assert max(strays) < 0.6
    rates = await page.evaluate("[...document.querySelectorAll('[data-track]')].map(m => m.playbackRate)")
    assert set(rates) == {2}
    await page.click("[data-play]")
    await page.evaluate(
        "() => { const seek = document.querySelector('[data-seek]'); seek.value = 2; seek.dispatchEvent(new Event('input')); }"
    )
    await page.wait_for_function(
        """() => [...document.querySelectorAll('[data-track]')].filter(m => Number(m.dataset.offset) < 1
           && Number(m.dataset.seconds) > 2.2).every(m => Math.abs(m.currentTime + Number(m.dataset.offset) - 2) < 0.3)"""
    )
    assert await page.locator('[aria-label*="spoke for"] rect').count() >= 1
    await shot(page, "player")


async def marked(page: Page) -> None:
    await page.select_option('select[name="mark"]', "4")
    await page.fill('textarea[name="comment"]', "Calm and clear")
    await page.click("text=Keep the review")
    await page.wait_for_selector("article >> text=Calm and clear")
    await page.fill('[name="second"]', "0:01")
    await page.fill('[name="text"]', "Here it was found")
    await page.click("text=Add the remark")
    await page.wait_for_selector("li >> text=Here it was found")
    await shot(page, "reviewed")


async def taken_out(page: Page) -> None:
    """One file of everything, made by a job; a player can read it."""
    await page.click("text=Make one file to download")
    async with asyncio.timeout(60):
        while not await page.locator("text=Download as one file").count():
            await asyncio.sleep(0.3)
            await page.reload()
    async with page.expect_download() as waiting:
        await page.click("text=Download as one file")
    path = await (await waiting.value).path()
    with av.open(io.BytesIO(Path(path).read_bytes())) as whole:
        kinds = [stream.type for stream in whole.streams]
        assert kinds.count("audio") == 1
        assert kinds.count("video") >= 2
        assert sum(1 for _frame in whole.decode(audio=0)) > 100


async def listed(page: Page) -> None:
    """The list of leads, on a phone too."""
    for width, scheme in ((360, "dark"), (1200, "light")):
        await page.set_viewport_size({"width": width, "height": 740})
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        await page.goto(page.url.split("/tickets")[0].split("/desk")[0] + "/desk/quality?which=all")
        await page.wait_for_selector("td >> text=4 / 5")
        assert [one for one in await violations(page) if "inline" not in one] == []
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        await shot(page, f"list-{scheme}")


async def desk_of(house: House, browser: Browser, actor: Actor, path: str, wrong: list[str]) -> Page:
    """A page of the desk, signed in."""
    async with house.desk.unit() as uow:
        assert actor.id is not None
        answer = Response()
        asked = Request(
            {"type": "http", "headers": [], "client": ("127.0.0.1", 1), "method": "GET", "path": "/"}
        )
        person = await people.get(uow, actor.id)
        await sessions.start(uow, asked, answer, person, how="link", secure=False, strong=True)
    name, _equals, value = answer.headers["set-cookie"].split(";")[0].partition("=")
    context = await browser.new_context(viewport={"width": 1200, "height": 900})
    await context.add_cookies([{"name": name, "value": value, "url": house.url}])
    page = await context.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    await page.goto(house.url + path)
    return page


async def test_without_a_microphone_there_are_words_that_help_and_the_chat(
    house: House, shy: Browser
) -> None:
    wrong: list[str] = []
    call = await house.call()
    context = await shy.new_context(
        viewport={"width": 640, "height": 360}, permissions=["geolocation"], color_scheme="dark"
    )
    context.set_default_timeout(60_000)
    page = await context.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    await page.goto(await house.link(call, house.ada))
    await page.wait_for_selector("[data-trouble]:not([hidden])")
    assert "allow the microphone" in await page.inner_text("[data-trouble]")
    await page.fill("[data-talk] textarea", "My microphone does not work")
    await page.press("[data-talk] textarea", "Enter")
    await page.wait_for_selector("[data-lines] >> text=My microphone does not work")
    assert [one for one in await violations(page) if "inline" not in one] == []
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    await shot(page, "denied-dark")
    # One can come in all the same, to hear and to be seen writing.
    await press(page, "join")
    async with house.desk.unit() as uow:
        await house.until(lambda: _waits(house, call))
        row = await access.person_in(uow, call, house.ada.id)
        assert row is not None
    assert wrong == []


async def _waits(house: House, call: object) -> bool:
    return "call.knocked" in await house.facts()


async def _seconds(house: House, people_in: int, milliseconds: int) -> bool:
    rows = await house.recordings()
    return len(rows) == people_in and all(row.milliseconds >= milliseconds for row in rows)


async def shot(page: Page, name: str) -> None:
    """A picture for whoever wants to look (CALL_SHOTS names a folder)."""
    if SHOTS:
        await page.screenshot(path=f"{SHOTS}/{name}.png", full_page=not name.startswith("people"))
