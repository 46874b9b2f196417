"""The two who talk, in real browsers with fake devices: the call page comes back by itself."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import AsyncExitStack
from typing import Any, Self

from playwright.async_api import Error, Page, async_playwright

from benchmarks.call_browsers import chromium

_ARGS = (
    "--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required", "--disable-background-networking", "--disable-dev-shm-usage",
    "--disable-gpu",
)  # fmt: skip
_PATIENCE = 90.0
_NOTICED = 8.0
"""So long it may take until the desk knows that its engine died; where only the desk was killed, nothing is noticed."""
_STATE = "async () => (await fetch(document.querySelector('[data-base]').dataset.base + '/state')).json()"


class Browsers:
    """A `Pair`."""

    def __init__(self, stack: AsyncExitStack, agent: Page, other: Page) -> None:
        self._stack, self._agent, self._other = stack, agent, other

    @classmethod
    async def open(cls, agent: str, other: str) -> Self:
        async with AsyncExitStack() as stack:
            playwright = await stack.enter_async_context(async_playwright())
            browser = await playwright.chromium.launch(executable_path=chromium(), args=list(_ARGS))
            stack.push_async_callback(browser.close)
            pages = []
            for link in (agent, other):
                context = await browser.new_context(permissions=["camera", "microphone"])
                context.set_default_timeout(_PATIENCE * 1000)
                page = await context.new_page()
                await page.goto(link)
                await page.wait_for_selector("[data-call-room][data-ready]")
                pages.append(page)
            return cls(stack.pop_all(), *pages)

    async def talk(self) -> None:
        for page in (self._agent, self._other):
            await page.click('[data-do="join"]')
        for page in (self._agent, self._other):
            await page.locator(".call__tile:not(.call__tile--me)[data-frames]").first.wait_for()

    async def record(self) -> None:
        await self._agent.click('[data-do="record"]')
        await self._other.click('[data-do="agree"]')
        await self._recorded()

    async def come_back(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_NOTICED):
                while await self._is_whole():
                    await asyncio.sleep(0.1)
        await self._recorded()

    async def hang_up(self) -> None:
        await self._agent.click('[data-do="end"]')
        await self._other.wait_for_selector('[data-part="over"]:not([hidden])')
        await self.go()

    async def go(self) -> None:
        await self._stack.aclose()

    async def _recorded(self) -> None:
        """Both, in a call that is not interrupted any more."""
        async with asyncio.timeout(_PATIENCE):
            while not await self._is_whole():
                await asyncio.sleep(0.2)

    async def _is_whole(self) -> bool:
        try:
            state: dict[str, Any] = await self._agent.evaluate(_STATE)
        except Error:  # the desk is down, and answers nothing
            return False
        return not state["interrupted"] and all(
            one["recorded"] and one["presence"] == "present" for one in state["people"]
        )
