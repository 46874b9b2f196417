"""A DeskError becomes a page, or a problem in JSON (RFC 9457): here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from core.errors import DeskError, Invalid, NotFound, TooMany, Unavailable
from core.i18n import N_, _, set_language
from core.outage import is_outage
from core.rate import Budget
from core.seldom import Seldom
from webui import rendering, sessions
from webui.deps import SecondStepFirst, SignInFirst, site_of

log = structlog.get_logger("webui")
_NO_SUCH_LETTER = "22021"
"""SQLSTATE of a text that holds what no text may, such as the letter with the number 0."""
_SAID: dict[int, Callable[[], str]] = {
    400: lambda: _("What was sent could not be read."),
    405: lambda: _("This page cannot be used like that."),
}
"""Instead of a library's own words."""
_lines = Budget(600, 60)
"""So many lines of a kind a minute: nobody fills the disk by knocking."""
_unreachable = Seldom()
HEADLINES = {
    400: N_("Not understood"),
    401: N_("Please sign in"),
    403: N_("Not allowed"),
    404: N_("Not found"),
    405: N_("Not possible here"),
    408: N_("Too slow"),
    409: N_("Changed in the meantime"),
    410: N_("Gone"),
    413: N_("Too large"),
    415: N_("This kind of file is not taken"),
    422: N_("Something is not right"),
    429: N_("Too many at once"),
    500: N_("Something went wrong"),
    503: N_("Out of reach for a moment"),
    507: N_("No room left"),
}
"""What stands above the words of an error, by its status."""


def install(app: FastAPI) -> None:
    """Teach the app to answer every error in words."""
    app.add_exception_handler(DeskError, _desk_error)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    for gone in (InterfaceError, PoolTimeout, ConnectionError, TimeoutError):
        app.add_exception_handler(gone, _database_gone)
    app.add_exception_handler(DBAPIError, _database)
    app.add_exception_handler(ClientDisconnect, _gone_away)
    app.add_exception_handler(Exception, _unexpected)


def problem(error: DeskError, instance: str = "") -> JSONResponse:
    """The JSON form: type, title, status, detail, and which field is wrong."""
    body: dict[str, object] = {
        "type": "about:blank" if error.code in ("http", "error") else f"/docs/api#{error.code}",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.words,
        "code": error.code,
    }
    if instance:
        body["instance"] = instance
    if isinstance(error, Invalid) and error.field:
        body["field"] = error.field
    return JSONResponse(body, error.status, _headers(error), media_type="application/problem+json")


async def _desk_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DeskError)
    if (name := _suspicious(request, error)) and _lines.try_take(name) == 0:
        _noted(request, error, name)
    if wants_json(request):
        answer = problem(error, request.url.path)
        answer.headers.update(getattr(request.state, "rate_headers", {}))
        return answer
    if isinstance(error, SignInFirst):
        back = request.url.path if request.method == "GET" else "/"
        return rendering.see_other(f"/sign-in?next={quote(back)}")
    if isinstance(error, SecondStepFirst):
        return rendering.see_other("/account/security?done=second")
    headline = HEADLINES.get(error.status) or HTTPStatus(error.status).phrase
    context = {"error": error, "headline": _(headline)} | ({} if _is_known(request) else {"csrf": ""})
    page = rendering.page(request, "error.html", status=error.status, **context)
    page.headers.update(_headers(error))
    return page


def _is_known(request: Request) -> bool:
    """Strangers find no form on an error's page, and need no visit that a form's token hangs on."""
    viewer = getattr(request.state, "viewer", None)
    return viewer is not None and viewer.signed_in


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    _speak(request)
    request.state.malformed = True
    first = error.errors()[0] if error.errors() else {"loc": (), "msg": ""}
    field = ".".join(str(part) for part in first["loc"][1:])
    if first.get("type") == "json_invalid":
        return await _desk_error(request, Invalid(_("The body is not JSON.")))
    if not wants_json(request):
        if first["loc"][:1] == ("path",):
            return await _desk_error(request, NotFound(_("There is no such page.")))
        return await _desk_error(
            request, Invalid(_("“{field}” is not right.").format(field=field), field=field)
        )
    return await _desk_error(
        request,
        Invalid(_("“{field}” is not right: {why}.").format(field=field, why=first["msg"]), field=field),
    )


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    _speak(request)
    if error.status_code == 404:
        return await _desk_error(request, NotFound(_("There is no such page.")))
    words = _SAID[error.status_code]() if error.status_code in _SAID else str(error.detail)
    known = DeskError(words)
    known.__class__ = type("HttpError", (DeskError,), {"status": error.status_code, "code": "http"})
    return await _desk_error(request, known)


async def _database_gone(request: Request, error: Exception) -> Response:
    if refused := _unreachable.due():
        log.warning("database.unreachable", error=type(error).__name__, refused=refused)
    _speak(request)
    return await _desk_error(
        request, Unavailable(_("The desk cannot be reached right now. Please try again in a moment."))
    )


async def _database(request: Request, error: Exception) -> Response:
    assert isinstance(error, DBAPIError)
    if is_outage(error):
        return await _database_gone(request, error)
    if getattr(error.orig, "sqlstate", None) == _NO_SUCH_LETTER:
        request.state.malformed = True
        _speak(request)
        return await _desk_error(request, Invalid(_("There are signs in this that no text has.")))
    return await _unexpected(request, error)


async def _gone_away(request: Request, error: Exception) -> Response:
    """Nobody hears the answer: the sender went in the middle of what they sent."""
    return Response(status_code=400)


async def _unexpected(request: Request, error: Exception) -> Response:
    log.exception(
        "request.failed", path=request.scope.get("route") and request.scope["route"].path, exc_info=error
    )
    return await _desk_error(request, DeskError(_("Something went wrong on our side. It has been noted.")))


def _suspicious(request: Request, error: DeskError) -> str:
    """The name under which an error is written down; none where it is everyday. What somebody may not see is answered
    as missing, and what no page of ours sends is malformed: by either people feel their way."""
    if error.status in (403, 429):
        return "request.refused"
    if error.code == "unauthorised":
        return "token.refused"
    if error.status in (400, 405, 413, 415) or getattr(request.state, "malformed", False):
        return "request.malformed"
    asked_for_one = bool(request.path_params) and request.scope.get("route") is not None
    return "request.not_found" if error.status == 404 and asked_for_one else ""


def _noted(request: Request, error: DeskError, name: str) -> None:
    """What somebody tried and may not: who and where, never what they sent."""
    viewer, route = getattr(request.state, "viewer", None), request.scope.get("route")
    person = getattr(request.state, "asker", viewer.actor.id if viewer is not None else None)
    log.warning(name, code=error.code, path=route and route.path, person=person and str(person))


def _speak(request: Request) -> None:
    """What fails before the viewer is known is said in the browser's language."""
    if getattr(request.state, "viewer", None) is None:
        fallback = site_of(request).desk.means.settings.language
        set_language(sessions.browsers_language(request, fallback))


def wants_json(request: Request) -> bool:
    return (
        request.url.path.startswith("/api/")
        or "application/json" in request.headers.get("accept", "")
        or request.headers.get("x-fragment") == "1"
    )


def _headers(error: DeskError) -> dict[str, str]:
    if error.status == 401:
        return {"www-authenticate": "Bearer"}
    if isinstance(error, TooMany):
        return {"retry-after": str(max(1, round(error.after)))}
    if error.status in (408, 413):
        # The rest of the body was not read, and will not be.
        return {"connection": "close"}
    return {"retry-after": "5"} if isinstance(error, Unavailable) else {}


__all__ = ["install", "problem", "wants_json"]
