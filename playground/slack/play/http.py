"""The verbs over HTTP, and the files that people look at."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aiohttp import web

from playground.slack.errors import ApiError, PlayError
from playground.slack.play import VERBS

if TYPE_CHECKING:
    from playground.slack.server import SlackServer

Json = dict[str, Any]


def routes(server: SlackServer) -> list[web.RouteDef]:
    handler = _Handler(server)
    return [
        web.get("/_play", handler.index),
        web.get("/_play/files/{id}", handler.file),
        web.route("*", "/_play/{verb}", handler.verb),
    ]


class _Handler:
    def __init__(self, server: SlackServer) -> None:
        self.server = server

    async def index(self, request: web.Request) -> web.Response:
        """What can be asked for."""
        verbs = {name: str(inspect.signature(getattr(self.server.play, name))) for name in VERBS}
        return web.json_response({"ok": True, "verbs": verbs})

    async def verb(self, request: web.Request) -> web.Response:
        name = request.match_info["verb"]
        if name not in VERBS:
            return _wrong(f"no such verb: {name}", 404)
        if not _is_local(request):
            return _wrong("another site may not play here", 403)
        act = getattr(self.server.play, name)
        try:
            given = await _given(request)
            inspect.signature(act).bind(**given)
            answer = await act(**given)
        except (PlayError, ApiError, ValueError, TypeError) as wrong:
            return _wrong(str(wrong))
        return web.json_response({"ok": True, **answer})

    async def file(self, request: web.Request) -> web.Response:
        file = self.server.world.files.get(request.match_info["id"])
        if file is None or not file.arrived:
            return _wrong("no such file", 404)
        return file_response(file.content, file.mimetype, file.name)


def _is_local(request: web.Request) -> bool:
    """Pages of other sites, open in the same browser, have no business here."""
    origin = request.headers.get("Origin")
    return origin is None or (urlsplit(origin).hostname or "") in ("localhost", "127.0.0.1", "::1")


async def _given(request: web.Request) -> Json:
    if request.method == "GET":
        return {name: _guessed(value) for name, value in request.query.items()}
    body = await request.text()
    given = json.loads(body) if body else {}
    if not isinstance(given, dict):
        raise PlayError("a JSON object is expected")
    return given


def _guessed(value: str) -> Any:
    """Numbers of queries; a ts and words stay words."""
    return int(value) if value.isdigit() and len(value) < 10 else value


def _wrong(error: str, status: int = 400) -> web.Response:
    return web.json_response({"ok": False, "error": error}, status=status)


def file_response(content: bytes, mimetype: str, name: str) -> web.Response:
    """A file; pictures may be shown, all else is saved."""
    safe = mimetype if mimetype in ("image/png", "image/jpeg", "image/gif", "image/webp") else ""
    quoted = name.encode("ascii", "replace").decode().replace('"', "'").replace("\n", " ").replace("\r", " ")
    headers = {
        "Content-Type": safe or "application/octet-stream",
        "Content-Disposition": f'{"inline" if safe else "attachment"}; filename="{quoted}"',
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(body=content, headers=headers)
