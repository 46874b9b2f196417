"""The server: one address for REST, gateway, files, the control of people, and a page to play with."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Any

from aiohttp import web

from playground.discord import calls, cdn, play
from playground.discord.buckets import Buckets
from playground.discord.calls import Call
from playground.discord.contract import Contract, Question
from playground.discord.errors import UNAUTHORIZED, Refused, limited
from playground.discord.events import Intent
from playground.discord.faults import AFTER, BEFORE, Fault, Faults
from playground.discord.gateway import Gateway
from playground.discord.interactions import Interactions
from playground.discord.model import App, Json, Message
from playground.discord.people import People
from playground.discord.rest import routes
from playground.discord.seen import may_read, without_content
from playground.discord.world import World

log = logging.getLogger("playground.discord")
API = "/api/v10"
STATIC = Path(__file__).parent / "static"
_BYTES = 120 * 1024 * 1024


class DiscordServer:
    """The stand-in, as an async context manager.

    `contract` is the platform's OpenAPI document; what a call does differently is kept in
    `questions`, or refused when `strict`.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        contract: Path | None = None,
        strict: bool = False,
    ) -> None:
        self.host, self.port = host, port
        self.strict = strict
        self.contract = Contract(contract)
        self.questions: deque[Question] = deque(maxlen=1_000)
        self.calls: deque[tuple[str, str, int]] = deque(maxlen=10_000)
        """Method, path and status of the last calls; 0 where the answer was dropped."""
        self.world = World()
        self.faults = Faults()
        self.buckets = Buckets()
        self.interactions = Interactions()
        self.gateway = Gateway(self.world, self.faults)
        self.world.announce = self.gateway.tell
        self.people = People(self.world, self.interactions, self.gateway)
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> DiscordServer:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, self.host, self.port)
        await site.start()
        self._runner = runner
        self.port = int(runner.addresses[0][1])
        self.world.address = self.url

    async def stop(self) -> None:
        await self.gateway.shut()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def api_url(self) -> str:
        """For `discord.http.Route.BASE`."""
        return self.url + API

    @property
    def gateway_url(self) -> str:
        """For `discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY`."""
        return f"ws://{self.host}:{self.port}/gateway"

    @property
    def cdn_url(self) -> str:
        """For `discord.Asset.BASE`."""
        return self.url + "/cdn"

    def may_read(self, message: Message, app: App) -> bool:
        return may_read(message, app, Intent(app.privileged))

    def hidden(self, shape: Json) -> Json:
        return without_content(shape)

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=_BYTES)
        app.router.add_route("*", API + "/{path:.*}", self._api)
        app.router.add_get("/gateway", self.gateway.serve)
        app.router.add_get("/gateway/", self.gateway.serve)
        cdn.add_routes(app, self.world)
        play.add_routes(app, self)
        app.router.add_get("/", _page)
        app.router.add_static("/static", STATIC)
        return app

    # --- REST

    async def _api(self, request: web.Request) -> web.StreamResponse:
        path = request.rel_url.raw_path.removeprefix(API)
        bot = self._bot(request)
        name = bot.id if bot is not None else ""
        for fault in self.faults.of_call(BEFORE, request.method, path, name):
            broken = await self._break(request, path, fault)
            if broken is not None:
                return broken
        answer = await self._answer(request, path, bot)
        if answer.status < 300:
            for fault in self.faults.of_call(AFTER, request.method, path, name):
                return self._lose(request, path, fault)
        self.calls.append((request.method, path, answer.status))
        return answer

    async def _answer(self, request: web.Request, path: str, bot: App | None) -> web.Response:
        headers: dict[str, str] = {}
        try:
            route, params = routes.find(request.method, path)
            if not route.open and (bot is None or bot.revoked):
                raise Refused(UNAUTHORIZED)
            headers = self.buckets.take(request.method, route.path, params, bot.id if bot else "")
            body, uploads = await calls.read(request)
            self._question(request, path, body)
            call = Call(self, request.method, path, dict(request.query), body, uploads, params, bot)
            return _json(await route.handler(call), headers)
        except Refused as refused:
            return _json((refused.status, refused.body), headers | refused.headers)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            # A body of quite another shape: the platform calls it invalid, and so do we.
            log.warning("call not understood: %s %s", request.method, path, exc_info=error)
            self.questions.append(Question(request.method, path, "body", f"not understood: {error!r}"))
            return _json((400, {"message": "Invalid Form Body", "code": 50035}), headers)

    def _question(self, request: web.Request, path: str, body: Any) -> None:
        found = self.contract.check(request.method, path, dict(request.query), body)
        self.questions.extend(found)
        hard = [one for one in found if not one.soft]
        if hard and self.strict:
            words = "; ".join(f"{one.where} {one.what}" for one in hard)
            raise Refused((400, 50035, "Invalid Form Body"), contract=words)

    def _bot(self, request: web.Request) -> App | None:
        scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
        return self.world.app_of_token(token) if scheme == "Bot" else None

    # --- what goes wrong

    async def _break(self, request: web.Request, path: str, fault: Fault) -> web.Response | None:
        match fault.kind:
            case "delay":
                await asyncio.sleep(fault.seconds)
                return None
            case "drop":
                return self._drop(request, path)
            case "429":
                refused = limited(fault.seconds or 0.1, everywhere=fault.everywhere)
                self.calls.append((request.method, path, 429))
                return _json((429, refused.body), refused.headers)
            case _:
                return self._fail(request, path, int(fault.kind))

    def _lose(self, request: web.Request, path: str, fault: Fault) -> web.Response:
        """The work is done; the answer does not arrive, or says that it was not."""
        if fault.kind == "commit_drop":
            return self._drop(request, path)
        return self._fail(request, path, int(fault.kind.removeprefix("commit_")))

    def _drop(self, request: web.Request, path: str) -> web.Response:
        self.calls.append((request.method, path, 0))
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    def _fail(self, request: web.Request, path: str, status: int) -> web.Response:
        self.calls.append((request.method, path, status))
        return web.Response(status=status, text="upstream error")


def _json(answer: Any, headers: dict[str, str]) -> web.Response:
    """An answer of a handler: nothing, a value, or a status with a value."""
    if answer is None:
        return web.Response(status=204, headers=headers)
    status, value = answer if isinstance(answer, tuple) else (200, answer)
    # The client compares the whole header with this value: no charset may follow.
    return web.Response(
        status=status, body=json.dumps(value).encode(), content_type="application/json", headers=headers
    )


async def _page(_request: web.Request) -> web.StreamResponse:
    policy = "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'"
    return web.FileResponse(STATIC / "index.html", headers={"Content-Security-Policy": policy})
