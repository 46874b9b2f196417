"""Socket Mode: the open connections, what is sent over them and what they acknowledge."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

Json = dict[str, Any]

MOST = 10
TICKET_SECONDS = 30.0


@dataclass(eq=False, slots=True)
class Connection:
    number: int
    ws: web.WebSocketResponse
    transport: asyncio.Transport | None
    waiting: dict[str, asyncio.Future[Json]] = field(default_factory=dict)

    def gone(self) -> None:
        for answer in self.waiting.values():
            if not answer.done():
                answer.set_exception(ConnectionResetError())
        self.waiting.clear()


class Sockets:
    """All connections of the app; they share the load."""

    def __init__(self) -> None:
        self.app_id = ""
        self.open: list[Connection] = []
        self.acked: int = 0
        self._tickets: dict[str, float] = {}
        self._numbers = itertools.count(1)
        self._turn = 0
        self._came = asyncio.Event()

    def ticket(self) -> str:
        """What a new connection shows to be let in, once."""
        now = time.monotonic()
        self._tickets = {one: until for one, until in self._tickets.items() if until > now}
        key = uuid.uuid4().hex
        self._tickets[key] = now + TICKET_SECONDS
        return key

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self._tickets.pop(request.query.get("ticket", ""), 0.0) < time.monotonic():
            return web.Response(status=408, text="link_expired")
        ws = web.WebSocketResponse(timeout=1.0)
        await ws.prepare(request)
        if len(self.open) >= MOST:
            await ws.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await ws.close()
            return ws
        connection = Connection(next(self._numbers), ws, request.transport)
        await self._serve(connection)
        return ws

    async def _serve(self, connection: Connection) -> None:
        try:
            await connection.ws.send_json(self._hello())
            self.open.append(connection)
            self._came.set()
            async for message in connection.ws:
                if message.type == WSMsgType.TEXT:
                    self._heard(connection, message.data)
        except ConnectionError:
            pass
        finally:
            self._forget(connection)

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self.open) + 1,
            "connection_info": {"app_id": self.app_id},
            "debug_info": {"host": "play", "build_number": 1, "approximate_connection_time": 18060},
        }

    def _heard(self, connection: Connection, text: str) -> None:
        try:
            answer = json.loads(text)
            waiting = connection.waiting.pop(answer["envelope_id"], None)
        except (ValueError, KeyError, TypeError):
            return
        if waiting and not waiting.done():
            self.acked += 1
            waiting.set_result(answer)

    def _forget(self, connection: Connection) -> None:
        if connection in self.open:
            self.open.remove(connection)
        if not self.open:
            self._came.clear()
        connection.gone()

    # --- sending

    async def connected(self, timeout: float) -> bool:
        """Whether a connection is there, or comes within that time."""
        try:
            async with asyncio.timeout(timeout):
                await self._came.wait()
        except TimeoutError:
            return False
        return True

    def pick(self, avoid: int = 0) -> Connection | None:
        """The next in turn; another one than before where there is one."""
        others = [one for one in self.open if one.number != avoid] or self.open
        if not others:
            return None
        self._turn += 1
        return others[self._turn % len(others)]

    async def send(self, connection: Connection, envelope: Json, timeout: float, cut: bool = False) -> Json:
        """Send and wait for the acknowledgement; TimeoutError or ConnectionError without one."""
        answer: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        connection.waiting[envelope["envelope_id"]] = answer
        try:
            async with asyncio.timeout(timeout):
                await connection.ws.send_json(envelope)
                if cut:
                    self.cut(connection)
                return await answer
        finally:
            connection.waiting.pop(envelope["envelope_id"], None)
            if answer.done() and not answer.cancelled():
                answer.exception()

    def cut(self, connection: Connection) -> None:
        """The network is gone, without a word."""
        if connection.transport is not None:
            connection.transport.abort()
        self._forget(connection)

    def cut_all(self) -> int:
        gone = list(self.open)
        for connection in gone:
            self.cut(connection)
        return len(gone)

    async def disconnect(self, reason: str) -> int:
        """Ask every connection to make way for a new one, as Slack does every few hours."""
        asked = list(self.open)
        for connection in asked:
            await connection.ws.send_json(
                {"type": "disconnect", "reason": reason, "debug_info": {"host": "play"}}
            )
        return len(asked)

    async def close(self) -> None:
        for connection in list(self.open):
            await connection.ws.close(code=1001)
            self._forget(connection)
