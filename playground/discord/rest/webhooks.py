"""Webhooks of channels, and the follow-ups of interactions, which share their addresses."""

from __future__ import annotations

import secrets

from playground.discord import errors, limits, rooms, shapes, talk
from playground.discord.calls import Call
from playground.discord.errors import Refused
from playground.discord.events import Intent
from playground.discord.interactions import Interaction
from playground.discord.model import FORUMS, LOADING, Channel, Json, Kind, Message, User, Webhook
from playground.discord.rest.interactions import say
from playground.discord.rest.messages import change
from playground.discord.rest.table import routes
from playground.discord.rights import Right, require_in_guild
from playground.discord.talk import SETTABLE

MOST = 15
_HOOK = "/webhooks/{webhook_id}/{webhook_token}"
_MESSAGE = _HOOK + "/messages/{message_id}"
_ORIGINAL = _HOOK + "/messages/@original"


@routes.add("POST", "/channels/{channel_id}/webhooks")
async def create(call: Call) -> Json:
    channel = call.channel(Right.manage_webhooks)
    if channel.is_thread or channel.is_dm:
        raise Refused(errors.WRONG_CHANNEL_TYPE)
    if sum(one.channel is channel for one in call.world.webhooks.values()) >= MOST:
        raise Refused(errors.TOO_MANY_WEBHOOKS)
    name = limits.check_name(call.data.get("name"), most=80)
    if "discord" in name.lower() or "clyde" in name.lower():
        raise errors.invalid("name", "USERNAME_INVALID_CONTAINS", "Username cannot contain this word")
    hook = Webhook(call.world.ids.new(), secrets.token_urlsafe(48), name, channel, call.me, call.app.id)
    call.world.webhooks[hook.id] = hook
    _tell(call, channel)
    return shapes.webhook(hook)


@routes.add("GET", "/channels/{channel_id}/webhooks")
async def of_channel(call: Call) -> list[Json]:
    channel = call.channel(Right.manage_webhooks)
    return [shapes.webhook(one) for one in call.world.webhooks.values() if one.channel is channel]


@routes.add("GET", "/guilds/{guild_id}/webhooks")
async def of_guild(call: Call) -> list[Json]:
    guild = call.world.guild(call.params["guild_id"])
    require_in_guild(call.app.id, guild, Right.manage_webhooks)
    return [shapes.webhook(one) for one in call.world.webhooks.values() if one.channel.guild is guild]


@routes.add("GET", "/webhooks/{webhook_id}")
async def get(call: Call) -> Json:
    return shapes.webhook(_managed(call))


@routes.add("PATCH", "/webhooks/{webhook_id}")
async def edit(call: Call) -> Json:
    hook = _managed(call)
    if call.data.get("channel_id"):
        hook.channel = call.world.channel(str(call.data["channel_id"]))
    return _changed(call, hook)


@routes.add("DELETE", "/webhooks/{webhook_id}")
async def delete(call: Call) -> None:
    _removed(call, _managed(call))


@routes.add("GET", _HOOK, open=True)
async def get_by_token(call: Call) -> Json:
    shape = shapes.webhook(_hook(call))
    del shape["user"]
    return shape


@routes.add("PATCH", _HOOK, open=True)
async def edit_by_token(call: Call) -> Json:
    return _changed(call, _hook(call))


@routes.add("DELETE", _HOOK, open=True)
async def delete_by_token(call: Call) -> None:
    _removed(call, _hook(call))


@routes.add("POST", _HOOK, open=True)
async def execute(call: Call) -> Json | None:
    """Say something by a webhook, or follow up an interaction."""
    if call.params["webhook_id"] in call.world.apps:
        return _follow_up(call, _interaction(call))
    message = _say(call, _hook(call))
    return shapes.message(call.world, message) if call.flag("wait") else None


@routes.add("GET", _ORIGINAL, open=True)
async def get_original(call: Call) -> Json:
    return shapes.message(call.world, _original(call))


@routes.add("PATCH", _ORIGINAL, open=True)
async def edit_original(call: Call) -> Json:
    message = _original(call)
    change(call, message)
    if call.params["webhook_id"] in call.world.apps:
        _interaction(call).settled.set()
    return shapes.message(call.world, message)


@routes.add("DELETE", _ORIGINAL, open=True)
async def delete_original(call: Call) -> None:
    asked, message = _interaction(call), _original(call)
    talk.delete(call.world, message)
    asked.original = None
    asked.settled.set()


@routes.add("GET", _MESSAGE, open=True)
async def get_message(call: Call) -> Json:
    return shapes.message(call.world, _message(call))


@routes.add("PATCH", _MESSAGE, open=True)
async def edit_message(call: Call) -> Json:
    message = _message(call)
    change(call, message)
    return shapes.message(call.world, message)


@routes.add("DELETE", _MESSAGE, open=True)
async def delete_message(call: Call) -> None:
    talk.delete(call.world, _message(call))


def _say(call: Call, hook: Webhook) -> Message:
    body = call.data | {"flags": int(call.data.get("flags") or 0) & SETTABLE & ~(1 << 6)}
    limits.check_message(body, len(call.uploads), flags=body["flags"])
    name = limits.check_name(body.get("username") or hook.name, "username", 80)
    author = User(hook.id, name, name, bot=True, avatar=hook.avatar, webhook=True)
    files = call.files(body)
    place, first = _place(call, hook, author)
    return talk.post(
        call.world,
        place,
        author,
        body,
        files,
        id=first,
        webhook_id=hook.id,
        app_id=hook.app_id,
        picture=body.get("avatar_url"),
    )


def _place(call: Call, hook: Webhook, author: User) -> tuple[Channel, str | None]:
    """Where a webhook writes: its channel, a thread in it, or a new post of a forum."""
    channel, thread_id = hook.channel, call.query.get("thread_id")
    if thread_id:
        thread = call.world.channels.get(thread_id)
        if thread is None or thread.parent is not channel:
            raise Refused(errors.UNKNOWN_CHANNEL)
        if thread.archived and thread.locked:
            raise Refused(errors.ARCHIVED)
        return thread, None
    if channel.kind not in FORUMS:
        return channel, None
    if not call.data.get("thread_name"):
        raise Refused((400, 220001, "Webhooks posted to forum channels must have a thread_name or thread_id"))
    wanted = {"name": call.data["thread_name"], "applied_tags": call.data.get("applied_tags")}
    post = rooms.start_thread(call.world, channel, author, wanted, kind=Kind.public_thread)
    return post, post.id


def _follow_up(call: Call, asked: Interaction) -> Json:
    """The first follow-up of what was merely deferred takes the place of what says 'thinking'."""
    original = asked.original
    if original is not None and original.flags & LOADING:
        limits.check_message(call.data, len(call.uploads), flags=int(call.data.get("flags") or 0))
        change(call, original)
        message = original
    else:
        message = say(call, asked, call.data, first=False)
        asked.said.append(message)
    asked.settled.set()
    call.world.journal.note("answer", channel=asked.channel.id, interaction=asked.id)
    return shapes.message(call.world, message, asked.app.id)


def _interaction(call: Call) -> Interaction:
    return call.server.interactions.to_follow(call.params["webhook_id"], call.params["webhook_token"])


def _original(call: Call) -> Message:
    message = _interaction(call).original
    if message is None or not _is_there(message):
        raise Refused(errors.UNKNOWN_MESSAGE)
    return message


def _message(call: Call) -> Message:
    wanted = call.params["message_id"]
    if call.params["webhook_id"] in call.world.apps:
        asked = _interaction(call)
        found = next((one for one in [asked.original, *asked.said] if one and one.id == wanted), None)
        if found is None or not _is_there(found):
            raise Refused(errors.UNKNOWN_MESSAGE)
        return found
    hook = _hook(call)
    place = hook.channel
    if call.query.get("thread_id"):
        place = call.world.channel(call.query["thread_id"])
        if place.parent is not hook.channel:
            raise Refused(errors.UNKNOWN_CHANNEL)
    message = call.world.message(place, wanted)
    if message.webhook_id != hook.id:
        raise Refused(errors.UNKNOWN_MESSAGE)
    return message


def _is_there(message: Message) -> bool:
    kept = message.channel.messages if message.only_for is None else message.channel.whispers
    return message.id in kept


def _hook(call: Call) -> Webhook:
    hook = call.world.webhook(call.params["webhook_id"])
    if not secrets.compare_digest(hook.token, call.params["webhook_token"]):
        raise Refused(errors.BAD_WEBHOOK_TOKEN)
    return hook


def _managed(call: Call) -> Webhook:
    hook = call.world.webhook(call.params["webhook_id"])
    assert hook.channel.guild is not None
    require_in_guild(call.app.id, hook.channel.guild, Right.manage_webhooks)
    return hook


def _changed(call: Call, hook: Webhook) -> Json:
    if "name" in call.data:
        hook.name = limits.check_name(call.data["name"], most=80)
    _tell(call, hook.channel)
    return shapes.webhook(hook)


def _removed(call: Call, hook: Webhook) -> None:
    del call.world.webhooks[hook.id]
    _tell(call, hook.channel)


def _tell(call: Call, channel: Channel) -> None:
    assert channel.guild is not None
    data = {"guild_id": channel.guild.id, "channel_id": channel.id}
    call.world.tell("WEBHOOKS_UPDATE", data, intent=Intent.webhooks, channel=channel)
