"""What a request's body may cost: bounded in bytes and in time, whoever sends it.

A form or a message is small. Whoever may send files is given more room (`allow_files`) once it is
known who asks. Bodies are read before the first query of a request, so that a slow sender keeps no
connection from others.
"""

from __future__ import annotations

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core import patience
from core.conversations.attachments import MOST_FILES
from core.errors import TooLarge
from core.files.size import in_words
from core.i18n import _
from core.patience import Patience

MOST_BYTES = 2 * 1024 * 1024
"""The longest message with each letter escaped, twice, and room for the other fields."""
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class Bounds:
    """A pure ASGI middleware around what reads bodies. What adapters mount below /chat looks after
    its own, in the words of its own pages."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not str(scope["path"]).startswith("/chat/"):
            receive = scope["body_bound"] = _Bounded(receive)
        await self.app(scope, receive, send)


class _Bounded:
    """The way in of one request."""

    def __init__(self, receive: Receive) -> None:
        self.most = MOST_BYTES
        self.patience = Patience(patience.WHOLE_SECONDS)
        self._receive = receive
        self.taken = 0
        """Bytes so far."""
        self._whole = False

    async def __call__(self) -> Message:
        if self._whole:
            # From here on one only hears of the browser's going away, which may take for ever.
            return await self._receive()
        message = await self.patience.wait(self._receive)
        if message["type"] == "http.request":
            self.taken += len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            if self.taken > self.most:
                raise TooLarge(
                    _("This is too large: at most {limit} can be sent.").format(limit=in_words(self.most))
                )
        return message


def allow_files(request: Request, megabytes: int) -> None:
    """Give a request the room and the time for files of so many megabytes each."""
    bound = request.scope["body_bound"]
    bound.most = megabytes * 1024 * 1024 * MOST_FILES + MOST_BYTES
    bound.patience.extend(patience.UPLOAD_SECONDS)


def is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith(_FORMS)


def may_hold_files(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith(_FORMS[1])


def megabytes_of(request: Request) -> int:
    """What came along with a request, rounded down: forms without files are none."""
    return int(request.scope["body_bound"].taken) // 1_048_576
