"""files.*: uploads in three steps, what is known of a file, and its end."""

from __future__ import annotations

import asyncio
import mimetypes
from typing import Any

from playground.slack.api.call import Call, Method
from playground.slack.blocks import check_message
from playground.slack.errors import ApiError
from playground.slack.shapes import now
from playground.slack.world import Channel, File, Message

Json = dict[str, Any]

MOST_BYTES = 1_000_000_000
"""What Slack says a file may weigh."""
MOST_FILES = 5_000


async def get_upload_url(call: Call) -> Json:
    name, length = call.args.needed("filename"), call.args.number("length", 0)
    if length <= 0:
        raise ApiError("invalid_arguments")
    if length > MOST_BYTES:
        raise ApiError("file_upload_size_restricted")
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    key = call.world.new_id("F")
    alt = call.args.text("alt_txt") or call.args.text("alt_text")
    call.world.files[key] = File(key, call.team.id, call.bot.id, name, "", kind, now(), length, alt_txt=alt)
    _forget_oldest(call)
    return {"upload_url": f"{call.shapes.base}/upload/v1/{key}", "file_id": key}


def _forget_oldest(call: Call) -> None:
    while len(call.world.files) > MOST_FILES:
        del call.world.files[next(iter(call.world.files))]


async def complete_upload(call: Call) -> Json:
    """Answers at once; the message with the files comes a little later, and its ts is not told."""
    given = call.args.parsed("files")
    if not isinstance(given, list) or not given:
        raise ApiError("invalid_arguments")
    files = [_arrived(call, one) for one in given]
    channels = [_target(call, key) for key in _channels(call)]
    blocks = check_message(call.args.parsed("blocks") or [])
    for file in files:
        file.complete = True
    for channel in channels:
        await _share(call, channel, files, blocks)
    return {"files": [call.shapes.file(file) for file in files]}


def _arrived(call: Call, given: Any) -> File:
    file = call.world.files.get(given.get("id", "")) if isinstance(given, dict) else None
    if file is None or file.team != call.team.id or file.complete or not file.arrived:
        raise ApiError("file_not_found")
    file.title = given.get("title") or file.name
    return file


def _channels(call: Call) -> list[str]:
    one = call.args.text("channel_id")
    return list(dict.fromkeys([*([one] if one else []), *call.args.names("channels")]))


def _target(call: Call, key: str) -> Channel:
    channel = call.world.channels.get(key)
    if channel is None or call.team.id not in channel.teams:
        raise ApiError("channel_not_found")
    if call.bot.id not in channel.members:
        raise ApiError("not_in_channel" if channel.kind == "channel" else "channel_not_found")
    if channel.archived:
        raise ApiError("is_archived")
    return channel


async def _share(call: Call, channel: Channel, files: list[File], blocks: list[Json]) -> None:
    if call.parts.answers_with_shares:
        _post(call, channel, files, blocks)
    else:
        call.parts.delivery.spawn(_later(call, channel, files, blocks))


async def _later(call: Call, channel: Channel, files: list[File], blocks: list[Json]) -> None:
    await asyncio.sleep(call.parts.share_delay)
    _post(call, channel, files, blocks)


def _post(call: Call, channel: Channel, files: list[File], blocks: list[Json]) -> None:
    message = Message(
        call.world.new_ts(),
        call.args.text("initial_comment"),
        user=call.bot.id,
        team=call.team.id,
        bot_id=call.team.bot_id,
        app_id=call.world.app.id,
        blocks=blocks,
    )
    parent = channel.messages.get(call.args.text("thread_ts"))
    if parent is not None:
        message.thread_ts = parent.thread_ts if parent.is_reply else parent.ts
    call.acts.share(channel, files, message)


async def info(call: Call) -> Json:
    return {"file": call.shapes.file(_file(call)), "comments": [], "response_metadata": {"next_cursor": ""}}


async def delete(call: Call) -> Json:
    """The file leaves every message that carried it; a message of nothing else leaves as well."""
    file = _file(call)
    del call.world.files[file.id]
    for channel_id, ts, _ in file.shares:
        channel = call.world.channels[channel_id]
        message = channel.messages.get(ts)
        if message and not message.text and message.files == [file.id]:
            call.acts.remove(channel, message)
    return {}


async def list_all(call: Call) -> Json:
    channel = call.args.text("channel")
    found = [
        call.shapes.file(file)
        for file in call.world.files.values()
        if file.team == call.team.id
        and file.complete
        and (not channel or channel in [place for place, _, _ in file.shares])
    ]
    return {"files": found[:100], "paging": {"count": 100, "total": len(found), "page": 1, "pages": 1}}


METHODS: dict[str, Method] = {
    "files.getUploadURLExternal": get_upload_url,
    "files.completeUploadExternal": complete_upload,
    "files.info": info,
    "files.delete": delete,
    "files.list": list_all,
}


def _file(call: Call) -> File:
    file = call.world.files.get(call.args.needed("file"))
    if file is None or not may_read(call, file):
        raise ApiError("file_not_found")
    return file


def may_read(call: Call, file: File) -> bool:
    """One's own workspace's, or one shared where the bot sits."""
    places = [call.world.channels[place] for place, _, _ in file.shares]
    return file.team == call.team.id or any(call.bot.id in place.members for place in places)
