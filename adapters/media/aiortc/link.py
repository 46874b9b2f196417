"""The secured way to one browser: ICE lite below, aiortc's DTLS beside, SRTP on top.

`RTCDtlsTransport` is used as it is, over an object that looks like aiortc's ICE transport. It
makes the handshake and the two SRTP sessions; packets of media never pass through it, but go
from the socket through the session to whoever listens.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import cast

import pylibsrtp
import structlog
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsParameters, RTCDtlsTransport
from aiortc.rtcicetransport import RTCIceTransport

from adapters.media.aiortc.ice import Address, Check, Credentials, answer_check
from adapters.media.aiortc.udp import UdpPort

log = structlog.get_logger("media.link")

MOST_ADDRESSES = 8
"""Ways to one browser that are known at the same time."""
_HANDSHAKE_QUEUE = 64
_LARGEST_PLAIN = 1_350
"""A longer packet would not fit with its tag into what the SRTP session takes."""

_FAULTS = (pylibsrtp.Error, ValueError, IndexError, struct.error)
"""Of packets that are forged, repeated, too long, or cut."""

Take = Callable[[bytes, float], None]


class Link:
    """One connection to one browser."""

    def __init__(self, port: UdpPort, certificate: RTCCertificate) -> None:
        self.local = Credentials.fresh()
        self.heard = port.now
        self.sent_bytes = self.received_bytes = 0
        self.refused = 0
        """Datagrams that were not authentic."""
        self.allow: Callable[[bytes], bool] = lambda _data: True
        self.take_media: Take = lambda _data, _now: None
        self.take_control: Take = lambda _data, _now: None
        self._port = port
        self._ways: dict[Address, socket.socket] = {}
        self._nominated = False
        self._sock: socket.socket | None = None
        self._address: Address | None = None
        self._handshake = _Handshake(self)
        self._dtls = RTCDtlsTransport(cast(RTCIceTransport, self._handshake), [certificate])
        self._dtls._set_role("server")
        self._protect: Callable[[bytes], bytes] | None = None
        self._unprotect: Callable[[bytes], bytes] | None = None
        port.add(self.local.fragment, self)

    @property
    def ready(self) -> bool:
        return self._protect is not None

    @property
    def closed(self) -> bool:
        return self._dtls.state in ("closed", "failed")

    async def start(self, remote: RTCDtlsParameters) -> bool:
        """Wait for the browser's handshake; whether it came about."""
        await self._dtls.start(remote)
        if self._dtls.state != "connected":
            return False
        self._protect = self._dtls._tx_srtp.protect
        self._unprotect = self._dtls._rx_srtp.unprotect
        return True

    async def stop(self) -> None:
        self._protect = self._unprotect = None
        await self._dtls.stop()
        self._handshake.close()
        self._port.remove(self.local.fragment)
        # Nothing may hold the packets of a connection that is over: the collector comes seldom.
        self.allow = lambda _data: False
        self.take_media = self.take_control = lambda _data, _now: None

    def send(self, packet: bytes) -> None:
        """Send one RTP packet; a full socket or a broken way loses it, as networks do."""
        if self._protect is None or self._sock is None or len(packet) > _LARGEST_PLAIN:
            return
        try:
            data = self._protect(packet)
        except pylibsrtp.Error:  # a sender whose numbers jump back; the others go on
            self.refused += 1
            return
        self.sent_bytes += len(data)
        with contextlib.suppress(OSError):
            self._sock.sendto(data, self._address)  # type: ignore[arg-type]

    def send_control(self, packet: bytes) -> None:
        """Send RTCP."""
        if self._protect is not None:
            self.send_raw(self._dtls._tx_srtp.protect_rtcp(packet))

    def send_raw(self, data: bytes) -> None:
        if self._sock is not None and self._address is not None:
            self.sent_bytes += len(data)
            with contextlib.suppress(OSError):
                self._sock.sendto(data, self._address)

    def check(self, check: Check, sock: socket.socket, address: Address) -> bool:
        answer = answer_check(check, self.local, address)
        if answer is None:
            self.refused += 1
            return False
        with contextlib.suppress(OSError):
            sock.sendto(answer, address)
        self.heard = self._port.now
        self._remember(sock, address)
        if check.nominated or (self._address is None and not self._nominated):
            self._nominated = self._nominated or check.nominated
            self._sock, self._address = sock, address
        return True

    def datagram(self, data: bytes, now: float) -> None:
        self.received_bytes += len(data)
        if not self.allow(data):
            return
        first = data[0]
        if 127 < first < 192 and len(data) > 11:
            if self._unprotect is None:
                return
            try:
                if 192 <= data[1] <= 208:
                    self.take_control(self._dtls._rx_srtp.unprotect_rtcp(data), now)
                else:
                    self.take_media(self._unprotect(data), now)
            except _FAULTS:
                self.refused += 1
            else:
                self.heard = now
        elif 19 < first < 64:
            self.heard = now
            self._handshake.put(data)

    def _remember(self, sock: socket.socket, address: Address) -> None:
        self._ways.pop(address, None)
        self._ways[address] = sock
        if len(self._ways) > MOST_ADDRESSES:
            oldest = next(known for known in self._ways if known != self._address)
            del self._ways[oldest]
            self._port.forget(oldest)


class _Handshake:
    """What aiortc's DTLS transport asks of an ICE transport, and no more."""

    role = "controlled"
    state = "completed"

    def __init__(self, link: Link) -> None:
        self._link = link
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue(_HANDSHAKE_QUEUE)

    def put(self, data: bytes) -> None:
        with contextlib.suppress(asyncio.QueueFull):
            self._waiting.put_nowait(data)

    def close(self) -> None:
        while not self._waiting.empty():
            self._waiting.get_nowait()
        self._waiting.put_nowait(None)

    async def _recv(self) -> bytes:
        data = await self._waiting.get()
        if data is None:
            self.close()
            raise ConnectionError("closed")
        return data

    async def _send(self, data: bytes) -> None:
        self._link.send_raw(data)
