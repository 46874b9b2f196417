"""Who may do what where: roles and overwrites of channels."""

from __future__ import annotations

from enum import IntFlag

from playground.discord.errors import MISSING_ACCESS, MISSING_PERMISSIONS, Refused
from playground.discord.model import Channel, Guild, Kind


class Right(IntFlag):
    """The permissions that are looked at here."""

    kick_members = 1 << 1
    administrator = 1 << 3
    manage_channels = 1 << 4
    manage_guild = 1 << 5
    add_reactions = 1 << 6
    view_channel = 1 << 10
    send_messages = 1 << 11
    manage_messages = 1 << 13
    embed_links = 1 << 14
    attach_files = 1 << 15
    read_history = 1 << 16
    mention_everyone = 1 << 17
    manage_nicknames = 1 << 27
    manage_roles = 1 << 28
    manage_webhooks = 1 << 29
    use_commands = 1 << 31
    manage_threads = 1 << 34
    create_public_threads = 1 << 35
    create_private_threads = 1 << 36
    send_in_threads = 1 << 38
    pin_messages = 1 << 51


EVERYONE = (
    Right.view_channel
    | Right.send_messages
    | Right.add_reactions
    | Right.embed_links
    | Right.attach_files
    | Right.read_history
    | Right.use_commands
    | Right.create_public_threads
    | Right.send_in_threads
)
BOT = (
    EVERYONE
    | Right.manage_channels
    | Right.manage_messages
    | Right.manage_threads
    | Right.manage_webhooks
    | Right.manage_roles
    | Right.create_private_threads
    | Right.pin_messages
)
ALL = Right((1 << 52) - 1)
IN_DM = EVERYONE & ~(Right.create_public_threads | Right.send_in_threads) | Right.pin_messages


def rights_of(user_id: str, channel: Channel) -> Right:
    """What someone may do in a channel; nothing in a place that they cannot see."""
    if channel.guild is None:
        return IN_DM if any(one.id == user_id for one in channel.recipients) else Right(0)
    if user_id not in channel.guild.members:
        return Right(0)
    rights = rights_in_guild(user_id, channel.guild)
    if Right.administrator in rights:
        return ALL
    holder = channel.parent if channel.is_thread and channel.parent is not None else channel
    rights = _overwritten(rights, user_id, holder)
    if Right.view_channel not in rights or _shut_out(user_id, channel, rights):
        return Right(0)
    return rights


def rights_in_guild(user_id: str, guild: Guild) -> Right:
    member = guild.members.get(user_id)
    if member is None:
        return Right(0)
    if guild.owner_id == user_id:
        return ALL
    held = [guild.id, *member.roles]
    rights = Right(0)
    for role_id in held:
        if role_id in guild.roles:
            rights |= Right(guild.roles[role_id].permissions)
    return ALL if Right.administrator in rights else rights


def require(user_id: str, channel: Channel, *needed: Right) -> None:
    rights = rights_of(user_id, channel)
    if Right.view_channel not in rights:
        raise Refused(MISSING_ACCESS)
    if any(one not in rights for one in needed):
        raise Refused(MISSING_PERMISSIONS)


def require_in_guild(user_id: str, guild: Guild, needed: Right) -> None:
    if user_id not in guild.members:
        raise Refused(MISSING_ACCESS)
    if needed not in rights_in_guild(user_id, guild):
        raise Refused(MISSING_PERMISSIONS)


def sees(user_id: str, channel: Channel) -> bool:
    return Right.view_channel in rights_of(user_id, channel)


def _overwritten(rights: Right, user_id: str, channel: Channel) -> Right:
    guild = channel.guild
    assert guild is not None
    member = guild.members[user_id]
    by_id = {str(one["id"]): one for one in channel.overwrites}
    everyone = by_id.get(guild.id)
    if everyone is not None:
        rights = rights & ~_deny(everyone) | _allow(everyone)
    allow = deny = Right(0)
    for role_id in member.roles:
        if role_id in by_id:
            allow |= _allow(by_id[role_id])
            deny |= _deny(by_id[role_id])
    rights = rights & ~deny | allow
    if user_id in by_id:
        rights = rights & ~_deny(by_id[user_id]) | _allow(by_id[user_id])
    return rights


def _allow(overwrite: dict[str, object]) -> Right:
    return Right(int(str(overwrite.get("allow") or 0)))


def _deny(overwrite: dict[str, object]) -> Right:
    return Right(int(str(overwrite.get("deny") or 0)))


def _shut_out(user_id: str, channel: Channel, rights: Right) -> bool:
    return (
        channel.kind is Kind.private_thread
        and user_id not in channel.members
        and Right.manage_threads not in rights
    )
