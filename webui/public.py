"""What the public pages share: their frame, where one may be sent back to, budgets, pace."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from core.db import UnitOfWork
from core.i18n import _
from core.rate import Budget, network_of
from webui import rendering
from webui.sessions import Viewer
from webui.site import Site

PACE_SECONDS = 0.4
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")


@dataclass(slots=True)
class Limits:
    """Budgets of signing in: by account (whether it exists or not) as one network tries it, by the
    account alone with much more room, and by the network. A stranger who guesses uses up their
    own tries at an account, not its owner's."""

    password: Budget = field(default_factory=lambda: Budget(10, 900))
    password_anywhere: Budget = field(default_factory=lambda: Budget(100, 900))
    password_from: Budget = field(default_factory=lambda: Budget(60, 900))
    mails: Budget = field(default_factory=lambda: Budget(5, 900))
    mails_anywhere: Budget = field(default_factory=lambda: Budget(20, 900))
    mails_from: Budget = field(default_factory=lambda: Budget(30, 900))
    codes: Budget = field(default_factory=lambda: Budget(8, 900))


def limits_of(site: Site) -> Limits:
    return cast(Limits, site.facts.setdefault("sign_in_limits", Limits()))


def client_key(request: Request) -> str:
    """The browser's address; of IPv6 the network, which one household holds whole."""
    return network_of(request.client.host if request.client else "")


def local_path(wanted: str | None, fallback: str = "/") -> str:
    """A path on this desk to go to next. Whatever could lead elsewhere is replaced: another
    scheme or host, `//`, backslashes (which browsers read as slashes), control characters."""
    path = wanted or ""
    if not path.startswith("/") or path.startswith("//") or len(path) > 500 or _UNSAFE.search(path):
        return fallback
    try:
        parts = urlsplit(path)
    except ValueError:
        return fallback
    return path if not parts.scheme and not parts.netloc else fallback


def show(
    request: Request,
    template: str,
    *,
    status: int = 200,
    done: Mapping[str, Callable[[], str]] | None = None,
    **context: Any,
) -> HTMLResponse:
    """A public page in its frame. `done` maps the code in `?done=` to what is to be said."""
    viewer = cast("Viewer | None", getattr(request.state, "viewer", None))
    said = (done or {}).get(request.query_params.get("done", ""))
    frame: dict[str, Any] = {
        "links": _links(viewer, request.url.path),
        "me": viewer.known if viewer is not None and viewer.signed_in else None,
        "urls": {"sign_out": "/sign-out"},
        "flashes": [SimpleNamespace(text=said(), tone="good")] if said is not None else [],
    }
    return rendering.page(request, template, status=status, **(frame | context))


class Paced(Response):
    """An answer that leaves no sooner than `PACE_SECONDS` after it was begun, when the database
    is done: how long it took tells nothing of whether an account exists."""

    def __init__(self, inner: Response, begun: float) -> None:
        super().__init__(status_code=inner.status_code)
        self.inner = inner
        self.begun = begun

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(max(0.0, self.begun + PACE_SECONDS - time.monotonic()))
        await self.inner(scope, receive, send)


@asynccontextmanager
async def attempt(uow: UnitOfWork) -> AsyncIterator[None]:
    """A block that is undone whole when it fails, so that the page may be shown again and the
    rest of the request still be kept."""
    told = len(uow.emitted)
    try:
        async with uow.session.begin_nested():
            yield
    except BaseException:
        del uow.emitted[told:]
        raise


async def fields_of(request: Request) -> dict[str, str]:
    """The text fields of a form; the last one wins where a name comes twice."""
    form = await request.form(max_files=20, max_fields=500)
    return {name: value for name, value in form.items() if isinstance(value, str)}


def _links(viewer: Viewer | None, path: str) -> list[SimpleNamespace]:
    if viewer is None or not viewer.signed_in:
        return []
    first = (_("Desk"), "/desk") if viewer.staff else (_("My tickets"), "/my")
    return [
        SimpleNamespace(text=text, url=url, current=_is_here(path, url))
        for text, url in (first, (_("Help centre"), "/help"), (_("Account"), "/account"))
    ]


def _is_here(path: str, url: str) -> bool:
    return path == url or path.startswith(url + "/")
