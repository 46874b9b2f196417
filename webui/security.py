"""Headers that keep a page from being misused, and tokens that prove a form is ours."""

from __future__ import annotations

import hmac
from hashlib import sha256

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.errors import Forbidden
from core.i18n import _

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; manifest-src 'self'"
)
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=()",
    "x-frame-options": "DENY",
    # What may be kept says so itself.
    "cache-control": "no-store",
}


def csp_reaching(url: str) -> str:
    """The same for a page that speaks to a service of its own, over web sockets and HTTP."""
    service = f"{url} http{url.removeprefix('ws')}"
    return CSP.replace("connect-src 'self'", f"connect-src 'self' {service}")


class SecurityHeaders:
    """Adds the headers that a response does not set itself (an ASGI middleware)."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self.app = app
        self.secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                framed = headers.get("x-may-be-framed")
                for name, value in HEADERS.items():
                    if name not in headers and not (framed and name == "x-frame-options"):
                        headers[name] = value
                if framed:
                    del headers["x-may-be-framed"]
                if self.secure:
                    headers.setdefault("strict-transport-security", "max-age=31536000; includeSubDomains")
            await send(message)

        await self.app(scope, receive, send_with_headers)


def csrf_token(signing_key: bytes, session: str) -> str:
    """The token of a browser session, to be sent back with every form."""
    return hmac.new(signing_key, b"csrf|" + session.encode(), sha256).hexdigest()


def check_csrf(signing_key: bytes, session: str, given: str) -> None:
    """Raise `Forbidden` unless the form is one of ours."""
    if not given or not hmac.compare_digest(
        csrf_token(signing_key, session).encode(), given.encode("utf-8", "replace")
    ):
        raise Forbidden(_("This form is too old. Please reload the page and try again."))
