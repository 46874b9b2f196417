"""conversations.*: channels, direct messages, history and threads."""

from __future__ import annotations

import re
from typing import Any

from playground.slack.api.call import Call, Method, cursor, uncursor
from playground.slack.errors import ApiError
from playground.slack.world import Channel, Message

Json = dict[str, Any]

_TYPES = {"public_channel": "channel", "private_channel": "group", "im": "im", "mpim": "mpim"}


# --- reading


async def history(call: Call) -> Json:
    """Newest first, without replies but those broadcast; the cursor leads back in time."""
    channel = call.channel(member=True)
    inside = _span(call)
    top = [m for m in channel.messages.values() if not m.is_reply or m.subtype == "thread_broadcast"]
    found = [message for message in reversed(top) if inside(message)]
    if before := uncursor(call.args.text("cursor"), "next_ts"):
        found = [message for message in found if _moment(message.ts) <= _moment(before)]
    return _page(call, channel, found)


async def replies(call: Call) -> Json:
    """Oldest first, the parent on every page."""
    channel = call.channel(member=True)
    named = call.message(channel, error="thread_not_found")
    parent = channel.messages.get(named.thread_ts if named.is_reply else named.ts)
    inside = _span(call)
    found = [m for m in channel.replies(named.thread_ts if named.is_reply else named.ts) if inside(m)]
    if after := uncursor(call.args.text("cursor"), "next_ts"):
        found = [message for message in found if _moment(message.ts) >= _moment(after)]
    return _page(call, channel, found, [parent] if parent else [])


def _page(call: Call, channel: Channel, found: list[Message], always: list[Message] | None = None) -> Json:
    most = call.parts.rates.most_messages(call.method)
    size = max(1, min(call.args.number("limit", 100) or 100, most))
    metadata = call.args.flag("include_all_metadata")
    page = [*(always or []), *found[:size]]
    after = found[size].ts if len(found) > size else ""
    answer: Json = {
        "messages": [call.shapes.message(channel, message, metadata) for message in page],
        "has_more": bool(after),
    }
    return {**answer, "response_metadata": cursor("next_ts", after)} if after else answer


def _span(call: Call) -> Any:
    oldest, latest = call.args.text("oldest"), call.args.text("latest")
    start = _moment(oldest, "invalid_ts_oldest") if oldest else (0, 0)
    end = _moment(latest, "invalid_ts_latest") if latest else (1 << 62, 0)
    edges = call.args.flag("inclusive")

    def inside(message: Message) -> bool:
        at = _moment(message.ts)
        return start <= at <= end if edges else start < at < end

    return inside


def _moment(ts: str, error: str = "invalid_arguments") -> tuple[int, int]:
    if not re.fullmatch(r"\d{1,12}(\.\d{1,6})?", ts):
        raise ApiError(error)
    seconds, _, rest = ts.partition(".")
    return int(seconds), int(rest.ljust(6, "0"))


async def info(call: Call) -> Json:
    channel = call.channel()
    shown = call.shapes.channel(channel, call.team.id, call.bot.id)
    if channel.kind == "im" or not call.args.flag("include_num_members"):
        shown.pop("num_members", None)
    return {"channel": shown}


async def list_all(call: Call) -> Json:
    kinds = _kinds(call)
    found = [
        channel
        for channel in call.world.seen_in(call.team.id)
        if channel.kind in kinds and (channel.kind == "channel" or call.bot.id in channel.members)
    ]
    return _listed(call, found)


async def list_own(call: Call) -> Json:
    """users.conversations: where the bot, or another person, sits."""
    kinds = _kinds(call)
    user = call.args.text("user") or call.bot.id
    found = [
        channel
        for channel in call.world.seen_in(call.team.id)
        if channel.kind in kinds and user in channel.members and call.bot.id in channel.members
    ]
    return _listed(call, found)


def _kinds(call: Call) -> list[str]:
    types = call.args.names("types") or ["public_channel"]
    if unknown := [one for one in types if one not in _TYPES]:
        raise ApiError("invalid_types", needed=",".join(unknown))
    return [_TYPES[one] for one in types]


def _listed(call: Call, found: list[Channel]) -> Json:
    if call.args.flag("exclude_archived"):
        found = [channel for channel in found if not channel.archived]
    page, more = call.page(found)
    shown = [call.shapes.channel(channel, call.team.id, call.bot.id) for channel in page]
    return {"channels": shown, "response_metadata": more}


async def members(call: Call) -> Json:
    page, more = call.page(call.channel().members)
    return {"members": page, "response_metadata": more}


# --- changing


async def open_direct(call: Call) -> Json:
    if channel_id := call.args.text("channel"):
        if channel_id not in call.world.channels:
            raise ApiError("channel_not_found")
        channel = call.channel()
    else:
        users = [call.user_of(one).id for one in call.args.names("users")]
        if not users:
            raise ApiError("users_list_not_supplied")
        if len(users) > 8:
            raise ApiError("too_many_users")
        channel = call.world.direct(call.team.id, [call.bot.id, *dict.fromkeys(users)])
    if call.args.flag("return_im"):
        return {"channel": call.shapes.channel(channel, call.team.id, call.bot.id)}
    return {"channel": {"id": channel.id}}


async def close(call: Call) -> Json:
    call.channel()
    return {}


async def create(call: Call) -> Json:
    name = call.args.needed("name")
    if len(name) > 80:
        raise ApiError("invalid_name_maxlength")
    if not re.fullmatch(r"[\w-]+", name) or name != name.lower():
        raise ApiError("invalid_name_specials")
    if call.world.channel_named(call.team.id, name):
        raise ApiError("name_taken")
    private = call.args.flag("is_private")
    channel = call.world.add_channel(call.team.id, name, call.bot.id, private)
    call.acts.created(channel, call.bot.id)
    return {"channel": call.shapes.channel(channel, call.team.id, call.bot.id)}


async def join(call: Call) -> Json:
    channel = call.channel()
    if channel.kind != "channel":
        raise ApiError("method_not_supported_for_channel_type")
    if channel.archived:
        raise ApiError("is_archived")
    already = call.bot.id in channel.members
    call.acts.join(channel, call.bot)
    answer: Json = {"channel": call.shapes.channel(channel, call.team.id, call.bot.id)}
    return {**answer, "warning": "already_in_channel"} if already else answer


async def invite(call: Call) -> Json:
    channel = call.channel(member=True)
    users = [call.user_of(one) for one in call.args.names("users")]
    if not users:
        raise ApiError("no_user")
    if call.bot in users:
        raise ApiError("cant_invite_self")
    if len(users) == 1 and users[0].id in channel.members:
        raise ApiError("already_in_channel")
    for user in users:
        call.acts.join(channel, user, inviter=call.bot.id)
    return {"channel": call.shapes.channel(channel, call.team.id, call.bot.id)}


async def kick(call: Call) -> Json:
    channel, user = call.channel(member=True), call.user()
    if user.id == call.bot.id:
        raise ApiError("cant_kick_self")
    if user.id not in channel.members:
        raise ApiError("not_in_channel")
    call.acts.leave(channel, user)
    return {}


async def leave(call: Call) -> Json:
    channel = call.channel()
    if call.bot.id not in channel.members:
        return {"not_in_channel": True}
    call.acts.leave(channel, call.bot)
    return {}


async def archive(call: Call) -> Json:
    channel = call.channel(member=True)
    if channel.archived:
        raise ApiError("already_archived")
    if channel.name == "general":
        raise ApiError("cant_archive_general")
    call.acts.archive(channel, call.bot.id, True)
    return {}


async def unarchive(call: Call) -> Json:
    channel = call.channel()
    if not channel.archived:
        raise ApiError("not_archived")
    call.acts.archive(channel, call.bot.id, False)
    return {}


async def rename(call: Call) -> Json:
    channel = call.channel(member=True)
    channel.name = call.args.needed("name")
    call.acts.events.of_channel(
        "group_rename" if channel.kind == "group" else "channel_rename", channel, call.bot.id
    )
    return {"channel": call.shapes.channel(channel, call.team.id, call.bot.id)}


async def set_topic(call: Call) -> Json:
    channel = call.channel(member=True)
    channel.topic = call.args.text("topic")[:250]
    return {"channel": call.shapes.channel(channel, call.team.id, call.bot.id)}


async def set_purpose(call: Call) -> Json:
    channel = call.channel(member=True)
    channel.purpose = call.args.text("purpose")[:250]
    return {"channel": call.shapes.channel(channel, call.team.id, call.bot.id), "purpose": channel.purpose}


async def mark(call: Call) -> Json:
    channel = call.channel(member=True)
    _moment(call.args.needed("ts"), "invalid_timestamp")
    channel.read[call.bot.id] = call.args.text("ts")
    return {}


METHODS: dict[str, Method] = {
    "conversations.history": history,
    "conversations.replies": replies,
    "conversations.info": info,
    "conversations.list": list_all,
    "users.conversations": list_own,
    "conversations.members": members,
    "conversations.open": open_direct,
    "conversations.close": close,
    "conversations.create": create,
    "conversations.join": join,
    "conversations.invite": invite,
    "conversations.kick": kick,
    "conversations.leave": leave,
    "conversations.archive": archive,
    "conversations.unarchive": unarchive,
    "conversations.rename": rename,
    "conversations.setTopic": set_topic,
    "conversations.setPurpose": set_purpose,
    "conversations.mark": mark,
}
