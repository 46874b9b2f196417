"""A message, or its whole thread, that somebody takes to the desk by a shortcut."""

from __future__ import annotations

from typing import Any

import structlog

from adapters.slack import inbound, messages
from adapters.slack.answering import user_in
from adapters.slack.directory import Directory
from adapters.slack.interactions import MAKE_TICKET
from adapters.slack.names import Known
from adapters.slack.payload import sender_of
from adapters.slack.workspaces import Workspace
from core import clock
from core.chat import Gathered, Gone, Place, PostFailed, Said

log = structlog.get_logger("slack.gathering")
Json = dict[str, Any]

MOST = 200
MOST_PAGES = 5


async def gathered(
    workspace: Workspace, directory: Directory, payload: Json, known: Known
) -> Gathered | None:
    """All messages of the thread, oldest first; only the one that was shown where the bot may not read
    the channel."""
    trigger, user = payload.get("trigger_id"), user_in(payload)
    if payload.get("callback_id") != MAKE_TICKET or not isinstance(trigger, str) or not user:
        return None
    place = messages.place_of_shortcut(payload, known)
    found = await _thread(workspace, place, payload)
    if found is None:
        # Nobody could be answered where the bot is not: the asker's own conversation takes it.
        place = workspace.place(await directory.direct(workspace, user))
        found = [payload["message"]] if isinstance(payload.get("message"), dict) else []
    if not place.channel:
        return None
    said = [
        one for message in found if (one := await _said(workspace, directory, message, place)) is not None
    ]
    return Gathered(
        place=place,
        sender=sender_of(known.person(user)),
        native=trigger,
        at=clock.now(),
        messages=tuple(said),
    )


async def _said(workspace: Workspace, directory: Directory, message: Json, place: Place) -> Said | None:
    known = await directory.known(workspace, inbound.wanted({"message": message}))
    return messages.gathered(message, known, place)


async def _thread(workspace: Workspace, place: Place, payload: Json) -> list[Json] | None:
    """None where the bot does not sit and cannot come in."""
    try:
        return await _read(workspace, place, payload)
    except Gone:
        pass
    except PostFailed as error:
        log.warning("slack.thread_not_read", error=type(error).__name__)
        return [payload["message"]] if isinstance(payload.get("message"), dict) else []
    try:
        await workspace.call("conversations.join", channel=place.channel)
        return await _read(workspace, place, payload)
    except PostFailed:
        return None


async def _read(workspace: Workspace, place: Place, payload: Json) -> list[Json]:
    if not place.thread:
        return [payload["message"]] if isinstance(payload.get("message"), dict) else []
    found: dict[str, Json] = {}
    cursor: str | None = None
    for _page in range(MOST_PAGES):
        answer = await workspace.call(
            "conversations.replies", channel=place.channel, ts=place.thread, limit=200, cursor=cursor
        )
        for message in answer.get("messages") or ():
            if isinstance(message, dict) and isinstance(message.get("ts"), str):
                # The parent comes on each page.
                found.setdefault(message["ts"], message)
        meta = answer.get("response_metadata")
        cursor = str(meta.get("next_cursor") or "") if isinstance(meta, dict) else ""
        if not cursor or len(found) >= MOST:
            break
    return list(found.values())[:MOST]
