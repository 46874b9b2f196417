"""What Telegram tells, as the neutral words of chat: pure functions over decoded updates."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from adapters.telegram import content
from adapters.telegram.buttons import decoded
from adapters.telegram.entities import spans, to_markdown, utf16
from adapters.telegram.facts import CHAIN, Head, Me, Update, head_of, part_of, place_of, sender_of, time_of
from core import clock
from core.chat import Edited, Inbound, Invoked, Joined, Place, Pressed, Reacted, Relocated, Said, Sender

KINDS = ("message", "edited_message", "callback_query", "message_reaction", "my_chat_member")
"""What is asked for; reactions are told only to who asks."""
_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@(\w{3,64}))?(?=\s|$)")
_HERE = ("creator", "administrator", "member", "restricted")
_MOST_TEXT = 20_000


def to_inbound(update: Any, me: Me) -> Inbound | None:
    """One fact; None for what is none of ours: our own messages, other bots, service messages."""
    if not isinstance(update, Mapping):
        return None
    kind = next((name for name in KINDS if isinstance(update.get(name), Mapping)), "")
    if not kind:
        return None
    payload = update[kind]
    match kind:
        case "message":
            return _message(payload, me)
        case "edited_message":
            return _edited(payload, me)
        case "callback_query":
            return _pressed(payload, me)
        case "message_reaction":
            return _reacted(payload, me)
        case _:
            return _joined(payload, me)


def album_of(update: Any) -> str:
    """The key of the media group that an update's new message belongs to; empty when to none."""
    message = update.get("message") if isinstance(update, Mapping) else None
    if not isinstance(message, Mapping) or not isinstance(message.get("media_group_id"), (str, int)):
        return ""
    return f"{part_of(message, 'chat').get('id')}/{message['media_group_id']}"


def chat_of(update: Any) -> str:
    """The chat in which something happened: order is kept within it."""
    if not isinstance(update, Mapping):
        return ""
    for kind in KINDS:
        payload = update.get(kind)
        if isinstance(payload, Mapping):
            inner = part_of(payload, "message") if kind == "callback_query" else payload
            return str(part_of(inner, "chat").get("id", ""))
    return ""


def gathered(parts: Sequence[Said | Invoked]) -> Said | Invoked:
    """The messages of a media group as one: the first one's id, all texts and files. A command written
    under one of them is the command of all."""
    files = tuple(file for part in parts for file in part.files)
    for part in parts:
        if isinstance(part, Invoked):
            return replace(part, native=parts[0].native, files=files)
    first, *others = (part for part in parts if isinstance(part, Said))
    texts = [part.text for part in (first, *others) if part.text]
    return replace(
        first,
        text="\n\n".join(texts),
        files=files,
        direct=any(part.direct for part in parts),
        reply_to=next((part.reply_to for part in (first, *others) if part.reply_to), ""),
    )


# --- messages


def _message(message: Update, me: Me) -> Inbound | None:
    if (moved := _relocated(message, me)) is not None:
        return moved
    head = head_of(message, me)
    if head is None:
        return None
    if (command := _command(message, head, me)) is not None:
        return command
    if _is_for_another(message, me):
        return None
    if not (found := content.of(message)).says_anything:
        return None
    direct = _is_direct(message, me)
    place = _grown(head, message) if direct else head.place
    return Said(
        place=place,
        sender=head.sender,
        native=head.native,
        at=head.at,
        direct=direct,
        text=_quoted(message) + _spoken(found, message, me),
        files=found.files,
        reply_to=_answered(message),
    )


def _edited(message: Update, me: Me) -> Inbound | None:
    head = head_of(message, me)
    if head is None or "edit_date" not in message or not content.is_text(message):
        return None
    if part_of(message, "location"):
        return None  # A live location moves every few seconds.
    text = _quoted(message) + _spoken(content.of(message), message, me)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return Edited(
        place=head.place,
        sender=head.sender,
        native=head.native,
        at=time_of(message.get("edit_date")),
        direct=_is_direct(message, me),
        text=text,
        version=f"{message['edit_date']}-{digest}",
    )


def _grown(head: Head, message: Update) -> Place:
    """Where a ticket of a group without topics, or of General, will live: in the chain that starts here."""
    if part_of(message, "chat").get("type") != "supergroup" or head.place.thread:
        return head.place
    return replace(head.place, thread=f"{CHAIN}{head.native}")


def _spoken(found: content.Content, message: Update, me: Me) -> str:
    """The words, without the bot's name at their beginning."""
    if not me.username or part_of(message, "chat").get("type") == "private":
        return found.text
    name = re.escape(me.username).replace("_", r"\\?_")
    return re.sub(rf"^@{name}\b[ ,:]*", "", found.text, flags=re.IGNORECASE)


def _quoted(message: Update) -> str:
    """The words that somebody picked out of the message they answer."""
    quote = part_of(message, "quote")
    if not quote.get("is_manual") or not isinstance(quote.get("text"), str):
        return ""
    words = to_markdown(quote["text"][:_MOST_TEXT], quote.get("entities"))
    return "".join(f"> {line}\n" for line in words.split("\n")) + "\n"


def _answered(message: Update) -> str:
    """The message that is answered; in a topic every message answers the topic's first one."""
    answered = part_of(message, "reply_to_message")
    native = answered.get("message_id")
    if not isinstance(native, int) or "forum_topic_created" in answered:
        return ""
    if message.get("is_topic_message") and native == message.get("message_thread_id"):
        return ""
    return str(native)


def _is_direct(message: Update, me: Me) -> bool:
    if part_of(message, "chat").get("type") == "private":
        return True
    return _mentions(message, me) or _answers_bot(message, me)


def _answers_bot(message: Update, me: Me) -> bool:
    answered = part_of(message, "reply_to_message")
    return bool(_answered(message)) and str(part_of(answered, "from").get("id")) == me.id


def _mentions(message: Update, me: Me) -> bool:
    text, entities = content.words(message)
    name = f"@{me.username}".lower()
    for span in spans(text, entities):
        if span.kind == "mention" and text[span.start : span.end].lower() == name:
            return True
    return any(
        isinstance(entity, Mapping) and str(part_of(entity, "user").get("id")) == me.id for entity in entities
    )


# --- commands


def _command(message: Update, head: Head, me: Me) -> Invoked | None:
    text, entities = content.words(message)
    match = _COMMAND.match(text)
    if match is None or not _is_ours(match, message, me):
        return None
    return Invoked(
        place=_grown(head, message),
        sender=head.sender,
        native=head.native,
        at=head.at,
        command=match.group(1).lower(),
        arguments=_arguments(text, match.end(), entities),
        reply_to=_answered(message),
        files=content.of(message).files,
        standing=True,
    )


def _is_ours(match: re.Match[str], message: Update, me: Me) -> bool:
    name = match.group(2)
    if name:
        return name.lower() == me.username.lower()
    if part_of(message, "chat").get("type") == "private" or not me.commands:
        return True
    return match.group(1).lower() in me.commands


def _is_for_another(message: Update, me: Me) -> bool:
    """A command that names another bot, or is none of ours in a group."""
    match = _COMMAND.match(content.words(message)[0])
    return match is not None and not _is_ours(match, message, me)


def _arguments(text: str, end: int, entities: Any) -> str:
    """As typed; as CommonMark where it is formatted."""
    rest = text[end:]
    shift = utf16(text[:end])
    moved = [
        {**entity, "offset": entity["offset"] - shift}
        for entity in (entities if isinstance(entities, list) else [])
        if isinstance(entity, Mapping)
        and isinstance(entity.get("offset"), int)
        and entity["offset"] >= shift
        and entity.get("type") in content.FORMATS
    ]
    return (to_markdown(rest, moved) if moved else rest).strip()


# --- the rest


def _pressed(query: Update, me: Me) -> Inbound | None:
    sender, message, data = sender_of(query.get("from")), part_of(query, "message"), query.get("data")
    place = place_of(message, me)
    if sender is None or sender.bot or place is None or not isinstance(data, str):
        return None
    native = query.get("id")
    if not isinstance(native, (str, int)) or not str(native):
        return None
    button, choice = decoded(data, part_of(message, "reply_markup"))
    return Pressed(
        place=place,
        sender=sender,
        native=str(native)[:100],
        at=clock.now(),
        button=button,
        message=str(message.get("message_id") or ""),
        choice=choice,
    )


def _reacted(change: Update, me: Me) -> Inbound | None:
    sender, native = sender_of(change.get("user")), change.get("message_id")
    place = place_of(change, me)
    if sender is None or sender.bot or place is None or not isinstance(native, int):
        return None
    new = change.get("new_reaction")
    return Reacted(
        place=place,
        sender=sender,
        native=str(native),
        at=time_of(change.get("date")),
        direct=part_of(change, "chat").get("type") == "private",
        emoji=tuple(filter(None, map(_emoji, new if isinstance(new, list) else []))),
    )


def _emoji(reaction: Any) -> str:
    if not isinstance(reaction, Mapping):
        return ""
    match reaction.get("type"):
        case "emoji":
            return str(reaction.get("emoji") or "")[:40]
        case "custom_emoji":
            return ":custom_emoji:"
        case "paid":
            return "⭐"
        case _:
            return ""


def _joined(change: Update, me: Me) -> Inbound | None:
    sender, place = sender_of(change.get("from")), place_of(change, me)
    before = part_of(change, "old_chat_member").get("status") in _HERE
    now = part_of(change, "new_chat_member").get("status") in _HERE
    if sender is None or place is None or before == now:
        return None
    at = time_of(change.get("date"))
    return Joined(place=place, sender=sender, native="member", at=at, direct=False, left=not now)


def _relocated(message: Update, me: Me) -> Inbound | None:
    """A group became a supergroup, told in the old one and in the new one."""
    place, to, before = (
        place_of(message, me),
        message.get("migrate_to_chat_id"),
        message.get("migrate_from_chat_id"),
    )
    sender = sender_of(message.get("from")) or Sender(external=me.id, bot=True)
    if place is None or not isinstance(to or before, int):
        return None
    old = place if to else replace(place, channel=str(before))
    new = replace(place, channel=str(to)) if to else place
    return Relocated(
        place=old, sender=sender, native="moved", at=time_of(message.get("date")), direct=False, to=new
    )
