"""The desk's commands in Telegram's menu: requesters' for all, agents' in desk rooms only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from adapters.telegram.line import Line
from adapters.telegram.settings import PLATFORM
from core.chat import CommandSpec, Place, PostFailed
from core.desk import Desk
from core.i18n import LANGUAGES, _, speaking
from core.rooms import service as rooms

MOST = 100
_NAME = re.compile(r"[a-z0-9_]{1,32}")


async def register(desk: Desk, line: Line, offered: Sequence[CommandSpec]) -> None:
    """Tell Telegram once at the start of a line; a room that is gone is no reason to stay away."""
    if not offered:
        return
    everybody = [command for command in offered if not command.staff]
    await _set(line, everybody, {"type": "default"})
    for channel in await _rooms(desk, line):
        try:
            await _set(line, offered, {"type": "chat", "chat_id": int(channel)})
        except PostFailed:
            continue


def listed(offered: Sequence[CommandSpec]) -> list[dict[str, str]]:
    """Commands as Telegram takes them, in the current language."""
    fit = [command for command in offered if _NAME.fullmatch(command.name)]
    return [{"command": one.name, "description": _(one.title)[:256] or one.name} for one in fit[:MOST]]


async def _set(line: Line, offered: Sequence[CommandSpec], scope: dict[str, Any]) -> None:
    for language in LANGUAGES:
        with speaking(language):
            described = listed(offered)
        code = None if language == "en" else language
        await line.client.call("setMyCommands", commands=described, scope=scope, language_code=code)


async def _rooms(desk: Desk, line: Line) -> list[str]:
    """The groups of this bot in which agents work."""
    async with desk.db.sessions() as session:
        found = [Place.from_key(room.place_key) for room in await rooms.rooms(session)]
    mine = [place.channel for place in found if place.platform == PLATFORM and place.installation == line.id]
    return sorted({channel for channel in mine if re.fullmatch(r"-?\d+", channel)})
