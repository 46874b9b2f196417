"""The server as the program starts it, spoken with by a socket: no request hides in another, and nobody is believed
who only says to be a proxy."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from httpx import ASGITransport, AsyncClient

from bot.app import front
from core.settings import Settings

HEAD = b"POST /first HTTP/1.1\r\nHost: x\r\n"
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
SENT = {
    "both lengths": HEAD + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "two lengths": HEAD + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
    "a length with a sign": HEAD + b"Content-Length: +%d\r\n\r\n" % len(HIDDEN) + HIDDEN,
    "a length and a space": HEAD + b"Content-Length : %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
    "two codings": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n" + HIDDEN,
    "a coding of another name": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "a folded header": HEAD + b"X: y\r\n Content-Length: 5\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "a chunk of no size": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + HIDDEN,
    "a negative chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n" + HIDDEN,
    "a name with a break": b"POST /first HTTP/1.1\r\nHost: x\r\nX\x00: y\r\n\r\n" + HIDDEN,
}  # fmt: skip


@contextlib.asynccontextmanager
async def served() -> AsyncIterator[tuple[int, list[str]]]:
    """The port of a program that notes what is asked of it."""
    asked: list[str] = []

    async def web(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["path"])
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(front(web, Settings()))
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
        running = asyncio.create_task(server.serve(sockets=[listening]))
        async with asyncio.timeout(20):
            while not server.started:
                await asyncio.sleep(0.01)
        try:
            yield listening.getsockname()[1], asked
        finally:
            server.should_exit = True
            await running


async def spoken(port: int, sent: bytes) -> bytes:
    """All that is answered until the server hangs up, or nothing comes any more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    answered = b""
    with contextlib.suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(5):
            while piece := await reader.read(4096):
                answered += piece
                if answered.count(b"HTTP/1.1 ") > 1 or b" 400 " in answered:
                    break
                if b"connection: close" in answered.lower():
                    break
    writer.close()
    return answered


async def test_no_second_request_hides_in_a_first() -> None:
    """Whatever a proxy may have taken for one request is one here, or is refused."""
    async with served() as (port, asked):
        both = b"GET /first HTTP/1.1\r\nHost: x\r\n\r\n" + HIDDEN.replace(
            b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"
        )
        assert (await spoken(port, both)).count(b" 200 ") == 2, "two whole requests are two"
        assert asked == ["/first", "/hidden"]
        asked.clear()
        wrong = {}
        for name, sent in SENT.items():
            await spoken(port, sent)
            if "/hidden" in asked:
                wrong[name] = list(asked)
            asked.clear()
    assert wrong == {}


@pytest.mark.parametrize(
    ("proxies", "from_where", "seen"),
    [
        ("", "198.51.100.7", ("198.51.100.7", "http")),
        ("10.0.0.1", "198.51.100.7", ("198.51.100.7", "http")),
        ("10.0.0.0/8", "10.9.8.7", ("203.0.113.5", "https")),
        ("10.0.0.1", "10.0.0.1", ("203.0.113.5", "https")),
    ],
)
async def test_forwarded_headers_are_believed_from_named_proxies_alone(
    proxies: str, from_where: str, seen: tuple[str, str]
) -> None:
    """A proxy adds whom it heard behind what it was told: the last that is no proxy of ours counts."""
    found: list[tuple[str, str]] = []

    async def web(scope: Any, receive: Any, send: Any) -> None:
        found.append((scope["client"][0], scope["scheme"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    config = front(web, Settings(DESKBELL_TRUSTED_PROXIES=proxies))  # type: ignore[call-arg]
    config.load()
    transport = ASGITransport(app=config.loaded_app, client=(from_where, 1))
    forged = {"x-forwarded-for": "127.0.0.1, 203.0.113.5", "x-forwarded-proto": "https"}
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        await client.get("/", headers=forged)
    assert found == [seen]
