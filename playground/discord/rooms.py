"""Channels and threads: making, changing, removing them, and who is in a thread."""

from __future__ import annotations

import time
from typing import Any

from playground.discord import errors, shapes
from playground.discord.errors import Refused, limited
from playground.discord.events import Intent
from playground.discord.ids import now
from playground.discord.limits import THREAD_NAME, check_name
from playground.discord.model import (
    FORUMS,
    HAS_THREAD,
    Channel,
    Guild,
    Json,
    Kind,
    Message,
    User,
)
from playground.discord.world import World

RENAMES, RENAMES_IN = 2, 600.0
ARCHIVE_AFTER = (60, 1440, 4320, 10080)
MOST_CHANNELS, MOST_THREADS, MOST_IN_THREAD = 500, 1000, 1000
_KEPT = (
    "topic",
    "nsfw",
    "rate_limit_per_user",
    "flags",
    "default_auto_archive_duration",
    "default_reaction_emoji",
    "default_sort_order",
    "default_forum_layout",
    "default_thread_rate_limit_per_user",
)


def create_channel(world: World, guild: Guild, body: Json) -> Channel:
    if sum(1 for _one in world.channels_of(guild)) >= MOST_CHANNELS:
        raise Refused(errors.TOO_MANY_CHANNELS)
    kind = _kind(body.get("type") or 0)
    channel = world.add_channel(guild, _channel_name(kind, check_name(body.get("name"))), kind)
    _set(world, channel, body)
    tell(world, "CHANNEL_CREATE", channel)
    return channel


def change_channel(world: World, channel: Channel, body: Json, *, by: User) -> None:
    """Change what the body names, in a channel or a thread."""
    if channel.is_thread:
        _change_thread(world, channel, body, by)
        return
    if body.get("name") not in (None, channel.name):
        name = check_name(body["name"])
        _count_rename(channel)
        channel.name = _channel_name(channel.kind, name)
    _set(world, channel, body)
    tell(world, "CHANNEL_UPDATE", channel)


def delete_channel(world: World, channel: Channel) -> None:
    """Remove a channel with its threads, or a thread."""
    for thread in list(world.threads_in(channel)):
        delete_channel(world, thread)
    if channel.is_thread:
        tell_gone(world, channel)
    else:
        tell(world, "CHANNEL_DELETE", channel)
    channel.gone = True
    world.channels.pop(channel.id, None)
    for hook in [one for one in world.webhooks.values() if one.channel is channel]:
        del world.webhooks[hook.id]


def start_thread(
    world: World, parent: Channel, by: User, body: Json, *, kind: Kind, message: Message | None = None
) -> Channel:
    """A thread in a text channel, from a message or from nothing, or the shell of a forum post."""
    if message is not None and message.thread is not None and not message.thread.gone:
        raise Refused(errors.HAS_THREAD)
    assert parent.guild is not None
    if sum(1 for one in world.threads_of(parent.guild) if not one.archived) >= MOST_THREADS:
        raise Refused(errors.TOO_MANY_THREADS)
    name = check_name(body.get("name"), most=THREAD_NAME)
    thread = Channel(
        message.id if message is not None else world.ids.new(),
        kind,
        name,
        parent.guild,
        parent,
        owner_id=by.id,
        members={by.id: now()},
        options={
            "auto_archive_duration": _archive_after(body),
            "rate_limit_per_user": body.get("rate_limit_per_user"),
            "invitable": body.get("invitable", True) is not False,
        },
        applied_tags=_tags(parent, body.get("applied_tags") or []),
    )
    world.channels[thread.id] = thread
    if message is not None:
        message.thread = thread
        message.flags |= HAS_THREAD
    tell(world, "THREAD_CREATE", thread, newly_created=True)
    return thread


def join(world: World, thread: Channel, user: User) -> bool:
    """Let someone into a thread; False when they were in it."""
    if user.id in thread.members:
        return False
    if len(thread.members) >= MOST_IN_THREAD:
        raise Refused(errors.TOO_MANY_IN_THREAD)
    thread.members[user.id] = now()
    if user.bot and user.id in world.apps:
        assert thread.guild is not None
        data = shapes.channel(thread, user.id) | {"guild_id": thread.guild.id}
        world.tell("THREAD_CREATE", data, channel=thread, only=user.id)
    _tell_members(world, thread, added=[user.id])
    return True


def leave(world: World, thread: Channel, user_id: str) -> None:
    if user_id in thread.members:
        _tell_members(world, thread, removed=[user_id])
        del thread.members[user_id]


def stir(world: World, thread: Channel, message: Message) -> None:
    """A message wakes an archived thread, and brings its writer in."""
    if message.id != thread.id:
        thread.said += 1
    if thread.archived and not thread.locked:
        thread.archived, thread.archived_at = False, now()
        tell(world, "THREAD_UPDATE", thread)
    if message.author.id in world.users and message.webhook_id is None and message.kind in (0, 19, 20, 23):
        join(world, thread, message.author)


def check_open(thread: Channel, *, moderator: bool) -> None:
    """Refuse what an archived and locked thread does not take."""
    if thread.archived and thread.locked:
        raise Refused(errors.ARCHIVED)
    if thread.locked and not moderator:
        raise Refused(errors.LOCKED)


def tell(world: World, name: str, channel: Channel, **more: Any) -> None:
    world.journal.note("channel", channel=channel.id)
    for app in world.apps.values():
        data = shapes.channel(channel, app.id) | more
        world.tell(name, data, channel=channel, only=app.id)


def tell_gone(world: World, thread: Channel) -> None:
    assert thread.guild is not None
    assert thread.parent is not None
    data = {
        "id": thread.id,
        "guild_id": thread.guild.id,
        "parent_id": thread.parent.id,
        "type": int(thread.kind),
    }
    world.journal.note("channel", channel=thread.id)
    world.tell("THREAD_DELETE", data, channel=thread)


def _change_thread(world: World, thread: Channel, body: Json, by: User) -> None:
    if thread.archived and body.get("archived") is not False and set(body) - {"archived", "locked"}:
        raise Refused(errors.ARCHIVED)
    renamed = None
    if body.get("name") not in (None, thread.name):
        renamed = check_name(body["name"], most=THREAD_NAME)
        _count_rename(thread)
        thread.name = renamed
    if "applied_tags" in body and thread.parent is not None:
        thread.applied_tags = _tags(thread.parent, body["applied_tags"] or [])
    for key in ("rate_limit_per_user", "invitable", "flags"):
        if key in body:
            thread.options[key] = body[key]
    if body.get("auto_archive_duration") is not None:
        thread.options["auto_archive_duration"] = _archive_after(body)
    if "locked" in body:
        thread.locked = bool(body["locked"])
    if body.get("archived") is not None and bool(body["archived"]) != thread.archived:
        thread.archived, thread.archived_at = bool(body["archived"]), now()
    tell(world, "THREAD_UPDATE", thread)
    if renamed is not None:
        _say_renamed(world, thread, renamed, by)


def _say_renamed(world: World, thread: Channel, name: str, by: User) -> None:
    from playground.discord import talk

    talk.post(world, thread, by, {"content": name}, kind=4)


def _set(world: World, channel: Channel, body: Json) -> None:
    for key in _KEPT:
        if key in body:
            channel.options[key] = body[key]
    if "permission_overwrites" in body:
        channel.overwrites = [_overwrite(one) for one in body["permission_overwrites"] or []]
    if "parent_id" in body:
        parent = body["parent_id"]
        channel.parent = world.channel(str(parent)) if parent else None
    if body.get("position") is not None:
        channel.position = int(body["position"])
    if "available_tags" in body and channel.kind in FORUMS:
        channel.tags = _available(world, body["available_tags"] or [])


def _available(world: World, tags: list[Json]) -> list[Json]:
    if len(tags) > 20:
        raise errors.invalid("available_tags", "BASE_TYPE_MAX_LENGTH", "Must be 20 or fewer in length.")
    return [
        {
            "id": str(tag.get("id") or world.ids.new()),
            "name": check_name(tag.get("name"), "available_tags.name", 20),
            "moderated": bool(tag.get("moderated")),
            "emoji_id": tag.get("emoji_id"),
            "emoji_name": tag.get("emoji_name"),
        }
        for tag in tags
    ]


def _tags(forum: Channel, tags: list[Any]) -> list[str]:
    if len(tags) > 5:
        raise errors.invalid("applied_tags", "BASE_TYPE_MAX_LENGTH", "Must be 5 or fewer in length.")
    known = {str(tag["id"]) for tag in forum.tags}
    if any(str(tag) not in known for tag in tags):
        raise errors.invalid("applied_tags", "UNKNOWN_TAG", "Unknown tag")
    if forum.kind in FORUMS and not tags and int(forum.options.get("flags") or 0) & 1 << 4:
        raise Refused(errors.TAG_REQUIRED)
    return [str(tag) for tag in tags]


def _overwrite(one: Json) -> Json:
    return {
        "id": str(one["id"]),
        "type": int(one.get("type") or 0),
        "allow": str(one.get("allow") or 0),
        "deny": str(one.get("deny") or 0),
    }


def _archive_after(body: Json) -> int:
    minutes = int(body.get("auto_archive_duration") or 1440)
    if minutes not in ARCHIVE_AFTER:
        raise errors.invalid("auto_archive_duration", "BASE_TYPE_CHOICES", f"Must be one of {ARCHIVE_AFTER}.")
    return minutes


def _kind(number: Any) -> Kind:
    try:
        return Kind(number)
    except ValueError:
        raise errors.invalid("type", "BASE_TYPE_CHOICES", "Unknown channel type") from None


def _channel_name(kind: Kind, name: str) -> str:
    return name.strip().lower().replace(" ", "-") if kind in (Kind.text, Kind.announcement, *FORUMS) else name


def _count_rename(channel: Channel) -> None:
    """A name changes twice in ten minutes, no more."""
    moment = time.monotonic()
    while channel.renames and channel.renames[0] <= moment - RENAMES_IN:
        channel.renames.popleft()
    if len(channel.renames) >= RENAMES:
        raise limited(channel.renames[0] + RENAMES_IN - moment, scope="shared")
    channel.renames.append(moment)


def _tell_members(
    world: World, thread: Channel, *, added: list[str] | None = None, removed: list[str] | None = None
) -> None:
    assert thread.guild is not None
    data: Json = {"id": thread.id, "guild_id": thread.guild.id, "member_count": min(50, len(thread.members))}
    data["added_members"] = [_joined(world, thread, one) for one in added or []]
    data["removed_member_ids"] = removed or []
    world.journal.note("channel", channel=thread.id)
    # Without the intent a bot hears only of itself.
    for app in world.apps.values():
        itself = app.id in (added or []) + (removed or [])
        intent = Intent.guilds if itself else Intent.members
        world.tell("THREAD_MEMBERS_UPDATE", data, intent=intent, channel=thread, only=app.id)


def _joined(world: World, thread: Channel, user_id: str) -> Json:
    assert thread.guild is not None
    shape = shapes.thread_member(thread, user_id) | {"presence": None}
    member = thread.guild.members.get(user_id)
    return shape | {"member": shapes.member(member)} if member is not None else shape
