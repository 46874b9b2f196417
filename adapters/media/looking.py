"""Whether STUN and TURN servers answer: a binding request (RFC 8489, 6.2.1), which they take from anybody."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import Sequence
from contextlib import suppress

SECONDS = 3.0
TRIES = 3
_COOKIE = 0x2112A442
_REQUEST, _SUCCESS = 0x0001, 0x0101


async def silent(urls: Sequence[str]) -> list[str]:
    """Those of the servers that do not answer."""
    heard = await asyncio.gather(*(_answers(url) for url in urls))
    return [url for url, yes in zip(urls, heard, strict=True) if not yes]


async def _answers(url: str) -> bool:
    scheme, host, port, transport = parse(url)
    try:
        async with asyncio.timeout(SECONDS):
            if scheme.endswith("s") or transport == "tcp":
                _reader, writer = await asyncio.open_connection(host, port)
                writer.close()
                return True
            return await _bound(host, port)
    except (OSError, TimeoutError):
        return False


def parse(url: str) -> tuple[str, str, int, str]:
    """`turn:host:port?transport=udp` (RFC 7065) in its parts."""
    scheme, _colon, rest = url.partition(":")
    rest, _mark, query = rest.partition("?")
    host, port = rest, ""
    if rest.startswith("["):
        host, _bracket, port = rest[1:].partition("]")
        port = port.lstrip(":")
    elif ":" in rest:
        host, _colon, port = rest.rpartition(":")
    default = 5349 if scheme.endswith("s") else 3478
    return scheme, host, int(port) if port.isdigit() else default, query.rpartition("transport=")[2] or "udp"


async def _bound(host: str, port: int) -> bool:
    loop = asyncio.get_running_loop()
    heard: asyncio.Future[bytes] = loop.create_future()
    transport, _ears = await loop.create_datagram_endpoint(lambda: _Ears(heard), remote_addr=(host, port))
    message = struct.pack("!HHI", _REQUEST, 0, _COOKIE) + os.urandom(12)
    try:
        for _try in range(TRIES):
            transport.sendto(message)
            with suppress(TimeoutError):
                async with asyncio.timeout(SECONDS / TRIES):
                    answer = await asyncio.shield(heard)
                return answer[:2] == struct.pack("!H", _SUCCESS) and answer[4:20] == message[4:20]
    finally:
        transport.close()
        heard.cancel()
    return False


class _Ears(asyncio.DatagramProtocol):
    def __init__(self, heard: asyncio.Future[bytes]) -> None:
        self.heard = heard

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self.heard.done():
            self.heard.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.heard.done():
            self.heard.set_exception(exc)
