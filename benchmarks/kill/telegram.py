"""Telegram's stand-in as the benchmark sees it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from benchmarks.kill.side import Line
from playground.telegram import TelegramServer
from playground.telegram.seed import Seeded, seeded


class TelegramSide:
    name = "telegram"
    deletes = False
    burst = 4

    def __init__(self) -> None:
        self.server = TelegramServer()
        self.people = self.server.people
        self.world: Seeded

    async def open(self, seed_number: int) -> None:
        await self.server.start()
        self.server.faults.seed(seed_number)
        self.world = seeded(self.server)

    async def close(self) -> None:
        await self.server.stop()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "DESKBELL_TELEGRAM_API_BASE_URL": self.server.base_url,
            "DESKBELL_TELEGRAM_FILE_BASE_URL": self.server.base_file_url,
            "DESKBELL_TELEGRAM_BOT_TOKEN": self.world.bot.token,
        }

    @property
    def facts(self) -> dict[str, Any]:
        agent = self.world.agent
        return {
            "installation": str(self.world.bot.id),
            "room": str(self.world.room.id),
            "agent": [str(agent.id), "Ahmed Khan"],
        }

    async def joins(self, name: str) -> str:
        user = self.server.world.add_user(name)
        self.people.start(user, self.world.bot)
        return str(user.id)

    async def says(self, who: str, text: str) -> str:
        return str(self.people.say(self._user(who), self._private(who), text).id)

    async def edits(self, who: str, native: str, text: str) -> None:
        said = self._private(who).messages[int(native)]
        self.people.edit(self._user(who), said, text)

    async def deletes_own(self, who: str, native: str) -> None:
        self.people.delete(self._user(who), self._private(who).messages[int(native)])

    async def agent_says(self, thread: str, text: str) -> str:
        return str(self.people.say(self.world.agent, self.world.room, text, thread=int(thread)).id)

    async def agent_edits(self, thread: str, native: str, text: str) -> None:
        self.people.edit(self.world.agent, self.world.room.messages[int(native)], text)

    async def agent_deletes(self, thread: str, native: str) -> None:
        self.people.delete(self.world.agent, self.world.room.messages[int(native)])

    async def agent_commands(self, thread: str, name: str, text: str = "") -> bool:
        """A command is a message, which waits until the bot takes it."""
        await self.agent_says(thread, f"/{name} {text}".strip())
        return True

    async def chat(self, who: str) -> list[Line]:
        return [self._line(one) for one in self.server.shows(self._private(who))]

    async def threads(self) -> dict[str, list[Line]]:
        room = self.world.room
        return {
            str(topic): [self._line(one) for one in self.server.shows(room, topic)]
            for topic, known in room.topics.items()
            if known.name.startswith("#")
        }

    async def news(self, after: int) -> tuple[int, list[str]]:
        world = self.server.world
        if world.changed <= after:
            await world.bell.wait(5.0)
        changes = world.changes_after(after)
        found: list[str] = []
        for change in changes:
            if change["what"] == "posted":
                said = world.chats[change["chat"]].messages.get(change["message"])
                if said is not None and said.sender is self.world.bot:
                    found.append(said.text)
        return max([after, *(change["number"] for change in changes)]), found

    def _line(self, shown: dict[str, Any]) -> Line:
        by_bot = shown["from"]["id"] == self.world.bot.id
        return Line(str(shown["id"]), shown["text"], by_bot, head=by_bot and bool(shown["buttons"]))

    def _user(self, who: str) -> Any:
        return self.server.world.user(int(who))

    def _private(self, who: str) -> Any:
        return self.server.world.private(self._user(who), self.world.bot)

    def misbehave(self) -> None:
        faults = self.server.faults
        for method in ("send*", "edit*", "delete*", "create*", "set*"):
            faults.add("too_many", method, probability=0.03, retry_after=1)
            faults.add("error", method, probability=0.02, status=500)
            faults.add("drop_before", method, probability=0.02)
            faults.add("drop_after", method, probability=0.03)
            faults.add("error_after", method, probability=0.01, status=502)
        faults.add("drop_after", "getUpdates", probability=0.02)
        faults.add("error", "getUpdates", probability=0.02, status=502)
        faults.updates.duplicate = 0.05
        faults.updates.reorder = 0.1

    def behave(self) -> None:
        self._struck = self.struck
        self.server.faults.clear()

    @property
    def pending(self) -> int:
        return len(self.world.bot.queue)

    @property
    def connected(self) -> bool:
        return any(call.method.lower() == "getupdates" for call in self.server.calls)

    @property
    def struck(self) -> dict[str, int]:
        found: Counter[str] = Counter(getattr(self, "_struck", {}))
        for rule in self.server.faults.rules:
            found[rule.kind] += rule.struck
        return {kind: count for kind, count in found.items() if count}
