"""An agent's open ticket page, as its scripts behave: it hears topics and fetches its fragments.

Mirrors `webui/static/js/fragment.js` and `live.js`: which elements listen to what, how long they
gather, their pace, and that a timeline asks for what changed only. Read from the page itself, so
that the benchmark fetches what a browser would.
"""

from __future__ import annotations

import asyncio
import html
import json
import math
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import aiohttp

from benchmarks.web import Page, Web

GATHER = 0.04
MARKS = 0.25
AGAIN, LONGEST_AGAIN = 2.0, 60.0
_TAG = re.compile(r"<[a-z]+ [^>]*data-fragment-url=[^>]*>")
_DATA = re.compile(r'data-([a-z-]+)="([^"]*)"')


@dataclass(eq=False)
class Fragment:
    """One element that fetches itself."""

    data: dict[str, str]
    whole: bool = False
    news: bool = False
    lines: set[str] = field(default_factory=set)
    wants: float = 0
    at: float = -math.inf
    when: float = math.inf
    busy: bool = False
    failures: int = 0

    @property
    def by_line(self) -> bool:
        return "changes-url" in self.data

    def listens(self, topic: str) -> bool:
        return any(topic == one or topic.startswith(f"{one}:") for one in self.data.get("topics", "").split())

    @property
    def stands(self) -> bool:
        if not self.by_line or self.whole or self.lines:
            return False
        return self.wants <= int(self.data["seq"])


class DeskPage:
    """The page of one ticket; `seen` is called with all that it fetches of the timeline."""

    def __init__(self, web: Web, number: int, headers: dict[str, str], seen: Callable[[str], None]) -> None:
        self.web = web
        self.number = number
        self.headers = headers
        self.seen = seen
        self.fetched: Counter[str] = Counter()
        self._parts: list[Fragment] = []
        self._stir = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self, ready: asyncio.Event) -> None:
        """Until cancelled."""
        page = await self.web.get(f"/tickets/{self.number}", self.headers)
        self._parts = [Fragment(_data_of(tag)) for tag in _TAG.findall(page.text)]
        async with asyncio.TaskGroup() as group:
            group.create_task(self._fetching())
            group.create_task(self._hearing(ready))

    async def say(self, fields: dict[str, str]) -> None:
        """As the composer: what then stands in the conversation comes with the answer."""
        part = next(part for part in self._parts if part.by_line)
        asked = urlencode([*parse_qsl(part.data["changes-url"].partition("?")[2]), *_marks(part)])
        address = f"/tickets/{self.number}/messages?{asked}"
        part.busy = True
        try:
            page = await self.web.post(address, self.headers | {"x-fragment": "1"}, data=fields)
        finally:
            part.busy = False
            self._stir.set()
        self._take(part, page)

    async def _hearing(self, ready: asyncio.Event) -> None:
        address = f"/live?ticket={self.number}"
        async for name, data in self.web.events(address, self.headers):
            if name == "ready":
                ready.set()
            elif name == "changed":
                self._hear(json.loads(data)["topics"])

    def _hear(self, topics: list[str]) -> None:
        for part in self._parts:
            for topic in filter(part.listens, topics):
                kind, _number, detail = [*topic.split(":"), "", ""][:3]
                if not part.by_line:
                    at_once = kind == part.data.get("at-once", "").partition(":")[0]
                    pace = part.at + int(part.data.get("pace", 0)) / 1_000 - time.perf_counter()
                    self._soon(part, GATHER if at_once else max(GATHER, pace))
                elif kind == "line" and detail:
                    part.lines.add(detail)
                    self._soon(part, MARKS)
                elif kind == "seen":
                    part.data["seen"] = str(max(int(part.data["seen"]), int(detail)))
                else:
                    part.whole = part.whole or kind == "whole"
                    part.wants = max(part.wants, int(detail) if detail else math.inf)
                    self._soon(part, GATHER)

    def _soon(self, part: Fragment, delay: float) -> None:
        part.when = min(part.when, time.perf_counter() + delay)
        self._stir.set()

    async def _fetching(self) -> None:
        while True:
            now = time.perf_counter()
            for part in self._parts:
                if part.when <= now and not part.busy:
                    part.when = math.inf
                    if not part.stands:
                        self._fetch(part)
            waits = min((part.when for part in self._parts if not part.busy), default=math.inf) - now
            self._stir.clear()
            try:
                async with asyncio.timeout(max(0.0, min(waits, 3_600))):
                    await self._stir.wait()
            except TimeoutError:
                pass

    def _fetch(self, part: Fragment) -> None:
        address, query = part.data["fragment-url"], list[tuple[str, str]]()
        if part.by_line and not part.whole:
            address = part.data["changes-url"]
            query = _marks(part)
            query += [("line", line) for line in part.lines]
        part.busy, part.at, part.whole, part.lines, part.wants = True, time.perf_counter(), False, set(), 0
        task = asyncio.create_task(self._get(part, address, query))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _get(self, part: Fragment, address: str, query: list[tuple[str, str]]) -> None:
        path, _mark, own = address.partition("?")
        try:
            page = await self.web.get(path, self.headers | {"x-fragment": "1"}, [*parse_qsl(own), *query])
        except (aiohttp.ClientError, TimeoutError):
            self.fetched["(failed)"] += 1
            part.whole = True
            self._soon(part, min(AGAIN * 2**part.failures, LONGEST_AGAIN))
            part.failures += 1
            return
        finally:
            part.busy = False
            self._stir.set()
        part.failures = 0
        self.fetched[re.sub(r"\d+", "N", path)] += 1
        if part.data.get("id", "") == "timeline" or "/timeline" in path:
            self._take(part, page)

    def _take(self, part: Fragment, page: Page) -> None:
        self.seen(page.text)
        for mark in ("seq", "seen"):
            part.data[mark] = page.headers.get(f"x-{mark}", part.data.get(mark, "0"))


def _marks(part: Fragment) -> list[tuple[str, str]]:
    return [("after", part.data["seq"]), ("seen", part.data["seen"])]


def _data_of(tag: str) -> dict[str, Any]:
    return {name: html.unescape(value) for name, value in _DATA.findall(tag)}
