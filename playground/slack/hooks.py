"""response_url: what the app answers to a click or a command, for half an hour, five times."""

from __future__ import annotations

import time
from typing import Any

from playground.slack.acts import Acts
from playground.slack.blocks import check_message
from playground.slack.errors import ApiError
from playground.slack.world import Ephemeral, Hook, Message, World

Json = dict[str, Any]


class Hooks:
    """Turns an answer into a message, an ephemeral, or a change of the original."""

    def __init__(self, world: World, acts: Acts) -> None:
        self.world = world
        self.acts = acts

    def use(self, key: str, body: Json) -> None:
        hook = self.world.hooks.get(key)
        if hook is None or hook.expires < time.monotonic():
            raise ApiError("expired_url")
        if hook.left <= 0:
            raise ApiError("used_url")
        hook.left -= 1
        self.show(hook, body)

    def show(self, hook: Hook, body: Json) -> None:
        if body.get("delete_original"):
            self._delete(hook)
        elif body.get("replace_original") and hook.message_ts:
            self._replace(hook, body)
        elif body.get("response_type") == "in_channel":
            self._post(hook, body)
        else:
            self._whisper(hook, body)

    def _content(self, body: Json) -> tuple[str, list[Json]]:
        text, blocks = str(body.get("text") or ""), body.get("blocks")
        if not text and not blocks:
            raise ApiError("no_text")
        return text, check_message(blocks) if blocks else []

    def _post(self, hook: Hook, body: Json) -> None:
        place, (text, blocks) = self.world.workspaces[hook.team], self._content(body)
        message = Message(self.world.new_ts(), text, user=place.bot_user, team=hook.team, blocks=blocks)
        message.bot_id, message.app_id, message.own_blocks = place.bot_id, self.world.app.id, bool(blocks)
        channel = self.world.channels[hook.channel]
        thread = str(body.get("thread_ts") or "")
        message.thread_ts = thread if thread in channel.messages else ""
        self.acts.post(channel, message)

    def _whisper(self, hook: Hook, body: Json) -> None:
        text, blocks = self._content(body)
        thread = str(body.get("thread_ts") or hook.thread_ts)
        self.acts.whisper(Ephemeral(self.world.new_ts(), hook.channel, hook.user, text, blocks, thread))

    def _replace(self, hook: Hook, body: Json) -> None:
        text, blocks = self._content(body)
        if hook.ephemeral:
            if one := self._ephemeral(hook):
                one.text, one.blocks = text, blocks
            self.acts.changes.tell("ephemeral", channel=hook.channel, user=hook.user, ts=hook.message_ts)
            return
        channel, message = self._original(hook)
        self.acts.change(channel, message, text, blocks or None, "")

    def _delete(self, hook: Hook) -> None:
        if not hook.ephemeral:
            self.acts.remove(*self._original(hook))
            return
        if one := self._ephemeral(hook):
            self.world.ephemerals.remove(one)
        self.acts.changes.tell("ephemeral", channel=hook.channel, user=hook.user, ts=hook.message_ts)

    def _original(self, hook: Hook) -> tuple[Any, Message]:
        channel = self.world.channels[hook.channel]
        message = channel.messages.get(hook.message_ts)
        if message is None or message.bot_id != self.world.workspaces[hook.team].bot_id:
            raise ApiError("message_not_found")
        return channel, message

    def _ephemeral(self, hook: Hook) -> Ephemeral | None:
        return next((one for one in self.world.ephemerals if one.ts == hook.message_ts), None)
