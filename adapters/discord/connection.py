"""One bot, or one of its shards: its sessions with the platform, opened, watched, and opened again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
import structlog

from adapters.discord import sdk
from adapters.discord.commands import as_json
from adapters.discord.ears import Ears
from adapters.discord.hearing import Hearing
from adapters.discord.known import Known
from adapters.discord.lanes import Lanes
from adapters.discord.missed import Missed
from adapters.discord.read_marks import ReadMarks
from adapters.discord.reading import string
from adapters.discord.rest import Rest
from adapters.discord.sdk import discord
from adapters.discord.settings import PLATFORM, SHARDS_SETTING, Settings
from adapters.discord.shards import ALONE, Shard, Turns
from core import outage, tasks
from core.chat import CommandSpec, Deliver, PostFailed, Revoked
from core.desk import Desk
from core.installations import environment
from core.installations import service as installations
from core.lease import Replaced

log = structlog.get_logger("discord.connection")
WRITE_EVERY = 2.0
DEAF = 0.5
"""Seconds after which the library, which may not have heard that it is to end, is told again."""
LONGEST_PAUSE = 60.0
AUTHENTICATION_FAILED = 4004
SHARDS_REFUSED = (4010, 4011)
"""The platform's codes for a shard that cannot be, and for a bot that has to have more of them."""
REFUSED_PAUSE = 900.0
"""Nothing but another setting helps; a bot may begin 1,000 sessions a day, then its token is taken away."""


class Connection:
    """A bot with its REST calls, what it knows of its servers, and what it hears."""

    def __init__(
        self,
        desk: Desk,
        settings: Settings,
        token: str,
        deliver: Deliver,
        *,
        commands: Sequence[CommandSpec] = (),
        forums: frozenset[str] = frozenset(),
        shard: Shard = ALONE,
        turns: Turns | None = None,
    ) -> None:
        self.desk = desk
        self.shard = shard
        """Which of the bot's sessions it is. The first one speaks for the bot, the others listen."""
        self._turns = turns
        self.settings = settings
        self.token = token
        self.commands = commands
        sdk.base_at(settings)
        self.rest = Rest(token)
        self.known = Known(forums=settings.forums | forums, shard=shard)
        self.marks: ReadMarks | None = None
        self.lanes = Lanes(self._overflowed)
        self.hearing = Hearing(desk, self.rest, self.known, self.lanes, deliver)
        self.missed: Missed | None = None
        self.led_as = ""
        """By whose lease it runs: the installation's, or a further shard's; empty for the bot of the environment."""
        self.read_words = True
        self.revoked = False
        self.opened = asyncio.Event()
        """Set once the bot is known and can post."""
        self._ears: Ears | None = None

    @property
    def installation(self) -> str:
        return self.known.bot

    @property
    def is_environments(self) -> bool:
        """Whether its token is the environment's, and not one that an admin has given."""
        return self.led_as == self.shard.led_as("")

    @property
    def is_listening(self) -> bool:
        return self._ears is not None and self._ears.hears

    async def run(self) -> None:
        """Log in and listen until cancelled; ends by itself only when the token is refused."""
        writing = asyncio.create_task(self._keep_marks())
        try:
            await self._log_in()
            await self._listen_on()
        except Revoked:
            await self._refused()
        finally:
            await tasks.end([writing])
            await self.hearing.close()
            await self.lanes.close()
            await self._write(connected=False)
            await self.rest.close()

    async def _log_in(self) -> None:
        pause = 1.0
        while True:
            try:
                me = await self.rest.login()
                application = await self.rest.get("/applications/@me")
                break
            except Revoked:
                raise
            except PostFailed as error:
                log.warning("login.failed", reason=str(error), pause=pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
        self.known.bot, self.known.application = string(me, "id"), string(application, "id")
        self.marks = ReadMarks(self.desk, self.installation, self.shard)
        await outage.wait_out(self.marks.load)
        self.missed = Missed(self.desk, self.rest, self.known, self.marks, self.hearing)
        self.hearing.marks, self.hearing.missed = self.marks, self.missed
        self.opened.set()
        log.info("bot.logged_in", bot=self.installation, shard=self.shard.number)
        if self.shard.number:
            return
        if self.is_environments:
            name = string(me, "global_name") or string(me, "username")
            await outage.wait_out(lambda: self._holds(name))
        await self._offer()

    async def _offer(self) -> None:
        """Register the commands; the bot works without them, so a refusal is only told."""
        if not self.commands:
            return
        try:
            await self.rest.call(
                "PUT",
                "/applications/{application_id}/commands",
                as_json(self.commands),
                application_id=self.known.application,
            )
        except PostFailed as error:
            log.warning("commands.refused", reason=str(error))

    async def _listen_on(self) -> None:
        """One session after the other. The library ends a session when it meets what it does not know,
        and the bot would be deaf: so it is watched."""
        pause = 1.0
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self._listen()
            except discord.PrivilegedIntentsRequired:
                log.warning("intent.missing", intent="message_content")
                self.read_words = False
                continue
            except discord.ConnectionClosed as error:
                if error.code == AUTHENTICATION_FAILED:
                    raise Revoked("the token is refused") from error
                if error.code in SHARDS_REFUSED:
                    await self._shards_refused(error.code)
                    continue
                log.warning("session.ended", code=error.code)
            except discord.LoginFailure as error:
                raise Revoked("the token is refused") from error
            except (discord.DiscordException, aiohttp.ClientError, OSError, PostFailed) as error:
                log.warning("session.ended", reason=type(error).__name__)
            except Exception as error:
                # The named edge: the library's parser met a shape that it does not know.
                log.exception("session.broke", exc_info=error)
            if asyncio.get_running_loop().time() - began > LONGEST_PAUSE:
                pause = 1.0
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _shards_refused(self, code: int) -> None:
        log.error(
            "shards.refused", code=code, bot=self.installation, shards=self.shard.of, setting=SHARDS_SETTING
        )
        await asyncio.sleep(REFUSED_PAUSE)

    async def _listen(self) -> None:
        await sdk.point_at(self.settings, self.rest.http)
        if self._turns is not None:
            await self._turns.take()
        ears = Ears(self._hear, read_words=self.read_words, shard=self.shard, turns=self._turns)
        self._ears = ears
        listening = asyncio.create_task(ears.start(self.token))
        try:
            await asyncio.wait({listening})
            await listening
        finally:
            await tasks.end([listening], again=DEAF)
            self._ears = None
            with contextlib.suppress(aiohttp.ClientError, OSError, discord.DiscordException, TimeoutError):
                async with asyncio.timeout(5):
                    await ears.close()

    def _hear(self, event: str, data: Mapping[str, Any]) -> None:
        self.hearing.hear(event, data)

    def _overflowed(self, channel: str) -> None:
        if self.missed is not None:
            self.missed.look_later(channel)

    async def _keep_marks(self) -> None:
        while True:
            await asyncio.sleep(WRITE_EVERY)
            await self._write(connected=self.is_listening and self.lanes.is_idle)

    async def _write(self, *, connected: bool) -> None:
        if self.marks is None:
            return
        try:
            await self.marks.write(connected=connected)
        except (*outage.MAY_BE_AWAY, Replaced) as error:
            log.warning("marks.not_written", reason=type(error).__name__)

    async def _holds(self, name: str) -> None:
        """The admins read that the environment's token is taken, and whose it is."""
        async with self.desk.unit() as uow:
            await environment.taken(uow, PLATFORM, self.installation, name)

    async def _refused(self) -> None:
        """The token is no good: shown to the admins, who connect the bot anew."""
        self.revoked = True
        self.opened.set()
        log.warning("token.refused", bot=self.installation)
        note = environment.refused if self.is_environments else installations.note_broken
        async with self.desk.unit() as uow:
            await note(uow, PLATFORM, self.installation, "token_revoked")
