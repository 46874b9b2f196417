"""The stand-in itself: one local server with everything in it."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from playground.slack import page
from playground.slack.acts import Acts
from playground.slack.api.call import Parts
from playground.slack.changes import Changes
from playground.slack.contract import Contract
from playground.slack.delivery import Delivery
from playground.slack.errors import PlayError
from playground.slack.events import Events
from playground.slack.faults import Faults
from playground.slack.hooks import Hooks
from playground.slack.play import Play
from playground.slack.play import http as play_http
from playground.slack.rates import Rates
from playground.slack.shapes import Shapes
from playground.slack.sockets import Sockets
from playground.slack.web import Web
from playground.slack.webhooks import Webhooks
from playground.slack.world import App, File, World

Json = dict[str, Any]

MOST_KEPT_BYTES = 300_000_000
"""Of all files together; the oldest lose their bytes first."""
MOST_CALLS = 5_000
MOST_QUESTIONS = 500
_KNOBS: dict[str, tuple[str, str, Callable[[Any], Any]]] = {
    "ack_seconds": ("delivery", "ack_seconds", float),
    "retry_delays": ("delivery", "retry_delays", lambda value: tuple(float(one) for one in value)),
    "share_delay": ("parts", "share_delay", float),
    "answers_with_shares": ("parts", "answers_with_shares", bool),
    "rate_limits": ("rates", "on", bool),
    "narrow_history": ("rates", "narrow_history", bool),
    "rate_scale": ("rates", "scale", float),
    "trigger_seconds": ("", "trigger_seconds", float),
}


class SlackServer:
    """Start it, seed it, talk to it: `async with SlackServer() as slack`."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        app: App | None = None,
        seed: int | None = None,
        contract: Path | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.world = World(app)
        self.shapes = Shapes(self.world)
        self.changes = Changes()
        self.faults = Faults(seed)
        self.rates = Rates()
        self.contract = Contract(contract)
        self.sockets = Sockets()
        self.sockets.app_id = self.world.app.id
        self.webhooks = Webhooks(self.world.app.signing_secret)
        self.delivery = Delivery(self.world, self.sockets, self.webhooks, self.faults)
        self.events = Events(self.world, self.shapes, self.delivery)
        self.acts = Acts(self.world, self.shapes, self.events, self.changes)
        self.hooks = Hooks(self.world, self.acts)
        self.parts = Parts(self.world, self.acts, self.shapes, self.delivery, self.sockets, self.rates)
        self.play = Play(self)
        self.trigger_seconds = 3.0
        self.calls: deque[Json] = deque(maxlen=MOST_CALLS)
        """Each call of the Web API: method, args (no tokens), error, fault."""
        self.questions: deque[str] = deque(maxlen=MOST_QUESTIONS)
        """What the published document does not know; each once."""
        self._requests = itertools.count(1)
        self._runner: web.AppRunner | None = None

    # --- addresses

    @property
    def base(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def api_url(self) -> str:
        """For `base_url` of the SDK."""
        return f"{self.base}/api/"

    # --- life

    async def start(self) -> Self:
        routes = [*Web(self).routes(), *play_http.routes(self), *page.routes(self)]
        app = web.Application(client_max_size=110_000_000)
        app.add_routes(routes)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.host, self.port).start()
        self.port = self._runner.addresses[0][1]
        self.shapes.base = self.base
        return self

    async def stop(self) -> None:
        await self.delivery.close()
        await self.sockets.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # --- knobs and notes

    def knobs(self) -> Json:
        return {name: getattr(self._holder(place), field) for name, (place, field, _) in _KNOBS.items()}

    def set_knob(self, name: str, value: Any) -> None:
        if name not in _KNOBS:
            raise PlayError(f"no such knob: {name}; known: {', '.join(_KNOBS)}")
        place, field, convert = _KNOBS[name]
        setattr(self._holder(place), field, convert(value))

    def _holder(self, place: str) -> object:
        return getattr(self, place) if place else self

    def question(self, text: str) -> None:
        if text not in self.questions:
            self.questions.append(text)

    def new_request_id(self) -> str:
        return f"play-{next(self._requests)}"

    def calls_of(self, method: str) -> list[Json]:
        return [call for call in self.calls if call["method"] == method]

    def keep(self, file: File, content: bytes) -> None:
        """The bytes of a file, while there is room for all."""
        file.content, file.arrived = content, True
        total = sum(len(one.content) for one in self.world.files.values())
        for old in self.world.files.values():
            if total <= MOST_KEPT_BYTES:
                return
            total -= len(old.content)
            old.content = b""
