"""A bucket that refuses at times, and the files that people send meanwhile."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from benchmarks.kill.judge import Finding
from benchmarks.kill.words import Word
from playground.telegram.people import Attachment

NAME = "files"
SMALLEST, LARGEST = 2_000, 300_000
MOST_SECONDS = 30.0
"""After that a request that hangs is broken off although the fault goes on."""
REFUSALS = {
    "403": ("403 Forbidden", "AccessDenied"),
    "500": ("500 Internal Server Error", "InternalError"),
    "503": ("503 Service Unavailable", "SlowDown"),
}


class Bucket:
    """A local S3 server. One fault at a time counts: the last that began."""

    def __init__(self) -> None:
        self.refused: Counter[str] = Counter()
        self.address = ""
        self._how = ""
        self._over = threading.Event()
        self._inner: Callable[..., Iterable[bytes]]

    @property
    def environment(self) -> dict[str, str]:
        return {
            "DESKBELL_S3_BUCKET": NAME,
            "DESKBELL_S3_ENDPOINT": self.address,
            "DESKBELL_S3_ACCESS_KEY": "benchmark",
            "DESKBELL_S3_SECRET_KEY": "benchmark-secret",
        }

    @contextmanager
    def standing(self) -> Iterator[None]:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import WSGIRequestHandler, make_server

        class Silent(WSGIRequestHandler):
            def log(self, *_said: object) -> None:
                return None

        self._inner = DomainDispatcherApplication(create_backend_app)
        server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=Silent)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.address = f"http://127.0.0.1:{server.server_port}"
        httpx.put(f"{self.address}/{NAME}", headers=_SIGNED, trust_env=False).raise_for_status()
        try:
            yield
        finally:
            self._over.set()
            server.shutdown()
            server.server_close()
            thread.join()

    async def refuses(self, how: str, seconds: float) -> None:
        """Whatever it is asked, it answers so, or not at all."""
        over = self._over = threading.Event()
        self._how = how
        try:
            await asyncio.sleep(seconds)
        finally:
            over.set()
            if self._over is over:
                self._how = ""

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        how, over = self._how, self._over
        if not how:
            return self._inner(environ, start)
        self.refused[how] += 1
        if how == "hangs":
            over.wait(MOST_SECONDS)
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError
        # What was sent is read: else the client sees a broken connection instead of the answer.
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        status, code = REFUSALS[how]
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code></Error>".encode()
        start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
        return [body]


_SIGNED = {
    "authorization": "AWS4-HMAC-SHA256 Credential=benchmark/20260101/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=0"
}


@dataclass(slots=True)
class Sent:
    """A file as its sender has it; `word` is how it is told of."""

    word: Word
    digest: str


class Shared:
    """The files that people sent, and where they must be at the end: in each room once, and in the record."""

    def __init__(self) -> None:
        self.all: list[Sent] = []

    async def sends(self, people: Any, seed: int, began: float, moments: Iterable[float]) -> None:
        for number, at in enumerate(moments):
            await asyncio.sleep(max(0.0, began + at - time.monotonic()))
            asking = getattr(people.side, "asking", people.side)
            name = f"{asking.name}-{seed}-{number}.bin"
            chance = random.Random(f"{name} {seed}")
            data = chance.randbytes(chance.randint(SMALLEST, LARGEST))
            who = people.requesters[number % 2]
            word = Word(name, "file", who, seed)
            word.note("being sent")
            word.native = await SHARES[asking.name](asking, who, f"See {name}", name, data)
            word.note("sent")
            self.all.append(Sent(word, _digest(data)))

    def missing(self, rooms: dict[str, Any]) -> list[Finding]:
        """What a room does not show exactly once."""
        found: list[Finding] = []
        for name, side in rooms.items():
            found += self._compared(SHOWN[name](side), f"in the room on {name}")
        return found

    async def not_recorded(self, port: int, token: str) -> list[Finding]:
        """What the API does not give exactly once, byte by byte."""
        if not self.all:
            return []
        found = self._compared(await _recorded(port, token), "over the API")
        for one in found:
            one.kind = f"recorded {one.kind}"
        return found

    def _compared(self, shown: Counter[str], where: str) -> list[Finding]:
        counts = ((sent.word, shown[sent.digest]) for sent in self.all)
        return [
            Finding("doubled" if count else "lost", word, max(count - 1, 1), [f"{count} times {where}"])
            for word, count in counts
            if count != 1
        ]


async def _slack(side: Any, who: str, text: str, name: str, data: bytes) -> str:
    content = base64.b64encode(data).decode()
    said = await side.server.play.say(who, "bot", text, files=[{"name": name, "content": content}])
    return str(said["ts"])


async def _discord(side: Any, who: str, text: str, name: str, data: bytes) -> str:
    place = side.people.dm(who, side.seeded.app)
    return str(side.people.say(who, place, text, files=[(name, data)]).id)


async def _telegram(side: Any, who: str, text: str, name: str, data: bytes) -> str:
    user = side.server.world.user(int(who))
    chat = side.server.world.private(user, side.world.bot)
    file = Attachment("document", data, name, "application/octet-stream")
    return str(side.people.say(user, chat, text, file=file).id)


async def _visitor(side: Any, who: str, text: str, name: str, data: bytes) -> str:
    return str(await side.shares(who, text, name, data))


def _in_slack(side: Any) -> Counter[str]:
    """In the threads of the desk's room, by the bot."""
    world = side.server.world
    room = world.channels[side.world.desk]
    several = [one for one in room.messages.values() if one.is_reply and one.user == side.world.bot]
    return Counter(_digest(world.files[file].content) for one in several for file in one.files)


def _in_discord(side: Any) -> Counter[str]:
    several = (one for thread in side.server.world.threads_in(side.forum) for one in thread.messages.values())
    return Counter(_digest(file.data) for one in several if one.author is side.bot for file in one.files)


async def _recorded(port: int, token: str) -> Counter[str]:
    headers, address = {"authorization": f"Bearer {token}"}, f"http://127.0.0.1:{port}/api/v1"
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=30, trust_env=False) as web:
        page = (await web.get("/tickets", params={"limit": 100, "sort": "-number"})).raise_for_status().json()
        found: Counter[str] = Counter()
        for ticket in page["items"]:
            for file in await _files_of(web, ticket["number"]):
                found[_digest((await web.get(f"/files/{file}")).raise_for_status().content)] += 1
        return found


async def _files_of(web: httpx.AsyncClient, number: int) -> list[str]:
    found: list[str] = []
    asked: dict[str, Any] = {"limit": 200}
    while True:
        page = (await web.get(f"/tickets/{number}/messages", params=asked)).raise_for_status().json()
        found += [file["id"] for one in page["items"] for file in one.get("files") or ()]
        if not page["before"]:
            return found
        asked["before"] = page["before"]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


SHARES = {"slack": _slack, "discord": _discord, "telegram": _telegram, "webchat": _visitor}
SHOWN: dict[str, Callable[[Any], Counter[str]]] = {"slack": _in_slack, "discord": _in_discord}
