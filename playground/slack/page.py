"""The page on which a person tries the desk: static files of ours, and drawn faces."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from aiohttp import web

if TYPE_CHECKING:
    from playground.slack.server import SlackServer

_STATIC = Path(__file__).with_name("static")
_POLICY = "default-src 'self'; img-src 'self' https: http: data:; object-src 'none'; base-uri 'none'"


def routes(server: SlackServer) -> list[web.AbstractRouteDef]:
    async def index(request: web.Request) -> web.FileResponse:
        headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
        return web.FileResponse(_STATIC / "index.html", headers=headers)

    async def avatar(request: web.Request) -> web.Response:
        return web.Response(text=_face(server, request.match_info["id"]), content_type="image/svg+xml")

    return [web.get("/", index), web.get("/avatar/{id}.svg", avatar), web.static("/static", _STATIC)]


def _face(server: SlackServer, key: str) -> str:
    user = server.world.users.get(key)
    letter = (user.shown if user else key)[:1].upper()
    hue = int(hashlib.sha256(key.encode()).hexdigest()[:4], 16) % 360
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48" width="48" height="48">'
        f'<rect width="48" height="48" rx="8" fill="hsl({hue} 45% 42%)"/>'
        '<text x="24" y="32" text-anchor="middle" font-family="sans-serif" font-size="24" fill="white">'
        f"{escape(letter)}</text></svg>"
    )
