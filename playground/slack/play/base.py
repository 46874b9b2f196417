"""What every verb of the play side needs: the parts, and lookups by name."""

from __future__ import annotations

import base64
import mimetypes
from typing import TYPE_CHECKING, Any

from playground.slack.errors import PlayError
from playground.slack.shapes import now
from playground.slack.world import Channel, File, Message, User

if TYPE_CHECKING:
    from playground.slack.server import SlackServer

Json = dict[str, Any]


class Base:
    """Verbs name people and places by id or by name; `bot` as a channel is the talk with the app."""

    def __init__(self, server: SlackServer) -> None:
        self.server = server
        self.world = server.world
        self.acts = server.acts
        self.shapes = server.shapes

    def _user(self, key: str) -> User:
        if found := self.world.users.get(key):
            return found
        for team in self.world.workspaces:
            if found := self.world.user_named(team, key.lstrip("@")):
                return found
        raise PlayError(f"no such person: {key}")

    def _team(self, key: str) -> str:
        for team in self.world.workspaces.values():
            if key in (team.id, team.name, team.domain):
                return team.id
        raise PlayError(f"no such workspace: {key}")

    def _channel(self, key: str, user: User | None = None) -> Channel:
        """A channel; with a person, one in which they sit."""
        found = self._direct(key, user) or self.world.channels.get(key) or self._named(key, user)
        if found is None:
            raise PlayError(f"no such channel: {key}")
        if user and user.id not in found.members:
            raise PlayError(f"{user.shown} is not in {found.name or found.id}")
        return found

    def _direct(self, key: str, user: User | None) -> Channel | None:
        if user is None:
            return None
        if key == "bot":
            bot = self.world.bot_of(user.team)
            if not bot:
                raise PlayError("the app is not installed here")
            return self.world.direct(user.team, [bot, user.id])
        if key.startswith("@") or key in self.world.users:
            return self.world.direct(user.team, list(dict.fromkeys([user.id, self._user(key).id])))
        return None

    def _named(self, key: str, user: User | None) -> Channel | None:
        teams = [user.team] if user else list(self.world.workspaces)
        found = (self.world.channel_named(team, key.lstrip("#")) for team in teams)
        return next((channel for channel in found if channel), None)

    def _message(self, channel: Channel, ts: str) -> Message:
        if message := channel.messages.get(ts):
            return message
        raise PlayError(f"no such message: {ts}")

    def _file(self, speaker: User, given: Json) -> File:
        """{"name", "mimetype"?, and "text" or "content" (base64)}, or {"id"} of one uploaded before."""
        if known := self.world.files.get(given.get("id", "")):
            return known
        name = str(given.get("name") or "file.bin")
        content = given["text"].encode() if "text" in given else base64.b64decode(given.get("content", ""))
        kind = given.get("mimetype") or mimetypes.guess_type(name)[0] or "application/octet-stream"
        key = self.world.new_id("F")
        file = File(key, speaker.team, speaker.id, name, name, kind, now(), len(content), content)
        file.arrived = file.complete = True
        self.world.files[key] = file
        return file

    def _shown(self, channel: Channel, message: Message) -> Json:
        """As the API shows it, with its channel and the name that people see."""
        shown = self.shapes.message(channel, message, metadata=True)
        return {**shown, "channel": channel.id, "by": self._by(message)}

    def _by(self, message: Message) -> str:
        if message.username:
            return message.username
        user = self.world.users.get(message.user)
        return user.shown if user else message.user
