"""A gateway session: what a bot was told, by number, so that it can be told again."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from dataclasses import dataclass, field

from aiohttp import web

from playground.discord.compress import Packer
from playground.discord.events import Event, Intent
from playground.discord.model import App, Json

KEPT = 5_000
"""Events that can be replayed; a session that missed more is invalid."""
WAITING = 10_000


@dataclass(eq=False)
class Socket:
    """One WebSocket; what it sends goes through a queue, so that the order is that of the events."""

    ws: web.WebSocketResponse
    request: web.Request
    packer: Packer
    silent: bool = False
    queue: asyncio.Queue[Json | int | None] = field(default_factory=lambda: asyncio.Queue(WAITING))

    def send(self, payload: Json) -> None:
        if self.silent:
            return
        if self.queue.full():
            self.abort()
            return
        self.queue.put_nowait(payload)

    def close(self, code: int) -> None:
        """Close properly, after what was sent before."""
        if not self.queue.full():
            self.queue.put_nowait(code)

    def abort(self) -> None:
        """Cut the line."""
        if self.request.transport is not None:
            self.request.transport.abort()
        if not self.queue.full():
            self.queue.put_nowait(None)

    async def write(self) -> None:
        """Send what waits, until the socket is closed."""
        while (payload := await self.queue.get()) is not None:
            if isinstance(payload, int):
                await self.ws.close(code=payload)
                return
            packed = self.packer.pack(json.dumps(payload, separators=(",", ":")))
            try:
                if isinstance(packed, str):
                    await self.ws.send_str(packed)
                else:
                    await self.ws.send_bytes(packed)
            except (ConnectionError, RuntimeError):
                return


@dataclass(eq=False)
class Session:
    app: App
    intents: Intent
    shard: tuple[int, int] = (0, 1)
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    socket: Socket | None = None
    seq: int = 0
    told: deque[tuple[int, Json]] = field(default_factory=lambda: deque(maxlen=KEPT))
    held: Event | None = None
    """An event that was kept back, to come after the next one."""
    held_freely: bool = False
    """Whether an event of the same channel may overtake it."""

    def push(self, name: str, data: Json) -> None:
        """Number an event, keep it, and send it when there is a socket."""
        self.seq += 1
        payload = {"op": 0, "t": name, "s": self.seq, "d": data}
        self.told.append((self.seq, payload))
        if self.socket is not None:
            self.socket.send(payload)

    def can_resume(self, seq: int) -> bool:
        oldest = self.told[0][0] if self.told else self.seq + 1
        return oldest - 1 <= seq <= self.seq

    def replay(self, seq: int) -> None:
        assert self.socket is not None
        for number, payload in self.told:
            if number > seq:
                self.socket.send(payload)

    def concerns(self, guild_id: str | None) -> bool:
        """Whether events of a guild are this shard's; direct messages are the first one's."""
        number, count = self.shard
        return number == ((int(guild_id) >> 22) % count if guild_id else 0)
