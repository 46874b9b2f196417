"""What a message holds: words, files, and what can only be told of in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import structlog

from adapters.discord.from_discord import to_commonmark
from adapters.discord.known import Known
from adapters.discord.people import names_in
from adapters.discord.reading import items, number, string, table
from core.chat import FileRef
from core.i18n import _

log = structlog.get_logger("discord.contents")
MOST_FILES = 30
MOST_TEXT = 20_000
_STRANGE = ("activity", "application", "call", "shared_client_theme")
"""Parts of a message that we know by name and cannot show."""


def text(data: Mapping[str, Any], known: Known) -> str:
    """The words of a message as CommonMark; what has no words is told of in words."""
    parts = [_words(data, data, known), *_told(data, known)]
    return "\n\n".join(part for part in parts if part)[:MOST_TEXT]


def files(data: Mapping[str, Any]) -> tuple[FileRef, ...]:
    """The files of a message. Their addresses end after a day, so they are looked up when fetched."""
    channel, native = string(data, "channel_id"), string(data, "id")
    found = [*items(data, "attachments")]
    for snapshot in items(data, "message_snapshots"):
        found.extend(items(table(snapshot, "message"), "attachments"))
    return tuple(
        FileRef(
            name=string(one, "filename")[:200] or "file",
            size=number(one, "size", -1) if number(one, "size", -1) >= 0 else None,
            mime=string(one, "content_type")[:100],
            locator=f"{channel}/{native}/{string(one, 'id')}",
        )
        for one in found[:MOST_FILES]
        if string(one, "id")
    )


def _words(data: Mapping[str, Any], named_by: Mapping[str, Any], known: Known) -> str:
    content = string(data, "content")[:MOST_TEXT]
    return to_commonmark(content, known, names_in(named_by)) if content else ""


def _told(data: Mapping[str, Any], known: Known) -> Iterator[str]:
    for sticker in items(data, "sticker_items")[:5]:
        yield _("[Sticker: {name}]").format(name=_plain(string(sticker, "name")))
    if poll := table(data, "poll"):
        yield _poll(poll)
    for snapshot in items(data, "message_snapshots")[:5]:
        yield _forwarded(table(snapshot, "message"), known)
    if not string(data, "content") and not items(data, "attachments"):
        yield from _embeds(data)
        yield from _placeholders(data)


def _poll(poll: Mapping[str, Any]) -> str:
    question = _plain(string(table(poll, "question"), "text"))
    answers = [_plain(string(table(one, "poll_media"), "text")) for one in items(poll, "answers")[:20]]
    head = _("[Poll: {question}]").format(question=question)
    return "\n".join((head, "", *(f"- {answer}" for answer in answers if answer)))


def _forwarded(message: Mapping[str, Any], known: Known) -> str:
    words = _words(message, message, known)
    lines = [_("Forwarded:"), *words.splitlines()]
    return "\n".join(f"> {line}".rstrip() for line in lines)


def _embeds(data: Mapping[str, Any]) -> Iterator[str]:
    for embed in items(data, "embeds")[:5]:
        title, body = _plain(string(embed, "title")), _plain(string(embed, "description"))
        address = string(embed, "url")
        for part in (f"**{title}**" if title else "", body, address if address.startswith("http") else ""):
            if part:
                yield part


def _placeholders(data: Mapping[str, Any]) -> Iterator[str]:
    for name in _STRANGE:
        if data.get(name):
            log.info("message.unknown_part", part=name)
            yield _("[Something that can only be seen on Discord]")


def _plain(words: str) -> str:
    """Words in one line, without meaning as markup."""
    line = " ".join(words.split())[:300]
    return "".join(f"\\{c}" if c in "\\`*_[]<>~|#" else c for c in line)
