"""What the gateway tells, as the neutral words of chat: pure functions over decoded JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from adapters.discord.asked import interaction
from adapters.discord.known import THREADS, Known
from adapters.discord.people import sender
from adapters.discord.reading import number, string, table
from adapters.discord.settings import PLATFORM
from adapters.discord.spoken import deleted, edited, said
from core.chat import Inbound, Joined, Place, Sender, Typing


def to_inbound(
    event: str, data: Mapping[str, Any], known: Known, now: datetime, *, missed: bool = False
) -> Inbound | None:
    """The neutral value of one event; None for what is not the desk's business. Reactions are told
    apart elsewhere: an event says what changed, not what stands."""
    match event:
        case "MESSAGE_CREATE":
            return said(data, known, now, missed=missed)
        case "MESSAGE_UPDATE":
            return edited(data, known, now, missed=missed)
        case "MESSAGE_DELETE":
            return deleted(string(data, "id"), data, known, now)
        case "TYPING_START":
            return typing(data, known, now)
        case "INTERACTION_CREATE":
            return interaction(data, known, now)
        case "CHANNEL_DELETE" | "THREAD_DELETE":
            return left(data, known, now)
        case _:
            return None


def typing(data: Mapping[str, Any], known: Known, now: datetime) -> Typing | None:
    channel, user = string(data, "channel_id"), string(data, "user_id")
    member = table(data, "member")
    account = table(member, "user")
    if not channel or user in ("", known.bot) or account.get("bot") is True:
        return None
    who = sender(account or {"id": user}, member)
    return Typing(place=known.place(channel, PLATFORM), sender=who, native="typing", at=now, direct=False)


def left(data: Mapping[str, Any], known: Known, now: datetime) -> Joined | None:
    """A channel or thread is there no more; to be asked before it is forgotten."""
    gone = string(data, "id")
    if not gone:
        return None
    parent = string(data, "parent_id")
    in_thread = number(data, "type") in THREADS and parent
    place = Place(PLATFORM, known.bot, parent, gone) if in_thread else Place(PLATFORM, known.bot, gone)
    return Joined(place=place, sender=Sender(""), native=gone, at=now, left=True, direct=False)
