"""A browser's side of HTTP, as cheap as it comes: what a benchmark's own client computes is taken from
the program that it measures, on the same machine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

MOST_CONNECTIONS = 200
PATIENCE = 90.0

Query = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Page:
    """What came back."""

    text: str
    headers: Mapping[str, str]


class Web:
    """One address; an answer that is no success is an error."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def get(self, path: str, headers: Mapping[str, str] = {}, query: Query = ()) -> Page:
        async with self._session.get(path, headers=headers, params=query) as answer:
            return Page(await answer.text(), answer.headers)

    async def post(self, path: str, headers: Mapping[str, str] = {}, **body: Any) -> Page:
        """`data` is a form, `json` is JSON."""
        async with self._session.post(path, headers=headers, **body) as answer:
            return Page(await answer.text(), answer.headers)

    async def events(self, path: str, headers: Mapping[str, str]) -> AsyncIterator[tuple[str, str]]:
        """Server-sent events, by name and data, until the server ends them."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=PATIENCE)
        async with self._session.get(path, headers=headers, timeout=timeout) as answer:
            name, data = "message", ""
            async for raw in answer.content:
                line = raw.decode().rstrip("\r\n")
                if not line and data:
                    yield name, data
                    name, data = "message", ""
                elif line.startswith("event:"):
                    name = line.removeprefix("event:").strip()
                elif line.startswith("data:"):
                    data += line.removeprefix("data:").strip()


@asynccontextmanager
async def visiting(base: str) -> AsyncIterator[Web]:
    """A client of this address, without cookies of its own."""
    async with aiohttp.ClientSession(
        base,
        connector=aiohttp.TCPConnector(limit=MOST_CONNECTIONS),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=PATIENCE),
        raise_for_status=True,
    ) as session:
        yield Web(session)
