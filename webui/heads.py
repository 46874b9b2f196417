"""HEAD is GET without the body (RFC 9110, 9.3.2): link checkers, caches and monitors ask so."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

ASKED = "asked_by_head"
"""In the scope of such a request: nobody reads what is answered."""


class Heads:
    """A pure ASGI middleware; pages need to know nothing of it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        answered = False

        async def head_only(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b""})
                answered = True

        async def gone_once_answered() -> Message:
            # A stream without end, such as live news, ends as when its reader leaves.
            return {"type": "http.disconnect"} if answered else await receive()

        await self.app({**scope, "method": "GET", ASKED: True}, gone_once_answered, head_only)
