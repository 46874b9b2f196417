"""Files as streams, both ways: they are never whole in memory. The library would hold them whole, so
these two calls go without it. The address of a file holds the token: it is never kept nor shown."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp

from adapters.telegram.line import Line, address
from adapters.telegram.outbound import replying, set_open
from adapters.telegram.render import CAPTION, card_text
from adapters.telegram.troubles import Declined, trouble, unable
from core.chat import Card, FileRef, Gone, NotSupported, Place, Post, PostFailed
from core.files.receive import too_large

LARGEST = 50 * 1024 * 1024
"""What a bot may send."""
LARGEST_FETCHED = 20 * 1024 * 1024
"""What a bot may fetch."""
LARGEST_PHOTO = 10 * 1024 * 1024
CHUNK = 64 * 1024
TIME_LIMIT = 300.0
_KINDS = {
    "image/jpeg": ("sendPhoto", "photo"),
    "image/png": ("sendPhoto", "photo"),
    "video/mp4": ("sendVideo", "video"),
    "audio/mpeg": ("sendAudio", "audio"),
    "audio/mp4": ("sendAudio", "audio"),
    "audio/ogg": ("sendVoice", "voice"),
}
_DOCUMENT = ("sendDocument", "document")
_NOT_SO = ("photo_", "image_process_failed", "wrong type", "voice_messages_forbidden", "video_")


async def fetch(line: Line, file: FileRef) -> AsyncIterator[bytes]:
    """The bytes that a message's file holds."""
    try:
        found = await line.client.call("getFile", file_id=file.locator)
    except Declined as declined:
        if declined.says("too big"):
            raise too_large(LARGEST_FETCHED) from None
        raise Gone("no such file") if declined.says("file") else unable(declined) from None
    path = found.get("file_path")
    if not isinstance(path, str) or not path:
        raise Gone("no such file")
    url = f"{line.client.settings.file_url}{line.client.token}/{path}"
    try:
        async with _session() as session, session.get(url, allow_redirects=False) as answer:
            if answer.status in (400, 403, 404, 410):
                raise Gone("no such file")
            if answer.status != 200:
                raise PostFailed(f"status {answer.status}")
            async for chunk in answer.content.iter_chunked(CHUNK):
                yield chunk
    except (aiohttp.ClientError, TimeoutError):
        raise PostFailed("file not read") from None


async def send(line: Line, place: Place, file: FileRef, chunks: AsyncIterator[bytes], part: Post) -> str:
    """A message of its own. A picture that Telegram refuses as such is sent as a document when the
    outbox tries again."""
    if (file.size or 0) > LARGEST:
        raise NotSupported("too large")
    await line.pacer.turn(place.channel)
    method, field = _DOCUMENT if part.again else kind_of(file)
    arguments = {**address(place), **replying(place, part.reply_to), **_caption(part)}
    try:
        sent = await _upload(line, method, field, file, chunks, arguments)
    except Declined as declined:
        if declined.says("topic_closed"):
            await set_open(line, place, True)
            raise PostFailed("the topic was closed") from None
        if declined.says(*_NOT_SO):
            raise PostFailed("not taken as such") from None
        raise unable(declined) from None
    native = str(sent["message_id"])
    line.remember_chain(place, native)
    return native


def kind_of(file: FileRef) -> tuple[str, str]:
    """The method for a file, and its argument: what people can look at or listen to in place."""
    found = _KINDS.get(file.mime, _DOCUMENT)
    return _DOCUMENT if found[1] == "photo" and (file.size or LARGEST) > LARGEST_PHOTO else found


def _caption(part: Post) -> dict[str, Any]:
    html = card_text(Card(text=part.card.text, author=part.card.author, tone=part.card.tone), CAPTION)
    return {"caption": html, "parse_mode": "HTML"} if html else {}


async def _upload(
    line: Line,
    method: str,
    field: str,
    file: FileRef,
    chunks: AsyncIterator[bytes],
    arguments: Mapping[str, Any],
) -> Any:
    boundary = secrets.token_hex(16)
    head, tail = _around(boundary, field, file, arguments)
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    if file.size is not None:
        headers["Content-Length"] = str(len(head) + file.size + len(tail))
    url = f"{line.client.settings.api_url}{line.client.token}/{method}"
    try:
        async with _session() as session:
            body = _body(head, chunks, tail)
            async with session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                return _result(line, answer.status, await answer.content.read(1_000_000))
    except (aiohttp.ClientError, TimeoutError):
        raise PostFailed("file not sent") from None


def _around(boundary: str, field: str, file: FileRef, arguments: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """What stands before and after the bytes of the file in the form."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{_as_text(value)}\r\n'
        for name, value in arguments.items()
    ]
    name = re.sub(r'["\\\x00-\x1f\x7f]', "_", file.name)[:200] or "file"
    mime = file.mime if re.fullmatch(r"[\w.+-]+/[\w.+-]+", file.mime) else "application/octet-stream"
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
        f"Content-Type: {mime}\r\n\r\n"
    )
    return "".join(parts).encode(errors="replace"), f"\r\n--{boundary}--\r\n".encode()


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


async def _body(head: bytes, chunks: AsyncIterator[bytes], tail: bytes) -> AsyncIterator[bytes]:
    yield head
    async for chunk in chunks:
        yield chunk
    yield tail


def _result(line: Line, status: int, body: bytes) -> Any:
    try:
        answer = json.loads(body)
    except ValueError:
        raise PostFailed(f"status {status}") from None
    if status == 200 and isinstance(answer, dict) and isinstance(answer.get("result"), dict):
        return answer["result"]
    known = answer if isinstance(answer, dict) else {}
    parameters = known.get("parameters")
    raise trouble(
        line.id, status, str(known.get("description")), parameters if isinstance(parameters, dict) else {}
    )


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=TIME_LIMIT, sock_connect=10, sock_read=30)
    )
