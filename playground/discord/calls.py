"""One REST call: what was asked, by whom; and the table of routes that answer."""

from __future__ import annotations

import json
import mimetypes
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from aiohttp import BodyPartReader, web

from playground.discord import errors, limits
from playground.discord.errors import Refused
from playground.discord.model import App, Channel, File, Json, User
from playground.discord.rights import Right, require
from playground.discord.world import World

if TYPE_CHECKING:
    from playground.discord.server import DiscordServer

BODY = 110 * 1024 * 1024


@dataclass(slots=True)
class Upload:
    name: str
    content_type: str
    data: bytes


@dataclass(slots=True)
class Call:
    server: DiscordServer
    method: str
    path: str
    query: dict[str, str]
    body: Any
    uploads: dict[str, Upload]
    params: dict[str, str] = field(default_factory=dict)
    bot: App | None = None

    @property
    def world(self) -> World:
        return self.server.world

    @property
    def app(self) -> App:
        if self.bot is None:
            raise Refused(errors.UNAUTHORIZED)
        return self.bot

    @property
    def me(self) -> User:
        return self.app.user

    @property
    def data(self) -> Json:
        """The body as an object."""
        return self.body if isinstance(self.body, dict) else {}

    def channel(self, *needed: Right, key: str = "channel_id") -> Channel:
        """The channel of the path, if the bot may do there what is needed."""
        channel = self.world.channel(self.params[key])
        require(self.app.id, channel, *needed)
        return channel

    def limit(self, default: int = 50, most: int = 100) -> int:
        value = self.query.get("limit", str(default))
        if not value.isdigit() or not 1 <= int(value) <= most:
            raise errors.invalid("limit", "NUMBER_TYPE_MAX", f"int value should be between 1 and {most}.")
        return int(value)

    def flag(self, key: str) -> bool:
        return self.query.get(key, "").lower() in ("1", "true")

    def files(self, body: Json, kept: int = 0) -> list[File]:
        """The uploaded files, as the body's `attachments` describe them."""
        limits.check_files([len(one.data) for one in self.uploads.values()], kept)
        described = {str(one.get("id")): one for one in body.get("attachments") or []}
        made = []
        for key, upload in self.uploads.items():
            about = described.get(key, {})
            made.append(
                self.world.add_file(
                    about.get("filename") or upload.name,
                    upload.data,
                    upload.content_type,
                    about.get("description"),
                )
            )
        return made


Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    pattern: re.Pattern[str]
    handler: Handler
    open: bool
    """Whether it needs no token of a bot."""


class Routes:
    """The table of routes; literal parts win over parameters."""

    def __init__(self) -> None:
        self._routes: list[Route] = []

    def add(self, method: str, path: str, *, open: bool = False) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            parts = [
                f"(?P<{part[1:-1]}>[^/]+)" if part[0] == "{" else re.escape(part)
                for part in path.strip("/").split("/")
            ]
            self._routes.append(Route(method, path, re.compile("/" + "/".join(parts)), handler, open))
            self._routes.sort(key=lambda route: route.path.count("{"))
            return handler

        return register

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        matches = [
            (route, found)
            for route in self._routes
            if (found := route.pattern.fullmatch(path)) and _numbers(found)
        ]
        for route, found in matches:
            if route.method == method:
                return route, {key: unquote(value) for key, value in found.groupdict().items()}
        raise Refused(errors.METHOD_NOT_ALLOWED if matches else errors.NOT_FOUND)

    def __iter__(self) -> Any:
        return iter(self._routes)


def _numbers(found: re.Match[str]) -> bool:
    """Ids are numbers: `/users/me` is no user."""
    plain = ("emoji", "webhook_token", "code")
    return all(value.isdigit() for key, value in found.groupdict().items() if key not in plain)


async def read(request: web.Request) -> tuple[Any, dict[str, Upload]]:
    """The body and the files of a request."""
    if request.content_type == "multipart/form-data":
        return await _read_multipart(request)
    text = await request.text()
    if not text.strip():
        return None, {}
    try:
        return json.loads(text), {}
    except ValueError:
        raise Refused(errors.BAD_JSON) from None


async def _read_multipart(request: web.Request) -> tuple[Any, dict[str, Upload]]:
    body: Any = None
    uploads: dict[str, Upload] = {}
    total = 0
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        data = bytes(await part.read(decode=False))
        total += len(data)
        if total > BODY:
            raise Refused(errors.TOO_LARGE)
        if part.name == "payload_json":
            body = json.loads(data)
        else:
            key = re.sub(r"^files\[(\d+)\]$", r"\1", part.name or "")
            name = part.filename or "file"
            uploads[key] = Upload(name, _kind_of(name, part.headers.get("Content-Type", "")), data)
    return body, uploads


def _kind_of(filename: str, given: str) -> str:
    guessed, _encoding = mimetypes.guess_type(filename)
    return guessed or given or "application/octet-stream"
