"""Files as JSON, with addresses that are signed and end."""

from __future__ import annotations

import hashlib
import hmac
import time
from urllib.parse import quote

from playground.discord.model import Channel, File, Json
from playground.discord.world import World


def attachment(world: World, place: Channel, one: File, *, ephemeral: bool = False) -> Json:
    address = file_address(world, place.id, one)
    shape: Json = {
        "id": one.id,
        "filename": one.filename,
        "size": len(one.data),
        "url": address,
        "proxy_url": address,
        "content_type": one.content_type,
        "content_scan_version": 0,
    }
    if one.description:
        shape["description"] = one.description
    if ephemeral:
        shape["ephemeral"] = True
    return shape


def file_address(world: World, channel_id: str, one: File) -> str:
    """Where a file is; the address ends with its time and is signed."""
    path = f"attachments/{channel_id}/{one.id}/{quote(one.filename)}"
    began = int(time.time())
    until = f"{int(began + world.file_life):x}"
    return f"{world.address}/cdn/{path}?ex={until}&is={began:x}&hm={sign(world, f'{channel_id}/{one.id}', until)}"


def sign(world: World, path: str, until: str) -> str:
    return hmac.new(world.secret, f"{path}?{until}".encode(), hashlib.sha256).hexdigest()
