"""Reactions to messages."""

from __future__ import annotations

from playground.discord import errors, reacting, shapes
from playground.discord.calls import Call
from playground.discord.errors import Refused
from playground.discord.model import Json, Message
from playground.discord.rest.table import routes
from playground.discord.rights import Right

_ALL = "/channels/{channel_id}/messages/{message_id}/reactions"
_ONE = _ALL + "/{emoji}"


@routes.add("PUT", _ONE + "/@me")
async def add(call: Call) -> None:
    message = _message(call, Right.read_history)
    emoji = _emoji(call)
    if emoji not in message.reactions:
        call.channel(Right.add_reactions)
    reacting.react(call.world, message, call.me, emoji)


@routes.add("DELETE", _ONE + "/@me")
async def remove_own(call: Call) -> None:
    reacting.unreact(call.world, _message(call), call.me, _emoji(call))


@routes.add("DELETE", _ONE + "/{user_id}")
async def remove(call: Call) -> None:
    message = _message(call, Right.manage_messages)
    reacting.unreact(call.world, message, call.world.user(call.params["user_id"]), _emoji(call))


@routes.add("GET", _ONE)
async def people(call: Call) -> list[Json]:
    message = _message(call)
    after = int(call.query.get("after") or 0)
    ids = [one for one in message.reactions.get(_emoji(call), {}) if int(one) > after]
    return [shapes.user(call.world.users[one]) for one in sorted(ids, key=int)[: call.limit(25)]]


@routes.add("DELETE", _ALL)
async def clear(call: Call) -> None:
    reacting.clear_reactions(call.world, _message(call, Right.manage_messages))


@routes.add("DELETE", _ONE)
async def clear_one(call: Call) -> None:
    reacting.clear_reactions(call.world, _message(call, Right.manage_messages), _emoji(call))


def _message(call: Call, *needed: Right) -> Message:
    channel = call.channel(*needed)
    if channel.is_thread and channel.archived and call.method != "GET":
        raise Refused(errors.ARCHIVED)
    return call.world.message(channel, call.params["message_id"])


def _emoji(call: Call) -> str:
    emoji = call.params["emoji"]
    if not reacting.is_emoji(emoji):
        raise Refused(errors.UNKNOWN_EMOJI)
    return emoji
