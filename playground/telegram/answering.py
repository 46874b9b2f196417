"""Between a call's work and its answer: where faults strike."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from aiohttp import web

from playground.telegram.errors import ApiError, too_many
from playground.telegram.faults import Fault, Faults

_REASONS = {500: "Internal Server Error", 502: "Bad Gateway", 401: "Unauthorized", 403: "Forbidden"}


class Answering:
    """Runs the work of a call between the faults of before and after."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    async def answer(
        self,
        request: web.Request,
        method: str,
        bot_id: int,
        work: Callable[[], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        faults = {fault.kind: fault for fault in self._faults.strikes(method, bot_id)}
        await _pause(faults.get("delay"))
        if "drop_before" in faults:
            return _dropped(request)
        if fault := faults.get("too_many") or faults.get("error"):
            await _read(request)
            return _refusal(fault)
        done = await work()
        await _pause(faults.get("delay_after"))
        if "drop_after" in faults:
            return _dropped(request)
        return _refusal(faults["error_after"]) if "error_after" in faults else done


async def _pause(fault: Fault | None) -> None:
    if fault:
        await asyncio.sleep(fault.seconds)


async def _read(request: web.Request) -> None:
    """An answer before the whole request was read would look like a broken connection."""
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        async for _ in request.content.iter_chunked(64 * 1024):
            pass


def _dropped(request: web.Request) -> web.Response:
    if request.transport:
        request.transport.abort()
    return web.Response(status=500)


def _refusal(fault: Fault) -> web.Response:
    if fault.kind == "too_many":
        error = too_many(fault.retry_after)
        return web.json_response(error.api(), status=429, headers={"Retry-After": str(fault.retry_after)})
    error = ApiError(fault.status, _REASONS.get(fault.status, "Error"))
    return web.json_response(error.api(), status=fault.status)
