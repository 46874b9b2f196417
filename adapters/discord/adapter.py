"""Discord as an adapter: which bots are connected, and each call handed to the bot of its place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import structlog

from adapters.discord import guide, render
from adapters.discord.known import DM
from adapters.discord.settings import PLATFORM, Settings, bot_in
from adapters.discord.shards import Shard, Turns, shards
from core import lease, outage, tasks
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
    RetryAfter,
    Revoked,
    Tried,
)
from core.desk import Desk
from core.installations import environment
from core.installations import service as installations
from core.installations.model import InstallationState

if TYPE_CHECKING:
    from adapters.discord.bot import Bot

log = structlog.get_logger("discord.adapter")
LOOK_EVERY = 60.0
PATIENCE = 10.0
"""Seconds that a call waits for its bot while the desk starts."""
Key = tuple[str, int]
"""A token and the number of a shard: a bot's id is known once it is logged in."""
_CHANGES = ("desk.installation_connected", "desk.installation_disconnected")


class DiscordChat:
    """Idle while no bot is configured; bots come and go while it runs."""

    name = PLATFORM
    http = None

    def __init__(self, desk: Desk, settings: Settings) -> None:
        self.desk = desk
        self.settings = settings
        self.limits = replace(render.LIMITS, own_place_days=settings.closed_days)
        self._commands: Sequence[CommandSpec] = ()
        self._deliver: Deliver | None = None
        self._shards = shards(settings.shards)
        self._turns: dict[str, Turns] = {}
        """By token; empty where each bot has one session."""
        self._bots: dict[Key, Bot] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._broken: frozenset[str] = frozenset()
        """Bots whose token is refused, until an admin connects them anew."""
        self._led: frozenset[str] | None = None
        """The bots of this process, "" for that of the environment, and further shards of bots; None where it runs
        them all."""
        self._look = asyncio.Event()
        self._bringing = asyncio.Lock()
        self._changed = asyncio.Event()

    def is_private(self, place: Place) -> bool:
        """A direct conversation that the bot knows of; anything else may be read by others."""
        bots = [bot for bot in self._bots.values() if bot.installation == place.installation]
        rooms = [bot.known.room(place.channel) for bot in bots]
        return any(room is not None and room.kind == DM for room in rooms)

    # --- running

    async def run(self, deliver: Deliver) -> None:
        """Keep the bots connected that should be, until cancelled."""
        self._deliver = deliver
        if not self.settings.bot_token:
            await environment.note_absent(self.desk, PLATFORM)
        listening = asyncio.create_task(self._listen())
        try:
            while True:
                self._look.clear()
                await self._bring_about()
                try:
                    async with asyncio.timeout(LOOK_EVERY):
                        await self._look.wait()
                except TimeoutError:
                    pass
        finally:
            self._deliver = None
            await tasks.end([listening])
            await self._stop(list(self._tasks))

    # --- Shares

    async def shares(self) -> Mapping[str, frozenset[str]]:
        """Each shard of each bot. What is said goes by the lease of the bot, which is that of its first shard."""
        async with self.desk.db.sessions() as session:
            found = set(await installations.apart(session, PLATFORM))
        token = self.settings.bot_token
        bots = found | ({""} if token and bot_in(token) not in found else set())
        names = [shard.led_as(bot) for bot in sorted(bots) for shard in self._shards]
        return {name: frozenset({name}) for name in names}

    async def lead(self, installations: frozenset[str]) -> None:
        self._led = installations
        self._look.set()
        await self._stop([key for key, bot in self._bots.items() if not self._leads(bot.led_as)])

    def _leads(self, installation: str) -> bool:
        return self._led is None or installation in self._led

    def offer(self, commands: Sequence[CommandSpec]) -> None:
        self._commands = tuple(commands)

    async def catch_up(self, deliver: Deliver) -> int:
        """What each bot missed; they also look by themselves whenever a session begins."""
        return sum([await bot.catch_up() for bot in list(self._bots.values())])

    async def _listen(self) -> None:
        async with self.desk.bus.subscribe() as signals:
            async for signal in signals:
                is_change = signal.topic == "event" and signal.data.get("name") in _CHANGES
                if is_change or signal.topic == "lost":
                    self._look.set()

    async def _bring_about(self) -> None:
        async with self._bringing:
            try:
                wanted = await self._wanted()
            except outage.MAY_BE_AWAY as error:
                log.warning("connections.not_read", reason=type(error).__name__)
                return
            await self._run_only(wanted)

    async def _run_only(self, wanted: Mapping[str, tuple[str, frozenset[str]]]) -> None:
        await self._stop([key for key in self._tasks if key[0] not in wanted])
        for token, (installation, forums) in wanted.items():
            for shard in self._shards:
                key = token, shard.number
                task = self._tasks.get(key)
                ended = task is None or (task.done() and not self._bots[key].revoked)
                if ended and self._leads(shard.led_as(installation)):
                    self._start(token, shard, installation, forums)

    async def _wanted(self) -> Mapping[str, tuple[str, frozenset[str]]]:
        """The tokens of all bots, each with its installation and the forums that it watches."""
        wanted: dict[str, tuple[str, frozenset[str]]] = {}
        async with self.desk.db.sessions() as session:
            keys = self.desk.means.keys
            rows = await installations.connections(session, keys, PLATFORM, broken=True)
        own = self.settings.bot_token
        # A bot that an admin has connected anew is no more run by the token before.
        if own and bot_in(own) not in {row.external for row in rows}:
            wanted[own] = ("", frozenset())
        self._broken = frozenset(row.external for row in rows if row.state != InstallationState.on)
        for row in rows:
            if row.external in self._broken:
                continue
            if token := row.secrets.get("bot_token", ""):
                forums = row.settings.get("forums")
                listed = forums if isinstance(forums, list) else []
                wanted[token] = (row.external, frozenset(str(one) for one in listed))
        return wanted

    def _start(self, token: str, shard: Shard, installation: str, forums: frozenset[str]) -> None:
        from adapters.discord.bot import Bot

        assert self._deliver is not None
        turns = self._turns.setdefault(token, Turns()) if shard.of > 1 else None
        bot = Bot(
            self.desk,
            self.settings,
            token,
            self._deliver,
            commands=self._commands,
            forums=forums,
            shard=shard,
            turns=turns,
        )
        bot.led_as = shard.led_as(installation)
        # Who it is, is known also when the platform takes its token no more.
        bot.known.bot = installation or bot_in(token)
        self._bots[token, shard.number] = bot
        with lease.about((PLATFORM, bot.led_as)):
            self._tasks[token, shard.number] = asyncio.create_task(self._watched(bot), name="discord")
        self._tell_changed()

    async def _watched(self, bot: Bot) -> None:
        """The named edge: a bot that breaks is started again with the next look, the others go on."""
        try:
            await bot.run()
        except Exception as error:
            log.exception("bot.broke", exc_info=error)
        finally:
            self._tell_changed()

    async def _stop(self, keys: Collection[Key]) -> None:
        await tasks.end([self._tasks.pop(key) for key in keys if key in self._tasks])
        for key in keys:
            self._bots.pop(key, None)
        self._tell_changed()

    def _tell_changed(self) -> None:
        before, self._changed = self._changed, asyncio.Event()
        before.set()

    async def _bot(self, place: Place) -> Bot:
        """The bot of a place; waited for a little while the desk starts."""
        try:
            return await self._ready(place)
        except Revoked:
            if self._deliver is None:
                raise
        # It may have been connected anew a moment ago.
        await self._bring_about()
        return await self._ready(place)

    async def _ready(self, place: Place) -> Bot:
        if place.installation in self._broken:
            raise Revoked("the token is refused")
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._found(place)
        except TimeoutError:
            raise RetryAfter(LOOK_EVERY) from None

    async def _found(self, place: Place) -> Bot:
        """Of several shards the one that hears what happens there, else the first."""
        while True:
            changed = self._changed
            bots = list(self._bots.values())
            ready = [bot for bot in bots if bot.opened.is_set() and bot.installation == place.installation]
            if ready:
                found = min(ready, key=lambda bot: (not bot.known.is_home(place.channel), bot.shard.number))
                if found.revoked:
                    raise Revoked("the token is refused")
                return found
            opening = [asyncio.create_task(bot.opened.wait()) for bot in bots if not bot.opened.is_set()]
            waits = [*opening, asyncio.create_task(changed.wait())]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in waits:
                    one.cancel()

    # --- Poster

    async def post(self, place: Place, part: Post, *, key: str) -> str:
        return await (await self._bot(place)).threads.post(place, part, key)

    async def edit(self, place: Place, native: str, part: Post) -> None:
        await (await self._bot(place)).threads.edit(place, native, part)

    async def delete(self, place: Place, native: str) -> None:
        await (await self._bot(place)).posting.delete(place, native)

    def measure(self, markdown: str) -> int:
        return render.measure(markdown)

    # --- Recalls

    async def recall(self, place: Place, part: Post, *, key: str, is_file: bool) -> str:
        return await (await self._bot(place)).posting.recall(place, part, key)

    # --- Reacts, Marks, Types

    async def react(self, place: Place, native: str, emoji: Sequence[str]) -> None:
        await (await self._bot(place)).reacting.react(place, native, emoji)

    async def mark(self, place: Place, native: str, state: Literal["sent", "failed"]) -> None:
        await (await self._bot(place)).reacting.mark(place, native, state)

    async def typing(self, place: Place, on: bool) -> None:
        """Shown for some seconds; there is no way to end it."""
        if on:
            await (await self._bot(place)).typing(place)

    # --- Rooms

    async def open_thread(
        self, place: Place, title: str, head: Post, *, key: str, member: str = ""
    ) -> OpenedThread:
        return await (await self._bot(place)).threads.open(place, title, head, key, member)

    async def close_thread(self, place: Place) -> None:
        await (await self._bot(place)).threads.close(place)

    async def restore_thread(self, place: Place) -> None:
        await (await self._bot(place)).threads.restore(place)

    # --- Files

    async def fetch(self, place: Place, file: FileRef) -> AsyncIterator[bytes]:
        async for chunk in (await self._bot(place)).fetch(file):
            yield chunk

    async def send(
        self, place: Place, file: FileRef, chunks: AsyncIterator[bytes], part: Post, *, key: str
    ) -> str:
        return await (await self._bot(place)).posting.send(place, file, chunks, part, key)

    # --- Checks, Connects

    async def check(self) -> Sequence[Finding]:
        bots = {bot.token: bot for bot in reversed(list(self._bots.values()))}
        return [finding for bot in bots.values() for finding in await bot.check()]

    def guide(self, public_url: str) -> Guide:
        return guide.steps()

    async def try_out(self, values: Mapping[str, str]) -> Tried:
        from adapters.discord import trying

        return await trying.try_out(self.settings, values)

    def preset(self) -> Mapping[str, str]:
        return {"bot_token": self.settings.bot_token} if self.settings.bot_token else {}

    async def candidates(self, installation: str) -> Sequence[Candidate]:
        if self._deliver is None or self.settings.shards > 1:
            return await self._candidates_by_calls(installation)
        try:
            bot = await self._bot(Place(PLATFORM, installation, ""))
        except PostFailed:
            return []
        return bot.candidates()

    async def _candidates_by_calls(self, installation: str) -> Sequence[Candidate]:
        """Nothing runs here, as at the command line, or each shard knows some servers only: the platform is asked
        with the token that is kept."""
        from adapters.discord import trying

        async with self.desk.db.sessions() as session:
            rows = await installations.connections(session, self.desk.means.keys, PLATFORM)
        kept = next((row.secrets for row in rows if row.external == installation), {})
        token = kept.get("bot_token") or self.settings.bot_token
        return await trying.candidates(self.settings, token, installation) if token else []
