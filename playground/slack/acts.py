"""What can be done in a workspace, by people and by the app alike: the world changes, events go out."""

from __future__ import annotations

from typing import Any

from playground.slack.changes import Changes
from playground.slack.events import Events
from playground.slack.richtext import rich
from playground.slack.shapes import Shapes
from playground.slack.world import Channel, Ephemeral, File, Message, User, View, World

Json = dict[str, Any]

_GONE = "This message was deleted."


class Acts:
    """Every change goes through here."""

    def __init__(self, world: World, shapes: Shapes, events: Events, changes: Changes) -> None:
        self.world = world
        self.shapes = shapes
        self.events = events
        self.changes = changes

    # --- messages

    def post(self, channel: Channel, message: Message) -> Message:
        if not message.blocks and message.text and not message.files:
            message.blocks = rich(message.text)
        channel.add(message)
        self._tell("message", channel, message)
        self.events.said(channel, message)
        return message

    def change(
        self, channel: Channel, message: Message, text: str, blocks: list[Json] | None, by: str
    ) -> None:
        """New words; `by` is who shows as the editor, empty when it shows not."""
        before = self.shapes.message(channel, message)
        message.text = text
        message.own_blocks = bool(blocks)
        message.blocks = blocks or rich(text)
        if by:
            message.edited = {"user": by, "ts": self.world.new_ts()}
        self.touched(channel, message, before)

    def touched(self, channel: Channel, message: Message, before: Json) -> None:
        self._tell("changed", channel, message)
        self.events.changed(channel, message, before)

    def remove(self, channel: Channel, message: Message) -> None:
        """Gone; a parent with replies leaves a mark behind."""
        before = self.shapes.message(channel, message)
        if channel.replies(message.ts):
            self._bury(channel, message, before)
            return
        channel.drop(message)
        self._tell("deleted", channel, message)
        self.events.deleted(channel, message.ts, before)

    def _bury(self, channel: Channel, message: Message, before: Json) -> None:
        stone = Message(message.ts, _GONE, user="USLACKBOT", team=message.team, subtype="tombstone")
        stone.extra = {"hidden": True}
        channel.messages[message.ts] = stone
        self.touched(channel, stone, before)

    def react(self, channel: Channel, message: Message, user: str, name: str) -> bool:
        """False when it was there already."""
        users = message.reactions.setdefault(name, [])
        if user in users:
            return False
        users.append(user)
        self._tell("reaction", channel, message)
        self.events.reacted("reaction_added", channel, message, user, name)
        return True

    def unreact(self, channel: Channel, message: Message, user: str, name: str) -> bool:
        """False when it was not there."""
        users = message.reactions.get(name, [])
        if user not in users:
            return False
        users.remove(user)
        if not users:
            del message.reactions[name]
        self._tell("reaction", channel, message)
        self.events.reacted("reaction_removed", channel, message, user, name)
        return True

    def whisper(self, ephemeral: Ephemeral) -> None:
        """Shown to one person only; no event, no history."""
        if not ephemeral.blocks:
            ephemeral.blocks = rich(ephemeral.text)
        self.world.ephemerals.append(ephemeral)
        self.changes.tell("ephemeral", channel=ephemeral.channel, user=ephemeral.user, ts=ephemeral.ts)

    def _tell(self, kind: str, channel: Channel, message: Message) -> None:
        self.changes.tell(kind, channel=channel.id, ts=message.ts, thread_ts=message.thread_ts)

    # --- files

    def share(self, channel: Channel, files: list[File], message: Message) -> Message:
        """One message that carries the files; each is told of as well."""
        message.files = [file.id for file in files]
        message.subtype = message.subtype or "file_share"
        message.extra = {"upload": False, "display_as_bot": False}
        thread = message.thread_ts if message.is_reply else ""
        for file in files:
            file.shares.append((channel.id, message.ts, thread))
        if message.text and not message.blocks:
            message.blocks = rich(message.text)
        self.post(channel, message)
        for file in files:
            self.events.file_shared(channel, file)
        return message

    # --- places

    def join(self, channel: Channel, user: User, inviter: str = "") -> None:
        if user.id in channel.members:
            return
        channel.members.append(user.id)
        self.changes.tell("channel", channel=channel.id)
        self.events.joined(channel, user, inviter)
        self._noted(channel, user, "channel_join", f"<@{user.id}> has joined the channel", inviter)

    def leave(self, channel: Channel, user: User) -> None:
        if user.id not in channel.members:
            return
        channel.members.remove(user.id)
        self.changes.tell("channel", channel=channel.id)
        self._noted(channel, user, "channel_leave", f"<@{user.id}> has left the channel", "")
        self.events.left(channel, user)

    def _noted(self, channel: Channel, user: User, subtype: str, text: str, inviter: str) -> None:
        kind = subtype.replace("channel_", "group_") if channel.kind == "group" else subtype
        message = Message(self.world.new_ts(), text, user=user.id, team=user.team, subtype=kind)
        message.extra = {"inviter": inviter} if inviter else {}
        self.post(channel, message)

    def archive(self, channel: Channel, user: str, archived: bool) -> None:
        channel.archived = archived
        self.changes.tell("channel", channel=channel.id)
        start = "group" if channel.kind == "group" else "channel"
        self.events.of_channel(f"{start}_{'archive' if archived else 'unarchive'}", channel, user)

    def created(self, channel: Channel, user: str) -> None:
        self.changes.tell("channel", channel=channel.id)
        if channel.kind == "channel":
            self.events.of_channel("channel_created", channel, user)

    # --- views

    def opened(self, view: View) -> None:
        """A form lies on top of a person's stack."""
        self.world.views[view.id] = view
        self.world.workspaces[view.team].stacks.setdefault(view.user, []).append(view.id)
        self.changes.tell("view", user=view.user, view=view.id)

    def closed(self, view: View) -> None:
        stack = self.world.workspaces[view.team].stacks.get(view.user, [])
        if view.id in stack:
            stack.remove(view.id)
        self.world.views.pop(view.id, None)
        self.changes.tell("view", user=view.user, view="")

    def redrawn(self, view: View) -> None:
        self.changes.tell("view", user=view.user, view=view.id)

    def published(self, view: View) -> None:
        place = self.world.workspaces[view.team]
        if old := place.homes.get(view.user):
            self.world.views.pop(old.id, None)
        place.homes[view.user] = view
        self.world.views[view.id] = view
        self.changes.tell("home", user=view.user, view=view.id)
