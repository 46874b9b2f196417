"""Calls to the platform: within a time limit, errors as values of ours, repeated only where that is safe."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
import structlog

from adapters.discord.sdk import HTTPClient, Route, discord
from adapters.discord.trouble import Refused, Repeated
from core.chat import PostFailed, RetryAfter, Revoked

log = structlog.get_logger("discord.rest")
SECONDS = 10.0
FILE_SECONDS = 300.0
LONGEST_PAUSE = 30.0
"""A longer pause than this is not slept through: the delivery waits instead."""
Json = dict[str, Any]


class Rest:
    """The REST side of one bot, by discord.py's own client with its rate limit buckets."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._http: HTTPClient | None = None

    async def login(self) -> Json:
        """Open the session; gives the bot itself. Raises `Revoked` for a bad token."""
        http = HTTPClient(asyncio.get_running_loop(), max_ratelimit_timeout=LONGEST_PAUSE)
        try:
            async with asyncio.timeout(SECONDS):
                me = await http.static_login(self._token)
        except BaseException as error:
            await http.close()
            raise _as_ours(error) from error
        self._http = http
        return dict(me)

    @property
    def http(self) -> HTTPClient:
        if self._http is None:
            raise PostFailed("not connected yet")
        return self._http

    async def close(self) -> None:
        if self._http is not None:
            http, self._http = self._http, None
            await http.close()

    async def get(self, path: str, query: Mapping[str, Any] | None = None, **parts: Any) -> Any:
        return await self.call("GET", path, query=query, **parts)

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        once: bool = False,
        seconds: float = SECONDS,
        **parts: Any,
    ) -> Any:
        """One call. With `once` the library does not repeat it when the platform answers with a fault:
        the first try may have done the work."""
        given: dict[str, Any] = {} if body is None else {"json": body}
        if query:
            given["params"] = dict(query)
        if once:
            given["files"] = [_Once()]
        return await self._request(Route(method, path, **parts), seconds, given)

    async def upload(
        self,
        path: str,
        body: Json,
        parts: Sequence[Json],
        *,
        query: Mapping[str, Any] | None = None,
        **ids: Any,
    ) -> Any:
        """A message with files; streams cannot be sent twice, so it is tried once."""
        described = {"name": "payload_json", "value": json.dumps(body), "content_type": "application/json"}
        given: dict[str, Any] = {"form": [described, *parts], "files": [_Once()]}
        if query:
            given["params"] = dict(query)
        return await self._request(Route("POST", path, **ids), FILE_SECONDS, given)

    async def _request(self, route: Route, seconds: float, given: dict[str, Any]) -> Any:
        try:
            async with asyncio.timeout(seconds):
                return await self.http.request(route, **given)
        except (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _as_ours(error) from error


class _Once:
    """Takes the place of a file that cannot be sent a second time."""

    def reset(self, *, seek: int | bool = True) -> None:
        if seek:
            raise Repeated("the first try may have succeeded")


def _as_ours(error: BaseException) -> BaseException:
    match error:
        case discord.RateLimited():
            return RetryAfter(error.retry_after)
        case discord.LoginFailure():
            return Revoked("the token is refused")
        case discord.HTTPException():
            return Refused(error.status, error.code, _pause(error))
        case discord.DiscordException() | aiohttp.ClientError() | OSError() | TimeoutError():
            return PostFailed(type(error).__name__)
        case _:
            return error


def _pause(error: discord.HTTPException) -> float:
    """The seconds that the platform asks for, in whatever way it does so."""
    value = error.response.headers.get("Retry-After", "") if error.status == 429 else ""
    try:
        return min(max(float(value), 0.0), 86_400.0)
    except ValueError:
        return 0.0
