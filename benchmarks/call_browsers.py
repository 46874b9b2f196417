"""The part of the benchmark of calls with real browsers: headless Chromium, pictures of a canvas."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
from playwright.async_api import Browser, Page, async_playwright

from benchmarks.calls import Program, program
from benchmarks.janus import Handle, Janus, janus
from benchmarks.relay import relay

_ARGS = (
    "--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required", "--disable-quic", "--disable-background-networking",
)  # fmt: skip
_PAGE = Path(__file__).with_name("call_page.html").read_text()
_OUT_SECONDS = 5.0


def chromium() -> str | None:
    """Where a Chromium is."""
    for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"):
        if Path(path).exists():
            return path
    return None


async def measured(folder: Path, *, joins: int, seconds: float) -> dict[str, Any]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=list(_ARGS))
        try:
            async with program("ours", folder / "browsers") as made:
                result = await _ours(browser, made, joins, seconds)
            theirs = await _janus(browser, folder / "janus", seconds)
        finally:
            await browser.close()
    ours = result.pop("packet_us")
    ratio = round(ours / theirs, 2) if theirs else None
    print(
        f"  a packet costs {ours:.0f} us here" + (f", {theirs:.0f} us in Janus" if theirs else ""), flush=True
    )
    return result | {"ratio_to_janus": ratio}


async def _ours(browser: Browser, made: Program, joins: int, seconds: float) -> dict[str, Any]:
    one, other = await _page(browser), await _page(browser)
    port = await made.ask("start")
    async with relay(("127.0.0.1", port)) as way:
        call = str(uuid4())
        await made.ask("open", call=call)
        await _join(made, call, str(uuid4()), one)
        times = []
        for _ in range(joins):
            person = str(uuid4())
            await _join(made, call, person, other)
            await _until(other, "first > 0")
            times.append(await other.evaluate("first") / 1000)
            await made.ask("leave", call=call, person=person)
        await _join(made, call, str(uuid4()), other)
        await _until(other, "first > 0")
        first = statistics.quantiles(times, n=20)[18] if len(times) > 1 else times[0]
        print(
            f"  first picture: median {statistics.median(times):.2f} s, p95 {first:.2f} s of {joins}",
            flush=True,
        )
        cpu = _Cpu(made)
        packet_us = await _packet_cost([one, other], cpu.seconds, seconds)
        await made.ask("end", call=call)
        recovery = await _recovery(browser, made, way)
    await one.context.close()
    await other.context.close()
    return {"first_picture_p95_s": round(first, 3), "recovery_s": recovery, "packet_us": packet_us}


class _Cpu:
    def __init__(self, made: Program) -> None:
        self._made = made

    async def seconds(self) -> float:
        return (await self._made.used())["cpu"]


async def _recovery(browser: Browser, made: Program, way: Any) -> float:
    """Seconds from the network's return to the next picture, on the same connection."""
    one, other = await _page(browser), await _page(browser)
    call = str(uuid4())
    await made.ask("open", call=call)
    await _join(made, call, str(uuid4()), one)
    await _join(made, call, str(uuid4()), other, way.address)
    await _until(other, "frames > 25")
    way.out = True
    await asyncio.sleep(_OUT_SECONDS)
    way.out = False
    began, seen = time.monotonic(), await other.evaluate("frames")
    await _until(other, f"frames > {seen + 2}")
    took = round(time.monotonic() - began, 2)
    print(f"  after {_OUT_SECONDS:.0f} s without network the picture was back in {took} s", flush=True)
    await made.ask("end", call=call)
    await one.context.close()
    await other.context.close()
    return took


async def _janus(browser: Browser, folder: Path, seconds: float) -> float | None:
    """What a packet costs in Janus, in microseconds."""
    async with janus(folder) as server:
        if server is None:
            return None
        one, other = await _page(browser), await _page(browser)
        async with aiohttp.ClientSession() as http:
            cost = await _janus_call(http, server, one, other, seconds)
        await one.context.close()
        await other.context.close()
        return cost


async def _janus_call(
    http: aiohttp.ClientSession, server: Janus, one: Page, other: Page, seconds: float
) -> float:
    caller, callee = Handle(http, server.url), Handle(http, server.url)
    await caller.open("one")
    await callee.open("other")
    await caller.tell(
        {"request": "call", "username": "other"}, {"type": "offer", "sdp": await one.evaluate("offer()")}
    )
    offer = await callee.event("incomingcall")
    accepted = await other.evaluate("s => accept(s)", offer["sdp"])
    await callee.tell({"request": "accept"}, {"type": "answer", "sdp": accepted})
    answer = await caller.event("accepted")
    await one.evaluate("s => answer(s)", answer["sdp"])
    await _until(one, "first > 0")

    async def cpu() -> float:
        return server.cpu()

    cost = await _packet_cost([one, other], cpu, seconds)
    await caller.close()
    await callee.close()
    return cost


async def _packet_cost(pages: list[Page], cpu: Callable[[], Awaitable[float]], seconds: float) -> float:
    """Microseconds of processor time for each packet that arrives."""
    await asyncio.sleep(4)  # until the bitrate has grown
    used, got = await cpu(), await _packets(pages)
    await asyncio.sleep(seconds)
    more, packets = await cpu() - used, await _packets(pages) - got
    return more / max(1, packets) * 1e6


async def _packets(pages: list[Page]) -> int:
    return sum([(await page.evaluate("packets()"))[0] for page in pages])


async def _page(browser: Browser) -> Page:
    page = await (await browser.new_context()).new_page()
    await page.route("**/*", lambda route: route.fulfill(body=_PAGE, content_type="text/html"))
    await page.goto("http://localhost/")
    return page


async def _join(
    made: Program, call: str, person: str, page: Page, through: tuple[str, int] | None = None
) -> None:
    answer: str = await made.ask("join", call=call, person=person, offer=await page.evaluate("offer()"))
    if through is not None:
        lines = answer.split("\r\n")
        answer = "\r\n".join(
            _moved(line, through) if line.startswith("a=candidate:") else line for line in lines
        )
    await page.evaluate("s => answer(s)", answer)


def _moved(line: str, address: tuple[str, int]) -> str:
    words = line.split(" ")
    words[4], words[5] = address[0], str(address[1])
    return " ".join(words)


async def _until(page: Page, words: str) -> None:
    await page.wait_for_function(words, timeout=30_000, polling=20)
