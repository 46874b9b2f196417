"""Discord's stand-in as the benchmark sees it."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from benchmarks.kill.side import Line
from playground.discord import DiscordServer
from playground.discord.demo import Seeded, seed
from playground.discord.errors import Refused

TOKEN = "benchmark-token"


class DiscordSide:
    name = "discord"
    deletes = True
    burst = 7

    def __init__(self) -> None:
        self.server = DiscordServer()
        self.people = self.server.people
        self.seeded: Seeded

    async def open(self, seed_number: int) -> None:
        await self.server.start()
        self.server.faults.seed(seed_number)
        self.seeded = seed(self.server.world, TOKEN)
        self.forum = next(one for one in self.seeded.channels if one.name == "desk")
        self.agent = next(one for one in self.seeded.users if one.name == "Deniz")
        self.bot = self.seeded.app.user

    async def close(self) -> None:
        await self.server.stop()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "DESKBELL_DISCORD_API_BASE_URL": self.server.api_url,
            "DESKBELL_DISCORD_BOT_TOKEN": TOKEN,
        }

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "installation": self.bot.id,
            "room": self.forum.id,
            "agent": [self.agent.id, self.agent.name],
        }

    async def joins(self, name: str) -> str:
        user = self.server.world.add_user(name)
        self.people.join(user, self.seeded.guild)
        self.people.dm(user, self.seeded.app)
        return user.id

    async def says(self, who: str, text: str) -> str:
        return self.people.say(who, self.people.dm(who, self.seeded.app), text).id

    async def edits(self, who: str, native: str, text: str) -> None:
        self.people.edit(who, native, text)

    async def deletes_own(self, who: str, native: str) -> None:
        self.people.delete(who, native)

    async def agent_says(self, thread: str, text: str) -> str:
        return self.people.say(self.agent, thread, text).id

    async def agent_edits(self, thread: str, native: str, text: str) -> None:
        self.people.edit(self.agent, native, text)

    async def agent_deletes(self, thread: str, native: str) -> None:
        self.people.delete(self.agent, native)

    async def agent_commands(self, thread: str, name: str, text: str = "") -> bool:
        """Interactions are told once; what nobody answers has failed before the person's eyes."""
        options = {"text": text} if text else {}
        try:
            asked = self.people.command(self.agent, thread, f"desk {name}", options)
        except Refused:
            return False
        try:
            async with asyncio.timeout(8):
                await asked.settled.wait()
        except TimeoutError:
            return False
        return asked.original is not None and "Noted" in _words(asked.original)

    async def chat(self, who: str) -> list[Line]:
        return self._lines(self.people.dm(who, self.seeded.app))

    async def threads(self) -> dict[str, list[Line]]:
        threads = self.server.world.threads_in(self.forum)
        return {one.id: self._lines(one) for one in threads if one.name.startswith("#")}

    async def news(self, after: int) -> tuple[int, list[str]]:
        changes = await self.server.world.journal.wait(after, 5.0)
        found: list[str] = []
        for change in changes:
            if change["kind"] == "message":
                channel = self.server.world.channels.get(change["channel"])
                message = channel.messages.get(change["message"]) if channel is not None else None
                if message is not None and message.author is self.bot:
                    found.append(_words(message))
        return max([after, *(change["n"] for change in changes)]), found

    def _lines(self, channel: Any) -> list[Line]:
        found = sorted(channel.messages.values(), key=lambda one: int(one.id))
        return [Line(one.id, _words(one), one.author is self.bot, head=one.id == channel.id) for one in found]

    def misbehave(self) -> None:
        faults = self.server.faults
        for path in ("/channels/*",):
            faults.add("429", path=path, probability=0.03, seconds=0.4)
            faults.add("500", path=path, probability=0.02)
            faults.add("drop", path=path, probability=0.02)
            faults.add("commit_drop", path=path, probability=0.04)
            faults.add("commit_500", path=path, probability=0.01)
        faults.add("duplicate", event="MESSAGE_*", probability=0.05)
        faults.add("reorder", event="MESSAGE_*", probability=0.1, seconds=0.3)
        faults.add("drop_socket", event="MESSAGE_*", probability=0.02)
        faults.add("reconnect", event="MESSAGE_*", probability=0.005)
        faults.add("invalid_session", event="MESSAGE_*", probability=0.005)

    def behave(self) -> None:
        self._struck = self.struck
        self.server.faults.clear()

    @property
    def pending(self) -> int:
        return 0

    @property
    def connected(self) -> bool:
        return any(session.socket is not None for session in self.server.gateway.sessions.values())

    @property
    def struck(self) -> dict[str, int]:
        found: Counter[str] = Counter(getattr(self, "_struck", {}))
        for rule in self.server.faults.shown():
            found[rule["kind"]] += rule["struck"]
        return {kind: count for kind, count in found.items() if count}


def _words(message: Any) -> str:
    embeds = [part for one in message.embeds for part in (one.get("title"), one.get("description")) if part]
    fields = [
        f"{each['name']}: {each['value']}" for one in message.embeds for each in one.get("fields") or ()
    ]
    return "\n".join(part for part in (message.content, *embeds, *fields) if part)
