"""A UDP relay between browsers and an engine: a network that can lose datagrams or stop."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

Address = tuple[str, int]


class Relay:
    """`loss` is the share of datagrams that vanish, in both directions; `out` loses all."""

    def __init__(self, target: Address) -> None:
        self.loss = 0.0
        self.out = False
        self.passed = self.lost = 0
        self.address: Address = ("", 0)
        self._target = target
        self._random = random.Random(7)
        self._ways: dict[Address, asyncio.DatagramTransport] = {}
        self._front: asyncio.DatagramTransport | None = None
        self._opening: asyncio.Future[None] | None = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        relay = self

        class Front(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, address: Any) -> None:
                if relay.passes():
                    relay.forward(data, address)

        self._front, _ = await loop.create_datagram_endpoint(Front, local_addr=("127.0.0.1", 0))
        self.address = self._front.get_extra_info("sockname")

    def passes(self) -> bool:
        if self.out or self._random.random() < self.loss:
            self.lost += 1
            return False
        self.passed += 1
        return True

    def forward(self, data: bytes, address: Address) -> None:
        way = self._ways.get(address)
        if way is None:
            self._opening = asyncio.ensure_future(self._open(data, address))
        else:
            way.sendto(data)

    def close(self) -> None:
        for way in self._ways.values():
            way.close()
        if self._front is not None:
            self._front.close()

    async def _open(self, data: bytes, address: Address) -> None:
        relay = self

        class Back(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, _from: Any) -> None:
                if relay.passes() and relay._front is not None:
                    relay._front.sendto(data, address)

        way, _ = await asyncio.get_running_loop().create_datagram_endpoint(Back, remote_addr=self._target)
        if address in self._ways:
            way.close()
            way = self._ways[address]
        self._ways[address] = way
        way.sendto(data)


@asynccontextmanager
async def relay(target: Address) -> AsyncIterator[Relay]:
    made = Relay(target)
    await made.start()
    yield made
    made.close()
