"""Slack as an adapter: the parts of this folder put together behind the protocols of chat."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal

import structlog
from starlette.types import ASGIApp

from adapters.slack import render
from adapters.slack.catchup import CatchUp
from adapters.slack.connecting import Connecting
from adapters.slack.directory import Directory
from adapters.slack.files import FileTransfer
from adapters.slack.install import Install
from adapters.slack.lanes import Lanes
from adapters.slack.posting import Posting
from adapters.slack.receiving import Receiving
from adapters.slack.settings import Settings
from adapters.slack.transport import Sockets, bolt
from adapters.slack.workspaces import PLATFORM, Workspaces
from core.chat import (
    Candidate,
    CommandSpec,
    Deliver,
    FileRef,
    Finding,
    Guide,
    OpenedThread,
    Place,
    Post,
    PostFailed,
    Tried,
)
from core.desk import Desk
from core.errors import Unavailable
from core.outage import MAY_BE_AWAY

log = structlog.get_logger("slack.adapter")

LOOK = 60.0
"""Seconds after which the connections are looked at anew, whatever was heard."""
SOON = 5.0
SAVE = 2.0
SWEEP = 3_600.0
_NEWS = ("desk.installation_connected", "desk.installation_disconnected")


class Slack:
    """Idle while nothing connects it; connections that come, go or get new tokens are taken up."""

    name = PLATFORM
    limits = render.LIMITS

    def __init__(self, desk: Desk, settings: Settings) -> None:
        from adapters.slack.http import make_app

        self.desk = desk
        self.settings = settings
        self.limits = replace(render.LIMITS, command=f"{settings.command} ")
        self.workspaces = Workspaces(desk, settings)
        self.directory = Directory()
        self.directory.bots = self.workspaces.bots
        self.catchup = CatchUp(self.workspaces, self.directory, Lanes())
        self.receiving = Receiving(self.workspaces, self.directory, self.catchup)
        self.posting = Posting(self.workspaces, settings.custom_names)
        self.transfer = FileTransfer(self.workspaces, self.posting)
        self.install = Install(desk, settings, self.workspaces)
        self.connecting = Connecting(settings, self.workspaces, self.install)
        self.sockets = Sockets(self.workspaces, self.catchup.again)
        self.bolt: Any = None
        self._commands: Sequence[CommandSpec] = ()
        self.http: ASGIApp | None = make_app(self)

    # --- Discreet

    def is_private(self, place: Place) -> bool:
        """Ids of direct conversations begin with D, those of channels with C or G."""
        return place.channel.startswith("D")

    # --- ChatAdapter

    async def run(self, deliver: Deliver) -> None:
        """Take in what comes until cancelled."""
        self.receiving.deliver = deliver
        await self.workspaces.note_environment()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen())
                group.create_task(self._keep())
                group.create_task(self._catch_up(deliver))
                group.create_task(self._save())
        finally:
            self.receiving.deliver = None
            await self._close()

    # --- Shares

    async def shares(self) -> Mapping[str, frozenset[str]]:
        return await self.workspaces.shares()

    async def lead(self, installations: frozenset[str]) -> None:
        before = frozenset(filter(self.workspaces.leads, self.workspaces.known))
        self.workspaces.led = installations
        for team in before ^ frozenset(filter(self.workspaces.leads, self.workspaces.known)):
            # Whoever has it meanwhile reads on from where we were, and we from where they will have been.
            self.catchup.forget(team)
        self.workspaces.changed.set()
        await self.sockets.drop()

    # --- Poster, Reacts, Marks

    async def post(self, place: Place, part: Post, *, key: str) -> str:
        return await self.posting.post(place, part, key=key)

    async def edit(self, place: Place, native: str, part: Post) -> None:
        await self.posting.edit(place, native, part)

    async def delete(self, place: Place, native: str) -> None:
        await self.posting.delete(place, native)

    async def react(self, place: Place, native: str, emoji: Sequence[str]) -> None:
        await self.posting.react(place, native, emoji)

    async def mark(self, place: Place, native: str, state: Literal["sent", "failed"]) -> None:
        await self.posting.mark(place, native, state)

    # --- Recalls

    async def recall(self, place: Place, part: Post, *, key: str, is_file: bool) -> str:
        left = self.transfer.left if is_file else self.posting.left
        return await left(place, key, part.since)

    # --- Rooms

    async def open_thread(
        self, place: Place, title: str, head: Post, *, key: str, member: str = ""
    ) -> OpenedThread:
        """A thread under its card. Slack has no threads for one person only: theirs is their conversation
        with the bot."""
        if member:
            channel = await self.directory.direct(await self.workspaces.of(place.installation), member)
            if not channel:
                raise PostFailed("their conversation cannot be opened now")
            own = Place(place.platform, place.installation, channel)
            return OpenedThread(own, await self.posting.post(own, head, key=key))
        return await self.posting.open_thread(place, head, key=key)

    async def close_thread(self, place: Place) -> None:
        """Threads of Slack stay open; the card above says how the ticket stands."""

    async def restore_thread(self, place: Place) -> None:
        """Nothing was closed."""

    # --- Files, Backfill, Menus

    def fetch(self, place: Place, file: FileRef) -> AsyncIterator[bytes]:
        return self.transfer.fetch(place, file)

    async def send(
        self, place: Place, file: FileRef, chunks: AsyncIterator[bytes], part: Post, *, key: str
    ) -> str:
        return await self.transfer.send(place, file, chunks, part, key=key)

    async def catch_up(self, deliver: Deliver) -> int:
        return await self.catchup.sweep(deliver)

    def offer(self, commands: Sequence[CommandSpec]) -> None:
        """Slack knows one command of ours; the others are its first word, or follow the bot's name."""
        self._commands = commands
        self.directory.commands = frozenset(one.name for one in commands)

    # --- Checks, Connects

    async def check(self) -> Sequence[Finding]:
        return await self.connecting.check()

    def guide(self, public_url: str) -> Guide:
        return self.connecting.guide(public_url)

    async def try_out(self, values: Mapping[str, str]) -> Tried:
        return await self.connecting.try_out(values)

    def preset(self) -> Mapping[str, str]:
        """An app-level token alone connects nothing."""
        if not self.settings.bot_token:
            return {}
        one = self.settings
        return {"bot_token": one.bot_token, "app_token": one.app_token, "signing_secret": one.signing_secret}

    async def candidates(self, installation: str) -> Sequence[Candidate]:
        return await self.connecting.candidates(installation)

    # --- what runs

    async def _listen(self) -> None:
        """Connections that an admin makes or ends are taken up at once."""
        async with self.desk.bus.subscribe() as signals:
            async for signal in signals:
                if signal.topic == "lost" or signal.data.get("name") in _NEWS:
                    self.workspaces.changed.set()

    async def _keep(self) -> None:
        """The workspaces, and a socket for each app."""
        while True:
            self.workspaces.changed.clear()
            settled = self.workspaces.settled()
            with suppress(*MAY_BE_AWAY):
                await self.workspaces.refresh()
            self.workspaces.look_after_tokens()
            if self.workspaces.known and self.bolt is None:
                self.bolt = bolt(self.workspaces, self.receiving.receive)
            if self.bolt is not None:
                await self.sockets.keep(self.bolt)
            if self.workspaces.settled() - settled:
                self.catchup.wanted.set()
            # What has changed meanwhile, by ourselves too, is looked at once more.
            unmet = any(
                not one.settled and not one.refused and self.workspaces.leads(team)
                for team, one in self.workspaces.known.items()
            )
            pause = SOON if unmet or self.workspaces.env_waits else LOOK
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self.workspaces.changed.wait()

    async def _catch_up(self, deliver: Deliver) -> None:
        """After each start and each new connection, after a failure, and now and then."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(SWEEP):
                    await self.catchup.wanted.wait()
            try:
                await self.catchup.sweep(deliver)
            except (*MAY_BE_AWAY, Unavailable) as error:
                log.warning("slack.catch_up_waits", error=type(error).__name__)
                self.catchup.wanted.set()
            await asyncio.sleep(SOON if self.catchup.wanted.is_set() else 0)

    async def _save(self) -> None:
        while True:
            await asyncio.sleep(SAVE)
            try:
                await self.catchup.save()
            except MAY_BE_AWAY as error:
                log.warning("slack.cursors_not_saved", error=type(error).__name__)

    async def close(self) -> None:
        """Of whoever asked something without running it."""
        await self.workspaces.close()

    async def _close(self) -> None:
        await self.sockets.close()
        await self.receiving.close()
        with suppress(*MAY_BE_AWAY):
            await self.catchup.save()
        self.bolt = None
        await self.workspaces.close()
