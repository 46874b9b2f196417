"""Threads and forum posts, who is in them, and the lists of them."""

from __future__ import annotations

from datetime import datetime

from playground.discord import errors, limits, rooms, shapes, talk
from playground.discord.calls import Call
from playground.discord.errors import Refused
from playground.discord.ids import time_of
from playground.discord.model import FORUMS, Channel, Json, Kind, User
from playground.discord.rest.table import routes
from playground.discord.rights import Right, rights_of, sees
from playground.discord.talk import SETTABLE


@routes.add("POST", "/channels/{channel_id}/messages/{message_id}/threads")
async def from_message(call: Call) -> tuple[int, Json]:
    parent = call.channel(Right.create_public_threads)
    if parent.kind not in (Kind.text, Kind.announcement):
        raise Refused(errors.WRONG_CHANNEL_TYPE)
    message = call.world.message(parent, call.params["message_id"])
    kind = Kind.public_thread if parent.kind is Kind.text else Kind.announcement_thread
    thread = rooms.start_thread(call.world, parent, call.me, call.data, kind=kind, message=message)
    talk.changed(call.world, message)
    starter = {"type": 0, "message_id": message.id, "channel_id": parent.id, "guild_id": _guild_id(parent)}
    talk.post(call.world, thread, call.me, {}, kind=21, reference=starter, referenced=message)
    return 201, shapes.channel(thread, call.app.id)


@routes.add("POST", "/channels/{channel_id}/threads")
async def without_message(call: Call) -> tuple[int, Json]:
    parent = call.channel()
    if parent.kind in FORUMS:
        return 201, _forum_post(call, parent)
    if parent.kind not in (Kind.text, Kind.announcement):
        raise Refused(errors.WRONG_CHANNEL_TYPE)
    kind = Kind(int(call.data.get("type") or Kind.private_thread))
    private = kind is Kind.private_thread
    call.channel(Right.create_private_threads if private else Right.create_public_threads)
    thread = rooms.start_thread(call.world, parent, call.me, call.data, kind=kind)
    if not private:
        named = {"type": 0, "channel_id": thread.id, "guild_id": _guild_id(parent)}
        talk.post(call.world, parent, call.me, {"content": thread.name}, kind=18, reference=named)
    return 201, shapes.channel(thread, call.app.id)


@routes.add("PUT", "/channels/{channel_id}/thread-members/@me")
async def join(call: Call) -> None:
    rooms.join(call.world, _open_thread(call), call.me)


@routes.add("PUT", "/channels/{channel_id}/thread-members/{user_id}")
async def add_member(call: Call) -> None:
    thread = _open_thread(call, Right.send_in_threads)
    user = call.world.user(call.params["user_id"])
    assert thread.guild is not None
    if user.id not in thread.guild.members or not _may_see_parent(thread, user):
        raise Refused(errors.MISSING_ACCESS)
    if rooms.join(call.world, thread, user):
        talk.post(call.world, thread, call.me, {}, kind=1, mentioned=[user])


@routes.add("DELETE", "/channels/{channel_id}/thread-members/@me")
async def leave(call: Call) -> None:
    rooms.leave(call.world, _open_thread(call), call.app.id)


@routes.add("DELETE", "/channels/{channel_id}/thread-members/{user_id}")
async def remove_member(call: Call) -> None:
    thread = _open_thread(call)
    if not (thread.kind is Kind.private_thread and thread.owner_id == call.app.id):
        call.channel(Right.manage_threads)
    user = call.world.user(call.params["user_id"])
    if user.id in thread.members:
        rooms.leave(call.world, thread, user.id)
        talk.post(call.world, thread, call.me, {}, kind=2, mentioned=[user])


@routes.add("GET", "/channels/{channel_id}/thread-members/{user_id}")
async def get_member(call: Call) -> Json:
    thread, user_id = _thread(call), call.params["user_id"]
    if user_id not in thread.members:
        raise Refused(errors.UNKNOWN_MEMBER)
    return shapes.thread_member(thread, user_id)


@routes.add("GET", "/channels/{channel_id}/thread-members/@me")
async def get_own_membership(call: Call) -> Json:
    thread = _thread(call)
    if call.app.id not in thread.members:
        raise Refused(errors.UNKNOWN_MEMBER)
    return shapes.thread_member(thread, call.app.id)


@routes.add("GET", "/channels/{channel_id}/thread-members")
async def list_members(call: Call) -> list[Json]:
    thread = _thread(call)
    return [shapes.thread_member(thread, one) for one in thread.members]


@routes.add("GET", "/guilds/{guild_id}/threads/active")
async def active(call: Call) -> Json:
    guild = call.world.guild(call.params["guild_id"])
    if call.app.id not in guild.members:
        raise Refused(errors.UNKNOWN_GUILD)
    found = [one for one in call.world.threads_of(guild) if not one.archived and sees(call.app.id, one)]
    return _page(call, sorted(found, key=lambda one: -int(one.id)), more=False)


@routes.add("GET", "/channels/{channel_id}/threads/archived/public")
async def archived_public(call: Call) -> Json:
    parent = call.channel(Right.read_history)
    return _archived(call, parent, (Kind.public_thread, Kind.announcement_thread))


@routes.add("GET", "/channels/{channel_id}/threads/archived/private")
async def archived_private(call: Call) -> Json:
    return _archived(call, call.channel(Right.read_history, Right.manage_threads), (Kind.private_thread,))


@routes.add("GET", "/channels/{channel_id}/users/@me/threads/archived/private")
async def archived_joined(call: Call) -> Json:
    return _archived(call, call.channel(Right.read_history), (Kind.private_thread,), joined=True)


def _forum_post(call: Call, forum: Channel) -> Json:
    call.channel(Right.send_messages)
    said = call.data.get("message")
    if not isinstance(said, dict):
        raise errors.invalid("message", "BASE_TYPE_REQUIRED", "This field is required")
    said = said | {"flags": int(said.get("flags") or 0) & SETTABLE}
    limits.check_message(said, len(call.uploads), flags=said["flags"])
    files = call.files(said)
    thread = rooms.start_thread(call.world, forum, call.me, call.data, kind=Kind.public_thread)
    starter = talk.post(call.world, thread, call.me, said, files, id=thread.id)
    return shapes.channel(thread, call.app.id) | {"message": shapes.message(call.world, starter, call.app.id)}


def _archived(call: Call, parent: Channel, kinds: tuple[Kind, ...], *, joined: bool = False) -> Json:
    found = [
        one
        for one in call.world.threads_in(parent)
        if one.archived and one.kind in kinds and (not joined or call.app.id in one.members)
    ]
    before = call.query.get("before")
    if joined:
        found.sort(key=lambda one: -int(one.id))
        found = [one for one in found if not before or int(one.id) < int(before)]
    else:
        found.sort(key=lambda one: _archived_at(one), reverse=True)
        found = [one for one in found if not before or _archived_at(one) < datetime.fromisoformat(before)]
    limit = call.limit()
    return _page(call, found[:limit], more=len(found) > limit)


def _archived_at(thread: Channel) -> datetime:
    return thread.archived_at or time_of(thread.id)


def _page(call: Call, threads: list[Channel], *, more: bool) -> Json:
    mine = [shapes.thread_member(one, call.app.id) for one in threads if call.app.id in one.members]
    return {
        "threads": [shapes.channel(one, call.app.id) for one in threads],
        "members": mine,
        "has_more": more,
    }


def _thread(call: Call) -> Channel:
    thread = call.channel()
    if not thread.is_thread:
        raise Refused(errors.WRONG_CHANNEL_TYPE)
    return thread


def _open_thread(call: Call, *needed: Right) -> Channel:
    thread = _thread(call)
    call.channel(*needed)
    if thread.archived:
        raise Refused(errors.ARCHIVED)
    return thread


def _may_see_parent(thread: Channel, user: User) -> bool:
    return thread.parent is not None and Right.view_channel in rights_of(user.id, thread.parent)


def _guild_id(channel: Channel) -> str:
    assert channel.guild is not None
    return channel.guild.id
