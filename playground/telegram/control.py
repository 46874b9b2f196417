"""The people's side over plain HTTP: JSON under `/_play/`, and the page that uses it.

Every action takes one JSON object; people, bots and chats are named by their ids (a private chat by
its key, or by the person's id and `bot`). What cannot be done is answered 400 with `error`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aiohttp import web

from playground.telegram import actions, view
from playground.telegram.errors import ApiError, PlayError
from playground.telegram.feed import feed

if TYPE_CHECKING:
    from playground.telegram.server import TelegramServer

_STATIC = Path(__file__).parent / "static"
_POLICY = "default-src 'self'; img-src 'self' data:; media-src 'self'; frame-ancestors *"
_LOCAL = ("127.0.0.1", "localhost", "::1")


def routes(app: web.Application, server: TelegramServer) -> None:
    """Add everything that is not the Bot API."""
    app.router.add_get("/", _page)
    app.router.add_static("/static/", _STATIC)
    app.router.add_get("/_play/world", _get(lambda request: view.world(server.world)))
    app.router.add_get("/_play/chats/{chat}/messages", _get(lambda request: _messages(server, request)))
    app.router.add_get("/_play/faults", _get(lambda request: server.faults.listed()))
    app.router.add_get("/_play/questions", _get(lambda request: actions.questions(server)))
    app.router.add_get("/_play/calls", _get(lambda request: actions.calls(server, _number(request, "after"))))
    app.router.add_get("/_play/changes", _get(lambda request: _changes(server, request)))
    app.router.add_get("/_play/events", partial(feed, server.world))
    app.router.add_get("/_play/files/{file}", partial(_file, server))
    app.router.add_delete("/_play/faults", _get(lambda request: actions.no_faults(server)))
    app.router.add_post("/_play/{action}", partial(_act, server))


async def _page(request: web.Request) -> web.StreamResponse:
    return web.FileResponse(_STATIC / "index.html", headers={"Content-Security-Policy": _POLICY})


def _get(look: Callable[[web.Request], Any]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            _same_site(request)
            found = look(request)
            return web.json_response(await found if isinstance(found, Awaitable) else found)
        except (PlayError, ApiError, ValueError, KeyError) as wrong:
            return _refused(wrong)

    return handle


async def _act(server: TelegramServer, request: web.Request) -> web.StreamResponse:
    try:
        _same_site(request)
        action = actions.ACTIONS.get(request.match_info["action"])
        if action is None:
            raise web.HTTPNotFound
        given = json.loads(await request.text() or "{}")
        return web.json_response(await action(server, given))
    except (PlayError, ApiError, ValueError, KeyError, TypeError, AttributeError) as wrong:
        return _refused(wrong)


def _same_site(request: web.Request) -> None:
    """Pages of other sites must not drive the playground of whoever visits them."""
    if urlsplit(f"//{request.host}").hostname not in _LOCAL:
        raise PlayError("ask by a loopback address")
    origin = request.headers.get("Origin")
    if origin and urlsplit(origin).hostname not in _LOCAL:
        raise PlayError("another site may not do this")


def _refused(wrong: Exception) -> web.Response:
    named = f"missing {wrong}" if isinstance(wrong, KeyError) else str(wrong)
    return web.json_response({"error": named}, status=400)


def _messages(server: TelegramServer, request: web.Request) -> list[dict[str, Any]]:
    """`thread` is a number, or `none` for what is outside of topics."""
    bot = _number(request, "bot") or None
    chat = server.world.chat(request.match_info["chat"], bot)
    asked = request.query.get("thread")
    thread = view.ANY if asked is None else None if asked == "none" else int(asked)
    deleted = request.query.get("deleted") in ("1", "true")
    limit = min(_number(request, "limit") or 1000, 10_000)
    return view.shows(chat, thread, deleted, _number(request, "after"), limit)


async def _changes(server: TelegramServer, request: web.Request) -> dict[str, Any]:
    """Those after a number; waits for the first one up to `timeout` seconds."""
    after, wait = _number(request, "after"), min(_number(request, "timeout"), 60)
    world = server.world
    if world.changed <= after and wait:
        await world.bell.wait(wait)
    return {"changed": world.changed, "changes": world.changes_after(after)}


async def _file(server: TelegramServer, request: web.Request) -> web.StreamResponse:
    """Only pictures and sounds are shown in the page; everything else is a download."""
    stored = server.world.files.unique(request.match_info["file"])
    if stored is None:
        raise web.HTTPNotFound
    kind = stored.mime.partition("/")[0]
    shown = kind in ("image", "audio", "video") and "svg" not in stored.mime
    headers = {"X-Content-Type-Options": "nosniff", "Content-Type": "application/octet-stream"}
    if shown:
        headers["Content-Type"] = stored.mime
    else:
        headers["Content-Disposition"] = "attachment"
    return web.FileResponse(stored.path, headers=headers)


def _number(request: web.Request, name: str) -> int:
    return int(request.query.get(name) or 0)
