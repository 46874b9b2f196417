"""The agents' pages, in a process of their own: `python -m benchmarks.load.pages` reads which on its first
line, says `ready`, and then when each message stood on a page first.

A page fetches what a browser's would (`benchmarks/desk_page.py`).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp

from benchmarks.desk_page import DeskPage
from benchmarks.load.talk import TOKEN
from benchmarks.web import Web, visiting

EACH = 40
"""Pages that share a client: each holds a connection open, and asks by others."""
AT_ONCE = 8


@asynccontextmanager
async def opened(pages: list[dict[str, Any]], seen: Callable[[str, float], None]) -> AsyncIterator[Pages]:
    """`pages` have a base, a cookie and a number of a ticket."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.load.pages",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**20,
    )  # fmt: skip
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(json.dumps(pages).encode() + b"\n")
    await child.stdin.drain()
    try:
        async with asyncio.timeout(180):
            if (line := await child.stdout.readline()) != b"ready\n":
                raise RuntimeError(f"The pages did not open: {line.decode()}")
        made = Pages(child)
        listening = asyncio.create_task(made.listen(seen))
        yield made
        child.stdin.close()  # That is how they know.
        async with asyncio.timeout(30):
            await listening
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


class Pages:
    """What their process tells."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self.pid = child.pid
        self.fetched: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self._child = child

    async def listen(self, seen: Callable[[str, float], None]) -> None:
        assert self._child.stdout is not None
        async for line in self._child.stdout:
            first, _space, rest = line.decode().strip().partition(" ")
            if first == "end":
                told = json.loads(rest)
                self.fetched, self.failed = Counter(told["fetched"]), Counter(told["failed"])
            else:
                seen(first, float(rest))


async def _main() -> None:
    loop = asyncio.get_running_loop()
    wanted = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    first: set[str] = set()

    def seen(text: str) -> None:
        for token in set(TOKEN.findall(text)) - first:
            first.add(token)
            print(token, f"{time.time():.4f}", flush=True)

    async with AsyncExitStack() as stack:
        clients: dict[tuple[str, int], Web] = {}
        for number, one in enumerate(wanted):
            if (which := (one["base"], number // EACH)) not in clients:
                clients[which] = await stack.enter_async_context(visiting(one["base"]))
        pages = [
            _Page(
                DeskPage(clients[one["base"], number // EACH], one["number"], {"cookie": one["cookie"]}, seen)
            )
            for number, one in enumerate(wanted)
        ]
        turns = asyncio.Semaphore(AT_ONCE)
        running = [asyncio.create_task(_kept(page, turns)) for page in pages]
        await asyncio.gather(*(page.stands.wait() for page in pages))
        print("ready", flush=True)
        await loop.run_in_executor(None, sys.stdin.read)
        for one in running:
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    fetched = sum((page.page.fetched for page in pages), Counter[str]())
    failed = sum((page.failed for page in pages), Counter[str]())
    print("end", json.dumps({"fetched": fetched, "failed": failed}), flush=True)


class _Page:
    def __init__(self, page: DeskPage) -> None:
        self.page = page
        self.stands = asyncio.Event()
        self.failed: Counter[str] = Counter()


async def _kept(one: _Page, turns: asyncio.Semaphore) -> None:
    """A page that fails is loaded again, as its user would."""
    while True:
        ready = asyncio.Event()
        async with turns:
            running = asyncio.create_task(one.page.run(ready))
            standing = asyncio.create_task(ready.wait())
            await asyncio.wait({running, standing}, return_when=asyncio.FIRST_COMPLETED)
            standing.cancel()
        if ready.is_set():
            one.stands.set()
        try:
            await running
        except asyncio.CancelledError:
            running.cancel()
            raise
        except (ExceptionGroup, aiohttp.ClientError, OSError) as error:
            one.failed.update(_named(error))
        await asyncio.sleep(1.0)


def _named(error: BaseException) -> list[str]:
    if isinstance(error, BaseExceptionGroup):
        return [name for one in error.exceptions for name in _named(one)]
    return [type(error).__name__]


if __name__ == "__main__":
    import uvloop

    uvloop.run(_main())
