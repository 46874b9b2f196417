"""Counts every request by route and status, and how long its answer took to begin."""

from __future__ import annotations

import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core import metrics, tracing
from core.db import Database

_KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """A pure ASGI middleware. A stream counts when it begins: how long a page listens says
    nothing about how fast the desk is."""

    def __init__(self, app: ASGIApp, *, database: Database) -> None:
        self.app = app
        if metrics.count_events not in database.listeners:
            database.listeners.append(metrics.count_events)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = time.perf_counter()
        told = False

        async def send_and_count(message: Message) -> None:
            nonlocal told
            if message["type"] == "http.response.start" and not told:
                told = True
                _count(scope, step, message["status"], time.perf_counter() - begun)
                if _is_stream(message):
                    step.end()
            await send(message)

        # What a stranger's browser says of its own trace is not believed: a trace begins here.
        with tracing.span("request", kind="server") as step:
            try:
                await self.app(scope, receive, send_and_count)
            finally:
                if not told:
                    _count(scope, step, 500, time.perf_counter() - begun)


def _count(scope: Scope, step: tracing.Span, status: int, seconds: float) -> None:
    method = scope["method"] if scope["method"] in _KNOWN_METHODS else "other"
    route = route_of(scope)
    metrics.observe_request(method, route, status, seconds)
    step.rename(f"{method} {route}")
    step.note(method=method, route=route, status=status)
    if status >= 500:
        step.failed(str(status))


def _is_stream(message: Message) -> bool:
    """How long a page listens says nothing."""
    return any(
        name == b"content-type" and value.startswith(b"text/event-stream")
        for name, value in message["headers"]
    )


def route_of(scope: Scope) -> str:
    """The route's pattern, such as /tickets/{number}: an address itself would hold ids. What no
    route of ours answers is told by its first word only where that is a word of ours."""
    route: Any = scope.get("route")
    pattern = getattr(route, "path_format", None) or getattr(route, "path", None)
    if isinstance(pattern, str) and pattern:
        return pattern
    path = str(scope.get("path", ""))
    for mounted in ("/static", "/chat"):
        if path == mounted or path.startswith(mounted + "/"):
            return mounted
    return "none"
