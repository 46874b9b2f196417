"""The desk under load: a folder as `deskbell demo` makes it, served by one process or by parts."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
from pydantic import SecretStr
from scale import Place, redis_of, redis_program
from starlette.requests import Request
from starlette.responses import Response
from supervise import Process, Supervisor

from adapters.postgres import Embedded, start
from benchmarks.kill.program import ROOT, free_port, plain_environment
from bot import migrate
from bot.cli.reach import reached
from core import desk_settings
from core.access import SYSTEM
from core.chat import Place as ChatPlace
from core.desk import Desk
from core.people import service as people
from core.rooms import service as rooms
from core.rooms.model import RoomRule
from core.settings import Settings
from webui import sessions

SETTINGS = {
    "hold_seconds": 0,
    "messages_per_minute": 600,
    "address_per_minute": 6000,
    "same_text_per_hour": 1000,
    "live_chat": False,
    "suggest_articles": False,
}
"""Budgets that a benchmark does not exceed, and nothing that is sent by itself."""


@dataclass
class Running:
    """A desk that answers."""

    server: Embedded
    folder: Path
    bases: list[str]
    cookies: list[str]
    supervisor: Supervisor
    failed: list[str] = field(default_factory=list)
    """Parts that ended."""

    @property
    def pids(self) -> dict[str, int]:
        return {one.name: one.pid for one in self.supervisor.processes} | {"database": self.server.pid}

    async def ask(self, query: str, *values: Any) -> list[Any]:
        connection = await asyncpg.connect(self.server.dsn, timeout=30)
        try:
            return list(await connection.fetch(query, *values))
        finally:
            await connection.close()


async def make(folder: Path, tickets: int, messages: int) -> None:
    """As an admin would make it, in a process of its own."""
    made = await asyncio.create_subprocess_exec(
        sys.executable, *("-m", "bot", "demo", "--tickets", str(tickets), "--messages", str(messages)),
        env=plain_environment() | {"PYTHONPATH": str(ROOT), "DESKBELL_DATA": str(folder)},
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    if await made.wait():
        raise RuntimeError("The demo desk could not be made.")


@asynccontextmanager
async def running(
    folder: Path, processes: int, environment: dict[str, str], room: ChatPlace | None, agents: int
) -> AsyncIterator[Running]:
    """`processes` webs and workers with a gateway and Redis; 0: all in one."""
    async with AsyncExitStack() as stack:
        server = await _server(folder)
        stack.push_async_callback(server.stop)
        data = _beside(folder)
        settings = Settings(_env_file=None, data=data, database_url=SecretStr(server.url))
        cookies = await _settled(settings, room, agents)
        short = Path(stack.enter_context(TemporaryDirectory(prefix="deskbell-")))
        place = Place(data, short, 0, (), (), None)
        failed: list[str] = []
        supervisor = Supervisor(data / "parts.json", failed.append)
        stack.push_async_callback(supervisor.stop)
        parts = _parts(place, processes, environment | {"DATABASE_URL": server.url})
        program = redis_program() if processes else None
        if program is not None:
            await supervisor.start(redis_of(place, program))
        await supervisor.start(*parts)
        bases = [f"http://127.0.0.1:{one.port}" for one in parts if one.name.startswith(("web", "all"))]
        yield Running(server, folder, bases, cookies, supervisor, failed)


def _beside(folder: Path) -> Path:
    """The data folder of the parts: that of the database is in use by its server."""
    data = folder / "parts"
    (data / "log").mkdir(parents=True, exist_ok=True)
    if not (data / "master.key").exists():
        shutil.copy2(folder / "master.key", data / "master.key")
    return data


async def _server(folder: Path) -> Embedded:
    """A server that notes when each transaction was committed."""
    server = await start(folder)
    connection = await asyncpg.connect(server.dsn_of("postgres", user="postgres"), timeout=30)
    try:
        if await connection.fetchval("show track_commit_timestamp") == "on":
            return server
        await connection.execute("alter system set track_commit_timestamp = on")
    finally:
        await connection.close()
    await server.stop()
    return await start(folder)


def _parts(place: Place, processes: int, environment: dict[str, str]) -> list[Process]:
    shared = plain_environment() | environment | {
        "PYTHONPATH": str(ROOT),
        "DESKBELL_DATA": str(place.data),
        "DESKBELL_LOG": "json",
        "DESKBELL_TRUSTED_PROXIES": "127.0.0.1",
    }  # fmt: skip
    if processes:
        shared["REDIS_URL"] = f"unix://{place.redis_socket}" if redis_program() else ""
    kinds = [*(["web"] * processes), "gateway", *(["worker"] * processes)] if processes else ["run"]
    ports = [free_port() for _kind in kinds]
    shared["DESKBELL_PUBLIC_URL"] = f"http://127.0.0.1:{ports[0]}"
    return [_part(place, kinds, number, ports[number], shared) for number in range(len(kinds))]


def _part(place: Place, kinds: Sequence[str], number: int, port: int, shared: dict[str, str]) -> Process:
    kind = kinds[number]
    name = "all" if kind == "run" else f"{kind}-{kinds[: number + 1].count(kind)}"
    command = [sys.executable, "-m", "bot", kind, *([] if kind == "run" else ["--port", str(port)])]
    environment = shared | ({"DESKBELL_PORT": str(port)} if kind == "run" else {})
    return Process(name, command, place.log(name), environment, port)


async def _settled(settings: Settings, room: ChatPlace | None, agents: int) -> list[str]:
    """Budgets, the desk room, and agents who are signed in; their cookies."""
    async with reached(settings) as there:
        await migrate.to_head(there.db.engine)
        desk = await there.desk()
        async with desk.unit() as uow:
            await desk_settings.store(uow.session, SETTINGS)
            if room is not None:
                await _room(uow, room)
        await desk.refresh()
        return [await _signed_in(desk, number) for number in range(agents)]


async def _room(uow: Any, place: ChatPlace) -> None:
    """A new one each time: threads of an earlier stand-in are gone with it."""
    earlier = await rooms.at(uow.session, place.key)
    if earlier is not None:
        await rooms.remove(uow, SYSTEM, earlier.id)
        await uow.session.flush()
    await rooms.add(uow, SYSTEM, place, name="Desk room", rule=RoomRule.everyone)


async def _signed_in(desk: Desk, number: int) -> str:
    response = Response()
    request = Request(
        {"type": "http", "headers": [], "client": ("127.0.0.1", 1), "method": "GET", "path": "/"}
    )
    async with desk.unit() as uow:
        agent: Any = await people.by_email(uow, _address(number))
        if agent is None:
            agent = await people.add(
                uow, name=f"Load {number}", role="agent", email=_address(number), verified=True
            )
        await sessions.start(uow, request, response, agent, how="link", secure=False, strong=True)
    return response.headers["set-cookie"].split(";")[0]


def _address(number: int) -> str:
    return f"load{number}@desk.example"


async def numbers_of(desk: Running, natives: Sequence[str]) -> dict[str, int]:
    """The tickets in which these first messages of platforms and visitors stand."""
    rows = await desk.ask(
        "select c.native, t.number from message_copy c join message m on m.id = c.message_id"
        " join ticket t on t.conversation_id = m.conversation_id where c.origin and c.native = any($1)",
        list(natives),
    )
    return {row["native"]: row["number"] for row in rows}


async def commits_of(desk: Running, natives: Sequence[str]) -> dict[str, float]:
    """When each of these messages was committed, in seconds of Unix time."""
    rows = await desk.ask(
        "select native, extract(epoch from pg_xact_commit_timestamp(xmin))::float8 as at"
        " from message_copy where origin and native = any($1)",
        list(natives),
    )
    return {row["native"]: row["at"] for row in rows}
