"""Files by addresses that end with their time, and pictures made up from a number."""

from __future__ import annotations

import hmac
import struct
import time
import zlib

from aiohttp import web

from playground.discord import shapes
from playground.discord.world import World

_SIDE = 32
_COLOURS = ((88, 101, 132), (120, 113, 108), (21, 128, 95), (180, 83, 9), (159, 18, 57), (67, 56, 202))


def add_routes(app: web.Application, world: World) -> None:
    async def attachment(request: web.Request) -> web.Response:
        channel_id, file_id = request.match_info["channel_id"], request.match_info["file_id"]
        until = request.query.get("ex", "")
        signed = shapes.sign(world, f"{channel_id}/{file_id}", until)
        if not hmac.compare_digest(signed, request.query.get("hm", "")) or int(until, 16) < time.time():
            return web.Response(status=404, text="This content is no longer available.")
        file = world.files.get(file_id)
        if file is None:
            return web.Response(status=404, text="")
        return web.Response(body=file.data, headers={"Content-Type": file.content_type, **_SAFE})

    app.router.add_get("/cdn/attachments/{channel_id}/{file_id}/{name}", attachment)
    app.router.add_get("/cdn/{path:.*}", _picture)


_SAFE = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"}


async def _picture(request: web.Request) -> web.Response:
    colour = _COLOURS[zlib.crc32(request.match_info["path"].encode()) % len(_COLOURS)]
    return web.Response(body=_png(colour), content_type="image/png")


def _png(colour: tuple[int, int, int]) -> bytes:
    row = b"\x00" + bytes(colour) * _SIDE
    head = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(row * _SIDE)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
