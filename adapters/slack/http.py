"""Slack over HTTP: events, buttons, forms and commands, signed; and the way in for new workspaces."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from html import escape
from typing import TYPE_CHECKING

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from adapters.slack.inbound import teams
from adapters.slack.install import Refusal, cookie_name
from core.chat import PostFailed
from core.i18n import _
from core.rate import Budget

if TYPE_CHECKING:
    from adapters.slack.adapter import Slack

log = structlog.get_logger("slack.http")

MOST_BODY = 3_000_000
_lines = Budget(60, 60)
"""So many lines a minute: nobody fills the disk by knocking."""
Answering = Callable[[Request], Awaitable[Response]]


def make_app(slack: Slack) -> Starlette:
    """The app that is mounted at /chat/slack."""
    take, install, oauth = _take(slack), _install(slack), _oauth(slack)
    paths = ("/events", "/interactivity", "/commands")
    return Starlette(
        routes=[
            *(Route(path, take, methods=["POST"]) for path in paths),
            Route("/install", install, methods=["GET"]),
            Route("/oauth", oauth, methods=["GET"]),
        ]
    )


def _take(slack: Slack) -> Answering:
    async def take(request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return PlainTextResponse("too large", 413)
        signed_with = _signed_with(slack, body, request)
        if not signed_with:
            return _unsigned()
        if slack.bolt is None:
            return PlainTextResponse("not ready", 503)
        from slack_bolt.adapter.starlette.async_handler import to_async_bolt_request, to_starlette_response

        try:
            made = to_async_bolt_request(request, body)
        except (UnicodeDecodeError, ValueError, AttributeError, TypeError):
            return PlainTextResponse("cannot be read", 400)
        workspace = slack.workspaces.among(teams(made.body))
        if workspace is not None and slack.workspaces.signing_secret_of(workspace) not in signed_with:
            # Another app's secret: whoever has it speaks for its own workspaces only.
            return _unsigned()
        answer = to_starlette_response(await slack.bolt.async_dispatch(made))
        if answer.status_code >= 500:
            # Not taken in: another gateway may lead there, and the proxy asks the next one.
            return PlainTextResponse("not now", 503)
        return answer

    return take


async def _body(request: Request) -> bytes | None:
    parts, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MOST_BODY:
            return None
        parts.append(chunk)
    return b"".join(parts)


def _unsigned() -> Response:
    if not _lines.try_take("unsigned"):
        log.warning("slack.signature_refused")
    return PlainTextResponse("invalid signature", 401)


def _signed_with(slack: Slack, body: bytes, request: Request) -> set[str]:
    """The secrets of those of our apps that signed it, within five minutes; usually one or none."""
    from slack_sdk.signature import SignatureVerifier

    stamp = request.headers.get("x-slack-request-timestamp", "")
    signature = request.headers.get("x-slack-signature", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 13 and signature.isascii() and signature):
        return set()
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return set()
    secrets = slack.workspaces.signing_secrets()
    return {secret for secret in secrets if SignatureVerifier(secret).is_valid(text, stamp, signature)}


def _install(slack: Slack) -> Answering:
    async def install(request: Request) -> Response:
        try:
            state = slack.install.begun(request.query_params.get("ticket", ""))
        except Refusal as refused:
            return _page(refused.words, 403)
        answer = RedirectResponse(slack.install.address(state, _root(request)), 302)
        secure = _is_secure(slack, request)
        answer.set_cookie(
            cookie_name(secure), state, max_age=3_600, path="/", httponly=True, samesite="lax", secure=secure
        )
        return answer

    return install


def _oauth(slack: Slack) -> Answering:
    async def oauth(request: Request) -> Response:
        given, secure = request.query_params, _is_secure(slack, request)
        try:
            slack.install.check(given.get("state", ""), request.cookies.get(cookie_name(secure), ""))
            if given.get("error"):
                raise Refusal(_("Slack was not connected: it was refused there."))
            name = await slack.install.finish(given.get("code", ""), _root(request))
        except Refusal as refused:
            return _page(refused.words, 403)
        except PostFailed as error:
            log.warning("slack.install_failed", error=type(error).__name__)
            return _page(_("Slack did not grant this. Please begin again from the desk."), 502)
        answer = _page(_("{name} is connected. You can close this page.").format(name=name), 200)
        answer.delete_cookie(cookie_name(secure), path="/", secure=secure, httponly=True, samesite="lax")
        return answer

    return oauth


def _is_secure(slack: Slack, request: Request) -> bool:
    return request.url.scheme == "https" or slack.settings.public_url.startswith("https")


def _root(request: Request) -> str:
    """Where this app is mounted, as the browser reached it; `base_url` names the app around it."""
    return f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}"


def _page(words: str, status: int) -> HTMLResponse:
    headers = {
        "Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
        "Cache-Control": "no-store",
    }
    return HTMLResponse(
        f"<!doctype html><meta charset=utf-8><title>Deskbell</title><p>{escape(words)}</p>", status, headers
    )
