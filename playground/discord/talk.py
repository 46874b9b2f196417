"""Messages: posting, changing, removing, reacting, typing. The same for bots and for people."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import Any

from playground.discord import errors, limits, rooms, shapes
from playground.discord.errors import Refused
from playground.discord.events import Intent, intent_in
from playground.discord.ids import now, time_of
from playground.discord.model import (
    COMPONENTS_V2,
    EPHEMERAL,
    LOADING,
    MESSAGES_KEPT,
    Channel,
    File,
    Json,
    Message,
    User,
)
from playground.discord.rights import Right, rights_of
from playground.discord.world import World

SETTABLE = EPHEMERAL | COMPONENTS_V2 | 1 << 2 | 1 << 12 | 1 << 13
"""Flags that a sender may set."""
_USER = re.compile(r"<@!?(\d+)>")
_ROLE = re.compile(r"<@&(\d+)>")


def post(
    world: World,
    channel: Channel,
    author: User,
    body: Json,
    files: Iterable[File] = (),
    *,
    announce: bool = True,
    mentioned: list[User] | None = None,
    **more: Any,
) -> Message:
    """Add a message; `more` are fields of it. Checks neither rights nor limits."""
    message = Message(
        more.pop("id", None) or world.ids.new(),
        channel,
        author,
        body.get("content") or "",
        now(),
        tts=bool(body.get("tts")),
        nonce=body.get("nonce"),
        embeds=_embeds(body.get("embeds")),
        components=numbered(body.get("components") or []),
        files=list(files),
        flags=int(body.get("flags") or 0) & (SETTABLE | LOADING),
        **more,
    )
    _refer(message, body.get("message_reference"))
    mention(world, message, body.get("allowed_mentions"))
    message.mentions += mentioned or []
    keep(world, message, announce=announce)
    return message


def keep(world: World, message: Message, *, announce: bool = True) -> None:
    """Put a message where it belongs and tell of it."""
    channel = message.channel
    if message.only_for is not None:
        channel.whispers[message.id] = message
        _forget_old(channel.whispers)
        world.journal.note("message", channel=channel.id, message=message.id, only_for=message.only_for)
        return
    channel.messages[message.id] = message
    channel.last_message_id = message.id
    _forget_old(channel.messages)
    if channel.is_thread:
        rooms.stir(world, channel, message)
    world.journal.note("message", channel=channel.id, message=message.id)
    if announce:
        _tell(world, "MESSAGE_CREATE", message)


def edit(
    world: World, message: Message, body: Json, files: Iterable[File] = (), *, seen: bool = True
) -> None:
    """Change what the body names. `seen` marks it as edited."""
    if "content" in body:
        message.content = body["content"] or ""
    if "embeds" in body:
        message.embeds = _embeds(body["embeds"])
    if "components" in body:
        message.components = numbered(body["components"] or [])
    if "flags" in body and body["flags"] is not None:
        allowed = COMPONENTS_V2 | 1 << 2
        message.flags = message.flags & ~(1 << 2) | int(body["flags"]) & allowed
    if "attachments" in body:
        kept = {str(one.get("id")) for one in body["attachments"] or []}
        message.files = [file for file in message.files if file.id in kept]
    message.files.extend(files)
    if "content" in body:
        mention(world, message, body.get("allowed_mentions"))
    if seen:
        message.edited_at = now()
    changed(world, message)


def changed(world: World, message: Message) -> None:
    world.journal.note("edit", channel=message.channel.id, message=message.id, only_for=message.only_for)
    if message.only_for is None:
        _tell(world, "MESSAGE_UPDATE", message)


def delete(world: World, message: Message) -> None:
    channel = message.channel
    world.journal.note("delete", channel=channel.id, message=message.id, only_for=message.only_for)
    if message.only_for is not None:
        channel.whispers.pop(message.id, None)
        return
    channel.messages.pop(message.id, None)
    if channel.is_thread and message.id != channel.id:
        channel.said = max(0, channel.said - 1)
    data = placed(channel, {"id": message.id})
    world.tell("MESSAGE_DELETE", data, intent=intent_in(channel, Intent.messages), channel=channel)


def delete_many(world: World, channel: Channel, message_ids: list[str]) -> None:
    oldest = world.ids.new()
    for one in message_ids:
        if (time_of(oldest) - time_of(str(one))).days >= 14:
            raise Refused(errors.TOO_OLD)
    gone = [one for one in map(str, message_ids) if channel.messages.pop(one, None) is not None]
    for one in gone:
        world.journal.note("delete", channel=channel.id, message=one)
    data = placed(channel, {"ids": gone})
    world.tell("MESSAGE_DELETE_BULK", data, intent=intent_in(channel, Intent.messages), channel=channel)


def typing(world: World, channel: Channel, user: User) -> None:
    data = placed(channel, {"user_id": user.id, "timestamp": int(time.time())})
    if channel.guild is not None and user.id in channel.guild.members:
        data["member"] = shapes.member(channel.guild.members[user.id])
    world.journal.note("typing", channel=channel.id, user=user.id)
    world.tell("TYPING_START", data, intent=intent_in(channel, Intent.typing), channel=channel)


def history(
    channel: Channel,
    *,
    limit: int = 50,
    before: str | None = None,
    after: str | None = None,
    around: str | None = None,
) -> list[Message]:
    """A page of messages, newest first, as the platform gives it."""
    found = sorted(channel.messages.values(), key=lambda one: int(one.id))
    if around is not None:
        older = [one for one in found if int(one.id) < int(around)]
        newer = [one for one in found if int(one.id) >= int(around)]
        half = limit // 2
        return (older[-half:] + newer[: limit - half])[::-1] if half else newer[:limit][::-1]
    if after is not None:
        return [one for one in found if int(one.id) > int(after)][:limit][::-1]
    if before is not None:
        found = [one for one in found if int(one.id) < int(before)]
    return found[-limit:][::-1]


def numbered(components: list[Json]) -> list[Json]:
    """Each component gets the number that the platform gives it when it has none."""
    count = 0

    def visit(component: Json) -> Json:
        nonlocal count
        count += 1
        made = dict(component)
        if not made.get("id"):
            made["id"] = count
        if isinstance(made.get("components"), list):
            made["components"] = [visit(one) for one in made["components"]]
        for key in ("accessory", "component"):
            if isinstance(made.get(key), dict):
                made[key] = visit(made[key])
        return made

    return [visit(component) for component in components]


def mention(world: World, message: Message, allowed: Json | None) -> None:
    """Who is mentioned, as far as the sender allows it."""
    content = "\n".join(
        [message.content, *(str(part.get("content") or "") for part in limits.walk(message.components))]
    )
    named = [one for one in dict.fromkeys(_USER.findall(content)) if one in world.users]
    roles = list(dict.fromkeys(_ROLE.findall(content)))
    everyone = "@everyone" in content or "@here" in content
    if allowed is not None:
        kinds = allowed.get("parse") or []
        if "users" not in kinds:
            named = [one for one in named if one in map(str, allowed.get("users") or [])]
        if "roles" not in kinds:
            roles = [one for one in roles if one in map(str, allowed.get("roles") or [])]
        everyone = everyone and "everyone" in kinds
    replied = message.referenced.author if message.referenced is not None and message.kind == 19 else None
    if replied is not None and replied.id in world.users and _pings(allowed) and replied.id not in named:
        named.append(replied.id)
    message.mentions = [world.users[one] for one in named]
    message.mention_roles = roles
    message.everyone = everyone and Right.mention_everyone in rights_of(message.author.id, message.channel)


def _pings(allowed: Json | None) -> bool:
    return allowed is None or bool(allowed.get("replied_user"))


def _refer(message: Message, reference: Json | None) -> None:
    if not reference or not reference.get("message_id"):
        return
    target = message.channel.messages.get(str(reference["message_id"]))
    if target is None and reference.get("fail_if_not_exists", True):
        raise errors.invalid("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
    if target is not None:
        message.kind, message.referenced = 19, target
        message.reference = placed(message.channel, {"type": 0, "message_id": target.id})


def _embeds(embeds: list[Json] | None) -> list[Json]:
    return [{"type": "rich", **embed} for embed in embeds or []]


def placed(channel: Channel, data: Json) -> Json:
    data["channel_id"] = channel.id
    if channel.guild is not None:
        data["guild_id"] = channel.guild.id
    return data


def _forget_old(messages: dict[str, Message]) -> None:
    while len(messages) > MESSAGES_KEPT:
        del messages[next(iter(messages))]


def _tell(world: World, name: str, message: Message) -> None:
    channel = message.channel
    data = shapes.message(world, message)
    if channel.guild is not None:
        data["guild_id"] = channel.guild.id
        member = channel.guild.members.get(message.author.id)
        if member is not None and message.webhook_id is None:
            data["member"] = shapes.member(member, with_user=False)
    else:
        data["channel_type"] = 1
    if name == "MESSAGE_CREATE" and message.nonce is not None:
        data["nonce"] = message.nonce
    intent = intent_in(channel, Intent.messages)
    world.tell(name, data, intent=intent, channel=channel, message=message)
