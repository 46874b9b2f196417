"""What a bot is and says of itself."""

from __future__ import annotations

import json
import re
from typing import Any

from playground.telegram.errors import bad
from playground.telegram.methods.call import Call, method

_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
_TEXTS = {
    "Description": ("description", 512),
    "ShortDescription": ("short_description", 120),
    "Name": ("name", 64),
}


@method("getMe")
def get_me(call: Call) -> dict[str, Any]:
    bot = call.bot
    return bot.api() | {
        "can_join_groups": True,
        "can_read_all_group_messages": not bot.privacy,
        "supports_inline_queries": False,
        "supports_guest_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
        "has_topics_enabled": bot.topics,
        "allows_users_to_create_topics": bot.topics and bot.users_create_topics,
        "can_manage_bots": False,
        "supports_join_request_queries": False,
    }


@method("setMyCommands")
def set_my_commands(call: Call) -> bool:
    commands = call.args.objects("commands")
    if len(commands) > 100:
        raise bad("too many commands")
    for one in commands:
        if not _COMMAND.fullmatch(str(one.get("command", ""))):
            raise bad("BOT_COMMAND_INVALID")
        if not 1 <= len(str(one.get("description", ""))) <= 256:
            raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
    call.bot.commands[_scope(call)] = commands
    call.world.note("bot", bot=call.bot.id)
    return True


@method("getMyCommands")
def get_my_commands(call: Call) -> list[dict[str, Any]]:
    return call.bot.commands.get(_scope(call), [])


@method("deleteMyCommands")
def delete_my_commands(call: Call) -> bool:
    call.bot.commands.pop(_scope(call), None)
    return True


def _text_methods(name: str, field: str, limit: int) -> None:
    def set_text(call: Call) -> bool:
        text = call.args.text(field)
        if len(text) > limit:
            raise bad(f"{field.replace('_', ' ')} is too long")
        call.bot.texts[f"{field} {call.args.text('language_code')}"] = text
        return True

    def get_text(call: Call) -> dict[str, str]:
        own = call.bot.first_name if field == "name" else ""
        asked = call.bot.texts.get(f"{field} {call.args.text('language_code')}")
        return {field: asked or call.bot.texts.get(f"{field} ") or own}

    method(f"setMy{name}")(set_text)
    method(f"getMy{name}")(get_text)


for _name, (_field, _limit) in _TEXTS.items():
    _text_methods(_name, _field, _limit)


@method("getUserProfilePhotos")
def get_user_profile_photos(call: Call) -> dict[str, Any]:
    return {"total_count": 0, "photos": []}


@method("setChatMenuButton")
def set_chat_menu_button(call: Call) -> bool:
    return True


@method("logOut")
@method("close")
def end(call: Call) -> bool:
    return True


def _scope(call: Call) -> str:
    scope = call.args.object("scope") or {"type": "default"}
    return json.dumps(scope, sort_keys=True) + call.args.text("language_code")
