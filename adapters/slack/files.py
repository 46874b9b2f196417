"""Files both ways, as streams: never in memory whole, never beyond a limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import structlog

from adapters.slack import writing
from adapters.slack.calls import SECONDS
from adapters.slack.posting import Posting
from adapters.slack.settings import leads_to_slack
from adapters.slack.workspaces import Workspace, Workspaces
from core.chat import FileRef, Gone, NotSupported, Place, Post, PostFailed, ThreadGone

log = structlog.get_logger("slack.files")
Json = dict[str, Any]

CHUNK = 64 * 1024
QUIET = 30.0
"""Seconds without a byte after which a transfer is given up."""
SHOWN_WITHIN = 15.0
"""Seconds within which an uploaded file has to show in its channel."""


class FileTransfer:
    """What people attach comes to the desk, what the desk sends goes to people."""

    def __init__(self, workspaces: Workspaces, posting: Posting) -> None:
        self.workspaces = workspaces
        self.posting = posting

    async def fetch(self, place: Place, file: FileRef) -> AsyncIterator[bytes]:
        """The bytes of a file by its id. Without a valid token Slack shows a page to sign in, and calls
        that a success."""
        from aiohttp import ClientError, ClientTimeout

        workspace = await self.workspaces.of(place.installation)
        info = (await workspace.call("files.info", file=file.locator)).get("file") or {}
        url = str(info.get("url_private_download") or info.get("url_private") or "")
        if not self._may_have_token(url):
            raise Gone("no such file")
        headers = {"Authorization": f"Bearer {workspace.client.token}"}
        limit = ClientTimeout(total=None, connect=SECONDS, sock_read=QUIET)
        try:
            session = self.workspaces.session()
            async with session.get(url, headers=headers, timeout=limit, allow_redirects=False) as answer:
                self._check(answer, info)
                async for chunk in answer.content.iter_chunked(CHUNK):
                    yield chunk
        except (ClientError, TimeoutError, OSError) as error:
            raise PostFailed(f"download: {type(error).__name__}") from None

    def _may_have_token(self, url: str) -> bool:
        """Our token goes to Slack alone."""
        return leads_to_slack(url, self.workspaces.settings.api)

    def _check(self, answer: Any, info: Json) -> None:
        if answer.status in (403, 404, 410):
            raise Gone("no such file")
        if answer.status != 200:
            raise PostFailed(f"download: {answer.status}")
        if answer.content_type == "text/html" and "html" not in str(info.get("mimetype", "")):
            raise PostFailed("download: a page to sign in")

    async def send(
        self, place: Place, file: FileRef, chunks: AsyncIterator[bytes], part: Post, *, key: str
    ) -> str:
        """One file as a message of its own; the key is the name of a block in it, where a second try
        finds it."""
        workspace = await self.workspaces.of(place.installation)
        if part.again and (found := await self._standing(workspace, place, key, part.since)):
            return found
        upload = await workspace.call(
            "files.getUploadURLExternal", filename=file.name or "file", length=file.size or 0
        )
        file_id = str(upload.get("file_id") or "")
        await self._upload(str(upload.get("upload_url") or ""), file, chunks)
        try:
            await self._share(workspace, place, file, file_id, part, key)
            return await self._shown(workspace, place, file_id)
        except Gone as error:
            raise _about_file(error) from None

    async def left(self, place: Place, key: str, since: datetime | None) -> str:
        """The message of a file that a try with this key has left; empty when there is none."""
        workspace = await self.workspaces.of(place.installation)
        return await self._standing(workspace, place, key, since)

    async def _standing(self, workspace: Workspace, place: Place, key: str, since: datetime | None) -> str:
        async for message in self.posting.pages(workspace, place, since):
            for block in message.get("blocks") or ():
                if isinstance(block, dict) and block.get("block_id") == key:
                    return str(message.get("ts") or "")
        return ""

    async def _upload(self, url: str, file: FileRef, chunks: AsyncIterator[bytes]) -> None:
        from aiohttp import ClientError, ClientTimeout

        if not self._may_have_token(url):
            raise PostFailed("upload: not to Slack")
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(file.size or 0)}
        limit = ClientTimeout(total=None, connect=SECONDS, sock_read=QUIET)
        try:
            session = self.workspaces.session()
            async with session.post(
                url, data=chunks, headers=headers, timeout=limit, allow_redirects=False
            ) as answer:
                if answer.status != 200:
                    raise PostFailed(f"upload: {answer.status}")
        except (ClientError, TimeoutError, OSError) as error:
            raise PostFailed(f"upload: {type(error).__name__}") from None

    async def _share(
        self, workspace: Workspace, place: Place, file: FileRef, file_id: str, part: Post, key: str
    ) -> None:
        """Into its channel. When the answer is lost, the file itself says whether it got there."""
        name = writing.text_element(part.card.author or file.name, {"bold": True})
        inner = [{"type": "rich_text_section", "elements": [name]}]
        try:
            await workspace.call(
                "files.completeUploadExternal",
                files=[{"id": file_id, "title": file.name}],
                channel_id=place.channel,
                thread_ts=place.thread or None,
                blocks=[{"type": "rich_text", "block_id": key, "elements": inner}],
            )
        except PostFailed as error:
            if type(error) is not PostFailed or not await self._share_of(workspace, place, file_id, 3.0):
                raise

    async def _shown(self, workspace: Workspace, place: Place, file_id: str) -> str:
        """The message that shows it: Slack shares a file some time after it said yes."""
        share = await self._share_of(workspace, place, file_id, SHOWN_WITHIN)
        if share is None:
            raise PostFailed("not shown in time")
        if place.thread and not share.get("thread_ts"):
            await workspace.call("files.delete", file=file_id)
            await self.posting.delete(
                Place(place.platform, place.installation, place.channel), str(share["ts"])
            )
            raise ThreadGone(place.thread)
        return str(share["ts"])

    async def _share_of(self, workspace: Workspace, place: Place, file_id: str, within: float) -> Json | None:
        until, pause = time.monotonic() + within, 0.05
        while True:
            answer = await workspace.call("files.info", file=file_id)
            found = _share(answer.get("file"), place.channel)
            if found is not None or time.monotonic() > until:
                return found
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)


def _about_file(error: Gone) -> PostFailed:
    """It is the file that is gone, not the place: a thread or a room that lost one is as it was."""
    if str(error) == "file_deleted":
        return NotSupported("somebody has taken the file away there")
    return PostFailed("the file is not there yet") if str(error) == "file_not_found" else error


def _share(file: Any, channel: str) -> Json | None:
    shares = file.get("shares") if isinstance(file, dict) else None
    for places in shares.values() if isinstance(shares, dict) else ():
        for share in places.get(channel, ()) if isinstance(places, dict) else ():
            if isinstance(share, dict) and share.get("ts"):
                return share
    return None
