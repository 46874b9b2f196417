"""Updates that Telegram posts to us: answered with 200 only after they are kept."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from adapters.telegram.inbound import KINDS, album_of, chat_of
from adapters.telegram.line import Line
from adapters.telegram.receiving import Receiving
from core.chat import PostFailed
from core.errors import Unavailable
from core.outage import MAY_BE_AWAY
from core.rate import Budget

log = structlog.get_logger("telegram.webhook")
MOST_BYTES = 1_000_000
TIME_LIMIT = 25.0
ALBUM_WAIT = 0.7
LOOK_EVERY = 600.0
SECRET = "x-telegram-bot-api-secret-token"  # noqa: S105
AT_ONCE = 20
MOST_CHATS = 2_000
_lines = Budget(60, 60)
"""So many lines a minute: nobody fills the disk by knocking."""


@dataclass
class _Album:
    """The posts of a media group that came so far, and the work that takes them as one."""

    work: asyncio.Task[None]
    updates: list[Any] = field(default_factory=list)


class Webhook:
    """One address for each bot: the public address, a slash, the bot's id."""

    def __init__(self) -> None:
        self.others = False
        """Other processes serve what this one does not."""
        self._receiving: dict[str, Receiving] = {}
        self._albums: dict[str, _Album] = {}
        self._locks: OrderedDict[str, asyncio.Lock] = OrderedDict()

    async def serve(self, url: str, receiving: Receiving) -> None:
        """Take what is posted for one bot until cancelled; now and then see that Telegram still knows
        where to."""
        line = receiving.line
        self._receiving[line.id] = receiving
        address = f"{url}/{line.id}"
        try:
            while True:
                await self._register(line, address)
                await asyncio.sleep(LOOK_EVERY)
        finally:
            if self._receiving.get(line.id) is receiving:
                del self._receiving[line.id]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _register(self, line: Line, address: str) -> None:
        info = await line.client.call("getWebhookInfo")
        if info.get("url") == address and set(info.get("allowed_updates") or ()) == set(KINDS):
            return
        await line.client.call(
            "setWebhook",
            url=address,
            secret_token=line.secret,
            allowed_updates=list(KINDS),
            max_connections=AT_ONCE,
        )

    async def _answer(self, request: Request) -> Response:
        receiving = self._receiving.get(_last_of(request.url.path))
        if receiving is None:
            # Another gateway may serve this bot: the proxy asks the next one.
            return Response(status_code=503 if self.others else 404)
        if request.method != "POST":
            return Response(status_code=405)
        shown = request.headers.get(SECRET, "")
        if not hmac.compare_digest(shown.encode(), receiving.line.secret.encode()):
            if not _lines.try_take(receiving.line.id):
                log.warning("webhook.refused", bot=receiving.line.id)
            return Response(status_code=403)
        try:
            update = json.loads(await _body(request))
        except (ValueError, RecursionError, ClientDisconnect):
            return Response(status_code=400)
        return await self._take(receiving, update)

    async def _take(self, receiving: Receiving, update: Any) -> Response:
        """503 makes Telegram post it again."""
        try:
            async with asyncio.timeout(TIME_LIMIT):
                await self._kept(receiving, update)
        except (Unavailable, PostFailed, *MAY_BE_AWAY) as error:
            log.warning("webhook.not_kept", error=type(error).__name__)
            return Response(status_code=503)
        return Response(status_code=200)

    async def _kept(self, receiving: Receiving, update: Any) -> None:
        key = album_of(update)
        if not key:
            async with self._lock(receiving, update):
                await receiving.take([update])
            return
        key = f"{receiving.line.id}/{key}"
        album = self._albums.get(key)
        if album is None:
            work = asyncio.create_task(self._gather(receiving, key, update))
            album = self._albums[key] = _Album(work)
        album.updates.append(update)
        await asyncio.shield(album.work)

    async def _gather(self, receiving: Receiving, key: str, first: Any) -> None:
        """The rest of a media group is posted at the same time, on other connections."""
        async with self._lock(receiving, first):
            await asyncio.sleep(ALBUM_WAIT)
            await receiving.take(self._albums.pop(key).updates)

    def _lock(self, receiving: Receiving, update: Any) -> asyncio.Lock:
        """Posts of one chat are worked off one after another, in the order they came."""
        key = f"{receiving.line.id}/{chat_of(update)}"
        lock = self._locks.setdefault(key, asyncio.Lock())
        self._locks.move_to_end(key)
        while len(self._locks) > MOST_CHATS:
            self._locks.popitem(last=False)
        return lock


def _last_of(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise ValueError("too large")
    return bytes(body)
