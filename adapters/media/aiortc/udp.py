"""One UDP port for all calls of a process.

Datagrams are told apart by where they come from; a new address becomes known when a check from
it has shown the password of a connection. One open port is all a firewall must let through.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Protocol

import structlog

from adapters.media.aiortc.ice import Address, Check, read_check
from core.errors import StartError

log = structlog.get_logger("media.udp")

_AT_ONCE = 64
_BUFFER = 4 * 1024 * 1024
_LARGEST = 2048


class Listener(Protocol):
    """One connection, as the port sees it."""

    def datagram(self, data: bytes, now: float) -> None: ...

    def check(self, check: Check, sock: socket.socket, address: Address) -> bool:
        """Answer it; whether the address is now one of this connection's."""
        ...


class UdpPort:
    """Sockets of one port number, one for each address in `hosts`."""

    def __init__(self, hosts: tuple[str, ...], ports: range) -> None:
        self.sockets = _bind(hosts, ports)
        self.number: int = self.sockets[0].getsockname()[1]
        self.now = time.monotonic()
        self.strangers = 0
        self._by_address: dict[Address, Listener] = {}
        self._by_fragment: dict[str, Listener] = {}
        self._loop = asyncio.get_running_loop()
        for sock in self.sockets:
            self._loop.add_reader(sock.fileno(), self._reader(sock))

    def add(self, fragment: str, listener: Listener) -> None:
        self._by_fragment[fragment] = listener

    def remove(self, fragment: str) -> None:
        """Forget a connection and all addresses it has."""
        listener = self._by_fragment.pop(fragment, None)
        for address in [a for a, known in self._by_address.items() if known is listener]:
            del self._by_address[address]

    def forget(self, address: Address) -> None:
        self._by_address.pop(address, None)

    def close(self) -> None:
        for sock in self.sockets:
            self._loop.remove_reader(sock.fileno())
            sock.close()

    def _reader(self, sock: socket.socket) -> Callable[[], None]:
        receive, known, take = sock.recvfrom, self._by_address.get, self._stranger

        def read() -> None:
            self.now = now = time.monotonic()
            for _ in range(_AT_ONCE):
                try:
                    data, address = receive(_LARGEST)
                except (BlockingIOError, InterruptedError):
                    return
                except OSError:  # what ICMP reports about an earlier send
                    continue
                listener = known(address)
                if listener is not None and data and data[0] > 3:
                    listener.datagram(data, now)
                else:
                    take(data, sock, address)

        return read

    def _stranger(self, data: bytes, sock: socket.socket, address: Address) -> None:
        check = read_check(data)
        listener = self._by_fragment.get(check.fragment) if check is not None else None
        if check is None or listener is None:
            self.strangers += 1
        elif listener.check(check, sock, address):
            self._by_address[address] = listener


def _bind(hosts: tuple[str, ...], ports: range) -> list[socket.socket]:
    """The first port number of the range that is free on all hosts."""
    for port in ports:
        opened: list[socket.socket] = []
        try:
            for host in hosts:
                opened.append(_open(host, port or (opened[0].getsockname()[1] if opened else 0)))
        except OSError as error:
            for sock in opened:
                sock.close()
            log.info("media.port_taken", port=port, error=type(error).__name__)
            continue
        return opened
    raise StartError(
        f"No UDP port of {ports.start}-{ports.stop - 1} is free for calls. Set DESKBELL_MEDIA_PORTS to others."
    )


def _open(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock
