"""The connections to platforms, spread over the gateways of a desk: each runs those that it leads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial

import structlog

from bot.app import App, take_over
from bot.leading import Lead, Leading
from core.chat import Shares
from core.lease import DESK, Pair
from core.outage import MAY_BE_AWAY

log = structlog.get_logger("bot.spreading")
LOOK_SECONDS = 10.0
FINISH_SECONDS = 5.0
"""So long calls that are under way may take when a connection is given up; what is lost is ended at once."""
_NEWS = ("desk.installation_connected", "desk.installation_disconnected", "desk.installation_broken")


class Spreading:
    """`chats` are those whose connections are shared; `desk` is what is led for the whole desk."""

    def __init__(self, app: App, leading: Leading, chats: Mapping[str, Shares], desk: Lead) -> None:
        self.app, self.leading, self.chats = app, leading, chats
        self.sharing = app.sharing
        self.sharing.holds = leading.holds
        self._desk = desk
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled: know which connections there are, and strive for each of them."""
        for chat in self.chats.values():
            await chat.lead(frozenset())
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._keep())
            group.create_task(self.leading.run())

    async def _listen(self) -> None:
        async with self.app.desk.bus.subscribe() as signals:
            async for signal in signals:
                if signal.topic == "lost" or signal.data.get("name") in _NEWS:
                    self._news.set()

    async def _keep(self) -> None:
        while True:
            self._news.clear()
            try:
                await self._look()
            except MAY_BE_AWAY as error:
                log.warning("connections.not_read", error=type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._news.wait()

    async def _look(self) -> None:
        """Nothing is striven for before it is known what there is."""
        units: dict[str, frozenset[Pair]] = {}
        for platform, chat in self.chats.items():
            for name, installations in (await chat.shares()).items():
                pairs = frozenset((platform, installation) for installation in installations)
                units[f"{platform}/{name}" if name else platform] = pairs
        self.sharing.share(units)
        work = {name: partial(self._lead, name) for name in units}
        self.leading.strive_for({DESK: self._lead_desk, **work})
        for platform in self.chats:
            await self._bring_about(platform)

    async def _lead_desk(self) -> None:
        async with self._taking_care(DESK):
            await self._desk()

    async def _lead(self, name: str) -> None:
        platform = name.partition("/")[0]
        try:
            async with self._taking_care(name):
                await self._bring_about(platform)
                await asyncio.Event().wait()
        finally:
            await self._bring_about(platform)

    @asynccontextmanager
    async def _taking_care(self, name: str) -> AsyncIterator[None]:
        """Of what is to be delivered by this lease; at the end what is under way is finished, if there is time."""
        await take_over(self.app.desk, self.sharing.of([name]))
        self.sharing.led.add(name)
        try:
            yield
        finally:
            self.sharing.led.discard(name)
            await self.app.loops.posting.let_go(FINISH_SECONDS if self.leading.holds(name) else 0.0)

    async def _bring_about(self, platform: str) -> None:
        """Exactly what is led of a platform runs here."""
        led = [self.sharing.units.get(name, frozenset()) for name in self.sharing.led]
        pairs = frozenset[Pair]().union(*led)
        await self.chats[platform].lead(frozenset(one for name, one in pairs if name == platform))
