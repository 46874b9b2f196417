"""One bot with everything that it can do: its connection, and the calls that go out by it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from adapters.discord import files, trying
from adapters.discord.connection import Connection
from adapters.discord.known import WITH_THREADS
from adapters.discord.labels import Labels
from adapters.discord.posting import Posting
from adapters.discord.reacting import Reacting
from adapters.discord.settings import PLATFORM, Settings
from adapters.discord.shards import ALONE, Shard, Turns
from adapters.discord.standing import target
from adapters.discord.threads import Threads
from adapters.discord.trouble import Refused
from adapters.discord.webhooks import Webhooks
from core.chat import Candidate, CommandSpec, Deliver, FileRef, Finding, Place, PostFailed
from core.desk import Desk

MOST_CANDIDATES = 200


class Bot(Connection):
    """A connection that also posts."""

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
        super().__init__(
            desk, settings, token, deliver, commands=commands, forums=forums, shard=shard, turns=turns
        )
        webhooks = Webhooks(self.rest, self.known) if settings.webhooks else None
        self.posting = Posting(desk, self.rest, self.known, webhooks)
        labels = Labels(self.rest, self.known)
        self.threads = Threads(self.rest, self.known, self.posting, labels, settings, self._has_heard)
        self.reacting = Reacting(self.rest, self.known, self.posting)

    def fetch(self, file: FileRef) -> AsyncIterator[bytes]:
        return files.fetch(self.rest, file)

    async def typing(self, place: Place) -> None:
        try:
            await self.rest.call("POST", "/channels/{channel_id}/typing", channel_id=target(place))
        except Refused as error:
            raise await self.posting.words_for(error, place) from error

    async def _has_heard(self, channel: str, native: str, guild: str) -> bool:
        """Whether a message, and all before it, is kept."""
        marks = self.hearing.marks
        return marks is not None and await marks.has_heard(channel, native, guild)

    async def catch_up(self) -> int:
        return await self.missed.catch_up() if self.missed is not None else 0

    async def check(self) -> Sequence[Finding]:
        """Whether the token holds, and which switch or right is missing."""
        try:
            return await trying.findings(self.rest, self.settings.shards)
        except PostFailed as error:
            return trying.unreachable(error)

    def candidates(self) -> Sequence[Candidate]:
        """Text channels and forums: what could be a desk room."""
        found = []
        for room in self.known.rooms():
            if room.guild and (room.kind in WITH_THREADS or room.is_forum):
                guild = self.known.guilds.get(room.guild)
                name = f"{guild.name} › #{room.name}" if guild is not None else f"#{room.name}"
                found.append(Candidate(Place(PLATFORM, self.installation, room.id), name))
        return sorted(found, key=lambda one: one.name)[:MOST_CANDIDATES]
