"""Messages as the neutral words of chat: said, edited, deleted; pure functions over decoded JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from adapters.discord.contents import files, text
from adapters.discord.known import WITH_THREADS, Known
from adapters.discord.people import mentioned, sender
from adapters.discord.reading import moment, number, string, strings, table, time_of
from adapters.discord.settings import PLATFORM
from core.chat import Deleted, Edited, Place, Said, Sender

SAID = (0, 19)
"""Kinds of messages that people write: plain ones and replies; all others are the platform's own."""


def said(data: Mapping[str, Any], known: Known, now: datetime, *, missed: bool = False) -> Said | None:
    native, channel = string(data, "id"), string(data, "channel_id")
    if not native or not channel or number(data, "type") not in SAID or not _by_a_person(data, known):
        return None
    place, direct = _where(data, known)
    return Said(
        place=place,
        sender=sender(table(data, "author"), table(data, "member")),
        native=native,
        at=time_of(native, now),
        direct=direct,
        missed=missed,
        text=text(data, known),
        files=files(data),
        reply_to=_replied_to(data),
        hints=_title(channel, known) if _begins_post(native, channel, known) else {},
    )


def edited(data: Mapping[str, Any], known: Known, now: datetime, *, missed: bool = False) -> Edited | None:
    """An edit by a person. The platform also says `update` when it adds a preview or a thread: then
    there is no time of an edit."""
    native, channel = string(data, "id"), string(data, "channel_id")
    at = moment(data, "edited_timestamp")
    if not native or not channel or at is None or not _by_a_person(data, known):
        return None
    if number(data, "type") not in SAID:
        return None
    return Edited(
        place=known.place(channel, PLATFORM),
        sender=sender(table(data, "author"), table(data, "member")),
        native=native,
        at=at,
        direct=False,
        missed=missed,
        text=text(data, known),
        version=string(data, "edited_timestamp"),
    )


def deleted(
    native: str,
    data: Mapping[str, Any],
    known: Known,
    now: datetime,
    *,
    author: str = "",
    missed: bool = False,
) -> Deleted | None:
    """The platform does not say whose message it was: `author` is what we know of that."""
    channel = string(data, "channel_id")
    if not native or not channel:
        return None
    return Deleted(
        place=known.place(channel, PLATFORM),
        sender=Sender(author),
        native=native,
        at=now,
        direct=False,
        missed=missed,
    )


def natives_of_bulk(data: Mapping[str, Any]) -> Sequence[str]:
    """The messages of a deletion of many."""
    return strings(data, "ids")[:100]


def _by_a_person(data: Mapping[str, Any], known: Known) -> bool:
    author = table(data, "author")
    if string(data, "webhook_id") or author.get("bot") is True or author.get("system") is True:
        return False
    return string(author, "id") not in ("", known.bot)


def _where(data: Mapping[str, Any], known: Known) -> tuple[Place, bool]:
    """The place of a message, and whether it was said to the bot. Where a thread will grow from a
    mention, the thread's id is the message's own."""
    channel, native = string(data, "channel_id"), string(data, "id")
    place = known.place(channel, PLATFORM)
    if not string(data, "guild_id"):
        return place, True
    named = mentioned(data, known)
    room = known.room(channel)
    if room is None:
        return place, named
    if room.is_thread:
        return place, named or _begins_post(native, channel, known)
    if named and room.kind in WITH_THREADS:
        return Place(PLATFORM, known.bot, channel, native), True
    return place, named


def _begins_post(native: str, channel: str, known: Known) -> bool:
    """Whether it opens a post of a forum whose posts are tickets: it bears the post's own id."""
    room = known.room(channel)
    return room is not None and room.is_thread and native == channel and room.parent in known.forums


def _title(channel: str, known: Known) -> Mapping[str, str]:
    """Many say what it is about in the post's title alone."""
    room = known.room(channel)
    return {"subject": room.name} if room is not None and room.name else {}


def _replied_to(data: Mapping[str, Any]) -> str:
    reference = table(data, "message_reference")
    return string(reference, "message_id") if number(reference, "type") == 0 else ""
