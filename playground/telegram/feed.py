"""What changes, as server-sent events."""

from __future__ import annotations

import json

from aiohttp import web

from playground.telegram.world import World

_SIGN_OF_LIFE = 15.0


async def feed(world: World, request: web.Request) -> web.StreamResponse:
    """Every change after `after` (or from now on) until the reader goes."""
    after = int(request.query.get("after") or request.headers.get("Last-Event-ID") or world.changed)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(request)
    try:
        while True:
            for change in world.changes_after(after):
                after = change["number"]
                await response.write(f"id: {after}\ndata: {json.dumps(change)}\n\n".encode())
            if not await _news(world, after):
                await response.write(b": still here\n\n")
    except ConnectionError:
        return response


async def _news(world: World, after: int) -> bool:
    return world.changed > after or await world.bell.wait(_SIGN_OF_LIFE)
