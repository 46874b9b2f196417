"""Slack's stand-in as the benchmark sees it."""

from __future__ import annotations

from typing import Any

from benchmarks.kill.side import Line
from playground.slack import Seeded, SlackServer, play_app, seed


class SlackSide:
    name = "slack"
    deletes = True
    burst = 7

    def __init__(self) -> None:
        self.server = SlackServer(app=play_app())
        self.world: Seeded

    async def open(self, seed_number: int) -> None:
        self.server.faults.random.seed(seed_number)
        self.server.set_knob("ack_seconds", 3.0)
        self.server.set_knob("retry_delays", [0.0, 1.0, 3.0])
        self.world = seed(self.server.world)
        await self.server.start()

    async def close(self) -> None:
        await self.server.stop()

    @property
    def environment(self) -> dict[str, str]:
        app = self.server.world.app
        return {
            "DESKBELL_SLACK_API_BASE_URL": self.server.api_url,
            "DESKBELL_SLACK_BOT_TOKEN": self.world.token,
            "DESKBELL_SLACK_APP_TOKEN": app.app_token,
            "DESKBELL_SLACK_SIGNING_SECRET": app.signing_secret,
        }

    @property
    def facts(self) -> dict[str, Any]:
        world = self.world
        return {"installation": world.team, "room": world.desk, "agent": [world.ben, "Ben Osei"]}

    async def joins(self, name: str) -> str:
        return self.server.world.add_user(self.world.team, name.lower(), name).id

    async def says(self, who: str, text: str) -> str:
        return str((await self.server.play.say(who, "bot", text))["ts"])

    async def edits(self, who: str, native: str, text: str) -> None:
        await self.server.play.edit(who, "bot", native, text)

    async def deletes_own(self, who: str, native: str) -> None:
        await self.server.play.delete(who, "bot", native)

    async def agent_says(self, thread: str, text: str) -> str:
        return str((await self.server.play.say(self.world.ben, self.world.desk, text, thread))["ts"])

    async def agent_edits(self, thread: str, native: str, text: str) -> None:
        await self.server.play.edit(self.world.ben, self.world.desk, native, text)

    async def agent_deletes(self, thread: str, native: str) -> None:
        await self.server.play.delete(self.world.ben, self.world.desk, native)

    async def agent_commands(self, thread: str, name: str, text: str = "") -> bool:
        """In a thread a command is a mention, which is an event: the platform tells it again."""
        await self.agent_says(thread, f"@deskbell {name} {text}".strip())
        return True

    async def chat(self, who: str) -> list[Line]:
        direct = self.server.world.direct(self.world.team, [self.world.bot, who])
        return [self._line(one) for one in direct.messages.values()]

    async def threads(self) -> dict[str, list[Line]]:
        room = self.server.world.channels[self.world.desk]
        tops = [one for one in room.messages.values() if not one.is_reply and one.user == self.world.bot]
        return {
            top.ts: [self._line(top, head=True), *map(self._line, room.replies(top.ts))]
            for top in tops
            if "#" in top.text
        }

    async def news(self, after: int) -> tuple[int, list[str]]:
        changes = await self.server.changes.wait(after, 5.0)
        found: list[str] = []
        for change in changes:
            if change["kind"] == "message":
                message = self.server.world.channels[change["channel"]].messages.get(change["ts"])
                if message is not None and message.user == self.world.bot:
                    found.append(message.text)
        return max([after, *(change["seq"] for change in changes)]), found

    def _line(self, message: Any, head: bool = False) -> Line:
        return Line(message.ts, message.text, message.user == self.world.bot, head)

    def misbehave(self) -> None:
        faults = self.server.faults
        for on in ("chat.*", "conversations.*", "reactions.*"):
            faults.add(on, "ratelimited", probability=0.03, retry_after=1)
            faults.add(on, "status", probability=0.02, status=500)
            faults.add(on, "drop", probability=0.02)
            faults.add(on, "commit_drop", probability=0.04)
            faults.add(on, "commit_status", probability=0.01, status=500)
        faults.add("event:*", "duplicate", probability=0.05)
        faults.add("event:*", "redeliver", probability=0.03)
        faults.add("event:*", "reorder", probability=0.1, seconds=0.3)
        faults.add("event:*", "drop_socket", probability=0.02)

    def behave(self) -> None:
        self.server.faults.clear()

    @property
    def pending(self) -> int:
        return self.server.delivery.pending

    @property
    def connected(self) -> bool:
        return bool(self.server.sockets.open)

    @property
    def struck(self) -> dict[str, int]:
        return dict(self.server.faults.happened)
