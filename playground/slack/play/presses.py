"""What people press: buttons, choices, commands, shortcuts."""

from __future__ import annotations

from typing import Any

from playground.slack.blocks import elements
from playground.slack.delivery import Outcome
from playground.slack.errors import PlayError
from playground.slack.play.payloads import Payloads
from playground.slack.richtext import escape
from playground.slack.states import pressed, values_of
from playground.slack.world import Channel, Ephemeral, Message, User, View

Json = dict[str, Any]


class Presses(Payloads):
    """A person with a mouse."""

    # --- commands and shortcuts

    async def command(self, user: str, channel: str, text: str, thread: str = "") -> Json:
        """A slash command as typed, `/desk claim 42`; not inside a thread."""
        speaker = self._user(user)
        place = self._channel(channel, speaker)
        if thread:
            return {"ok": False, "error": "slash commands are not supported in threads"}
        name, _, rest = text.strip().partition(" ")
        if self.world.app.commands and name not in self.world.app.commands:
            return {"ok": False, "error": f"{name} is not a valid command"}
        payload = self._command_payload(speaker, place, name, rest.strip())
        outcome = await self.server.delivery.ask("slash_commands", payload)
        self._answered(outcome, speaker, place, name)
        return self._told(outcome, payload["trigger_id"])

    def _command_payload(self, speaker: User, place: Channel, name: str, rest: str) -> Json:
        names = {"im": "directmessage", "group": "privategroup"}
        return {
            "token": self.world.app.verification,
            "team_id": speaker.team,
            "team_domain": self.world.workspaces[speaker.team].domain,
            "channel_id": place.id,
            "channel_name": names.get(place.kind, place.name),
            "user_id": speaker.id,
            "user_name": speaker.name,
            "command": name,
            "text": escape(rest),
            "api_app_id": self.world.app.id,
            "is_enterprise_install": "false",
            "response_url": self._hook(speaker, place),
            "trigger_id": self._trigger(speaker),
        }

    def _answered(self, outcome: Outcome, speaker: User, place: Channel, name: str) -> None:
        if not outcome.ok:
            said = f"{name} failed with the error “{outcome.error}”"
            self.acts.whisper(Ephemeral(self.world.new_ts(), place.id, speaker.id, said))
        elif isinstance(outcome.body, dict) and (outcome.body.get("text") or outcome.body.get("blocks")):
            self.server.hooks.show(self._plain_hook(speaker, place), outcome.body)

    async def message_shortcut(self, user: str, channel: str, ts: str, callback_id: str) -> Json:
        speaker = self._user(user)
        place = self._channel(channel, speaker)
        message = self._message(place, ts)
        payload: Json = {
            **self._common("message_action", speaker),
            "callback_id": callback_id,
            "channel": self.shapes.named_channel(place),
            "message_ts": message.ts,
            "message": self.shapes.message(place, message),
            "response_url": self._hook(speaker, place, message.ts),
            "action_ts": self.world.new_ts(),
        }
        payload.pop("api_app_id")
        return await self._asked(payload)

    async def global_shortcut(self, user: str, callback_id: str) -> Json:
        speaker = self._user(user)
        payload = {
            **self._common("shortcut", speaker),
            "callback_id": callback_id,
            "action_ts": self.world.new_ts(),
        }
        payload.pop("api_app_id")
        return await self._asked(payload)

    async def open_home(self, user: str, tab: str = "home") -> Json:
        """Looks at the app's home (or its messages); the app hears of it."""
        speaker = self._user(user)
        self.acts.events.home_opened(speaker, self._channel("bot", speaker), tab)
        return {}

    # --- buttons and choices

    async def click(
        self,
        user: str,
        action_id: str,
        channel: str = "",
        ts: str = "",
        view_id: str = "",
        value: Any = None,
        block_id: str = "",
        state: Json | None = None,
    ) -> Json:
        """Press a button or choose from a select, on a message, an ephemeral, a form or the home."""
        speaker = self._user(user)
        if view_id:
            return await self._click_view(
                speaker, self._view(speaker, view_id), action_id, block_id, value, state
            )
        place = self._channel(channel, speaker)
        message = place.messages.get(ts) or self._ephemeral(speaker, ts)
        action = self._action(message.blocks, action_id, block_id, value)
        hidden = isinstance(message, Ephemeral)
        values = values_of(message.blocks, {**(state or {}), action_id: value} if value else state or {})
        payload = {
            **self._common("block_actions", speaker),
            "container": self._container(place, message),
            "channel": self.shapes.named_channel(place),
            "state": {"values": values},
            "response_url": self._hook(speaker, place, message.ts, hidden, message.thread_ts),
            "actions": [action],
        }
        if isinstance(message, Message):
            payload["message"] = self.shapes.message(place, message)
        return await self._asked(payload)

    def _container(self, place: Channel, message: Message | Ephemeral) -> Json:
        container = {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": place.id,
            "is_ephemeral": isinstance(message, Ephemeral),
        }
        return {**container, "thread_ts": message.thread_ts} if message.thread_ts else container

    async def _click_view(
        self, speaker: User, view: View, action_id: str, block_id: str, value: Any, state: Json | None
    ) -> Json:
        given = {**(state or {}), **({action_id: value} if value is not None else {})}
        action = self._action(view.given["blocks"], action_id, block_id, value)
        view.state = values_of(view.given["blocks"], given) if given or not view.state else view.state
        payload = {
            **self._common("block_actions", speaker),
            "container": {"type": "view", "view_id": view.id},
            "view": self.shapes.view(view),
            "actions": [action],
        }
        return await self._asked(payload)

    def _action(self, blocks: list[Json], action_id: str, block_id: str, value: Any) -> Json:
        for block, element in elements(blocks):
            if element.get("action_id") == action_id and block_id in ("", block["block_id"]):
                named = {"action_id": action_id, "block_id": block["block_id"]}
                return {**named, **pressed(element, value), "action_ts": self.world.new_ts()}
        raise PlayError(f"nothing to press: {action_id}")

    async def suggest(
        self,
        user: str,
        action_id: str,
        query: str,
        view_id: str = "",
        channel: str = "",
        ts: str = "",
    ) -> Json:
        """Ask the app for the options of an external select, as typing does."""
        speaker = self._user(user)
        payload: Json = {**self._common("block_suggestion", speaker), "action_id": action_id, "value": query}
        payload.pop("trigger_id")
        if view_id:
            view = self._view(speaker, view_id)
            blocks = view.given["blocks"]
            payload |= {"view": self.shapes.view(view), "container": {"type": "view", "view_id": view.id}}
        else:
            place = self._channel(channel, speaker)
            message = self._message(place, ts)
            blocks = message.blocks
            payload |= {
                "channel": self.shapes.named_channel(place),
                "container": self._container(place, message),
            }
            payload["message"] = self.shapes.message(place, message)
        payload["block_id"] = self._block_of(blocks, action_id)
        outcome = await self.server.delivery.ask("interactive", payload)
        body = outcome.body if isinstance(outcome.body, dict) else {}
        return {"ok": outcome.ok, "error": outcome.error, **body}

    def _block_of(self, blocks: list[Json], action_id: str) -> str:
        for block, element in elements(blocks):
            if element.get("action_id") == action_id:
                return str(block["block_id"])
        raise PlayError(f"nothing to ask: {action_id}")
