"""The call page in real browsers with fake devices, the engine in its own process."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import av
import pytest
from PIL import Image
from playwright.async_api import Browser, FilePayload, Page, async_playwright

from adapters.media.recordings import StoredRecordings
from core.calls.recordings import key_of
from core.desk import Desk
from core.ports.media import Source
from core.tickets import macros
from tests.browser.conftest import needed
from tests.browser.desk_server import violations
from tests.calls.house import House, served, settle

ARGS = (
    "--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
    "--auto-select-desktop-capture-source=Entire screen", "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking", "--disable-dev-shm-usage", "--disable-gpu",
)  # fmt: skip

pytestmark = pytest.mark.browser


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        made = await playwright.chromium.launch(executable_path=needed(playwright), args=list(ARGS))
        yield made
        await made.close()


@pytest.fixture
async def house(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setenv("DESKBELL_MEDIA_PORTS", "0")
    monkeypatch.setenv("DESKBELL_MEDIA_LISTEN", "127.0.0.1")
    async with served(await settle(desk), tmp_path) as made:
        yield made


async def visit(browser: Browser, url: str, wrong: list[str], width: int = 1200) -> Page:
    context = await browser.new_context(
        viewport={"width": width, "height": 800}, permissions=["camera", "microphone"]
    )
    context.set_default_timeout(60_000)  # a busy machine starts the engine late
    page = await context.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if "Content Security" in line.text else None)
    await page.goto(url)
    await page.wait_for_selector("[data-call-room][data-ready]")
    return page


async def press(page: Page, name: str) -> None:
    await page.click(f'[data-do="{name}"]')


async def sees(page: Page, more: int = 5) -> None:
    """The other's picture moves."""
    tile = page.locator(".call__tile:not(.call__tile--me)[data-frames]").first
    await tile.wait_for(timeout=60_000)
    before = await _frames(page)
    async with asyncio.timeout(60):
        while await _frames(page) < before + more:
            await asyncio.sleep(0.05)


async def _frames(page: Page) -> int:
    tile = page.locator(".call__tile:not(.call__tile--me)[data-frames]").first
    return int(await tile.get_attribute("data-frames") or 0)


async def together(house: House, browser: Browser, wrong: list[str]) -> tuple[Page, Page]:
    call = await house.call()
    bob = await visit(browser, await house.link(call, house.bob), wrong)
    ada = await visit(browser, await house.link(call, house.ada), wrong, 360)
    await press(bob, "join")
    await bob.wait_for_selector('[data-part="room"]:not([hidden])')
    await press(ada, "join")
    await bob.click("[data-doors] button")
    await sees(ada)
    await sees(bob)
    return bob, ada


async def test_from_the_link_to_the_rating(house: House, browser: Browser) -> None:
    wrong: list[str] = []
    async with house.desk.unit(house.bob) as uow:
        await macros.make(
            uow, house.bob, name="Greeting", body="Hello {requester.name}", actions=[], shared=False
        )
    bob, ada = await together(house, browser, wrong)
    assert await ada.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    for page in (bob, ada):
        assert [one for one in await violations(page) if "inline" not in one] == []

    # What is written beside the call is the ticket's conversation.
    await ada.fill("[data-talk] textarea", "I hold it into the camera")
    await ada.press("[data-talk] textarea", "Enter")
    await bob.wait_for_selector("text=I hold it into the camera")

    # Notes are the desk's own; files are seen at once; a macro and what the ticket is about are at hand.
    await bob.check('[data-talk] [name="note"]')
    await bob.fill("[data-talk] textarea", "She has the old model")
    await bob.press("[data-talk] textarea", "Enter")
    await bob.wait_for_selector(".call__line-said--note >> text=She has the old model")
    await bob.uncheck('[data-talk] [name="note"]')
    await bob.select_option("[data-macro]", label="Greeting")
    await bob.wait_for_function(
        "() => document.querySelector('[data-talk] textarea').value.includes('Hello Ada')"
    )
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "orange").save(picture, "PNG")
    shown: FilePayload = {"name": "fire.png", "mimeType": "image/png", "buffer": picture.getvalue()}
    await ada.set_input_files('[data-talk] [name="file"]', shown)
    await bob.wait_for_function("() => document.querySelector('.call__file img')?.naturalWidth === 40")
    assert await bob.locator("[data-ticket] >> text=The printer is on fire").count() >= 1
    assert await ada.locator("text=She has the old model").count() == 0
    for page in (bob, ada):
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert [one for one in await violations(page) if "inline" not in one] == []

    # Recording waits for the last yes.
    await press(bob, "record")
    await ada.wait_for_selector("[data-consent][open]")
    assert await house.recordings() == []
    await press(ada, "agree")
    for page in (bob, ada):
        await page.wait_for_selector("[data-recording]:not([hidden])")
    rows = await house.until(lambda: house.recordings())
    assert {row.person_id for row in rows} == {house.ada.id, house.bob.id}

    await bob.keyboard.press("m")
    await bob.wait_for_selector('[data-do="mute"][aria-pressed="true"]')
    await press(bob, "hold")
    await ada.wait_for_selector("[data-held]:not([hidden])")
    await press(bob, "hold")
    await ada.wait_for_selector("[data-held]", state="hidden")
    await sees(ada)

    await press(ada, "unconsent")
    await ada.wait_for_selector('[data-said="withdrawn"]')
    await house.until(lambda: _stopped(house))
    await press(bob, "end")
    for page in (bob, ada):
        await page.wait_for_selector('[data-part="over"]:not([hidden])')
    await ada.click('[data-score="5"]')
    await ada.wait_for_selector('[data-score="5"][aria-pressed="true"]')
    facts = await house.facts()
    for fact in (
        "rang",
        "knocked",
        "admitted",
        "joined",
        "consented",
        "recording_started",
        "held",
        "ended",
        "rated",
    ):
        assert f"call.{fact}" in facts, fact
    assert wrong == []
    stored = await house.until(lambda: _complete(house))
    assert stored


async def test_a_browser_that_cannot_call_says_so_and_writes(house: House, browser: Browser) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    await page.add_init_script("delete window.RTCPeerConnection")
    await page.goto(await house.link(await house.call(), house.ada))
    await page.wait_for_selector("[data-trouble]:not([hidden]) >> text=This browser cannot make calls")
    await press(page, "join")
    await page.wait_for_selector('[data-said="old"]')
    await page.fill("[data-talk] textarea", "My browser is old")
    await page.press("[data-talk] textarea", "Enter")
    await page.wait_for_selector("[data-lines] >> text=My browser is old")


async def _stopped(house: House) -> bool:
    return any(row.stopped_at and row.person_id == house.ada.id for row in await house.recordings())


async def _complete(house: House) -> bool:
    return all(row.stopped_at and row.milliseconds for row in await house.recordings())


async def test_the_engine_dies_and_both_come_back_by_the_same_link(house: House, browser: Browser) -> None:
    wrong: list[str] = []
    bob, ada = await together(house, browser, wrong)
    await press(bob, "record")
    await press(ada, "agree")
    await house.until(lambda: _seconds(house, 2_000))
    house.kill_engine()
    await house.until(lambda: _told(house, "call.interrupted"))
    await sees(ada, more=20)
    await sees(bob, more=20)
    await house.until(lambda: _both_again(house))
    await press(bob, "end")
    await ada.wait_for_selector('[data-part="over"]:not([hidden])')
    await house.until(lambda: _told(house, "call.ended"))
    assert wrong == []
    assert house.voice is not None
    stored: StoredRecordings = house.voice.recordings
    kept = [row for row in await house.recordings() if row.milliseconds]
    assert sum(row.milliseconds >= 2_000 for row in kept) >= 2, "what was there when the engine died"
    for row in kept:
        async with house.desk.unit() as uow:
            key = await key_of(uow, row)
        manifest = await stored.manifest(row.id, key)
        assert manifest.milliseconds > 0
        assert Source.mic in {track.source for track in manifest.tracks}
        for track in manifest.tracks:
            whole = b"".join([data async for data in stored.read(row.id, key, track.source)])
            assert await asyncio.to_thread(seconds_of, whole) > track.end_ms / 1000 - 1


def seconds_of(file: bytes) -> float:
    """How far a WebM file can be decoded."""
    with av.open(io.BytesIO(file)) as opened:
        stream = opened.streams[0]
        return max((frame.time or 0.0 for frame in opened.decode(stream)), default=0.0)


async def _told(house: House, fact: str) -> bool:
    return fact in await house.facts()


async def _both_again(house: House) -> bool:
    """Each is recorded anew, not only the first who came back."""
    rows = await house.recordings()
    return {row.person_id for row in rows if row.stopped_at is None and row.milliseconds} == {
        house.ada.id,
        house.bob.id,
    }


async def _seconds(house: House, milliseconds: int) -> bool:
    rows = await house.recordings()
    return len(rows) == 2 and all(row.milliseconds >= milliseconds for row in rows)


async def test_a_second_tab_takes_over(house: House, browser: Browser) -> None:
    wrong: list[str] = []
    bob, ada = await together(house, browser, wrong)
    tab = await visit(browser, bob.url, wrong)
    await press(tab, "join")
    await bob.wait_for_selector('[data-said="elsewhere"]')
    await sees(tab)
    await sees(ada)
    assert wrong == []
