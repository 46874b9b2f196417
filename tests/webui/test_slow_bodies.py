"""Bodies that come slowly, or never: they cost their sender time, and nobody else anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from httpx import Response

from core import patience
from core.conversations.model import Attachment
from core.desk import Desk
from core.people import tokens
from tests.webui.browsing import Browser
from tests.webui.desk_world import DeskWorld
from webui import bodies

MANY = 40
FORM = {"content-type": "application/x-www-form-urlencoded"}
MULTIPART = {"content-type": "multipart/form-data; boundary=x"}


@pytest.fixture
async def world(desk: Desk) -> DeskWorld:
    return await DeskWorld(desk).settle()


@pytest.fixture
async def bob(world: DeskWorld) -> AsyncIterator[Browser]:
    async with world.signed_in(world.people["bob"]) as browser:
        yield browser


class Slow:
    """A body whose first bytes come, and the rest only when it is told."""

    def __init__(self, begins: bytes = b"a=1") -> None:
        self.begins = begins
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.begins
        self.begun.set()
        await self.go_on.wait()
        yield b""


async def test_slow_forms_keep_no_connection_from_others(world: DeskWorld) -> None:
    await _others_are_answered(world, "/sign-in", FORM)


async def test_slow_forms_with_files_keep_no_connection_from_others(world: DeskWorld) -> None:
    await _others_are_answered(world, "/sign-in", MULTIPART, b"--x\r\n")


async def test_slow_uploads_of_the_desk_keep_no_connection_from_others(
    world: DeskWorld, bob: Browser
) -> None:
    number = await world.ticket()
    await bob.look(f"/tickets/{number}")
    token = bob.page.text.split('name="csrf" content="')[1].split('"')[0]
    headers = {"x-csrf-token": token, "x-file-name": "slow.txt", "cookie": _cookies(bob)}
    await _others_are_answered(world, f"/tickets/{number}/files", headers)
    await _others_are_answered(world, "/desk/files", headers)


async def test_slow_uploads_of_programs_keep_no_connection_from_others(world: DeskWorld) -> None:
    async with world.desk.unit() as uow:
        token = await tokens.make(uow, world.people["bob"], "test", ("tickets:write",))
    headers = {"authorization": f"Bearer {token}"}
    await _others_are_answered(world, "/api/v1/files", headers)
    await _others_are_answered(world, "/api/v1/tickets", headers | {"content-type": "application/json"})


@pytest.mark.parametrize("path", ["/sign-in", "/api/v1/tickets"])
async def test_what_does_not_go_on_is_given_up(
    world: DeskWorld, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "BETWEEN_SECONDS", 0.05)
    async with world.browser() as browser:
        answer = await browser.post(path, content=aiter(Slow()), headers=FORM)
    assert answer.status_code == 408
    assert answer.headers["connection"] == "close"


async def test_what_goes_on_for_ever_is_given_up(world: DeskWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "WHOLE_SECONDS", 0.3)

    async def drip() -> AsyncIterator[bytes]:
        while True:
            yield b"a"
            await asyncio.sleep(0.01)

    async with world.browser() as browser:
        answer = await browser.post("/sign-in", content=drip(), headers=FORM)
    assert answer.status_code == 408


@pytest.mark.parametrize("path", ["/sign-in", "/api/v1/tickets"])
@pytest.mark.parametrize("headers", [FORM, MULTIPART, {"content-type": "application/json"}])
async def test_a_body_without_end_is_not_kept(world: DeskWorld, path: str, headers: dict[str, str]) -> None:
    if path == "/sign-in" and "json" in headers["content-type"]:
        pytest.skip("a page reads no JSON")
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--x\r\ncontent-disposition: form-data; name="f"; filename="f"\r\n\r\n'
        while True:
            sent += 65_536
            yield b"a" * 65_536

    async with world.browser() as browser:
        answer = await browser.post(path, content=endless(), headers=headers)
    # The form's own parser may be the first to have had enough.
    assert answer.status_code in (400, 413)
    assert sent <= bodies.MOST_BYTES + 65_536


async def test_an_upload_that_fails_at_the_end_leaves_nothing(
    world: DeskWorld, bob: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bob.look("/desk/new")
    token = bob.page.text.split('name="csrf" content="')[1].split('"')[0]
    headers = {"x-csrf-token": token, "x-file-name": "slow.txt"}
    before = [name async for name in world.desk.means.files.names()]
    monkeypatch.setattr(patience, "BETWEEN_SECONDS", 0.05)
    answer = await bob.post("/desk/files", content=aiter(Slow(b"a" * 100_000)), headers=headers)
    assert answer.status_code == 408
    assert [name async for name in world.desk.means.files.names()] == before
    async with world.desk.unit() as uow:
        assert await uow.session.get(Attachment, world.people["bob"].id) is None


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/sign-in", "application/x-www-form-urlencoded"),
        ("/sign-in", "multipart/form-data; boundary=x"),
        ("/api/v1/tickets", "application/json"),
        ("/api/v1/files", "application/octet-stream"),
    ],
)
async def test_a_sender_who_goes_away_is_no_fault(world: DeskWorld, path: str, kind: str) -> None:
    async with world.desk.unit() as uow:
        token = await tokens.make(uow, world.people["bob"], "test", ("tickets:write",))
    answered = await _broken_off(world, path, {"content-type": kind, "authorization": f"Bearer {token}"})
    assert answered[0]["status"] == 400
    assert [name async for name in world.desk.means.files.names()] == []


async def _broken_off(world: DeskWorld, path: str, headers: dict[str, str]) -> list[Any]:
    coming = [{"type": "http.request", "body": b"--x\r\n", "more_body": True}, {"type": "http.disconnect"}]
    answered: list[Any] = []
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("192.0.2.1", 1),
    }

    async def receive() -> Any:
        return coming.pop(0)

    async def send(message: Any) -> None:
        answered.append(message)

    await world.app(scope, receive, send)
    return answered


async def _others_are_answered(
    world: DeskWorld, path: str, headers: dict[str, Any], begins: bytes = b"a=1"
) -> None:
    """Many slow senders wait; a visitor comes by and is served at once; then the slow ones end."""
    slow = [Slow(begins) for _each in range(MANY)]
    async with world.browser() as browser:
        sending = [
            asyncio.create_task(browser.post(path, content=aiter(each), headers=headers)) for each in slow
        ]
        async with asyncio.timeout(30):
            await asyncio.gather(*(each.begun.wait() for each in slow))
        async with world.browser(address="192.0.2.9") as visitor, asyncio.timeout(30):
            assert (await visitor.get("/sign-in")).status_code == 200
        assert not any(task.done() for task in sending)
        for each in slow:
            each.go_on.set()
        answers: list[Response] = await asyncio.gather(*sending)
    assert {answer.status_code for answer in answers} <= {200, 201, 303, 400, 403, 422, 429}


def _cookies(browser: Browser) -> str:
    return "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
