"""The web: pages, API, live updates; and whatever adapters mount."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from fastapi.telemetry import TelemetryConfig
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

import webui.api
import webui.pages
from core.errors import NotFound
from core.i18n import _
from webui import errors, live
from webui.bodies import Bounds
from webui.heads import Heads
from webui.metrics_middleware import Metrics
from webui.rendering import STATIC
from webui.security import SecurityHeaders
from webui.site import Site

HOT = frozenset({"ticket", "ticket_verbs", "notices", "presence", "desk_shell"})
QUIET: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
"""The framework's own telemetry tells whole addresses, and in these stand the tokens of links."""
FOR_EVER = "public, max-age=31536000, immutable"


class FingerprintedFiles(StaticFiles):
    """Static files under /static/<fingerprint>/…, which may be kept for ever."""

    def get_path(self, scope: Scope) -> str:
        parts = super().get_path(scope).split("/", 1)
        return parts[1] if len(parts) == 2 else parts[0]

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = FOR_EVER
        return response


def make_app(site: Site) -> FastAPI:
    """The whole web as one ASGI app."""
    app = FastAPI(
        title="Deskbell",
        version=site.version or "0",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        telemetry=QUIET,
    )
    app.state.site = site
    errors.install(app)
    app.add_middleware(Bounds)
    app.add_middleware(Heads)
    app.add_middleware(SecurityHeaders, secure=site.secure)
    app.add_middleware(Metrics, database=site.desk.db)
    app.mount("/static", FingerprintedFiles(directory=STATIC), name="static")
    # A mount is told by its beginning alone, and what is mounted is asked most often of all.
    for name, mounted in site.mounts.items():
        app.mount(f"/chat/{name}", mounted)
    for router in routers(site):
        app.include_router(router)
    return app


def make_probes(site: Site) -> FastAPI:
    """What a part of a desk serves that is not its web: the probes, /metrics, and what adapters mount."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, telemetry=QUIET)
    app.state.site = site
    errors.install(app)
    app.add_middleware(Bounds)
    app.add_middleware(Heads)
    app.add_middleware(SecurityHeaders, secure=site.secure)
    app.add_middleware(Metrics, database=site.desk.db)
    app.include_router(_probes(site))
    app.include_router(importlib.import_module("webui.pages.metrics").router)
    for name, mounted in site.mounts.items():
        app.mount(f"/chat/{name}", mounted)
    return app


def routers(site: Site) -> Iterator[APIRouter]:
    """The probes, the live stream, and every module of pages/ and api/ that has a `router`: a new page is a new file."""
    yield _probes(site)
    yield live.router
    for package in (webui.pages, webui.api):
        # Routes are tried in turn: those that every open page asks for come first.
        for module in sorted(
            pkgutil.iter_modules(package.__path__), key=lambda info: (info.name not in HOT, info.name)
        ):
            found = getattr(importlib.import_module(f"{package.__name__}.{module.name}"), "router", None)
            if isinstance(found, APIRouter):
                yield found


def _probes(site: Site) -> APIRouter:
    router = APIRouter()

    @router.get("/healthz")
    async def healthz() -> PlainTextResponse:
        """Alive: answers at once, asks nothing."""
        return PlainTextResponse("ok\n")

    @router.get("/readyz")
    async def readyz(request: Request) -> PlainTextResponse:
        """Ready: everything that was started is there."""
        wrong = {name: words for name, check in site.checks.items() if (words := await check())}
        lines = [f"{name}: {words}" for name, words in wrong.items()] or ["ready"]
        return PlainTextResponse("\n".join(lines) + "\n", 503 if wrong else 200)

    @router.get("/chat")
    async def chat_start() -> Response:
        """The short address of the chat that has a page."""
        if not site.chat_page:
            raise NotFound(_("There is no such page."))
        return RedirectResponse(site.chat_page)

    return router
