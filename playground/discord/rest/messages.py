"""Messages of a channel: post, read, change, delete."""

from __future__ import annotations

import time

from playground.discord import errors, limits, rooms, shapes, talk
from playground.discord.calls import Call
from playground.discord.errors import Refused
from playground.discord.model import COMPONENTS_V2, EPHEMERAL, LOADING, Channel, Json, Message
from playground.discord.rest.table import routes
from playground.discord.rights import Right, rights_of
from playground.discord.talk import SETTABLE


@routes.add("POST", "/channels/{channel_id}/messages")
async def create_message(call: Call) -> Json:
    channel, body = _writable(call), call.data
    body = body | {"flags": int(body.get("flags") or 0) & SETTABLE & ~EPHEMERAL}
    limits.check_message(body, len(call.uploads), flags=body["flags"])
    earlier = _earlier(call, channel, body)
    if earlier is not None:
        return _shown(call, earlier)
    message = talk.post(call.world, channel, call.me, body, call.files(body))
    if body.get("enforce_nonce") and body.get("nonce") is not None:
        call.world.nonces.append((time.monotonic(), _nonce(call, channel, body), message))
    return _shown(call, message)


@routes.add("GET", "/channels/{channel_id}/messages")
async def list_messages(call: Call) -> list[Json]:
    channel = call.channel()
    if not channel.holds_messages:
        raise Refused(errors.NOT_A_TEXT_CHANNEL)
    if Right.read_history not in rights_of(call.app.id, channel):
        return []
    asked = {key: call.query[key] for key in ("before", "after", "around") if call.query.get(key)}
    found = talk.history(channel, limit=call.limit(), **asked)
    return [_shown(call, message) for message in found]


@routes.add("GET", "/channels/{channel_id}/messages/{message_id}")
async def get_message(call: Call) -> Json:
    channel = call.channel(Right.read_history)
    return _shown(call, call.world.message(channel, call.params["message_id"]))


@routes.add("PATCH", "/channels/{channel_id}/messages/{message_id}")
async def edit_message(call: Call) -> Json:
    channel = call.channel()
    message = call.world.message(channel, call.params["message_id"])
    may_hide = Right.manage_messages in rights_of(call.app.id, channel) and set(call.data) == {"flags"}
    if message.author is not call.me and not may_hide:
        raise Refused(errors.NOT_YOUR_MESSAGE)
    if channel.is_thread and channel.archived:
        raise Refused(errors.ARCHIVED)
    if message.kind not in (0, 19, 20, 23):
        raise Refused(errors.SYSTEM_MESSAGE)
    change(call, message)
    return _shown(call, message)


@routes.add("DELETE", "/channels/{channel_id}/messages/{message_id}")
async def delete_message(call: Call) -> None:
    channel = call.channel()
    message = call.world.message(channel, call.params["message_id"])
    if message.author is not call.me and channel.is_dm:
        raise Refused(errors.NOT_IN_DM)
    if message.author is not call.me:
        call.channel(Right.manage_messages)
    if channel.is_thread and channel.archived:
        raise Refused(errors.ARCHIVED)
    talk.delete(call.world, message)


@routes.add("POST", "/channels/{channel_id}/messages/bulk-delete")
async def bulk_delete(call: Call) -> None:
    channel = call.channel(Right.manage_messages)
    wanted = call.data.get("messages") or []
    if not 2 <= len(wanted) <= 100:
        raise errors.invalid("messages", "BASE_TYPE_BAD_LENGTH", "Must be between 2 and 100 in length.")
    talk.delete_many(call.world, channel, wanted)


@routes.add("POST", "/attachments/refresh-urls")
async def refresh_addresses(call: Call) -> Json:
    found = []
    for address in call.data.get("attachment_urls") or []:
        parts = str(address).split("?")[0].split("/")
        file = call.world.files.get(parts[-2]) if len(parts) > 3 else None
        fresh = shapes.file_address(call.world, parts[-3], file) if file else None
        found.append({"original": address, "refreshed": fresh})
    return {"refreshed_urls": found}


def change(call: Call, message: Message) -> None:
    """Change a message of one's own by the body of the call."""
    body = call.data
    flags = message.flags | int(body.get("flags") or 0) & COMPONENTS_V2
    if message.flags & COMPONENTS_V2 and body.get("flags") is not None:
        body = body | {"flags": int(body["flags"]) | COMPONENTS_V2}
    limits.check_message(body, len(call.uploads), flags=flags, editing=True)
    named = body.get("attachments")
    kept = len(message.files) if named is None else sum(_is_kept(message, one) for one in named)
    was_waiting = bool(message.flags & LOADING)
    files = call.files(body, kept)
    if named is None and files:
        body = {key: value for key, value in body.items() if key != "attachments"}
    message.flags &= ~LOADING
    talk.edit(call.world, message, body, files, seen=not was_waiting)


def _is_kept(message: Message, named: Json) -> bool:
    return any(file.id == str(named.get("id")) for file in message.files)


def _writable(call: Call) -> Channel:
    """The channel, if the bot may write there."""
    channel = call.channel()
    if not channel.holds_messages:
        raise Refused(errors.NOT_A_TEXT_CHANNEL)
    if channel.is_dm:
        _check_dm_open(call, channel)
        return channel
    needed = [Right.send_in_threads if channel.is_thread else Right.send_messages]
    if call.uploads:
        needed.append(Right.attach_files)
    call.channel(*needed)
    if channel.is_thread:
        rooms.check_open(channel, moderator=Right.manage_threads in rights_of(call.app.id, channel))
    return channel


def _check_dm_open(call: Call, channel: Channel) -> None:
    """A person's direct messages are closed by themselves, or when no guild is shared any more."""
    for person in channel.recipients:
        shared = any(person.id in guild.members for guild in call.world.guilds_of(call.app.id))
        if person is not call.me and (call.app.id in person.blocked or not shared):
            raise Refused(errors.CANNOT_SEND_TO_USER)


def _nonce(call: Call, channel: Channel, body: Json) -> str:
    return f"{call.app.id}:{channel.id}:{body['nonce']}"


def _earlier(call: Call, channel: Channel, body: Json) -> Message | None:
    """The message that was made by the same nonce a short while ago."""
    if not body.get("enforce_nonce") or body.get("nonce") is None:
        return None
    oldest, wanted = time.monotonic() - call.world.nonce_life, _nonce(call, channel, body)
    for at, nonce, message in reversed(call.world.nonces):
        if at < oldest:
            break
        if nonce == wanted:
            return message
    return None


def _shown(call: Call, message: Message) -> Json:
    shape = shapes.message(call.world, message, call.app.id)
    if message.nonce is not None and message.author is call.me:
        shape["nonce"] = message.nonce
    return shape if call.server.may_read(message, call.app) else call.server.hidden(shape)
