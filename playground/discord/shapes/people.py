"""Users, members, roles, webhooks and applications as JSON."""

from __future__ import annotations

import hashlib

from playground.discord.ids import stamp
from playground.discord.model import App, Json, Member, Role, User, Webhook
from playground.discord.world import World


def user(one: User) -> Json:
    shape: Json = {
        "id": one.id,
        "username": one.username,
        "discriminator": "0000" if one.bot or one.webhook else "0",
        "global_name": None if one.bot else one.name,
        "avatar": one.avatar,
        "public_flags": 0,
        "flags": 0,
        "avatar_decoration_data": None,
        "banner": None,
        "accent_color": None,
    }
    if one.bot or one.webhook:
        shape["bot"] = True
    return shape


def member(one: Member, *, with_user: bool = True) -> Json:
    shape: Json = {
        "nick": one.nick,
        "avatar": None,
        "roles": list(one.roles),
        "joined_at": stamp(one.joined_at),
        "premium_since": None,
        "deaf": False,
        "mute": False,
        "flags": 0,
        "pending": False,
        "communication_disabled_until": None,
    }
    return shape | {"user": user(one.user)} if with_user else shape


def role(one: Role) -> Json:
    shape: Json = {
        "id": one.id,
        "name": one.name,
        "color": one.color,
        "colors": {"primary_color": one.color, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "icon": None,
        "unicode_emoji": None,
        "position": one.position,
        "permissions": str(one.permissions),
        "managed": one.bot_id is not None,
        "mentionable": False,
        "flags": 0,
    }
    return shape | {"tags": {"bot_id": one.bot_id}} if one.bot_id else shape


def webhook(one: Webhook) -> Json:
    assert one.channel.guild is not None
    return {
        "id": one.id,
        "type": 1,
        "guild_id": one.channel.guild.id,
        "channel_id": one.channel.id,
        "user": user(one.owner),
        "name": one.name,
        "avatar": one.avatar,
        "token": one.token,
        "application_id": one.app_id,
    }


def application(world: World, app: App) -> Json:
    owner = next((one for one in world.users.values() if not one.bot), app.user)
    flags = (1 << 15 if app.privileged & 2 else 0) | (1 << 19 if app.privileged & (1 << 15) else 0)
    return {
        "id": app.id,
        "name": app.user.name,
        "icon": None,
        "description": app.description,
        "summary": "",
        "type": None,
        "bot": user(app.user),
        "bot_public": True,
        "bot_require_code_grant": False,
        "owner": user(owner),
        "verify_key": hashlib.sha256(app.id.encode()).hexdigest(),
        "flags": flags,
        "team": None,
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "integration_types_config": {"0": {}},
        "approximate_guild_count": len(world.guilds_of(app.id)),
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
    }
