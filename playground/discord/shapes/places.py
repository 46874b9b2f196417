"""Guilds, channels and threads as JSON."""

from __future__ import annotations

from playground.discord.ids import stamp, time_of
from playground.discord.model import FORUMS, App, Channel, Guild, Json, Kind
from playground.discord.rights import rights_of
from playground.discord.shapes.people import member, role, user
from playground.discord.world import World


def guild(one: Guild) -> Json:
    return {
        "id": one.id,
        "name": one.name,
        "owner_id": one.owner_id,
        "icon": None,
        "splash": None,
        "discovery_splash": None,
        "banner": None,
        "description": None,
        "region": "local",
        "afk_channel_id": None,
        "afk_timeout": 300,
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "roles": [role(each) for each in one.roles.values()],
        "emojis": guild_emojis(one),
        "stickers": [],
        "features": [],
        "mfa_level": 0,
        "application_id": None,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "rules_channel_id": None,
        "public_updates_channel_id": None,
        "safety_alerts_channel_id": None,
        "vanity_url_code": None,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "premium_progress_bar_enabled": False,
        "preferred_locale": "en-US",
        "nsfw_level": 0,
        "nsfw": False,
        "max_presences": None,
        "max_members": 500_000,
        "max_video_channel_users": 25,
        "approximate_member_count": len(one.members),
        "approximate_presence_count": len(one.members),
    }


def guild_as_created(world: World, one: Guild, app: App, *, everyone: bool) -> Json:
    """The whole guild, with the channels and threads that this bot sees."""
    mine = one.members[app.id]
    members = one.members.values() if everyone else [mine]
    return guild(one) | {
        "joined_at": stamp(mine.joined_at),
        "large": False,
        "unavailable": False,
        "member_count": len(one.members),
        "members": [member(each) for each in members],
        "channels": [channel(each) for each in world.channels_of(one)],
        "threads": [
            channel(each, app.id)
            for each in world.threads_of(one)
            if not each.archived and rights_of(app.id, each)
        ],
        "voice_states": [],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def channel(one: Channel, viewer: str = "") -> Json:
    """A channel; a thread carries the viewer's membership, a direct channel leaves the viewer out."""
    if one.is_dm:
        others = [user(each) for each in one.recipients if each.id != viewer]
        return {
            "id": one.id,
            "type": 1,
            "last_message_id": one.last_message_id,
            "flags": 0,
            "recipients": others,
        }
    assert one.guild is not None
    shape: Json = {
        "id": one.id,
        "type": int(one.kind),
        "guild_id": one.guild.id,
        "name": one.name,
        "parent_id": one.parent.id if one.parent else None,
        "last_message_id": one.last_message_id,
        "rate_limit_per_user": one.options.get("rate_limit_per_user") or 0,
        "flags": one.options.get("flags") or 0,
    }
    return shape | (_thread(one, viewer) if one.is_thread else _guild_channel(one))


def _guild_channel(one: Channel) -> Json:
    shape: Json = {
        "position": one.position,
        "permission_overwrites": one.overwrites,
        "topic": one.options.get("topic"),
        "nsfw": one.options.get("nsfw") or False,
        "last_pin_timestamp": None,
    }
    if one.kind is Kind.voice:
        shape |= {"bitrate": 64_000, "user_limit": 0, "rtc_region": None}
    if one.kind in FORUMS:
        shape |= {
            "available_tags": one.tags,
            "default_reaction_emoji": one.options.get("default_reaction_emoji"),
            "default_sort_order": one.options.get("default_sort_order"),
            "default_forum_layout": one.options.get("default_forum_layout") or 0,
            "default_thread_rate_limit_per_user": 0,
        }
    if "default_auto_archive_duration" in one.options:
        shape["default_auto_archive_duration"] = one.options["default_auto_archive_duration"]
    return shape


def _thread(one: Channel, viewer: str) -> Json:
    shape: Json = {
        "owner_id": one.owner_id,
        "message_count": one.said,
        "total_message_sent": one.said,
        "member_count": min(50, len(one.members)),
        "thread_metadata": {
            "archived": one.archived,
            "archive_timestamp": stamp(one.archived_at or time_of(one.id)),
            "auto_archive_duration": one.options.get("auto_archive_duration") or 1440,
            "locked": one.locked,
            "create_timestamp": stamp(time_of(one.id)),
        },
    }
    if one.kind is Kind.private_thread:
        shape["thread_metadata"]["invitable"] = one.options.get("invitable", True)
    if one.parent is not None and one.parent.kind in FORUMS:
        shape["applied_tags"] = list(one.applied_tags)
    if viewer in one.members:
        shape["member"] = thread_member(one, viewer)
    return shape


def thread_member(thread: Channel, user_id: str) -> Json:
    return {
        "id": thread.id,
        "user_id": user_id,
        "join_timestamp": stamp(thread.members[user_id]),
        "flags": 0,
    }


def guild_emojis(one: Guild) -> list[Json]:
    rest = {"roles": [], "require_colons": True, "managed": False, "animated": False, "available": True}
    return [{"id": number, "name": name, **rest} for name, number in one.emojis.items()]
