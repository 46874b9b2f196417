"""The door of the API: who asks, with which scopes, how often, and the same POST only once."""

from __future__ import annotations

import functools
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from sqlalchemy.dialects.postgresql import insert

from core import clock
from core.access import SYSTEM, Actor
from core.crypto import words
from core.crypto.fields import seal_json, unseal_json
from core.db import UnitOfWork
from core.errors import Conflict, DeskError, Forbidden, Invalid, TooMany
from core.i18n import _, set_language
from core.outbox_model import IdempotentAnswer
from core.people import service as people
from core.people import tokens
from core.rate import Budget, network_of
from webui import bodies
from webui.deps import site_of

PREFIX = "/api/v1"
UPLOADS = f"{PREFIX}/files"
"""Where a body is a file, and is taken in as it comes."""
REQUESTS = 600
SECONDS = 60.0
LONGEST_KEY = 200


class Unauthorised(DeskError):
    code = "unauthorised"
    status = 401


class KeyReused(Conflict):
    """An Idempotency-Key came again with another request."""

    code = "idempotency_key_reused"
    status = 422


class ApiRoute(APIRoute):
    """Adds the rate headers to every answer. Errors pass through: they must reach the unit of
    work, which would commit otherwise; webui/errors.py answers them."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            if not _is_upload(request):
                # Before the unit of work, and where an error keeps its own words.
                await request.body()
            response = await handle(request)
            response.headers.update(getattr(request.state, "rate_headers", {}))
            response.headers.setdefault("cache-control", "no-store")
            return response

        return handled


def api_router(tag: str) -> APIRouter:
    return APIRouter(prefix=PREFIX, tags=[tag], route_class=ApiRoute)


def replayed(answer: Any) -> bool:
    """Whether an answer is that of an earlier request with the same key."""
    return isinstance(answer, Response) and "idempotency-replayed" in answer.headers


_bearer = HTTPBearer(auto_error=False, description="A token made on your account page, such as dskb_…")
_budgets = Budget(REQUESTS, SECONDS)
_strangers = Budget(60, SECONDS)


async def _unit(request: Request, given: Annotated[Any, Depends(_bearer)]) -> AsyncIterator[UnitOfWork]:
    async with _asked(request, given) as uow:
        yield uow


@asynccontextmanager
async def _asked(request: Request, given: Any) -> AsyncIterator[UnitOfWork]:
    """A unit of work of the person whose token came along."""
    async with site_of(request).desk.unit(SYSTEM) as uow:
        set_language(request.headers.get("accept-language", "en")[:2])
        uow.actor = await _actor(uow, request, given.credentials if given is not None else "")
        yield uow


async def _actor(uow: UnitOfWork, request: Request, token: str) -> Actor:
    address = network_of(request.client.host if request.client else "")
    if not token:
        raise Unauthorised(_("Send your token as `Authorization: Bearer …`."))
    found = await tokens.find(uow, token)
    if found is None:
        _strangers.take(address)
        raise Unauthorised(_("This token is not valid. It may be mistyped, expired or revoked."))
    row, person = found
    request.state.asker = person.id
    _spend(request, str(row.id))
    return replace(await people.actor_of(uow, person), scopes=frozenset(row.scopes))


def _spend(request: Request, key: str) -> None:
    """Count the request, and say what is left (draft-ietf-httpapi-ratelimit-headers)."""
    wait = _budgets.try_take(key)
    left = _budgets.remaining(key)
    request.state.rate_headers = {
        "ratelimit-limit": str(REQUESTS),
        "ratelimit-remaining": str(left),
        "ratelimit-reset": str(max(1, round(wait or SECONDS / REQUESTS * (REQUESTS - left)))),
    }
    if wait:
        raise TooMany(_("Too many requests. Please slow down."), after=wait)


ApiUow = Annotated[UnitOfWork, Depends(_unit, scope="function")]


def needs(scope: str) -> Any:
    """A dependency: the token must have this scope."""

    async def check(uow: ApiUow) -> None:
        _check_scope(uow.actor, scope)

    return Depends(check, scope="function")


def sender(scope: str) -> Any:
    """A dependency: who asks, found out in a unit of work that ends before the bytes come."""

    async def check(request: Request, given: Annotated[Any, Depends(_bearer)]) -> Actor:
        async with _asked(request, given) as uow:
            _check_scope(uow.actor, scope)
        bodies.allow_files(request, site_of(request).desk.means.settings.attachment_mb)
        return uow.actor

    return Depends(check, scope="function")


def _check_scope(actor: Actor, scope: str) -> None:
    if scope not in (actor.scopes or ()):
        raise Forbidden(_("This token lacks the scope {scope}.").format(scope=scope), scope=scope)


def _is_upload(request: Request) -> bool:
    return request.url.path == UPLOADS


def once(handler: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Decorator of POST handlers (with `request` and `uow`): with an Idempotency-Key the work is
    done once, and its answer is kept for a day, in the same transaction as the work itself."""

    @functools.wraps(handler)
    async def doing(*args: Any, request: Request, uow: UnitOfWork, **kwargs: Any) -> Any:
        async def work() -> Any:
            return await handler(*args, request=request, uow=uow, **kwargs)

        return await done_once(request, uow, await request.body(), work)

    return doing


async def done_once(
    request: Request, uow: UnitOfWork, said: bytes, work: Callable[[], Awaitable[Any]]
) -> Any:
    """The work's answer; with an Idempotency-Key that came before, the answer of that time. `said`
    is what makes two requests the same."""
    key = request.headers.get("idempotency-key", "")
    if not key:
        return await work()
    if len(key) > LONGEST_KEY:
        raise Invalid(_("The Idempotency-Key is too long."), field="Idempotency-Key")
    digest = words.digest(uow.keys.lookup, f"once|{uow.actor.id}|{request.url.path}|{key}")
    # Keyed: a plain hash of a short message could be guessed from a copy of the database.
    asked = hmac.digest(uow.keys.lookup, b"once|" + said, "sha256")
    row = await _take(uow, digest, asked)
    if row is not None:
        return _kept(uow, row, asked)
    status = request.scope["route"].status_code or 200
    body = jsonable_encoder(await work())
    await _keep(uow, digest, status, body)
    return JSONResponse(body, status)


async def _take(uow: UnitOfWork, digest: bytes, asked: bytes) -> IdempotentAnswer | None:
    """Nothing when the key is ours to use; else what was answered. Two at once: the second waits
    for the first one's commit at the primary key."""
    made = await uow.session.execute(
        insert(IdempotentAnswer)
        .values(digest=digest, request=asked, status=0, at=clock.now())
        .on_conflict_do_nothing(index_elements=["digest"])
    )
    if getattr(made, "rowcount", 0):
        return None
    return await uow.session.get(IdempotentAnswer, digest)


async def _keep(uow: UnitOfWork, digest: bytes, status: int, body: Any) -> None:
    row = await uow.session.get(IdempotentAnswer, digest)
    assert row is not None
    row.status = status
    row.body = seal_json(uow.keys.desk, body, "idempotent_answer.body", digest.hex())


def _kept(uow: UnitOfWork, row: IdempotentAnswer, asked: bytes) -> Response:
    if row.request != asked:
        raise KeyReused(_("This Idempotency-Key was used for another request."))
    assert row.body is not None
    body = unseal_json(uow.keys.desk, row.body, "idempotent_answer.body", row.digest.hex())
    return JSONResponse(body, row.status, headers={"idempotency-replayed": "true"})
