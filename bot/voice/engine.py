"""The media engine: its process, started when the first call needs it, or a LiveKit server where one is set."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import exists, select

from adapters.media import process
from adapters.media.client import Client
from adapters.media.endings import ENDINGS, Endings
from adapters.media.recordings import StoredRecordings
from adapters.media.settings import LiveKitSettings, Settings
from bot.voice.files import FileMaker
from bot.voice.keeper import Keeper
from core import tasks
from core.calls.model import RUNNING, Call, CallRecording
from core.desk import Desk
from core.env_file import environment
from core.errors import NotFound, Unavailable
from core.i18n import _
from core.outage import MAY_BE_AWAY
from core.ports.media import MediaEngine

if TYPE_CHECKING:
    from adapters.media.livekit.engine import LiveKitEngine

log = structlog.get_logger("bot.voice")
LONGEST_SOCKET = 100
"""Unix takes paths of about 107 bytes (unix(7))."""
START_SECONDS = 30.0
AGAIN = 0.5


class Voice:
    """Calls of one desk: its engine, its recordings, and what keeps both in step."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        self.desk, self.folder = desk, folder
        self.socket = socket_of(folder)
        self.recordings = StoredRecordings(desk.means.files, process.spool_of(self.socket))
        self.keeper = Keeper(desk, self.recordings, Endings(process.spool_of(self.socket) / ENDINGS).of)
        self._needed, self._there = asyncio.Event(), asyncio.Event()
        self._settings = Settings.of(environment())
        self._service: LiveKitEngine | None = None

    @property
    def livekit(self) -> LiveKitSettings | None:
        """The server that carries calls instead of our own engine, where one is set."""
        return self._settings.livekit

    async def engine(self) -> MediaEngine:
        """The engine; the first who asks waits until it is up. Raises `Unavailable`."""
        self._needed.set()
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._there.wait()
        except TimeoutError:
            raise Unavailable(_("Calls cannot be reached now. Please try again in a moment.")) from None
        assert self.keeper.media is not None
        return self.keeper.media

    async def shared(self) -> MediaEngine:
        """The engine that another process of this desk keeps; it is reached when it is used."""
        if self.keeper.media is None:
            self.keeper.media = self._server() or Client(self.socket, self._settings)
        return self.keeper.media

    async def hooked(self, body: bytes, authorization: str) -> None:
        """A webhook of the call server: kept before it is answered, so that it is sent again otherwise."""
        server = self._server()
        event = server.heard(body, authorization) if server is not None else None
        if event is not None:
            with suppress(NotFound):
                await self.keeper.heard(event)

    def need(self) -> None:
        """Keep an engine from the start: others will ask for it."""
        self._needed.set()

    async def run(self) -> None:
        """Until cancelled. The engine itself stays while calls run, and is found again."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.keeper.tick())
            group.create_task(self.keeper.obey())
            group.create_task(FileMaker(self.desk, self.recordings).run())
            group.create_task(self._serve())

    def _server(self) -> LiveKitEngine | None:
        if self._service is None and self.livekit is not None:
            # Its library is loaded only where it is used.
            from adapters.media.livekit.engine import LiveKitEngine

            self._service = LiveKitEngine(self.livekit)
        return self._service

    async def _serve(self) -> None:
        if (server := self._server()) is not None:
            try:
                await self._listened(server)
            finally:
                await server.close()
            return
        if await self._calls_run():
            self._needed.set()
        if self._settings.apart:
            async with process.reached(self.socket, self._settings) as client:
                await self._listened(client)
            return
        await self._needed.wait()
        self.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        env = dict(os.environ) | environment() | {"DESKBELL_DATA": str(self.folder)}
        command = (sys.executable, "-m", "bot", "media")
        async with process.kept(command, self.socket, self._settings, env) as client:
            await self._listened(client)

    async def _listened(self, media: MediaEngine) -> None:
        listening = asyncio.create_task(self.keeper.listen(media))
        try:
            await self._up(media)
            self._there.set()
            await listening
        finally:
            await tasks.end([listening])

    async def _up(self, client: MediaEngine) -> None:
        """However long a busy machine takes to start it: who calls meanwhile is told to wait."""
        self.keeper.media = client
        while True:
            try:
                return await self.keeper.reconcile()
            except (Unavailable, *MAY_BE_AWAY) as error:
                log.warning("call.engine_awaited", error=type(error).__name__)
                await asyncio.sleep(AGAIN)

    async def _calls_run(self) -> bool:
        """Or a recording is open: of a call that was ended while its engine was dead."""
        run, open_one = (
            exists().where(Call.state.in_(RUNNING)),
            exists().where(CallRecording.stopped_at.is_(None)),
        )
        async with self.desk.db.sessions() as session:
            return bool(await session.scalar(select(run | open_one)))


def socket_of(folder: Path) -> Path:
    """Where the engine of a data folder listens; somewhere short when the folder's path is long."""
    plain = folder / "media" / "engine.sock"
    if len(os.fsencode(plain)) < LONGEST_SOCKET:
        return plain
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"deskbell-{os.getuid()}-{digest}" / "engine.sock"
