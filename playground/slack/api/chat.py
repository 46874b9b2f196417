"""chat.*: what the app says, changes and takes back."""

from __future__ import annotations

import json
from typing import Any

from playground.slack.api.call import Call, Method
from playground.slack.blocks import MARKDOWN, TEXT, check_message
from playground.slack.errors import ApiError
from playground.slack.world import Channel, Ephemeral, Message

Json = dict[str, Any]

MOST_METADATA = 16_000


async def post_message(call: Call) -> Json:
    channel = call.channel(member=True, named=True)
    if channel.archived:
        raise ApiError("is_archived")
    content = _content(call)
    message = Message(call.world.new_ts(), **content)
    _sender(call, message)
    _thread(call, channel, message)
    message.metadata = _metadata(call)
    call.acts.post(channel, message)
    return {
        "channel": channel.id,
        "ts": message.ts,
        "message": call.shapes.message(channel, message, metadata=True),
    }


async def update(call: Call) -> Json:
    channel = call.channel()
    message = _own(call, channel, "cant_update_message")
    content = _content(call, kept=message)
    if "metadata" in call.args:
        message.metadata = _metadata(call)
    message.attachments = content["attachments"]
    by = "" if content["own_blocks"] else call.bot.id
    call.acts.change(
        channel, message, content["text"], content["blocks"] if content["own_blocks"] else None, by
    )
    shown = call.shapes.message(channel, message, metadata=True)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": shown}


async def delete(call: Call) -> Json:
    channel = call.channel()
    message = _own(call, channel, "cant_delete_message")
    call.acts.remove(channel, message)
    return {"channel": channel.id, "ts": message.ts}


async def post_ephemeral(call: Call) -> Json:
    channel = call.channel(member=True)
    user = call.args.needed("user")
    if user not in channel.members:
        raise ApiError("user_not_in_channel")
    content = _content(call)
    ephemeral = Ephemeral(
        call.world.new_ts(),
        channel.id,
        user,
        content["text"],
        content["blocks"],
        call.args.text("thread_ts"),
    )
    call.acts.whisper(ephemeral)
    return {"message_ts": ephemeral.ts}


async def get_permalink(call: Call) -> Json:
    channel = call.channel()
    message = call.message(channel, "message_ts")
    address = f"{call.shapes.base}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.is_reply:
        address += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": address}


METHODS: dict[str, Method] = {
    "chat.postMessage": post_message,
    "chat.update": update,
    "chat.delete": delete,
    "chat.postEphemeral": post_ephemeral,
    "chat.getPermalink": get_permalink,
}


def _content(call: Call, kept: Message | None = None) -> Json:
    """Text, blocks and attachments as given, within the limits."""
    args = call.args
    blocks = args.parsed("blocks", "invalid_blocks_format")
    attachments = args.parsed("attachments")
    text, markdown = args.text("text"), args.text("markdown_text")
    if markdown:
        blocks = _markdown(markdown, bool(text or blocks))
    if kept and not text and "text" not in args:
        text, blocks = kept.text, kept.blocks if blocks is None and kept.own_blocks else blocks
    if not (text or blocks or attachments):
        raise ApiError("no_text")
    if len(text) > TEXT:
        raise ApiError("msg_too_long")
    if isinstance(attachments, list) and len(attachments) > 100:
        raise ApiError("too_many_attachments")
    checked = check_message(blocks) if blocks else []
    return {
        "text": text,
        "blocks": checked,
        "own_blocks": bool(checked),
        "attachments": attachments or [],
    }


def _markdown(markdown: str, with_others: bool) -> list[Json]:
    if with_others:
        raise ApiError("markdown_text_conflict")
    if len(markdown) > MARKDOWN:
        raise ApiError("msg_too_long")
    return [{"type": "markdown", "text": markdown}]


def _sender(call: Call, message: Message) -> None:
    """The bot; under another name it is a bot_message without a user."""
    args = call.args
    message.team, message.bot_id, message.app_id = call.team.id, call.team.bot_id, call.world.app.id
    if username := args.text("username"):
        message.username, message.subtype = username, "bot_message"
        message.icons = _icons(args.text("icon_url"), args.text("icon_emoji"))
    else:
        message.user = call.bot.id


def _icons(url: str, emoji: str) -> Json:
    if emoji:
        return {"emoji": emoji}
    return {f"image_{size}": url for size in (36, 48, 72)} if url else {}


def _thread(call: Call, channel: Channel, message: Message) -> None:
    """A reply's ts leads to its parent; a thread that is gone leaves the message in the channel."""
    named = call.args.text("thread_ts")
    if not named:
        return
    parent = channel.messages.get(named)
    if parent is None:
        return
    message.thread_ts = parent.thread_ts if parent.is_reply else parent.ts
    if call.args.flag("reply_broadcast"):
        message.subtype = "thread_broadcast"


def _metadata(call: Call) -> Json:
    given = call.args.parsed("metadata", "invalid_metadata_format")
    if not given:
        return {}
    if not isinstance(given, dict) or not isinstance(given.get("event_type"), str):
        raise ApiError("invalid_metadata_format")
    if not isinstance(given.get("event_payload"), dict):
        raise ApiError("invalid_metadata_format")
    if len(json.dumps(given)) > MOST_METADATA:
        raise ApiError("metadata_too_large")
    return {"event_type": given["event_type"], "event_payload": given["event_payload"]}


def _own(call: Call, channel: Channel, error: str) -> Message:
    message = call.message(channel)
    if message.bot_id != call.team.bot_id:
        raise ApiError(error)
    return message
