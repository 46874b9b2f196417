"""What all payloads of pressing share, and what came back for whoever pressed."""

from __future__ import annotations

import time
from typing import Any

from playground.slack.delivery import Outcome
from playground.slack.errors import PlayError
from playground.slack.play.base import Base
from playground.slack.world import Channel, Ephemeral, Hook, User, View

Json = dict[str, Any]

HOOK_SECONDS = 1800.0


class Payloads(Base):
    """Triggers, response URLs, and the person's open forms."""

    def _stack(self, speaker: User) -> list[str]:
        return self.world.workspaces[speaker.team].stacks.setdefault(speaker.id, [])

    def _view(self, speaker: User, view_id: str) -> View:
        home = self.world.workspaces[speaker.team].homes.get(speaker.id)
        if view_id == "home" and home:
            return home
        key = view_id or (self._stack(speaker) or [""])[-1]
        view = self.world.views.get(key)
        if view is None or view.user != speaker.id:
            raise PlayError("no such form is open")
        return view

    def _ephemeral(self, speaker: User, ts: str) -> Ephemeral:
        for one in self.world.ephemerals:
            if one.ts == ts and one.user == speaker.id:
                return one
        raise PlayError(f"no such message: {ts}")

    def _common(self, kind: str, speaker: User) -> Json:
        return {
            "type": kind,
            "user": self.shapes.person(speaker.id),
            "api_app_id": self.world.app.id,
            "token": self.world.app.verification,
            "team": self.shapes.named_team(speaker.team),
            "enterprise": None,
            "is_enterprise_install": False,
            "trigger_id": self._trigger(speaker),
        }

    def _trigger(self, speaker: User) -> str:
        return self.world.new_trigger(speaker.team, speaker.id, self.server.trigger_seconds)

    def _hook(
        self, speaker: User, place: Channel, ts: str = "", ephemeral: bool = False, thread: str = ""
    ) -> str:
        until = time.monotonic() + HOOK_SECONDS
        hook = Hook(speaker.team, speaker.id, place.id, until, ts, ephemeral, thread)
        return f"{self.shapes.base}/hooks/{self.world.new_hook(hook)}"

    def _plain_hook(self, speaker: User, place: Channel) -> Hook:
        return Hook(speaker.team, speaker.id, place.id, 0.0)

    async def _asked(self, payload: Json) -> Json:
        return self._told(await self.server.delivery.ask("interactive", payload), payload["trigger_id"])

    def _told(self, outcome: Outcome, trigger: str) -> Json:
        return {"ok": outcome.ok, "error": outcome.error, "body": outcome.body, "trigger_id": trigger}
