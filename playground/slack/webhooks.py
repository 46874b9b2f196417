"""Requests to the app's own address, signed as Slack signs them."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp

Json = dict[str, Any]

MOST_ANSWER = 1_000_000


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: Any


class Webhooks:
    """Posts to the app, with its signing secret."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self._session: aiohttp.ClientSession | None = None

    async def post_json(self, url: str, body: Json, timeout: float, headers: dict[str, str]) -> Reply:
        return await self._post(url, json.dumps(body), "application/json", timeout, headers)

    async def post_form(self, url: str, form: dict[str, str], timeout: float) -> Reply:
        return await self._post(url, urlencode(form), "application/x-www-form-urlencoded", timeout, {})

    async def _post(self, url: str, body: str, kind: str, timeout: float, headers: dict[str, str]) -> Reply:
        signed = {"Content-Type": kind, **signature(self.secret, body), **headers}
        limit = aiohttp.ClientTimeout(total=timeout)
        async with self._open().post(
            url, data=body.encode(), headers=signed, timeout=limit, allow_redirects=False
        ) as answer:
            raw = await answer.content.read(MOST_ANSWER)
            return Reply(answer.status, _decoded(raw))

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


def signature(secret: str, body: str, at: int | None = None) -> dict[str, str]:
    """The two headers that prove where a request comes from."""
    timestamp = str(int(time.time()) if at is None else at)
    made = hmac.new(secret.encode(), f"v0:{timestamp}:{body}".encode(), hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={made}"}


def _decoded(raw: bytes) -> Any:
    """JSON where it is; plain words become a text; nothing stays nothing."""
    text = raw.decode("utf-8", "replace")
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except ValueError:
        return {"text": text}
