"""Guilds: channels, members, roles."""

from __future__ import annotations

from playground.discord import errors, shapes
from playground.discord.calls import Call
from playground.discord.errors import Refused
from playground.discord.events import Intent
from playground.discord.model import Guild, Json, Member
from playground.discord.rest.table import routes
from playground.discord.rights import Right, require_in_guild


@routes.add("GET", "/guilds/{guild_id}")
async def get_guild(call: Call) -> Json:
    return shapes.guild(_guild(call))


@routes.add("GET", "/guilds/{guild_id}/channels")
async def channels(call: Call) -> list[Json]:
    return [shapes.channel(one) for one in call.world.channels_of(_guild(call))]


@routes.add("PATCH", "/guilds/{guild_id}/channels")
async def move_channels(call: Call) -> None:
    guild = _guild(call)
    require_in_guild(call.app.id, guild, Right.manage_channels)
    for wanted in call.body or []:
        channel = call.world.channel(str(wanted.get("id")))
        if channel.guild is guild and wanted.get("position") is not None:
            channel.position = int(wanted["position"])


@routes.add("GET", "/guilds/{guild_id}/members")
async def members(call: Call) -> list[Json]:
    guild = _guild(call)
    if not call.app.privileged & Intent.members:
        raise Refused(errors.MISSING_ACCESS)
    after = int(call.query.get("after") or 0)
    found = sorted(
        (one for one in guild.members.values() if int(one.user.id) > after), key=lambda m: int(m.user.id)
    )
    return [shapes.member(one) for one in found[: call.limit(1, 1000)]]


@routes.add("GET", "/guilds/{guild_id}/members/search")
async def search_members(call: Call) -> list[Json]:
    query = call.query.get("query", "").lower()
    found = [
        one
        for one in _guild(call).members.values()
        if any(name.lower().startswith(query) for name in (one.user.username, one.user.name, one.nick or ""))
    ]
    return [shapes.member(one) for one in found[: call.limit(1, 1000)]]


@routes.add("GET", "/guilds/{guild_id}/members/{user_id}")
async def get_member(call: Call) -> Json:
    return shapes.member(_member(call, _guild(call)))


@routes.add("PATCH", "/guilds/{guild_id}/members/@me")
async def edit_me(call: Call) -> Json:
    member = _guild(call).members[call.app.id]
    if "nick" in call.data:
        member.nick = call.data["nick"]
    return shapes.member(member)


@routes.add("DELETE", "/guilds/{guild_id}/members/{user_id}")
async def kick(call: Call) -> None:
    guild = _guild(call)
    require_in_guild(call.app.id, guild, Right.kick_members)
    member = _member(call, guild)
    del guild.members[member.user.id]
    data = {"guild_id": guild.id, "user": shapes.user(member.user)}
    call.world.tell("GUILD_MEMBER_REMOVE", data, intent=Intent.members, guild=guild)


@routes.add("PUT", "/guilds/{guild_id}/members/{user_id}/roles/{role_id}")
async def give_role(call: Call) -> None:
    guild, member, role_id = _role_of_member(call)
    if role_id not in member.roles:
        member.roles.append(role_id)
        _tell_member(call, guild, member)


@routes.add("DELETE", "/guilds/{guild_id}/members/{user_id}/roles/{role_id}")
async def take_role(call: Call) -> None:
    guild, member, role_id = _role_of_member(call)
    if role_id in member.roles:
        member.roles.remove(role_id)
        _tell_member(call, guild, member)


@routes.add("GET", "/guilds/{guild_id}/roles")
async def roles(call: Call) -> list[Json]:
    return [shapes.role(one) for one in _guild(call).roles.values()]


@routes.add("GET", "/guilds/{guild_id}/roles/{role_id}")
async def get_role(call: Call) -> Json:
    role = _guild(call).roles.get(call.params["role_id"])
    if role is None:
        raise Refused(errors.UNKNOWN_ROLE)
    return shapes.role(role)


@routes.add("GET", "/guilds/{guild_id}/emojis")
async def emojis(call: Call) -> list[Json]:
    return shapes.guild_emojis(_guild(call))


def _guild(call: Call) -> Guild:
    guild = call.world.guild(call.params["guild_id"])
    if call.app.id not in guild.members:
        raise Refused(errors.UNKNOWN_GUILD)
    return guild


def _member(call: Call, guild: Guild) -> Member:
    member = guild.members.get(call.params["user_id"])
    if member is None:
        raise Refused(errors.UNKNOWN_MEMBER)
    return member


def _role_of_member(call: Call) -> tuple[Guild, Member, str]:
    guild = _guild(call)
    require_in_guild(call.app.id, guild, Right.manage_roles)
    role_id = call.params["role_id"]
    if role_id not in guild.roles:
        raise Refused(errors.UNKNOWN_ROLE)
    return guild, _member(call, guild), role_id


def _tell_member(call: Call, guild: Guild, member: Member) -> None:
    data = shapes.member(member) | {"guild_id": guild.id}
    call.world.tell("GUILD_MEMBER_UPDATE", data, intent=Intent.members, guild=guild)
