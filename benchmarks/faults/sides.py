"""Requesters of one platform before an agent of another; and visitors of the web chat."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx

from benchmarks.kill.side import Line, Side

AGAIN_SECONDS = 0.3
_TAG = re.compile("<[^>]+>")
OLD_ENOUGH = 2.0
"""Seconds: who writes sooner after the page was opened is taken for a robot."""


class Pair:
    """As one side: who asks writes on one platform, who answers has the room of another."""

    def __init__(self, asking: Any, room: Side) -> None:
        self.asking, self.room = asking, room
        self.name, self.deletes, self.burst = asking.name, asking.deletes, asking.burst

    async def joins(self, name: str) -> str:
        return str(await self.asking.joins(name))

    async def says(self, who: str, text: str) -> str:
        return str(await self.asking.says(who, text))

    async def edits(self, who: str, native: str, text: str) -> None:
        await self.asking.edits(who, native, text)

    async def deletes_own(self, who: str, native: str) -> None:
        await self.asking.deletes_own(who, native)

    async def chat(self, who: str) -> list[Line]:
        return list(await self.asking.chat(who))

    async def agent_says(self, thread: str, text: str) -> str:
        return await self.room.agent_says(thread, text)

    async def agent_edits(self, thread: str, native: str, text: str) -> None:
        await self.room.agent_edits(thread, native, text)

    async def agent_deletes(self, thread: str, native: str) -> None:
        await self.room.agent_deletes(thread, native)

    async def agent_commands(self, thread: str, name: str, text: str = "") -> bool:
        return await self.room.agent_commands(thread, name, text)

    async def threads(self) -> dict[str, list[Line]]:
        return await self.room.threads()


def _nothing() -> None:
    return None


class Visitors:
    """Browsers with the web chat: each keeps what was not acknowledged, in order, and tries again at any web."""

    name = "webchat"
    deletes = True
    burst = 3

    def __init__(self, ports: list[int]) -> None:
        limits = httpx.Limits(max_keepalive_connections=0)
        timeout = httpx.Timeout(6.0, connect=2.0)
        self._webs = [
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}/chat/webchat",
                timeout=timeout,
                limits=limits,
                trust_env=False,
            )
            for port in ports
        ]
        self._sessions: dict[str, dict[str, Any]] = {}
        self._queues: dict[str, asyncio.Queue[tuple[str, str, dict[str, Any], Callable[[], object]]]] = {}
        self._senders: list[asyncio.Task[None]] = []
        self.tries = 0

    async def close(self) -> None:
        for sender in self._senders:
            sender.cancel()
        await asyncio.gather(*self._senders, return_exceptions=True)
        for web in self._webs:
            await web.aclose()

    async def joins(self, name: str) -> str:
        thread = str(uuid4())
        self._sessions[thread] = (await self._asked("POST", "/session", {}, None)).json()
        opened = time.monotonic()
        self._queues[thread] = asyncio.Queue()
        self._senders.append(asyncio.create_task(self._sends(thread, opened)))
        return thread

    async def says(self, who: str, text: str, *, then: Callable[[], object] = _nothing) -> str:
        native = str(uuid4())
        body = {"id": native, "text": text, "form": self._sessions[who]["form"]}
        self._queues[who].put_nowait(("POST", f"/conversations/{who}/messages", body, then))
        return native

    async def shares(self, who: str, text: str, name: str, data: bytes) -> str:
        """A file, tried until it is kept; then the message with it, behind what was said before."""
        kept = (await self._asked("POST", "/files", data, who, {"x-file-name": name})).json()["id"]
        native = str(uuid4())
        body = {"id": native, "text": text, "files": [kept], "form": self._sessions[who]["form"]}
        self._queues[who].put_nowait(("POST", f"/conversations/{who}/messages", body, _nothing))
        return native

    async def edits(self, who: str, native: str, text: str) -> None:
        self._queues[who].put_nowait(
            (
                "PUT",
                f"/conversations/{who}/messages/{native}",
                {"text": text, "version": uuid4().hex},
                _nothing,
            )
        )

    async def deletes_own(self, who: str, native: str) -> None:
        self._queues[who].put_nowait(("DELETE", f"/conversations/{who}/messages/{native}", {}, _nothing))

    async def chat(self, who: str) -> list[Line]:
        found = (await self._asked("GET", f"/conversations/{who}/messages", None, who)).json()
        return [
            Line(str(one["id"]), _TAG.sub("", str(one["html"])), by_bot=one["side"] != "me")
            for one in found["items"]
            if one["kind"] == "message"
        ]

    @property
    def pending(self) -> int:
        return sum(queue.qsize() for queue in self._queues.values())

    async def _sends(self, who: str, opened: float) -> None:
        await asyncio.sleep(max(0.0, opened + OLD_ENOUGH - time.monotonic()))
        queue = self._queues[who]
        while True:
            method, path, body, then = await queue.get()
            await self._asked(method, path, body, who)
            then()

    async def _asked(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | bytes | None,
        who: str | None,
        more: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Until it is answered: by one web, else by the next."""
        headers = {"authorization": f"Bearer {self._sessions[who]['token']}"} if who else {}
        given: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body}
        while True:
            self.tries += 1
            try:
                answer = await self._webs[self.tries % len(self._webs)].request(
                    method, path, headers=headers | (more or {}), **given
                )
            except httpx.TransportError:
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            if answer.status_code < 400:
                return answer
            if answer.status_code < 500 and answer.status_code != 429:
                raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
            await asyncio.sleep(AGAIN_SECONDS)
