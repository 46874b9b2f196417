"""Files that came with messages, as streams. Their addresses end after a day: each is asked for anew."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from adapters.discord.reading import items, string, table
from adapters.discord.rest import Rest
from adapters.discord.sdk import Route
from adapters.discord.trouble import Refused, in_our_words
from core.chat import FileRef, Gone, PostFailed

CHUNK = 64 * 1024
_HOSTS = ("cdn.discordapp.com", "media.discordapp.net")
SILENCE = 30.0
"""Seconds without a byte after which a file is given up for now."""


async def fetch(rest: Rest, file: FileRef) -> AsyncIterator[bytes]:
    """The bytes of a file of a message."""
    address = await _address(rest, file.locator)
    limits = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=SILENCE)
    try:
        async with (
            aiohttp.ClientSession(timeout=limits) as session,
            session.get(address, allow_redirects=False) as answer,
        ):
            if answer.status in (403, 404, 410):
                raise Gone("the file is gone")
            if answer.status != 200:
                raise PostFailed(f"the file was refused with {answer.status}")
            async for chunk in answer.content.iter_chunked(CHUNK):
                yield chunk
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise PostFailed(type(error).__name__) from error


async def _address(rest: Rest, locator: str) -> str:
    channel, _slash, rest_of_it = locator.partition("/")
    native, _slash, number = rest_of_it.partition("/")
    try:
        message: Any = await rest.get(
            "/channels/{channel_id}/messages/{message_id}", channel_id=channel, message_id=native
        )
    except Refused as error:
        found = in_our_words(error)
        raise (Gone("the message is gone") if error.status == 404 else found) from error
    for one in _attachments(message if isinstance(message, Mapping) else {}):
        address = string(one, "url")
        if string(one, "id") == number and is_discords(address):
            return address
    raise Gone("the file is gone")


def is_discords(address: str) -> bool:
    """Nothing is fetched from elsewhere, whatever an answer says: this machine may reach what others
    may not."""
    parts, own = urlsplit(address), urlsplit(Route.BASE)
    if parts.scheme == "https" and parts.hostname in _HOSTS:
        return True
    return (parts.scheme, parts.netloc) == (own.scheme, own.netloc)


def _attachments(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = list(items(message, "attachments"))
    for snapshot in items(message, "message_snapshots"):
        found.extend(items(table(snapshot, "message"), "attachments"))
    return found
