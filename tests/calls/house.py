"""A desk with a ticket, an agent and a requester; its web on a free port, its engine in a process of its own."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import uvicorn
from httpx import ASGITransport, AsyncClient
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response as StarletteResponse

from adapters.media.client import Client
from bot.voice.engine import Voice
from bot.wiring import call_service
from core.access import Actor
from core.calls import join_links, service
from core.calls.model import Call, CallPerson, CallRecording
from core.db import EventRow
from core.desk import Desk
from core.people import service as people
from core.tickets import service as tickets
from tests.browser.conftest import _no_signals
from webui import sessions
from webui.app import make_app
from webui.site import Site


@dataclass
class House:
    """Ada asks, Bob answers."""

    desk: Desk
    ada: Actor
    bob: Actor
    number: int
    url: str = ""
    voice: Voice | None = None

    async def call(self, actor: Actor | None = None) -> UUID:
        async with self.desk.unit(actor or self.bob) as uow:
            made, _mine = await service.ask(uow, actor or self.bob, self.number)
            return made.id

    async def link(self, call: UUID, actor: Actor) -> str:
        async with self.desk.unit() as uow:
            row = await uow.session.scalar(
                select(CallPerson).where(CallPerson.call_id == call, CallPerson.person_id == actor.id)
            )
            assert row is not None
            return self.url + join_links.path(uow, row)

    async def facts(self) -> list[str]:
        async with self.desk.db.sessions() as session:
            query = select(EventRow.name).where(EventRow.name.like("call.%")).order_by(EventRow.id)
            return list(await session.scalars(query))

    async def the_call(self, call: UUID) -> Call:
        async with self.desk.db.sessions() as session:
            found = await session.get(Call, call)
            assert found is not None
            return found

    async def the_calls(self) -> list[UUID]:
        async with self.desk.db.sessions() as session:
            return list(await session.scalars(select(Call.id).order_by(Call.created_at)))

    async def recordings(self) -> list[CallRecording]:
        async with self.desk.db.sessions() as session:
            return list(await session.scalars(select(CallRecording).order_by(CallRecording.began_at)))

    async def until(self, such: Callable[[], Awaitable[Any]], seconds: float = 60.0) -> Any:
        async with asyncio.timeout(seconds):
            while not (found := await such()):
                await asyncio.sleep(0.05)
            return found

    def kill_engine(self) -> None:
        assert self.voice is not None
        os.kill(engine_pid(self.voice.socket), signal.SIGKILL)


@asynccontextmanager
async def signed_in(house: House, actor: Actor, site: Site) -> AsyncIterator[AsyncClient]:
    """A browser of somebody who is signed in, without a browser."""
    async with house.desk.unit() as uow:
        assert actor.id is not None
        person = await people.get(uow, actor.id)
        answer = StarletteResponse()
        asked = Request(
            {"type": "http", "headers": [], "client": ("127.0.0.1", 1), "method": "GET", "path": "/"}
        )
        await sessions.start(uow, asked, answer, person, how="link", secure=False, strong=True)
    cookie = answer.headers["set-cookie"].split(";")[0]
    async with AsyncClient(
        transport=ASGITransport(app=make_app(site)), base_url="http://localhost", headers={"cookie": cookie}
    ) as made:
        token = re.search(r'name="csrf" content="([^"]+)"', (await made.get("/notices")).text)
        assert token is not None
        made.headers["x-csrf-token"] = token.group(1)
        yield made


async def settle(desk: Desk) -> House:
    async with desk.unit() as uow:
        ada = await people.add(uow, name="Ada Lovelace", email="ada@example.com")
        bob = await people.add(uow, name="Bob Smith", role="agent")
        await uow.session.flush()
        asker, agent = await people.actor_of(uow, ada), await people.actor_of(uow, bob)
        opened = await tickets.open_ticket(uow, asker, ada, tickets.Request(text="The printer is on fire"))
        await tickets.claim(uow, agent, opened.number)
        return House(desk, asker, agent, opened.number)


@asynccontextmanager
async def served(house: House, folder: Path) -> AsyncIterator[House]:
    """The web, and the engine as the desk keeps it; both end with the block."""
    listening = socket.create_server(("127.0.0.1", 0))
    house.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    house.voice = voice = Voice(house.desk, folder)
    site = Site(
        desk=house.desk,
        public_url=house.url,
        media=voice.engine,
        recordings=voice.recordings,
        call_changed=voice.keeper.record_due,
        call_service=call_service(voice),
    )
    app: Any = make_app(site)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
    server.capture_signals = _no_signals  # type: ignore[method-assign,assignment]
    tasks = [asyncio.create_task(server.serve(sockets=[listening])), asyncio.create_task(voice.run())]
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield house
    finally:
        await _end_engine(voice)
        server.should_exit = True
        await tasks[0]
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def engine_pid(path: Path) -> int:
    """Who listens at the engine's socket (SO_PEERCRED of unix(7))."""
    with socket.socket(socket.AF_UNIX) as asked:
        asked.connect(str(path))
        return int.from_bytes(asked.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4], "little")


async def _end_engine(voice: Voice) -> None:
    if isinstance(voice.keeper.media, Client):
        pid = engine_pid(voice.socket)
        os.kill(pid, signal.SIGTERM)
