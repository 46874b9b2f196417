"""Channels: read, change, delete, invite to write; typing, pins and permissions."""

from __future__ import annotations

from playground.discord import rooms, shapes, talk
from playground.discord.calls import Call
from playground.discord.errors import UNKNOWN_MEMBER, UNKNOWN_ROLE, Refused
from playground.discord.ids import stamp
from playground.discord.model import Json
from playground.discord.rest.table import routes
from playground.discord.rights import Right, require_in_guild


@routes.add("GET", "/channels/{channel_id}")
async def get_channel(call: Call) -> Json:
    return shapes.channel(call.channel(), call.app.id)


@routes.add("PATCH", "/channels/{channel_id}")
async def edit_channel(call: Call) -> Json:
    channel = call.channel()
    if channel.is_thread:
        own_and_open = channel.owner_id == call.app.id and not channel.locked
        if not own_and_open:
            call.channel(Right.manage_threads)
    else:
        call.channel(Right.manage_channels)
    rooms.change_channel(call.world, channel, call.data, by=call.me)
    return shapes.channel(channel, call.app.id)


@routes.add("DELETE", "/channels/{channel_id}")
async def delete_channel(call: Call) -> Json:
    channel = call.channel()
    if not channel.is_dm:
        call.channel(Right.manage_threads if channel.is_thread else Right.manage_channels)
        rooms.delete_channel(call.world, channel)
    return shapes.channel(channel, call.app.id)


@routes.add("POST", "/guilds/{guild_id}/channels")
async def create_channel(call: Call) -> tuple[int, Json]:
    guild = call.world.guild(call.params["guild_id"])
    require_in_guild(call.app.id, guild, Right.manage_channels)
    channel = rooms.create_channel(call.world, guild, call.data)
    return 201, shapes.channel(channel, call.app.id)


@routes.add("POST", "/channels/{channel_id}/typing")
async def send_typing(call: Call) -> None:
    channel = call.channel()
    call.channel(Right.send_in_threads if channel.is_thread else Right.send_messages)
    talk.typing(call.world, channel, call.me)


@routes.add("PUT", "/channels/{channel_id}/permissions/{overwrite_id}")
async def set_permission(call: Call) -> None:
    channel = call.channel(Right.manage_roles)
    target = call.params["overwrite_id"]
    assert channel.guild is not None
    kind = int(call.data.get("type") or 0)
    if target not in (channel.guild.members if kind else channel.guild.roles):
        raise Refused(UNKNOWN_MEMBER if kind else UNKNOWN_ROLE)
    others = [one for one in channel.overwrites if one["id"] != target]
    made = {"id": target, "type": kind, "allow": call.data.get("allow"), "deny": call.data.get("deny")}
    rooms.change_channel(call.world, channel, {"permission_overwrites": [*others, made]}, by=call.me)


@routes.add("DELETE", "/channels/{channel_id}/permissions/{overwrite_id}")
async def delete_permission(call: Call) -> None:
    channel = call.channel(Right.manage_roles)
    others = [one for one in channel.overwrites if one["id"] != call.params["overwrite_id"]]
    rooms.change_channel(call.world, channel, {"permission_overwrites": others}, by=call.me)


@routes.add("GET", "/channels/{channel_id}/messages/pins")
async def pins(call: Call) -> Json:
    channel = call.channel(Right.read_history)
    pinned = [one for one in channel.messages.values() if one.pinned]
    items = [
        {"pinned_at": stamp(one.at), "message": shapes.message(call.world, one, call.app.id)}
        for one in pinned[::-1][: call.limit()]
    ]
    return {"items": items, "has_more": len(pinned) > len(items)}


@routes.add("PUT", "/channels/{channel_id}/messages/pins/{message_id}")
async def pin(call: Call) -> None:
    channel = call.channel(Right.pin_messages)
    message = call.world.message(channel, call.params["message_id"])
    message.pinned = True
    talk.changed(call.world, message)


@routes.add("DELETE", "/channels/{channel_id}/messages/pins/{message_id}")
async def unpin(call: Call) -> None:
    channel = call.channel(Right.pin_messages)
    message = call.world.message(channel, call.params["message_id"])
    message.pinned = False
    talk.changed(call.world, message)
