"""A real browser against a real server: Chromium, uvicorn on a free port, the loops running.

Everything runs in one loop of the test session; pages are driven by Playwright's async API.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.async_api import Browser, BrowserContext, Playwright, async_playwright, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route

from adapters.webchat import WebChat, make
from adapters.webchat.settings import Settings
from bot.loops import Loops
from bot.post import Posting
from bot.router import Router
from bot.tell import Tell
from core import guard as spam_guard
from core.access import Actor
from core.desk import Desk
from core.guard import guard
from core.people import service as people
from core.tickets import service as tickets
from webui.security import SecurityHeaders

# A busy machine says nothing about the program.
expect.set_options(timeout=20_000)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium_path() -> str | None:
    """CHROMIUM, the usual names, or Playwright's own (None: let Playwright look)."""
    given = os.environ.get("CHROMIUM", "")
    return given or next((found for name in NAMES if (found := shutil.which(name))), None)


def needed(playwright: Playwright) -> str | None:
    """The path to launch; without a browser the test is skipped, or fails where CI runs it."""
    path = chromium_path()
    if path is None and not Path(playwright.chromium.executable_path).exists():
        words = "no Chromium: install it (apt install chromium) or set CHROMIUM to its path"
        if os.environ.get("CI") == "true":
            pytest.fail(words)
        pytest.skip(words)
    return path


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """One browser for the whole run."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=needed(playwright),
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
        )
        yield browser
        await browser.close()


@pytest.fixture
async def context(chromium: Browser) -> AsyncIterator[BrowserContext]:
    """A fresh profile; a script error or a refused policy fails the test."""
    made = await chromium.new_context(locale="en-GB", viewport={"width": 1440, "height": 900})
    wrong: list[str] = []
    made.on("weberror", lambda error: wrong.append(str(error.error)))
    made.on(
        "console",
        lambda line: wrong.append(line.text) if "Content Security Policy" in line.text else None,
    )
    yield made
    await made.close()
    assert wrong == []


@dataclass
class Live:
    """A desk that is being served."""

    desk: Desk
    url: str
    chat: WebChat

    async def agent(self, name: str = "Bob Smith") -> Actor:
        async with self.desk.unit() as uow:
            person = await people.add(uow, name=name, display_name=name.split()[0], role="agent")
            return await people.actor_of(uow, person)

    async def reply(self, actor: Actor, number: int, text: str, hold: int = 0) -> None:
        async with self.desk.unit(actor) as uow:
            await tickets.reply(uow, actor, number, text, hold=hold)


@pytest.fixture
async def live(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Live]:
    """The web chat on a free port, with telling and posting in the background; and a page of
    another origin (localhost) that shows the widget."""
    monkeypatch.setattr(spam_guard, "QUICKEST", 0.0)  # tests write faster than people
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    chat = make(desk, {})
    chat.hub.settings = chat.settings = Settings(left_after=0.5)
    router = Router(desk, guard=guard)
    loops = Loops(desk, router, Tell(desk), Posting(desk, {"webchat": chat}))
    app: Any = Starlette(
        routes=[Mount("/chat/webchat", chat.http), Route("/host", lambda request: host_page(port, request))]
    )
    config = uvicorn.Config(
        SecurityHeaders(app, secure=False), log_config=None, lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    server.capture_signals = _no_signals  # type: ignore[method-assign]
    tasks = [
        asyncio.create_task(server.serve(sockets=[listening])),
        asyncio.create_task(chat.run(router.deliver)),
        asyncio.create_task(loops.run()),
    ]
    while not server.started:
        await asyncio.sleep(0.01)
    yield Live(desk, f"http://127.0.0.1:{port}", chat)
    server.should_exit = True
    await tasks[0]
    for task in tasks[1:]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def host_page(port: int, request: Request) -> HTMLResponse:
    """A site of somebody else's."""
    token = request.query_params.get("token", "")
    html = f"""<!doctype html><html lang="en"><title>A shop</title><main><h1>A shop</h1></main>
    <script src="http://127.0.0.1:{port}/chat/webchat/widget.js" data-accent="#7a1fa2" data-language="de"
    data-token="{token}"></script></html>"""
    return HTMLResponse(html, headers={"content-security-policy": "", "x-may-be-framed": "1"})


class _no_signals:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_error: object) -> None:
        return None
