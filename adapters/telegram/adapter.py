"""Telegram as an adapter: each connected bot is a line, and every call finds its line by the place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Literal

import structlog
from starlette.types import ASGIApp

from adapters.telegram import commands, connecting, files, html, outbound
from adapters.telegram.answering import Answering
from adapters.telegram.line import Line
from adapters.telegram.lines import Lines
from adapters.telegram.polling import Polling
from adapters.telegram.receiving import Receiving
from adapters.telegram.settings import PLATFORM, Settings
from adapters.telegram.webhook import Webhook
from core import lease, tasks
from core.chat import (
    Candidate,
    CommandSpec,
    Deliver,
    FileRef,
    Finding,
    Guide,
    Limits,
    OpenedThread,
    Place,
    Post,
    PostFailed,
    Revoked,
    Tried,
)
from core.desk import Desk
from core.outage import MAY_BE_AWAY

log = structlog.get_logger("telegram.adapter")
PAUSE = 5.0


class Telegram:
    """Bots of Telegram. Idle while none is connected."""

    name = PLATFORM
    limits = Limits(
        text=3_900,
        title=128,
        buttons=30,
        options=40,
        fields=20,
        button_label=60,
        file_bytes=files.LARGEST,
        files=10,
        forms=False,
        private=False,
        delete_seen=False,
        reactions_most=1,
        edit_pause=5.0,
    )

    def __init__(self, desk: Desk, settings: Settings) -> None:
        self.desk = desk
        self.settings = settings
        self.lines = Lines(desk, settings)
        self.answering = Answering(self.limits)
        self.webhook = Webhook()
        self.http: ASGIApp | None = self.webhook if settings.webhook_url else None
        self._offered: tuple[CommandSpec, ...] = ()
        self._serving: dict[str, tuple[Line, asyncio.Task[None]]] = {}
        self._look = asyncio.Event()

    def is_private(self, place: Place) -> bool:
        """Chats with one person have the person's number, groups negative ones."""
        return not place.channel.startswith("-")

    async def run(self, deliver: Deliver) -> None:
        """Listen on every line, also on those connected meanwhile, until cancelled."""
        await self.lines.note_environment()
        try:
            while True:
                self._look.clear()
                news = [asyncio.create_task(self.lines.changed()), asyncio.create_task(self._look.wait())]
                try:
                    await self._adjust(deliver)
                    await asyncio.wait(news, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for one in news:
                        one.cancel()
        finally:
            await self._stop(list(self._serving))
            await self.close()

    # --- Shares

    async def shares(self) -> Mapping[str, frozenset[str]]:
        return await self.lines.apart()

    async def lead(self, installations: frozenset[str]) -> None:
        self.lines.led = installations
        self.webhook.others = True
        self._look.set()
        await self._stop([number for number in self._serving if not self.lines.leads(number)])

    async def close(self) -> None:
        await self.answering.close()
        await self.lines.close()

    async def _adjust(self, deliver: Deliver) -> None:
        """One task for each line that this process runs; those of lines that are gone end."""
        try:
            wanted = await self.lines.refresh()
        except MAY_BE_AWAY as error:
            log.warning("lines.not_read", error=type(error).__name__)
            return
        served = list(self._serving.items())
        await self._stop([one for one, (line, task) in served if wanted.get(one) is not line or task.done()])
        for number, line in wanted.items():
            if self.lines.leads(number) and number not in self._serving:
                with lease.about((PLATFORM, number)):
                    self._serving[number] = (line, asyncio.create_task(self._serve(line, deliver)))

    async def _stop(self, numbers: Sequence[str]) -> None:
        stopped = [self._serving.pop(number) for number in numbers if number in self._serving]
        await tasks.end(task for _line, task in stopped)
        for line, _task in stopped:
            # Whoever reads on meanwhile moves it.
            line.offset = None

    async def _serve(self, line: Line, deliver: Deliver) -> None:
        """One line until its token is refused; then an admin has to connect it anew."""
        receiving = Receiving(self.desk, line, deliver, self.answering)
        while True:
            try:
                await line.me()
                await self.lines.holds(line)
                await commands.register(self.desk, line, self._offered)
                if self.settings.webhook_url:
                    await self.webhook.serve(self.settings.webhook_url, receiving)
                else:
                    await line.client.call("deleteWebhook")
                    await Polling(receiving).run()
            except Revoked:
                log.warning("line.revoked", bot=line.id)
                await self.lines.broken(line)
                return
            except PostFailed as error:
                log.warning("line.failed", bot=line.id, error=type(error).__name__)
                await asyncio.sleep(PAUSE)
            except Exception as error:
                # The named edge: one line's trouble is no end of it.
                log.exception("line.failed", bot=line.id, exc_info=error)
                await asyncio.sleep(PAUSE)

    # --- Backfill

    async def catch_up(self, deliver: Deliver) -> int:
        """Telegram keeps what was not taken for a day: it is read to its end."""
        if self.settings.webhook_url:
            return 0
        count = 0
        for line in (await self.lines.refresh()).values():
            count += await Polling(Receiving(self.desk, line, deliver, self.answering)).catch_up()
        return count

    # --- Poster

    async def post(self, place: Place, part: Post, *, key: str) -> str:
        return await outbound.post(await self.lines.of(place), place, part)

    async def edit(self, place: Place, native: str, part: Post) -> None:
        await outbound.edit(await self.lines.of(place), place, native, part)

    async def delete(self, place: Place, native: str) -> None:
        await outbound.delete(await self.lines.of(place), place, native)

    # --- Reacts, Types, Marks, Measures

    async def react(self, place: Place, native: str, emoji: Sequence[str]) -> None:
        await outbound.react(await self.lines.of(place), place, native, emoji)

    async def typing(self, place: Place, on: bool) -> None:
        if on:
            await outbound.typing(await self.lines.of(place), place)

    async def mark(self, place: Place, native: str, state: Literal["sent", "failed"]) -> None:
        await outbound.mark(await self.lines.of(place), place, native, state)

    def measure(self, markdown: str) -> int:
        return html.measure(markdown)

    # --- Rooms

    async def open_thread(
        self, place: Place, title: str, head: Post, *, key: str, member: str = ""
    ) -> OpenedThread:
        """A topic; its card is posted as the first message. A private chat is the member's own."""
        line = await self.lines.of(place)
        return OpenedThread(await outbound.open_topic(line, member or place.channel, title))

    async def close_thread(self, place: Place) -> None:
        if place.thread:
            await outbound.set_open(await self.lines.of(place), place, False)

    async def restore_thread(self, place: Place) -> None:
        if place.thread:
            await outbound.set_open(await self.lines.of(place), place, True)

    # --- Files

    async def fetch(self, place: Place, file: FileRef) -> AsyncIterator[bytes]:
        line = await self.lines.of(place)
        async for chunk in files.fetch(line, file):
            yield chunk

    async def send(
        self, place: Place, file: FileRef, chunks: AsyncIterator[bytes], part: Post, *, key: str
    ) -> str:
        return await files.send(await self.lines.of(place), place, file, chunks, part)

    # --- Menus, Checks, Connects

    def offer(self, commands: Sequence[CommandSpec]) -> None:
        self._offered = tuple(commands)
        self.lines.commands = frozenset(command.name for command in commands)

    async def check(self) -> Sequence[Finding]:
        findings: list[Finding] = []
        for line in (await self.lines.refresh()).values():
            findings.extend(await connecting.look(self.desk, line))
        return findings

    def guide(self, public_url: str) -> Guide:
        return connecting.guide(self._offered)

    async def try_out(self, values: Mapping[str, str]) -> Tried:
        return await connecting.try_out(self.settings, values)

    def preset(self) -> Mapping[str, str]:
        return {"bot_token": self.settings.token} if self.settings.token else {}

    async def candidates(self, installation: str) -> Sequence[Candidate]:
        return await connecting.candidates(self.desk, await self.lines.of(Place(PLATFORM, installation, "")))
