"""A call whose packets go through a real coturn, by TCP only, as from behind a firewall that lets no UDP out.

Where the program `turnserver` is not installed there is nothing to go through: Debian's package `coturn` has it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright

from core.desk import Desk
from tests.browser.conftest import needed
from tests.calls.house import House, served, settle
from tests.calls.test_call_page import ARGS, press, sees

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which("turnserver") is None, reason="turnserver (coturn) is not installed"),
]
SECRET = "only-for-this-test"
RELAYED_ONLY = """
const Made = window.RTCPeerConnection;
window.made = [];
window.RTCPeerConnection = class extends Made {
  constructor(given = {}) { super({ ...given, iceTransportPolicy: "relay" }); window.made.push(this); }
};
"""
WAYS = """async () => {
  const found = [];
  for (const one of window.made) {
    const stats = new Map((await one.getStats()).entries());
    for (const each of stats.values())
      if (each.type === "candidate-pair" && each.nominated && each.bytesReceived)
        found.push([stats.get(each.localCandidateId).candidateType, stats.get(each.localCandidateId).relayProtocol]);
  }
  return found;
}"""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        made = await playwright.chromium.launch(executable_path=needed(playwright), args=list(ARGS))
        yield made
        await made.close()


@pytest.fixture
async def relay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    async with coturn(tmp_path, SECRET) as port:
        monkeypatch.setenv("DESKBELL_TURN", f"turn:127.0.0.1:{port}?transport=tcp")
        monkeypatch.setenv("DESKBELL_TURN_SECRET", SECRET)
        yield


@pytest.fixture
async def house(
    desk: Desk, relay: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[House]:
    monkeypatch.setenv("DESKBELL_MEDIA_PORTS", "0")
    monkeypatch.setenv("DESKBELL_MEDIA_LISTEN", "127.0.0.1")
    async with served(await settle(desk), tmp_path) as made:
        yield made


async def test_a_call_through_a_relay_by_tcp(house: House, browser: Browser) -> None:
    call = await house.call()
    bob = await _relayed(browser, await house.link(call, house.bob), "/network")
    reached = "() => document.querySelector('[data-relay]').textContent !== '…'"
    await bob.wait_for_function(reached)
    assert await bob.inner_text("[data-relay]") == "Yes.", "the check page reaches it too"
    await bob.goto(await house.link(call, house.bob))
    await bob.wait_for_selector("[data-call-room][data-ready]")
    ada = await _relayed(browser, await house.link(call, house.ada))
    await press(bob, "join")
    await bob.wait_for_selector('[data-part="room"]:not([hidden])')
    await press(ada, "join")
    await bob.click("[data-doors] button")
    await sees(ada)
    await sees(bob)
    for page in (ada, bob):
        assert await page.evaluate(WAYS) == [["relay", "tcp"]]
    await press(bob, "end")
    await ada.wait_for_selector('[data-part="over"]:not([hidden])')


async def _relayed(browser: Browser, url: str, page_of: str = "") -> Page:
    context = await browser.new_context(permissions=["camera", "microphone"])
    context.set_default_timeout(60_000)  # a busy machine starts the engine late
    await context.add_init_script(RELAYED_ONLY)
    page = await context.new_page()
    await page.goto(url + page_of)
    if not page_of:
        await page.wait_for_selector("[data-call-room][data-ready]")
    return page


@asynccontextmanager
async def coturn(folder: Path, secret: str) -> AsyncIterator[int]:
    """A relay on this machine, as docs/calls.md sets one up; loopback is allowed, for it is all there is."""
    port = _free_port()
    process = await asyncio.create_subprocess_exec(
        "turnserver", "-n", "--no-cli", "--no-tls", "--no-dtls", "--no-udp", "--allow-loopback-peers",
        "--use-auth-secret", f"--static-auth-secret={secret}", "--realm=help.example.com", f"--listening-port={port}",
        "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--allowed-peer-ip=127.0.0.1", "--log-file=stdout",
        f"--pidfile={folder / 'turn.pid'}", f"--userdb={folder / 'turn.db'}",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, cwd=folder, env=dict(os.environ),
    )  # fmt: skip
    try:
        async with asyncio.timeout(20):
            while not _listens(port):
                await asyncio.sleep(0.05)
        yield port
    finally:
        process.terminate()
        await process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0
