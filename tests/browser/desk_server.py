"""The web desk on a free port, for a real browser; `python -m tests.browser.desk_server FOLDER`
photographs its pages in both themes at three widths and runs axe on each."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from core.desk import Desk
from core.people import links
from core.people import service as people
from core.people.model import Person
from tests.browser.conftest import _no_signals, chromium_path
from tests.browser.seed import Seeded, seed
from webui import public
from webui.app import make_app
from webui.site import Site

public.PACE_SECONDS = 0.0
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
)  # fmt: skip
# What is fading in has not its own colours yet.
SETTLED = """Promise.allSettled(document.getAnimations().filter(
    each => each.effect.getComputedTiming().endTime !== Infinity).map(each => each.finished))"""
WIDTHS = ((1440, 900), (1024, 768), (360, 740))


@dataclass
class Served:
    """A desk that is being served, with its people."""

    desk: Desk
    url: str
    seeded: Seeded

    async def signed_in(self, context: BrowserContext, name: str, *, home: str = "**/desk/**") -> Page:
        """A tab in which a colleague is signed in, or somebody who asks, and whose `home` it shows."""
        page = await context.new_page()
        await page.goto(self.url + await self._path(self.seeded.staff[name]))
        await page.locator("main form button").first.click()
        await page.wait_for_url(home)
        return page

    async def _path(self, person: Person) -> str:
        async with self.desk.unit() as uow:
            person = await people.get(uow, person.id)
            return links.PATHS[links.Purpose.sign_in] + await links.issue(uow, person, links.Purpose.sign_in)


@asynccontextmanager
async def serving(desk: Desk, tickets: int = 40) -> AsyncIterator[Served]:
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    seeded = await seed(desk, tickets)
    app: Any = make_app(Site(desk=desk, public_url=url))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
    server.capture_signals = _no_signals  # type: ignore[method-assign,assignment]
    task = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield Served(desk, url, seeded)
    finally:
        server.should_exit = True
        await task


async def ready(page: Page, url: str) -> None:
    """The page with its scripts at work."""
    await page.goto(url)
    await page.wait_for_selector("html[data-ready]")


def axe_source() -> str:
    import axe_playwright_python

    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()


async def violations(page: Page) -> list[str]:
    """What axe finds, a line each."""
    session = await page.context.new_cdp_session(page)
    await session.send("Runtime.evaluate", {"expression": axe_source()})
    await session.detach()
    await page.evaluate(SETTLED)
    found = await page.evaluate("axe.run(document, {resultTypes: ['violations'], preload: false})")
    return [
        f"{each['id']}: {node['html'][:160]} {'; '.join(check['message'] for check in node['any'][:2])}"
        for each in found["violations"]
        for node in each["nodes"][:4]
    ]


def pages_of(seeded: Seeded) -> dict[str, str]:
    first = seeded.numbers[0]
    return {
        "mine": "/desk/queues/mine", "all": "/desk/queues/all", "snoozed": "/desk/queues/snoozed", "resolved": "/desk/queues/resolved",
        "ticket": f"/tickets/{first}", "second": f"/tickets/{seeded.numbers[2]}", "search": "/search?q=invoice", "search-help": "/search",
        "new": "/desk/new", "view": "/desk/views/new?queue=mine&priority=high", "merge": f"/tickets/{first}/merge",
        "split": f"/tickets/{first}/split", "requester": f"/tickets/{first}/requester?q=ada", "snooze": f"/tickets/{first}/snooze",
    }  # fmt: skip


def complain(page: Page, wrong: list[str]) -> None:
    """Gather what the console says. The styles that axe puts in for its own sake are refused by
    the policy, and no matter; a conflict is told on the page."""
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on(
        "console",
        lambda entry: (
            wrong.append(f"console: {entry.text}")
            if entry.type == "error"
            and "inline style" not in entry.text
            and "Failed to load" not in entry.text
            else None
        ),
    )
    page.on(
        "response",
        lambda got: (
            wrong.append(f"{got.status} {got.url}") if got.status >= 400 and got.status != 409 else None
        ),
    )


async def shoot(browser: Browser, served: Served, folder: Path, only: list[str]) -> list[str]:
    wrong: list[str] = []
    widths = [each for each in WIDTHS if not os.environ.get("WIDTH") or str(each[0]) == os.environ["WIDTH"]]
    for (width, height), theme in itertools.product(widths, ("light", "dark")):
        context = await browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)  # type: ignore[arg-type]
        page = await served.signed_in(context, "Sam")
        complain(page, wrong)
        for name, path in pages_of(served.seeded).items():
            if only and name not in only:
                continue
            await ready(page, served.url + path)
            await page.wait_for_timeout(150)
            await page.screenshot(path=folder / f"{name}-{width}-{theme}.png")
            wrong += [f"{name} {width} {theme}: {each}" for each in await violations(page)]
            over = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
            if over > 0:
                wrong.append(f"{name} {width} {theme}: {over}px too wide")
        await context.close()
    return wrong


async def _main(folder: Path, only: list[str], url: str, files: Path) -> None:
    from adapters.files.disk import DiskStore
    from adapters.local.bus import LocalBus
    from bot import migrate
    from core.crypto.fields import new_key
    from core.crypto.keys import MasterKey
    from core.db import Database

    db = Database(url, pool=10)
    await migrate.to_head(db.engine)
    desk = await Desk.open(db, DiskStore(files), LocalBus(), [MasterKey(new_key())])
    folder.mkdir(parents=True, exist_ok=True)
    async with async_playwright() as play, serving(desk) as served:
        browser = await play.chromium.launch(executable_path=chromium_path(), args=list(FLAGS))
        for line in dict.fromkeys(await shoot(browser, served, folder, only)):
            print(line)  # noqa: T201  a tool for people
        await browser.close()
    await db.close()


if __name__ == "__main__":
    from adapters.postgres import temporary

    with temporary() as running, tempfile.TemporaryDirectory() as scratch:
        asyncio.run(_main(Path(sys.argv[1]), sys.argv[2:], running.url, Path(scratch)))
