"""A desk with the web chat behind the real router, reached over HTTP without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from httpx import ASGITransport
from starlette.applications import Starlette
from starlette.routing import Mount

from adapters.webchat import WebChat, make
from bot.loops import Loops
from bot.post import Posting
from bot.router import Router
from bot.tell import Tell
from core.access import Actor
from core.desk import Desk
from core.guard import guard
from core.people import service as people
from core.tickets import service as tickets
from webui.security import SecurityHeaders

BASE = "http://test/chat/webchat/"


class Visitor:
    """A browser of a visitor: its token, and a conversation."""

    def __init__(self, http: httpx.AsyncClient, session: dict[str, Any]) -> None:
        self.http = http
        self.session = session
        self.thread = str(uuid4())

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.session['token']}"}

    async def call(self, method: str, path: str, **given: Any) -> httpx.Response:
        given["headers"] = self.headers | given.get("headers", {})
        return await self.http.request(method, path, **given)

    async def say(self, text: str, id: str | None = None, **more: Any) -> httpx.Response:
        body = {"id": id or str(uuid4()), "text": text, "form": self.session["form"], **more}
        return await self.call("POST", f"conversations/{self.thread}/messages", json=body)

    async def read(self, after: str = "") -> dict[str, Any]:
        answer = await self.call("GET", f"conversations/{self.thread}/messages", params={"after": after})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def messages(self) -> list[dict[str, Any]]:
        return [item for item in (await self.read())["items"] if item["kind"] == "message"]

    async def upload(self, content: Any, name: str = "notes.txt") -> httpx.Response:
        return await self.call("POST", "files", content=content, headers={"x-file-name": name})


class World:
    """The desk with its door open."""

    def __init__(self, desk: Desk, chat: WebChat, http: httpx.AsyncClient, loops: Loops) -> None:
        self.desk, self.chat, self.http, self.loops = desk, chat, http, loops
        self.ages = 0

    async def visitor(self, *, patient: bool = True, **body: Any) -> Visitor:
        answer = await self.http.post("session", json=body)
        assert answer.status_code == 200, answer.text
        session = answer.json()
        if patient:
            session["form"] = form_of_age(self.desk, session["visitor"], 10)
        return Visitor(self.http, session)

    async def agent(self, name: str = "Bob Smith") -> Actor:
        async with self.desk.unit() as uow:
            person = await people.add(uow, name=name, display_name=name.split()[0], role="agent")
            return await people.actor_of(uow, person)

    async def reply(self, actor: Actor, number: int, text: str, hold: int = 0) -> UUID:
        async with self.desk.unit(actor) as uow:
            _opened, message = await tickets.reply(uow, actor, number, text, hold=hold)
        await self.settle()
        return message.id

    async def settle(self) -> None:
        """Let what was said be told and posted."""
        while await self.loops.tell.read():
            pass
        while await self.loops.posting.send_due():
            pass

    async def set(self, **values: Any) -> None:
        from core import desk_settings

        async with self.desk.unit() as uow:
            await desk_settings.store(uow.session, values)
        await self.desk.refresh()


def form_of_age(desk: Desk, visitor: str, seconds: float) -> str:
    import time

    from adapters.webchat.tokens import new_form

    return new_form(desk.means.keys.signing, visitor, time.time() - seconds)


def mounted(chat: WebChat) -> SecurityHeaders:
    """The chat where the composition root mounts it, under the headers of the whole web."""
    assert chat.http is not None
    return SecurityHeaders(Starlette(routes=[Mount("/chat/webchat", chat.http)]), secure=False)


@asynccontextmanager
async def opened(desk: Desk) -> AsyncIterator[World]:
    chat = make(desk, {})
    router = Router(desk, guard=guard)
    loops = Loops(desk, router, Tell(desk), Posting(desk, {"webchat": chat}))
    app = mounted(chat)
    running = asyncio.create_task(chat.run(router.deliver))
    await asyncio.sleep(0)
    async with httpx.AsyncClient(transport=ASGITransport(app=app), base_url=BASE) as http:
        try:
            yield World(desk, chat, http, loops)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def world(desk: Desk) -> AsyncIterator[World]:
    async with opened(desk) as made:
        yield made
