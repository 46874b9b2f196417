"""The two who talk: synthetic ones that do over HTTP what the call page does."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from typing import Any, Protocol

import httpx
from aiortc.rtcdtlstransport import RTCCertificate

from benchmarks.callers import Caller

_PATIENCE = 60.0
_AGAIN = 0.2


class Pair(Protocol):
    """An agent and a requester with their links."""

    async def talk(self) -> None: ...

    async def record(self) -> None:
        """The agent asks for a recording; the other agrees."""

    async def come_back(self) -> None:
        """After a kill, by the same links, until both are recorded again."""

    async def hang_up(self) -> None: ...

    async def go(self) -> None:
        """Without a word."""


class Callers:
    """A `Pair` without browsers."""

    def __init__(self, agent: str, other: str) -> None:
        certificate = RTCCertificate.generateCertificate()
        self._agent, self._other = _Page(agent, certificate), _Page(other, certificate)

    async def talk(self) -> None:
        await asyncio.gather(self._agent.join(), self._other.join())
        await self._until(lambda state: sum(one["presence"] == "present" for one in state["people"]) == 2)

    async def record(self) -> None:
        await self._agent.post("recording", {"on": True})
        await self._other.post("consent", {"on": True})

    async def come_back(self) -> None:
        for page in (self._agent, self._other):
            if not await page.is_heard():
                await page.join()
        await self._until(
            lambda state: (
                not state.get("interrupted", True)
                and all(one["recorded"] and one["presence"] == "present" for one in state["people"])
            )
        )

    async def hang_up(self) -> None:
        await self._agent.post("end")
        await self.go()

    async def go(self) -> None:
        await self._agent.close()
        await self._other.close()

    async def _until(self, such: Any) -> None:
        async with asyncio.timeout(_PATIENCE):
            while not such(await self._agent.state()):
                await asyncio.sleep(_AGAIN)


class _Page:
    """One link, opened."""

    def __init__(self, link: str, certificate: RTCCertificate) -> None:
        self._link, self._certificate = link, certificate
        self._client = httpx.AsyncClient(timeout=30)
        self._caller: Caller | None = None

    async def join(self) -> None:
        await self._hang_up()
        async with asyncio.timeout(_PATIENCE):
            while True:
                caller = Caller(self._certificate)
                sources = {"0": "mic", "1": "camera"}
                try:
                    answer = await self.post("join", {"sdp": caller.offer(), "sources": sources})
                    await caller.connect(answer["sdp"])
                except (httpx.HTTPError, ConnectionError, TimeoutError, KeyError):
                    await caller.close()
                    await asyncio.sleep(_AGAIN)
                else:
                    break
        caller.sending = True
        self._caller = caller

    async def is_heard(self) -> bool:
        """Whether the engine still answers; whom it killed hears nothing any more."""
        assert self._caller is not None
        before, until = self._caller.received, time.monotonic() + 2
        while time.monotonic() < until:
            await asyncio.sleep(0.1)
            if self._caller.received > before + 20:
                return True
        return False

    async def post(self, path: str, body: Any = None) -> Any:
        if "x-csrf-token" not in self._client.headers:
            page = (await self._client.get(self._link)).text
            found = re.search(r'name="csrf" content="([^"]+)"', page)
            if found is None:
                raise httpx.RemoteProtocolError("no call page")
            self._client.headers["x-csrf-token"] = found.group(1)
        answer = await self._client.post(f"{self._link}/{path}", json=body if body is not None else {})
        answer.raise_for_status()
        return answer.json() if answer.content else {}

    async def state(self) -> Any:
        with contextlib.suppress(httpx.HTTPError):
            answer = await self._client.get(f"{self._link}/state")
            if answer.is_success:
                return answer.json()
        return {"people": [{"presence": "unknown", "recorded": False}]}

    async def close(self) -> None:
        await self._hang_up()
        await self._client.aclose()

    async def _hang_up(self) -> None:
        if self._caller is not None:
            await self._caller.close()
            self._caller = None
