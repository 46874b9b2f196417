"""What people see: channels, threads, homes, forms, and what only one of them is shown."""

from __future__ import annotations

import asyncio
from typing import Any

from playground.slack.play.base import Base
from playground.slack.world import Channel, Ephemeral, Message, View

Json = dict[str, Any]

MOST_WAIT = 60.0


class Looks(Base):
    """Reading, and waiting for something to read."""

    async def state(self) -> Json:
        """Workspaces, people, channels and the app: enough for a page to begin with."""
        world = self.world
        return {
            "base": self.shapes.base,
            "app": self._app(),
            "workspaces": [
                {**self.shapes.team(team), "installed": team.installed, "bot_user": team.bot_user}
                for team in world.workspaces.values()
            ],
            "users": [{**self.shapes.user(user), "shown": user.shown} for user in world.users.values()],
            "channels": [self._place(channel) for channel in world.channels.values()],
            "seq": self.server.changes.seq,
        }

    def _app(self) -> Json:
        app = self.world.app
        return {
            "id": app.id,
            "name": app.name,
            "commands": list(app.commands),
            "shortcuts": app.shortcuts,
            "socket_mode": app.socket_mode,
            "request_url": app.request_url,
            "connections": len(self.server.sockets.open),
        }

    def _place(self, channel: Channel) -> Json:
        return {
            "id": channel.id,
            "name": channel.name,
            "kind": channel.kind,
            "teams": channel.teams,
            "members": channel.members,
            "archived": channel.archived,
            "is_ext_shared": channel.is_shared,
        }

    async def channel(self, channel: str, user: str = "", limit: int = 200) -> Json:
        """What the channel shows: top messages, oldest first, and the viewer's ephemerals."""
        viewer = self._user(user) if user else None
        place = self._channel(channel, viewer)
        top = [m for m in place.messages.values() if not m.is_reply or m.subtype == "thread_broadcast"]
        shown = [self._shown(place, message) for message in top[-limit:]]
        own = self._whispered(place, viewer.id, "") if viewer else []
        return {"channel": self._place(place), "messages": shown, "ephemerals": own}

    async def thread(self, channel: str, ts: str, user: str = "") -> Json:
        """A thread, parent first."""
        viewer = self._user(user) if user else None
        place = self._channel(channel, viewer)
        named = place.messages.get(ts)
        root = named.thread_ts if named and named.is_reply else ts
        parent = [place.messages[root]] if root in place.messages else []
        shown = [self._shown(place, message) for message in [*parent, *place.replies(root)]]
        own = self._whispered(place, viewer.id, root) if viewer else []
        return {"channel": self._place(place), "messages": shown, "ephemerals": own}

    def _whispered(self, place: Channel, user: str, thread: str) -> list[Json]:
        return [
            self._ephemeral_shown(one)
            for one in self.world.ephemerals
            if one.user == user and one.channel == place.id and one.thread_ts == thread
        ]

    def _ephemeral_shown(self, one: Ephemeral) -> Json:
        return {
            "ts": one.ts,
            "channel": one.channel,
            "user": one.user,
            "text": one.text,
            "blocks": one.blocks,
            "thread_ts": one.thread_ts,
            "is_ephemeral": True,
        }

    async def ephemerals(self, user: str) -> Json:
        viewer = self._user(user)
        own = [self._ephemeral_shown(one) for one in self.world.ephemerals if one.user == viewer.id]
        return {"ephemerals": own}

    async def home(self, user: str) -> Json:
        viewer = self._user(user)
        view = self.world.workspaces[viewer.team].homes.get(viewer.id)
        return {"view": self._view_shown(view) if view else None}

    async def views(self, user: str) -> Json:
        """The forms that are open, the top one last."""
        viewer = self._user(user)
        stack = self.world.workspaces[viewer.team].stacks.get(viewer.id, [])
        return {"views": [self._view_shown(self.world.views[one]) for one in stack]}

    def _view_shown(self, view: View) -> Json:
        return {**self.shapes.view(view), "errors": view.errors}

    async def dump(self) -> Json:
        """Every message of every channel, replies too, in order."""
        return {
            "channels": {
                channel.id: {
                    **self._place(channel),
                    "messages": [self._shown(channel, one) for one in channel.messages.values()],
                }
                for channel in self.world.channels.values()
            }
        }

    async def changes(self, after: int = 0, timeout: float = 20.0) -> Json:
        """What changed since that number; waits for something to change."""
        found = await self.server.changes.wait(after, min(float(timeout), MOST_WAIT))
        return {"seq": self.server.changes.seq, "changes": found}

    async def wait(
        self,
        channel: str,
        contains: str = "",
        thread: str = "",
        user: str = "",
        after: str = "",
        timeout: float = 10.0,
    ) -> Json:
        """The first message in a channel (or thread) that fits, as soon as it is there.

        `user` is who wrote it (`bot` for the app), `after` a ts that it must follow.
        """
        place = self._channel(channel)
        seq = 0
        try:
            async with asyncio.timeout(min(float(timeout), MOST_WAIT)):
                while True:
                    seq = self.server.changes.seq
                    for message in place.messages.values():
                        if self._fits(message, contains, thread, user, after):
                            return {"message": self._shown(place, message)}
                    await self.server.changes.wait(seq, MOST_WAIT)
        except TimeoutError:
            return {"message": None}

    def _fits(self, message: Message, contains: str, thread: str, user: str, after: str) -> bool:
        if user == "bot" and message.app_id != self.world.app.id:
            return False
        if user not in ("", "bot") and message.user != self._user(user).id:
            return False
        if thread and message.thread_ts != thread:
            return False
        return message.ts > after and contains in message.text + str(message.blocks or "")
