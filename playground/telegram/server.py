"""The server: the Bot API, the downloads, the control side and the page, on one loopback port."""

from __future__ import annotations

import inspect
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from playground.telegram import control, view
from playground.telegram.answering import Answering
from playground.telegram.arguments import Arguments, read
from playground.telegram.contract import Contract, Question
from playground.telegram.errors import ApiError, PlayError
from playground.telegram.faults import Faults
from playground.telegram.limits import RateLimits
from playground.telegram.methods import METHODS, Call
from playground.telegram.people import People
from playground.telegram.webhooks import Webhooks
from playground.telegram.world import Bot, Chat, World

_LOG = 50_000
_QUESTIONS = 10_000


@dataclass(slots=True, frozen=True)
class Called:
    """One call in the log. Arguments are not kept."""

    number: int
    at: float
    bot: int
    method: str
    status: int
    """What the work came to, whatever was answered; 0 while it goes on."""


class TelegramServer:
    """Use as `async with TelegramServer() as server`; `world`, `people`, `faults`, `limits` drive it.

    `contract` is a description of the API to check calls against, `strict` refuses what it does not
    know. Bots reach it by `base_url` and `base_file_url`.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        contract: Path | None = None,
        strict: bool = False,
        seed: int = 0,
    ) -> None:
        self.faults = Faults(seed)
        self.world = World(self.faults.updates)
        self.people = People(self.world)
        self.limits = RateLimits(self.world.clock)
        self.contract = Contract(contract)
        self.strict = strict
        self.questions: deque[Question] = deque(maxlen=_QUESTIONS)
        self.calls: deque[Called] = deque(maxlen=_LOG)
        self._called = 0
        self._port = port
        self._runner: web.AppRunner | None = None
        self._webhooks = Webhooks(self.world, self.faults)
        self._answering = Answering(self.faults)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def base_url(self) -> str:
        """For `telegram.Bot(base_url=...)`."""
        return f"{self.url}/bot"

    @property
    def base_file_url(self) -> str:
        return f"{self.url}/file/bot"

    def shows(self, chat: Chat, thread: Any = view.ANY, *, deleted: bool = False) -> list[dict[str, Any]]:
        """What a person sees in the chat or topic."""
        return view.shows(chat, thread, deleted)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/bot{token}/{method}", self._call)
        app.router.add_get("/file/bot{token}/{path:.+}", self._download)
        control.routes(app, self)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Ends waiting polls, posts no more webhooks, removes the files."""
        for bot in self.world.bots.values():
            bot.queue.turn += 1
            bot.queue.bell.ring()
        await self._webhooks.close()
        if self._runner:
            await self._runner.cleanup()
        self.world.close()

    def revoke(self, bot: Bot, revoked: bool = True) -> None:
        """Take the bot's token away (or give it back): every call gets 401 from now on."""
        bot.revoked = revoked
        bot.queue.bell.ring()

    def rotate(self, bot: Bot, token: str = "") -> str:
        """A new token for the bot, whose old one gets 401 from the next call on."""
        new = token or f"{bot.token}-again"
        if int(new.partition(":")[0]) != bot.id or new in self.world.bots:
            raise PlayError("a new token of this bot")
        self.world.bots[new] = self.world.bots.pop(bot.token)
        bot.token, bot.revoked = new, False
        bot.queue.bell.ring()
        return new

    async def _call(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        bot = self.world.bots.get(request.match_info["token"])
        if bot is None or bot.revoked:
            return _answer(ApiError(401, "Unauthorized").api(), 401)
        return await self._answering.answer(request, name, bot.id, lambda: self._work(request, name, bot))

    async def _work(self, request: web.Request, name: str, bot: Bot) -> web.Response:
        """Do what was asked; the answer may still be withheld."""
        number = self._log(bot, name)
        try:
            args = await read(request, self.world.files)
            self._check(name, args)
            body: dict[str, Any] = {"ok": True, "result": await self._run(name, bot, args)}
            status = 200
        except ApiError as error:
            body, status = error.api(), error.code
        except PlayError as error:
            body, status = ApiError(400, f"Bad Request: {error}").api(), 400
        self._webhooks.watch(bot)
        self._settle(number, status)
        return _answer(body, status)

    async def _run(self, name: str, bot: Bot, args: Arguments) -> Any:
        method = METHODS.get(name.lower())
        if method is None:
            self.questions.append(Question(name, "", "method not played"))
            known = self.contract.name_of(name) is not None
            raise ApiError(400, "Bad Request: method not played here") if known else _no_method()
        result = method(Call(self.world, self.people, self.limits, bot, args))
        return await result if inspect.isawaitable(result) else result

    def _check(self, name: str, args: Arguments) -> None:
        found = self.contract.questions(name, args.names)
        self.questions.extend(found)
        if self.strict and found:
            first = found[0]
            raise ApiError(400, f"Bad Request: {first.problem} {first.argument or first.method}")

    async def _download(self, request: web.Request) -> web.StreamResponse:
        bot = self.world.bots.get(request.match_info["token"])
        stored = self.world.files.at(request.match_info["path"])
        if bot is None or bot.revoked or stored is None:
            return _answer(ApiError(404, "Not Found").api(), 404)

        async def work() -> web.StreamResponse:
            return web.FileResponse(stored.path, headers={"Content-Type": "application/octet-stream"})

        return await self._answering.answer(request, "file", bot.id, work)

    def _log(self, bot: Bot, name: str) -> int:
        self._called += 1
        self.calls.append(Called(self._called, self.world.clock.now(), bot.id, name, 0))
        return self._called

    def _settle(self, number: int, status: int) -> None:
        """A call may outlive its place in the log."""
        at = number - self._called - 1
        if -at <= len(self.calls):
            self.calls[at] = Called(**(asdict(self.calls[at]) | {"status": status}))


def _answer(body: dict[str, Any], status: int = 200) -> web.Response:
    headers = {"Retry-After": str(body["parameters"]["retry_after"])} if status == 429 else {}
    return web.json_response(body, status=status, headers=headers)


def _no_method() -> ApiError:
    return ApiError(404, "Not Found: method not found")
