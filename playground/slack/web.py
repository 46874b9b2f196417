"""The addresses that the app talks to: the Web API, uploads, downloads, response URLs, sign-in."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from aiohttp import web

from playground.slack.api import APP_LEVEL, METHODS, OPEN, SCOPES, args
from playground.slack.api.call import Call
from playground.slack.api.files import may_read
from playground.slack.api.sign import SCOPES as ALL_SCOPES
from playground.slack.errors import ApiError
from playground.slack.faults import Fault
from playground.slack.world import File, Token

if TYPE_CHECKING:
    from playground.slack.server import SlackServer

Json = dict[str, Any]

_LIFELESS = Token("", "", "none")


class Web:
    """One door: every request meets the faults, the limits and the checks in this order."""

    def __init__(self, server: SlackServer) -> None:
        self.server = server
        self.world = server.world

    def routes(self) -> list[web.RouteDef]:
        return [
            web.route("*", "/api/{method}", self.api),
            web.post("/upload/v1/{id}", self.upload),
            web.get("/files-pri/{id}/{name}", self.download),
            web.get("/files-pri/download/{id}/{name}", self.download),
            web.post("/hooks/{key}", self.hook),
            web.get("/oauth/v2/authorize", self.authorize),
            web.get("/link/", self.server.sockets.handle),
        ]

    # --- the Web API

    async def api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        fault = self.server.faults.draw(method)
        if early := await self._early(request, method, fault):
            return early
        answer, status, headers = await self._answered(request, method)
        if fault and fault.kind == "commit_drop":
            return _dropped(request)
        if fault and fault.kind == "commit_status":
            return web.Response(status=fault.status, text=HTTPStatus(fault.status).phrase)
        return web.json_response(answer, status=status, headers=headers)

    async def _early(self, request: web.Request, method: str, fault: Fault | None) -> web.Response | None:
        """What goes wrong before anything was done."""
        if fault is None:
            return None
        self._note(method, {}, fault=fault.kind)
        if fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
        if fault.kind == "drop":
            return _dropped(request)
        if fault.kind == "ratelimited":
            return _limited(fault.retry_after)
        if fault.kind == "status":
            return web.Response(status=fault.status, text=HTTPStatus(fault.status).phrase)
        if fault.kind == "error":
            return web.json_response({"ok": False, "error": fault.error})
        return None

    async def _answered(self, request: web.Request, method: str) -> tuple[Json, int, dict[str, str]]:
        headers = {"x-slack-req-id": self.server.new_request_id()}
        try:
            call = await self._call(request, method)
            if wait := self._must_wait(call):
                self._note(method, call.args.given, error="ratelimited")
                return {"ok": False, "error": "ratelimited"}, 429, {"Retry-After": str(wait), **headers}
            headers |= self._scopes(call)
            answer = {"ok": True, **await METHODS[method](call)}
            self._note(method, call.args.given)
        except ApiError as wrong:
            answer = wrong.answer
            self._note(method, {}, error=wrong.error)
        return answer, 200, headers

    async def _call(self, request: web.Request, method: str) -> Call:
        if method not in METHODS:
            self.server.question(f"{method}: no such method here")
            raise ApiError("unknown_method", req_method=method)
        given = await args.read(request)
        for question in self.server.contract.questions(method, given.names_given):
            self.server.question(question)
        token = self._token(method, args.token_of(request, given))
        return Call(self.server.parts, method, given, token, _basic(request))

    def _token(self, method: str, value: str) -> Token:
        if method in OPEN:
            return _LIFELESS
        if not value:
            raise ApiError("not_authed")
        if method in APP_LEVEL:
            return self._app_token(value)
        token = self.world.tokens.get(value)
        if token is None:
            raise ApiError("not_allowed_token_type" if value == self.world.app.app_token else "invalid_auth")
        if token.revoked:
            raise ApiError(
                "token_revoked" if self.world.workspaces[token.team].installed else "account_inactive"
            )
        if token.expires is not None and token.expires < time.time():
            raise ApiError("token_expired")
        return token

    def _app_token(self, value: str) -> Token:
        if value != self.world.app.app_token:
            raise ApiError("not_allowed_token_type" if value in self.world.tokens else "invalid_auth")
        return _LIFELESS

    def _scopes(self, call: Call) -> dict[str, str]:
        has, needs = call.token.scopes, SCOPES.get(call.method, ())
        if has is not None and needs and not has & set(needs):
            raise ApiError("missing_scope", needed=",".join(needs), provided=",".join(sorted(has)))
        granted = ALL_SCOPES if has is None else ",".join(sorted(has))
        return {"x-oauth-scopes": granted, "x-accepted-oauth-scopes": ",".join(needs)}

    def _must_wait(self, call: Call) -> int:
        if call.method in OPEN or call.method in APP_LEVEL:
            return 0
        channel = call.args.text("channel") or call.args.text("channel_id")
        return self.server.rates.wait(call.token.team, call.method, channel)

    def _note(self, method: str, given: Json, error: str = "", fault: str = "") -> None:
        kept = {name: value for name, value in given.items() if "token" not in name and "secret" not in name}
        self.server.calls.append({"method": method, "args": kept, "error": error, "fault": fault})

    # --- files

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """The bytes, raw or as a form."""
        fault = self.server.faults.draw("upload")
        if early := await self._early(request, "upload", fault):
            return early
        file = self.world.files.get(request.match_info["id"])
        if file is None or file.arrived:
            return web.Response(status=404, text="not found")
        content = await _content(request)
        if len(content) != file.length:
            return web.Response(status=400, text="wrong length")
        self.server.keep(file, content)
        if fault and fault.kind == "commit_drop":
            return _dropped(request)
        return web.Response(text=f"OK - {file.length}")

    async def download(self, request: web.Request) -> web.StreamResponse:
        """With a token the file; without, a sign-in page, as people would see it."""
        if early := await self._early(request, "download", self.server.faults.draw("download")):
            return early
        file = self.world.files.get(request.match_info["id"].partition("-")[2])
        try:
            token = self._token("files.info", args.token_of(request, args.Args({})))
        except ApiError:
            return web.Response(
                text="<!doctype html><title>Sign in</title>Please sign in.", content_type="text/html"
            )
        if file is None or not self._readable(file, token):
            return web.Response(status=404, text="not found")
        return web.Response(body=file.content, headers={"Content-Type": file.mimetype})

    def _readable(self, file: File, token: Token) -> bool:
        return may_read(Call(self.server.parts, "files.info", args.Args({}), token), file)

    # --- response URLs and sign-in

    async def hook(self, request: web.Request) -> web.StreamResponse:
        fault = self.server.faults.draw("response_url")
        if early := await self._early(request, "response_url", fault):
            return early
        try:
            body = json.loads(await request.text() or "{}")
            self.server.hooks.use(request.match_info["key"], body)
        except ApiError as wrong:
            return web.Response(status=404 if "url" in wrong.error else 400, text=wrong.error)
        except ValueError:
            return web.Response(status=400, text="invalid_payload")
        if fault and fault.kind == "commit_drop":
            return _dropped(request)
        return web.Response(text="ok")

    async def authorize(self, request: web.Request) -> web.StreamResponse:
        """Everybody agrees: straight back with a code, for `team` or the first workspace."""
        back = request.query.get("redirect_uri", "")
        if request.query.get("client_id") != self.world.app.client_id or not back.startswith("http"):
            return web.Response(status=400, text="invalid_client_id or redirect_uri")
        team = request.query.get("team") or next(iter(self.world.workspaces))
        code = self.world.new_id("code-")
        self.world.codes[code] = team
        query = urlencode({"code": code, "state": request.query.get("state", "")})
        raise web.HTTPFound(f"{back}{'&' if '?' in back else '?'}{query}")


def _dropped(request: web.Request) -> web.Response:
    """The line goes dead without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def _limited(after: int) -> web.Response:
    return web.json_response(
        {"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": str(after)}
    )


def _basic(request: web.Request) -> tuple[str, str]:
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        return "", ""
    try:
        name, _, secret = base64.b64decode(value).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, secret


async def _content(request: web.Request) -> bytes:
    if not request.content_type.startswith("multipart/"):
        return await request.read()
    form = await request.post()
    for value in form.values():
        if isinstance(value, web.FileField):
            return value.file.read()
    return b""
