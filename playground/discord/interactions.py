"""Interactions: commands, presses, forms and completions, from being asked to being answered."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, field

from playground.discord import errors, shapes
from playground.discord.errors import Refused
from playground.discord.events import Intent
from playground.discord.limits import FILE
from playground.discord.model import App, Channel, Json, Message, User
from playground.discord.rights import rights_of
from playground.discord.world import World

KEPT = 10_000
COMMAND, COMPONENT, COMPLETION, FORM = 2, 3, 4, 5


@dataclass(eq=False, slots=True)
class Interaction:
    id: str
    token: str
    kind: int
    app: App
    user: User
    channel: Channel
    data: Json
    message: Message | None = None
    """The one whose button was pressed."""
    before: Json | None = None
    """Of a form: the interaction that opened it."""
    asked_at: float = field(default_factory=time.monotonic)
    answer: int | None = None
    original: Message | None = None
    form: Json | None = None
    choices: list[Json] | None = None
    said: list[Message] = field(default_factory=list)
    """Follow-ups."""
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when nothing is awaited any more: not merely deferred."""


@dataclass(slots=True)
class Interactions:
    """All of them by token, and the forms that wait to be filled in."""

    answer_within: float = 3.0
    follow_within: float = 900.0
    by_token: dict[str, Interaction] = field(default_factory=dict)
    forms: dict[str, Interaction] = field(default_factory=dict)
    """Open forms by the id of the interaction that opened them."""

    def ask(
        self,
        world: World,
        kind: int,
        app: App,
        user: User,
        channel: Channel,
        data: Json,
        *,
        message: Message | None = None,
        before: Interaction | None = None,
    ) -> Interaction:
        """Tell a bot that someone wants something of it."""
        asked = Interaction(
            world.ids.new(), secrets.token_urlsafe(48), kind, app, user, channel, data, message
        )
        asked.before = metadata(before) if before is not None else None
        self.by_token[asked.token] = asked
        while len(self.by_token) > KEPT:
            del self.by_token[next(iter(self.by_token))]
        world.journal.note("interaction", channel=channel.id, interaction=asked.id)
        shape = _shape(world, asked)
        world.tell("INTERACTION_CREATE", shape, intent=Intent(0), guild=channel.guild, only=app.id)
        loop = asyncio.get_running_loop()
        loop.call_later(self.answer_within, self._expire, world, asked)
        return asked

    def to_answer(self, interaction_id: str, token: str) -> Interaction:
        """The interaction, if it may still get its first answer."""
        asked = self.by_token.get(token)
        if asked is None or asked.id != interaction_id:
            raise Refused(errors.UNKNOWN_INTERACTION)
        if asked.answer is not None:
            raise Refused(errors.ALREADY_ANSWERED)
        if time.monotonic() - asked.asked_at > self.answer_within:
            raise Refused(errors.UNKNOWN_INTERACTION)
        return asked

    def to_follow(self, app_id: str, token: str) -> Interaction:
        """The interaction, if it was answered and may still be followed up."""
        asked = self.by_token.get(token)
        if asked is None or asked.app.id != app_id:
            raise Refused(errors.BAD_WEBHOOK_TOKEN)
        if time.monotonic() - asked.asked_at > self.follow_within:
            raise Refused(errors.BAD_WEBHOOK_TOKEN)
        if asked.answer is None:
            raise Refused(errors.UNKNOWN_WEBHOOK)
        return asked

    def _expire(self, world: World, asked: Interaction) -> None:
        if asked.answer is None:
            world.journal.note("interaction_failed", channel=asked.channel.id, interaction=asked.id)
            asked.settled.set()


def metadata(asked: Interaction) -> Json:
    """What a message says about the interaction that it answers."""
    shape: Json = {
        "id": asked.id,
        "type": asked.kind,
        "user": shapes.user(asked.user),
        "authorizing_integration_owners": _owners(asked),
    }
    if asked.kind == COMMAND:
        shape["name"] = asked.data["name"]
        shape["command_type"] = asked.data["type"]
    if asked.kind == COMPONENT and asked.message is not None:
        shape["interacted_message_id"] = asked.message.id
    if asked.kind == FORM and asked.before is not None:
        shape["triggering_interaction_metadata"] = asked.before
    return shape


def shown(world: World, asked: Interaction) -> Json:
    """For the person's side: what became of it."""
    answers = ([asked.original] if asked.original is not None else []) + asked.said
    return {
        "id": asked.id,
        "kind": asked.kind,
        "user": asked.user.id,
        "channel": asked.channel.id,
        "answered": asked.answer is not None,
        "answer": asked.answer,
        "settled": asked.settled.is_set(),
        "form": asked.form,
        "choices": asked.choices,
        "messages": [
            shapes.message(world, one, asked.user.id) | {"only_for": one.only_for} for one in answers
        ],
    }


def _owners(asked: Interaction) -> dict[str, str]:
    return {"0": asked.channel.guild.id if asked.channel.guild is not None else "0"}


def _shape(world: World, asked: Interaction) -> Json:
    channel = asked.channel
    shape: Json = {
        "id": asked.id,
        "application_id": asked.app.id,
        "type": asked.kind,
        "data": asked.data,
        "token": asked.token,
        "version": 1,
        "channel_id": channel.id,
        "channel": _channel(channel, asked),
        "app_permissions": str(int(rights_of(asked.app.id, channel))),
        "locale": "en-US",
        "entitlements": [],
        "entitlement_sku_ids": [],
        "authorizing_integration_owners": _owners(asked),
        "context": 1 if channel.is_dm else 0,
        "attachment_size_limit": FILE,
    }
    if channel.guild is not None:
        member = channel.guild.members[asked.user.id]
        rights = str(int(rights_of(asked.user.id, channel)))
        shape |= {
            "guild_id": channel.guild.id,
            "guild_locale": "en-US",
            "guild": {"id": channel.guild.id, "locale": "en-US", "features": []},
            "member": shapes.member(member) | {"permissions": rights},
        }
    else:
        shape["user"] = shapes.user(asked.user)
    if asked.message is not None:
        shape["message"] = shapes.message(world, asked.message, asked.app.id)
    return shape


def _channel(channel: Channel, asked: Interaction) -> Json:
    shape = shapes.channel(channel, asked.app.id)
    if channel.guild is not None:
        shape["permissions"] = str(int(rights_of(asked.user.id, channel)))
    return shape
