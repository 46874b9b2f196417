"""A desk with its people for the admin's pages, and a browser for each of them over HTTP."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from core import clock
from core.crypto import words
from core.desk import Desk
from core.ids import new_token
from core.people import service as people
from core.people.model import Person, Session
from webui import security
from webui.app import make_app
from webui.site import Site

BASE = "http://test"


@dataclass(slots=True)
class Browser:
    """Someone's browser: GET, and POST with the form's token."""

    client: httpx.AsyncClient
    csrf: str

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.client.get(path, params=query or None)

    async def post(self, path: str, files: Any = None, **fields: Any) -> httpx.Response:
        data = {name.replace("__", "-"): value for name, value in fields.items()} | {"csrf": self.csrf}
        return await self.client.post(path, data=data, files=files)


@dataclass(slots=True)
class World:
    """`ann` is the admin, `lea` the lead, `bob` the agent, `ada` the requester."""

    desk: Desk
    site: Site
    ids: dict[str, UUID] = field(default_factory=dict)
    browsers: dict[str, Browser] = field(default_factory=dict)

    @property
    def admin(self) -> Browser:
        return self.browsers["ann"]

    async def person(self, name: str) -> Person:
        async with self.desk.unit() as uow:
            return await people.get(uow, self.ids[name])

    async def actor(self, name: str) -> Any:
        async with self.desk.unit() as uow:
            return await people.actor_of(uow, await people.get(uow, self.ids[name]))


@asynccontextmanager
async def world(desk: Desk) -> AsyncIterator[World]:
    site = Site(desk=desk, public_url=BASE, version="test")
    made = World(desk, site)
    app = make_app(site)
    async with desk.unit() as uow:
        for name, role in (("ann", "admin"), ("lea", "lead"), ("bob", "agent"), ("ada", "requester")):
            person = await people.add(
                uow, name=name.title(), email=f"{name}@example.com", role=role, verified=True
            )
            made.ids[name] = person.id
    for name in made.ids:
        token = new_token()
        async with desk.unit() as uow:
            digest = words.digest(uow.keys.lookup, f"session|{token}")
            uow.session.add(
                Session(person_id=made.ids[name], digest=digest, expires_at=clock.now() + timedelta(hours=1))
            )
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url=BASE, cookies={"deskbell": token}
        )
        made.browsers[name] = Browser(client, security.csrf_token(desk.means.keys.signing, token))
    made.browsers["stranger"] = Browser(
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE), ""
    )
    yield made
    for browser in made.browsers.values():
        await browser.client.aclose()


def said(response: httpx.Response) -> str:
    """The words of a page, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.text).split())


def version_in(response: httpx.Response) -> str:
    found = re.search(r'name="version" value="(-?\d+)"', response.text)
    assert found is not None
    return found[1]
