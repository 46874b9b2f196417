"""Real browsers in calls: headless Chromium, with its fake devices."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from playwright.async_api import Browser, Page, async_playwright

from adapters.media.recordings import StoredRecordings
from core.ports.media import (
    Bound,
    Joined,
    Recording,
    Replaced,
    SeatsWanted,
    Source,
    Speaking,
    TrackOff,
    TrackOn,
)
from tests.media.conftest import Stage
from tests.media.test_recording import decoded, whole

CHROMIUM = Path("/usr/bin/chromium")
ARGS = (
    "--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required", "--disable-quic", "--disable-background-networking",
)  # fmt: skip
HTML = Path(__file__).with_name("page.html").read_text()

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs a Chromium at /usr/bin/chromium"),
]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        made = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGS))
        yield made
        await made.close()


class Guest:
    """A page of one person."""

    def __init__(self, stage: Stage, page: Page, who: UUID | None = None) -> None:
        self.stage, self.page, self.id = stage, page, who or uuid4()

    async def join(self, **how: object) -> None:
        await self._offer(await self.page.evaluate("how => begin(how)", how))

    async def more(self, seats: int) -> None:
        await self.page.evaluate("n => more(n)", seats)
        await self._offer(await self.page.evaluate("offer()"))

    async def again(self) -> None:
        await self._offer(await self.page.evaluate("connect(1, true)"))

    async def sees(self, mid: str = "1", more: int = 5) -> None:
        seen = await self.page.evaluate("m => frames[m] ?? 0", mid)
        await self.page.wait_for_function(f"(frames['{mid}'] ?? 0) >= {seen + more}", timeout=20_000)

    async def _offer(self, offer: str) -> None:
        answer = await self.stage.engine.join(self.stage.call, self.id, offer)
        await self.page.evaluate("sdp => answer(sdp)", answer.sdp)


@pytest.fixture
async def guests(stage: Stage, browser: Browser) -> list[Guest]:
    made = []
    for _ in range(3):
        page = await (await browser.new_context()).new_page()
        await page.route("**/*", lambda route: route.fulfill(body=HTML, content_type="text/html"))
        await page.goto("http://localhost/")
        made.append(Guest(stage, page))
    return made


async def test_two_browsers_see_hear_share_and_are_recorded(stage: Stage, guests: list[Guest]) -> None:
    one, other, _third = guests
    await one.join()
    await stage.hears(Joined)
    await other.join()
    await one.sees()
    await other.sees()
    await stage.hears(Speaking, lambda event: event.on)
    for guest in (one, other):
        numbers = (await guest.page.evaluate("numbers()"))["in"]
        assert numbers["0"]["packets"] > 10
        assert numbers["1"]["width"] == 640

    recording = Recording(uuid4(), one.id, os.urandom(32))
    await stage.engine.record(stage.call, (recording,))
    await one.page.evaluate("share()")
    await stage.hears(TrackOn, lambda e: e.source is Source.screen)
    await other.sees("2", more=10)
    await other.sees("1", more=20)
    await stage.engine.stop_recording(stage.call)
    recordings = StoredRecordings(stage.store, stage.spool)
    manifest = await recordings.manifest(recording.id, recording.key)
    assert [track.source for track in manifest.tracks] == [Source.camera, Source.mic, Source.screen]
    for track in manifest.tracks:
        assert decoded(await whole(recordings, recording, track.source))

    data = await whole(recordings, recording, Source.camera)
    assert await _plays(other.page, data) == pytest.approx(manifest.tracks[0].end_ms / 1000, abs=0.05)


async def test_a_third_makes_everybody_offer_again(stage: Stage, guests: list[Guest]) -> None:
    one, other, third = guests
    await one.join()
    await other.join()
    await one.sees()
    await third.join(others=2)
    for guest in (one, other):
        await stage.hears(SeatsWanted, lambda e, g=guest: e.viewer == g.id and e.seats == 2)  # type: ignore[misc]
        await guest.more(1)
    for guest in guests:
        bound = [e for e in stage.told(Bound) if e.viewer == guest.id][-1].bindings
        cameras = [b.mid for b in bound if b.source is Source.camera]
        assert len(cameras) == 2
        for mid in cameras:
            await guest.sees(mid)


async def test_a_fresh_connection_and_a_second_tab_take_over(stage: Stage, guests: list[Guest]) -> None:
    one, other, tab = guests
    await one.join()
    await other.join()
    await one.sees()
    await one.again()
    await stage.hears(Replaced)
    await one.sees()
    await other.sees()
    tab.id = one.id
    await tab.join()
    async with asyncio.timeout(15):
        while len(stage.told(Replaced)) < 2:
            await asyncio.sleep(0.05)
    await tab.sees()
    await other.sees(more=10)
    (running,) = await stage.engine.running()
    assert len(running.people) == 2


async def test_a_camera_that_is_switched_off_is_told(stage: Stage, guests: list[Guest]) -> None:
    one, other, _third = guests
    await one.join()
    await other.join()
    await other.sees()
    await one.page.evaluate("pc.getTransceivers()[1].sender.replaceTrack(null)")
    await stage.hears(TrackOff, lambda e: e.person == one.id and e.source is Source.camera)
    await one.page.evaluate("pc.getTransceivers()[1].sender.replaceTrack(local.getVideoTracks()[0])")
    await other.sees()


async def test_without_a_camera_it_is_a_voice_call(stage: Stage, guests: list[Guest]) -> None:
    one, other, _third = guests
    await one.join(camera=False)
    await other.join()
    await one.sees()
    numbers = (await other.page.evaluate("numbers()"))["in"]
    assert numbers["0"]["packets"] > 10
    assert numbers.get("1", {"decoded": 0})["decoded"] == 0


async def _plays(page: Page, data: bytes) -> float:
    """Play a file, jump to its end; its length as the browser sees it."""
    await page.route("**/file.webm", lambda route: route.fulfill(body=data, content_type="video/webm"))
    length: float = await page.evaluate(
        """async () => {
          const video = document.createElement("video");
          video.muted = true; video.src = "/file.webm";
          await new Promise((done, fail) => { video.onloadeddata = done; video.onerror = fail; });
          video.currentTime = video.duration - 0.3;
          await new Promise((done) => { video.onseeked = done; });
          await video.play();
          await new Promise((done) => { video.onended = done; });
          return video.duration;
        }"""
    )
    return length
