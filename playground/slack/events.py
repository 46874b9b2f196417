"""The events that the app gets to hear, in Slack's shapes, and only where its bot may listen."""

from __future__ import annotations

import itertools
from typing import Any

from playground.slack.delivery import Delivery
from playground.slack.shapes import Shapes, now
from playground.slack.world import Channel, File, Message, User, World, base36

Json = dict[str, Any]


class Events:
    """Turns what changed into events. Metadata is not in them: it is read again from the history."""

    def __init__(self, world: World, shapes: Shapes, delivery: Delivery) -> None:
        self.world = world
        self.shapes = shapes
        self.delivery = delivery
        self._numbers = itertools.count(1)

    # --- messages

    def said(self, channel: Channel, message: Message) -> None:
        """A message; and once more as a mention, under another event id."""
        shown = self.shapes.message(channel, message)
        self.in_channel(channel, {**shown, **self._where(channel, message.ts)})
        for team in self._mentioned(channel, message):
            self._mention(team, channel, message)

    def _mentioned(self, channel: Channel, message: Message) -> list[str]:
        if channel.kind == "im" or message.subtype not in (
            "",
            "file_share",
            "thread_broadcast",
            "bot_message",
        ):
            return []
        bots = [(team, self.world.bot_of(team)) for team in channel.teams]
        return [
            team
            for team, bot in bots
            if bot in channel.members and f"<@{bot}>" in message.text and not self._own(message)
        ]

    def _own(self, message: Message) -> bool:
        return message.app_id == self.world.app.id

    def _mention(self, team: str, channel: Channel, message: Message) -> None:
        shown = self.shapes.message(channel, message)
        shown.pop("subtype", None)
        where = self._where(channel, message.ts)
        where.pop("channel_type")
        self._emit(team, {**shown, "type": "app_mention", **where}, channel)

    def changed(self, channel: Channel, message: Message, before: Json) -> None:
        ts = self.world.new_ts()
        event = {
            "type": "message",
            "subtype": "message_changed",
            "hidden": True,
            "message": self.shapes.message(channel, message),
            "previous_message": before,
            "ts": ts,
        }
        self.in_channel(channel, {**event, **self._where(channel, ts)})

    def deleted(self, channel: Channel, deleted: str, before: Json) -> None:
        ts = self.world.new_ts()
        event = {
            "type": "message",
            "subtype": "message_deleted",
            "hidden": True,
            "deleted_ts": deleted,
            "previous_message": before,
            "ts": ts,
        }
        self.in_channel(channel, {**event, **self._where(channel, ts)})

    def reacted(self, kind: str, channel: Channel, message: Message, user: str, name: str) -> None:
        event: Json = {
            "type": kind,
            "user": user,
            "reaction": name,
            "item": {"type": "message", "channel": channel.id, "ts": message.ts},
            "event_ts": self.world.new_ts(),
        }
        if message.user:
            event["item_user"] = message.user
        self.in_channel(channel, event)

    def file_shared(self, channel: Channel, file: File) -> None:
        event = {
            "type": "file_shared",
            "file_id": file.id,
            "user_id": file.user,
            "file": {"id": file.id},
            "channel_id": channel.id,
            "event_ts": self.world.new_ts(),
        }
        self.in_channel(channel, event)

    def _where(self, channel: Channel, ts: str) -> Json:
        return {"channel": channel.id, "channel_type": channel.kind, "event_ts": ts}

    # --- people and places

    def joined(self, channel: Channel, user: User, inviter: str = "") -> None:
        event: Json = {
            "type": "member_joined_channel",
            "user": user.id,
            "channel": channel.id,
            "channel_type": "G" if channel.kind == "group" else "C",
            "team": user.team,
            "event_ts": self.world.new_ts(),
        }
        if inviter:
            event["inviter"] = inviter
        self.in_channel(channel, event)

    def left(self, channel: Channel, user: User) -> None:
        """The bot itself no longer hears of the channel; it is told that it was removed."""
        if user.id == self.world.bot_of(user.team):
            kind = "group_left" if channel.kind == "group" else "channel_left"
            self._emit(user.team, {"type": kind, "channel": channel.id, "event_ts": self.world.new_ts()})
            return
        event = {
            "type": "member_left_channel",
            "user": user.id,
            "channel": channel.id,
            "channel_type": "G" if channel.kind == "group" else "C",
            "team": user.team,
            "event_ts": self.world.new_ts(),
        }
        self.in_channel(channel, event)

    def of_channel(self, kind: str, channel: Channel, user: str) -> None:
        """Created, archived, unarchived, renamed."""
        named = {"id": channel.id, "name": channel.name, "created": channel.created, "creator": user}
        place: Any = named if kind in ("channel_created", "channel_rename", "group_rename") else channel.id
        event = {"type": kind, "channel": place, "user": user, "event_ts": self.world.new_ts()}
        for team in channel.teams[:1]:
            self._emit(team, event)

    def of_user(self, kind: str, user: User) -> None:
        """Joined the workspace, or changed their profile."""
        event = {"type": kind, "user": self.shapes.user(user), "event_ts": self.world.new_ts()}
        self._emit(user.team, {**event, "cache_ts": now()})

    def home_opened(self, user: User, channel: Channel, tab: str) -> None:
        event: Json = {
            "type": "app_home_opened",
            "user": user.id,
            "channel": channel.id,
            "tab": tab,
            "event_ts": self.world.new_ts(),
        }
        view = self.world.workspaces[user.team].homes.get(user.id)
        if view and tab == "home":
            event["view"] = self.shapes.view(view)
        self._emit(user.team, event)

    def of_app(self, team: str, kind: str, **more: Any) -> None:
        """Tokens revoked, app removed: told even where the app is no longer installed."""
        self._emit(team, {"type": kind, **more, "event_ts": self.world.new_ts()}, always=True)

    # --- out

    def in_channel(self, channel: Channel, event: Json) -> None:
        """To the app, once, when one of its bots sits there: through the workspace whose bot joined last."""
        bots = {self.world.bot_of(team): team for team in channel.teams}
        for member in reversed(channel.members):
            if member in bots:
                self._emit(bots[member], event, channel)
                return

    def _emit(self, team: str, event: Json, channel: Channel | None = None, always: bool = False) -> None:
        place, app = self.world.workspaces[team], self.world.app
        if not (place.installed or always) or (app.events is not None and event["type"] not in app.events):
            return
        number = base36(next(self._numbers))
        authorization = {
            "enterprise_id": None,
            "team_id": team,
            "user_id": place.bot_user,
            "is_bot": True,
            "is_enterprise_install": False,
        }
        self.delivery.event(
            {
                "token": app.verification,
                "team_id": team,
                "context_team_id": team,
                "context_enterprise_id": None,
                "api_app_id": app.id,
                "event": event,
                "type": "event_callback",
                "event_id": f"Ev0PLAY{number:0>6}",
                "event_time": now(),
                "authorizations": [authorization],
                "is_ext_shared_channel": bool(channel and channel.is_shared),
                "event_context": f"4-play-{number}",
            }
        )
