"""users.*, reactions.*, bots.*, team.* and assistant.*"""

from __future__ import annotations

import re
from typing import Any

from playground.slack.api.call import Call, Method
from playground.slack.errors import ApiError
from playground.slack.world import Channel, Message

Json = dict[str, Any]

MOST_EMOJI = 23


async def user_info(call: Call) -> Json:
    return {"user": call.shapes.user(call.user(), call.team.id, call.args.flag("include_locale"))}


async def user_list(call: Call) -> Json:
    own = [user for user in call.world.users.values() if user.team == call.team.id]
    page, more = call.page(own)
    shown = [call.shapes.user(user, call.team.id, call.args.flag("include_locale")) for user in page]
    return {"members": shown, "response_metadata": more}


async def user_profile(call: Call) -> Json:
    user = call.user() if "user" in call.args else call.bot
    return {"profile": call.shapes.profile(user)}


async def user_by_email(call: Call) -> Json:
    address = call.args.needed("email").casefold()
    for user in call.world.users.values():
        if user.team == call.team.id and user.email.casefold() == address and not user.deleted:
            return {"user": call.shapes.user(user, call.team.id)}
    raise ApiError("users_not_found")


async def presence(call: Call) -> Json:
    call.user()
    return {"presence": "active", "online": True}


# --- reactions


async def add_reaction(call: Call) -> Json:
    channel, message = _reacted(call)
    name = _emoji(call)
    if name not in message.reactions and len(message.reactions) >= MOST_EMOJI:
        raise ApiError("too_many_emoji")
    if not call.acts.react(channel, message, call.bot.id, name):
        raise ApiError("already_reacted")
    return {}


async def remove_reaction(call: Call) -> Json:
    channel, message = _reacted(call)
    if not call.acts.unreact(channel, message, call.bot.id, _emoji(call)):
        raise ApiError("no_reaction")
    return {}


async def get_reactions(call: Call) -> Json:
    channel, message = _reacted(call)
    return {"type": "message", "channel": channel.id, "message": call.shapes.message(channel, message)}


def _reacted(call: Call) -> tuple[Channel, Message]:
    if not call.args.text("channel"):
        raise ApiError("no_item_specified")
    channel = call.channel(member=True)
    if not re.fullmatch(r"\d+\.\d+", call.args.text("timestamp")):
        raise ApiError("bad_timestamp")
    return channel, call.message(channel, "timestamp")


def _emoji(call: Call) -> str:
    name = call.args.needed("name").strip(":")
    if not re.fullmatch(r"[\w+'-]{1,100}(?:::skin-tone-[2-6])?", name):
        raise ApiError("invalid_name")
    return name


# --- bots, teams, assistants


async def bot_info(call: Call) -> Json:
    key = call.args.text("bot") or call.team.bot_id
    owner = next((user for user in call.world.users.values() if user.bot_id == key), None)
    if owner is None:
        raise ApiError("bot_not_found")
    return {"bot": call.shapes.bot(key, owner.app_id, owner.team)}


async def team_info(call: Call) -> Json:
    key = call.args.text("team") or call.team.id
    if key not in call.world.workspaces:
        raise ApiError("team_not_found")
    return {"team": call.shapes.team(call.world.workspaces[key])}


async def emoji_list(call: Call) -> Json:
    return {"emoji": {}, "cache_ts": "0"}


async def assistant(call: Call) -> Json:
    """Status, title and prompts of an assistant's thread, kept for whoever looks."""
    channel = call.channel("channel_id")
    thread = call.args.needed("thread_ts")
    if thread not in channel.messages:
        raise ApiError("thread_not_found")
    kept = call.world.statuses.setdefault((channel.id, thread), {})
    for name in ("status", "title", "prompts"):
        if name in call.args:
            kept[name] = call.args.parsed(name) if name == "prompts" else call.args.text(name)
    call.acts.changes.tell("status", channel=channel.id, thread_ts=thread)
    return {}


METHODS: dict[str, Method] = {
    "users.info": user_info,
    "users.list": user_list,
    "users.profile.get": user_profile,
    "users.lookupByEmail": user_by_email,
    "users.getPresence": presence,
    "reactions.add": add_reaction,
    "reactions.remove": remove_reaction,
    "reactions.get": get_reactions,
    "bots.info": bot_info,
    "team.info": team_info,
    "emoji.list": emoji_list,
    "assistant.threads.setStatus": assistant,
    "assistant.threads.setTitle": assistant,
    "assistant.threads.setSuggestedPrompts": assistant,
}
