"""Who, where and when: what every update of Telegram says in the same way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from adapters.telegram.settings import PLATFORM
from core import clock
from core.chat import Place, Sender

CHAIN = "~"
"""Before the id of the message that began a chain of replies: in groups without topics, and in General,
a ticket has no other thread."""

Update = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Me:
    """The bot itself. `commands` are the ones it knows: in groups a bare command may be meant for
    another bot."""

    id: str
    username: str = ""
    topics: bool = False
    commands: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Head:
    place: Place
    sender: Sender
    native: str
    at: datetime


def head_of(message: Update, me: Me) -> Head | None:
    """Who, where and when; None where nobody speaks: bots, channels, the group itself."""
    chat, sender, native = part_of(message, "chat"), sender_of(message.get("from")), message.get("message_id")
    if sender is None or not isinstance(native, int) or native <= 0 or chat.get("type") == "channel":
        return None
    if sender.bot or sender.external == me.id or message.get("sender_chat") or message.get("via_bot"):
        return None
    place = place_of(message, me)
    return None if place is None else Head(place, sender, str(native), time_of(message.get("date")))


def place_of(message: Update, me: Me) -> Place | None:
    chat = part_of(message, "chat").get("id")
    if not isinstance(chat, int) or chat == 0:
        return None
    return Place(PLATFORM, me.id, str(chat), thread_of(message))


def thread_of(message: Update) -> str:
    """A topic; or the chain of replies in a group without topics and in General, which is no topic."""
    thread = message.get("message_thread_id")
    if not isinstance(thread, int) or thread <= 0:
        return ""
    if message.get("is_topic_message"):
        return str(thread)
    return f"{CHAIN}{thread}" if part_of(message, "chat").get("type") == "supergroup" else ""


def sender_of(user: Any) -> Sender | None:
    if not isinstance(user, Mapping) or not isinstance(user.get("id"), int):
        return None
    names = [str(user[name]) for name in ("first_name", "last_name") if user.get(name)]
    return Sender(
        external=str(user["id"]),
        name=" ".join(names)[:200] or str(user.get("username") or "")[:200],
        locale=str(user.get("language_code") or "")[:20],
        bot=user.get("is_bot") is True,
    )


def time_of(seconds: Any) -> datetime:
    """A time that Telegram gives; now where it makes no sense."""
    if isinstance(seconds, int) and 0 < seconds < 32_503_680_000:
        return datetime.fromtimestamp(seconds, UTC)
    return clock.now()


def part_of(values: Any, name: str) -> Mapping[str, Any]:
    found = values.get(name) if isinstance(values, Mapping) else None
    return found if isinstance(found, Mapping) else {}
