"""What the desk says in Slack: messages, edits, deletes, reactions, marks and threads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Literal

import structlog

from adapters.slack import emoji, render
from adapters.slack.calls import Refused
from adapters.slack.workspaces import Workspace, Workspaces
from core.chat import Gone, NotSupported, OpenedThread, Place, Post, ThreadGone

log = structlog.get_logger("slack.posting")
Json = dict[str, Any]

SKEW = 300.0
"""Seconds by which Slack's clock may differ from ours."""
MOST_PAGES = 10
MARKS = {"sent": "white_check_mark", "failed": "warning"}
_UNCHANGEABLE = ("message_not_found", "cant_update_message", "edit_window_closed")


class Posting:
    """One call, one message, one native id: its `ts`."""

    def __init__(self, workspaces: Workspaces, custom_names: bool) -> None:
        self.workspaces = workspaces
        self.custom_names = custom_names

    async def post(self, place: Place, part: Post, *, key: str) -> str:
        """Say it once. Its key travels in the message's metadata, where a second try finds it."""
        workspace = await self.workspaces.of(place.installation)
        if part.again and (found := await self._standing(workspace, place, key, part.since)):
            return found
        origin = f"{workspace.url.rstrip('/')}/archives/{place.channel}" if workspace.url else ""
        made = render.message(part, key, self._names(workspace), origin)
        answer = await self._posted(workspace, place, made)
        ts = str(answer.get("ts") or "")
        if place.thread and not _dict(answer.get("message")).get("thread_ts"):
            # Slack puts what answers a vanished thread into the channel, and says nothing.
            await self._delete(workspace, place.channel, ts)
            raise ThreadGone(place.thread)
        return ts

    async def left(self, place: Place, key: str, since: datetime | None) -> str:
        """What a try with this key has left at a place; empty when there is nothing."""
        workspace = await self.workspaces.of(place.installation)
        return await self._standing(workspace, place, key, since)

    async def edit(self, place: Place, native: str, part: Post) -> None:
        workspace = await self.workspaces.of(place.installation)
        origin = f"{workspace.url.rstrip('/')}/archives/{place.channel}" if workspace.url else ""
        made = render.message(part, "", self._names(workspace), origin)
        for name in ("username", "icon_url", "unfurl_links", "unfurl_media"):
            made.pop(name, None)
        try:
            await workspace.call("chat.update", channel=place.channel, ts=native, **made)
        except Refused as error:
            if error.code in _UNCHANGEABLE and native == place.thread:
                raise ThreadGone(native) from None
            raise

    async def delete(self, place: Place, native: str) -> None:
        """Gone is gone, however; a file that the message showed goes with it."""
        workspace = await self.workspaces.of(place.installation)
        message = await self.message(workspace, place, native)
        if message is None:
            return
        if message.get("bot_id") == workspace.bot_id or message.get("user") == workspace.bot_user:
            for file in _dicts(message.get("files")):
                await self._drop_file(workspace, str(file.get("id") or ""))
        await self._delete(workspace, place.channel, native)

    async def react(self, place: Place, native: str, wanted: Sequence[str]) -> None:
        """The message shows these; the bot repeats no emoji that somebody put there themselves, and
        marks of delivery stay on what people wrote."""
        workspace = await self.workspaces.of(place.installation)
        names = {one: emoji.name_of(one) for one in wanted}
        standing, others, own = await self._reactions(workspace, place, native)
        kept = set() if own else set(MARKS.values())
        for name in standing - (set(names.values()) - others) - kept:
            await self._react(workspace, "reactions.remove", place, native, name)
        missing = [one for one, name in names.items() if not name]
        for one, name in names.items():
            if (
                name
                and name not in standing | others
                and not await self._react(workspace, "reactions.add", place, native, name)
            ):
                missing.append(one)
        if missing:
            raise NotSupported("no such emoji")

    async def mark(self, place: Place, native: str, state: Literal["sent", "failed"]) -> None:
        """Delivered, or not, on an agent's message; a mark replaces the one before."""
        workspace = await self.workspaces.of(place.installation)
        other = MARKS["failed" if state == "sent" else "sent"]
        await self._react(workspace, "reactions.add", place, native, MARKS[state])
        await self._react(workspace, "reactions.remove", place, native, other)

    async def open_thread(self, place: Place, head: Post, *, key: str) -> OpenedThread:
        """A thread begins with the card above it."""
        channel = Place(place.platform, place.installation, place.channel)
        ts = await self.post(channel, head, key=key)
        return OpenedThread(Place(place.platform, place.installation, place.channel, ts), ts)

    # --- looking

    async def message(self, workspace: Workspace, place: Place, native: str) -> Json | None:
        """One message as it stands; None when it is gone."""
        span: Json = {"oldest": native, "latest": native, "inclusive": True, "limit": 1}
        thread = place.thread if place.thread != native else ""
        method = "conversations.replies" if thread else "conversations.history"
        try:
            answer = await workspace.call(
                method, channel=place.channel, ts=thread or None, include_all_metadata=True, **span
            )
        except ThreadGone:
            return None
        found = _dicts(answer.get("messages"))
        return next((one for one in found if one.get("ts") == native), None)

    async def _standing(self, workspace: Workspace, place: Place, key: str, since: datetime | None) -> str:
        """The message of an earlier try, by the key in its metadata; empty when there is none. A thread
        that is gone is told before anything is said into the channel."""
        async for message in self.pages(workspace, place, since):
            metadata = _dict(message.get("metadata"))
            payload = _dict(metadata.get("event_payload"))
            if metadata.get("event_type") == render.EVENT and payload.get("key") == key:
                return str(message.get("ts") or "")
        return ""

    async def pages(self, workspace: Workspace, place: Place, since: datetime | None) -> AsyncIterator[Json]:
        """What stands at a place since a time; of threads the head as well."""
        method = "conversations.replies" if place.thread else "conversations.history"
        oldest = f"{since.timestamp() - SKEW:.6f}" if since is not None else None
        cursor: str | None = None
        for _page in range(MOST_PAGES):
            answer = await workspace.call(
                method,
                channel=place.channel,
                ts=place.thread or None,
                oldest=oldest,
                include_all_metadata=True,
                limit=200,
                cursor=cursor,
            )
            for message in _dicts(answer.get("messages")):
                yield message
            cursor = str(_dict(answer.get("response_metadata")).get("next_cursor") or "") or None
            if cursor is None:
                return

    # --- calls

    async def _posted(self, workspace: Workspace, place: Place, made: Json) -> Json:
        """With the author's own name where we may; without, when the scope for it is missing."""
        arguments: Json = {"channel": place.channel, "thread_ts": place.thread or None}
        try:
            return await workspace.call("chat.postMessage", **arguments, **made)
        except Refused as error:
            if error.code == "cannot_reply_to_message":
                raise ThreadGone(place.thread) from None
            raise

    def _names(self, workspace: Workspace) -> bool:
        return self.custom_names and (not workspace.scopes or "chat:write.customize" in workspace.scopes)

    async def _delete(self, workspace: Workspace, channel: str, ts: str) -> None:
        try:
            await workspace.call("chat.delete", channel=channel, ts=ts)
        except Refused as error:
            if error.code != "message_not_found":
                raise

    async def _drop_file(self, workspace: Workspace, file: str) -> None:
        try:
            await workspace.call("files.delete", file=file)
        except (Gone, NotSupported):
            log.info("slack.file_kept")

    async def _reactions(
        self, workspace: Workspace, place: Place, native: str
    ) -> tuple[set[str], set[str], bool]:
        """The bot's reactions on a message, those of others, and whether the message is the bot's."""
        message = await reactions_on(workspace, place.channel, native)
        mine: set[str] = set()
        others: set[str] = set()
        for one in _dicts(message.get("reactions")):
            name, users = str(one.get("name")), set(one.get("users", ()))
            if workspace.bot_user in users:
                mine.add(name)
            if users - {workspace.bot_user}:
                others.add(name)
        return mine, others, message.get("bot_id") == workspace.bot_id

    async def _react(self, workspace: Workspace, method: str, place: Place, native: str, name: str) -> bool:
        """False when there is no such emoji, or no room for another."""
        try:
            await workspace.call(method, channel=place.channel, timestamp=native, name=name)
        except Refused as error:
            if error.code in ("invalid_name", "too_many_emoji", "too_many_reactions"):
                return False
            if error.code not in ("already_reacted", "no_reaction", "message_not_found"):
                raise
        return True


async def reactions_on(workspace: Workspace, channel: str, native: str) -> Json:
    """A message with all its reactions; nothing of one that is gone."""
    try:
        answer = await workspace.call("reactions.get", channel=channel, timestamp=native, full=True)
    except Refused as error:
        if error.code == "message_not_found":
            return {}
        raise
    return _dict(answer.get("message"))


def _dict(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
