"""The desk whose calls are killed: its program, its engine, its API and its database."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from pydantic import SecretStr

from adapters.postgres import attach
from benchmarks.calls_kill.plan import Victim
from benchmarks.kill.program import Program
from core.settings import Settings

MEDIA = {"DESKBELL_MEDIA_PORTS": "0", "DESKBELL_MEDIA_LISTEN": "127.0.0.1"}
_PATIENCE = 60.0


class Desk:
    """Use `begin` and `end`."""

    def __init__(self, folder: Path) -> None:
        self.program = Program(folder, MEDIA)
        self.kills = 0
        self._token = ""

    @property
    def url(self) -> str:
        return f"http://localhost:{self.program.port}"

    async def begin(self) -> None:
        self._token = await _settled(self.program.data)
        self.program.start()
        await self.program.up()

    async def end(self) -> None:
        await self.program.end()
        with contextlib.suppress(OSError):
            os.kill(self._engine_pid(), signal.SIGTERM)

    async def call(self, number: int) -> tuple[str, str, str]:
        """A ticket of somebody, and a call about it: its id, the agent's link and the other's."""
        asker = {"email": f"person{number}@example.com", "name": f"Person {number}"}
        ticket = await self.ask("POST", "/tickets", {"text": "Can you look at it?", "requester": asker})
        call = await self.ask("POST", f"/tickets/{ticket['number']}/calls", {})
        links = {one["staff"]: one["join_link"] for one in call["participants"]}
        return call["id"], links[True], links[False]

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Of the API; as a program that tries again while the desk is down."""
        answer = await self._asked(method, path, json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    async def fetch(self, path: str) -> bytes | None:
        """A file; None where there is none."""
        answer = await self._asked("GET", path)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        answer.raise_for_status()
        return answer.content

    async def _asked(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self._token}"}
        async with asyncio.timeout(_PATIENCE), httpx.AsyncClient(headers=headers, timeout=30) as client:
            while True:
                with contextlib.suppress(httpx.TransportError):
                    answer = await client.request(method, f"{self.url}/api/v1{path}", **more)
                    if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                        return answer
                await asyncio.sleep(0.2)

    async def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """What the database holds."""
        address = await attach(self.program.data)
        assert address is not None, "the database is away"
        connection = await asyncpg.connect(address.dsn, timeout=10)
        try:
            return [dict(row) for row in await connection.fetch(query, *values)]
        finally:
            await connection.close()

    async def kill(self, victim: Victim) -> None:
        """`kill -9`."""
        self.kills += 1
        if victim is not Victim.desk:
            os.kill(self._engine_pid(), signal.SIGKILL)
        if victim is not Victim.engine:
            await self.program.kill(with_database=victim is Victim.everything)

    def _engine_pid(self) -> int:
        """Who listens at the engine's socket (SO_PEERCRED of unix(7))."""
        with socket.socket(socket.AF_UNIX) as asked:
            asked.connect(str(_socket_of(self.program.data)))
            return int.from_bytes(asked.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4], "little")


def _socket_of(data: Path) -> Path:
    from bot.voice.engine import socket_of

    return socket_of(data)


async def _settled(data: Path) -> str:
    """An agent with a token of the API; nobody waits at the door."""
    from bot.app import compose
    from core import desk_settings
    from core.people import service as people
    from core.people import tokens

    settings = Settings(_env_file=None, data=data, database_url=SecretStr(""))
    async with compose(settings) as app, app.desk.unit() as uow:
        await desk_settings.store(uow.session, {"call_waiting_room": False, "calls_at_once": 200})
        agent = await people.add(uow, name="Bob", role="admin", email="bob@desk.example", verified=True)
        await uow.session.flush()
        return await tokens.make(uow, agent, "kill", tuple(tokens.SCOPES))
