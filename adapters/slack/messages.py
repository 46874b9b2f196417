"""Messages, live or out of the history: said, edited, taken to the desk. Pure functions."""

from __future__ import annotations

import re
from typing import Any

from adapters.slack import reading
from adapters.slack.names import Known
from adapters.slack.payload import (
    PLATFORM,
    TS,
    Json,
    channel_of,
    dicts,
    mapping,
    moment,
    named,
    sender_of,
    string,
)
from core.chat import Edited, FileRef, Inbound, Invoked, Place, Said

HELP = "help"
MOST_FILES = 50
_SAID = ("", "file_share", "thread_broadcast", "me_message")


def said(message: Json, known: Known, channel: str, kind: str = "", missed: bool = False) -> Inbound | None:
    """A message of an event or of the history; one that calls the bot's command is that command."""
    if not is_a_persons(message, known):
        return None
    ts, user = string(message.get("ts")), string(message.get("user"))
    if not TS.fullmatch(ts) or not channel:
        return None
    direct = is_direct(channel, kind)
    mentioned = not direct and mentions(message, known)
    root = string(message.get("thread_ts"))
    reply = bool(root) and root != ts
    thread = "" if direct else root or (ts if mentioned else "")
    common: dict[str, Any] = {
        "place": Place(PLATFORM, known.team, channel, thread),
        "sender": sender_of(known.person(user, team_of(message))),
        "native": ts,
        "at": moment(ts),
        "direct": direct or mentioned,
        "missed": missed,
    }
    by_name = False
    if mentioned:
        message, as_said = _without_mention(message, known), message
        by_name = message.get("text") != as_said.get("text")
    text = reading.to_markdown(message, known)
    attached = dicts(message.get("files"))[:MOST_FILES]
    files = tuple(_file(one) for one in attached if _has_bytes(one))
    text = "\n".join(filter(None, (text, *(reading.linked(one) for one in attached))))
    # In a thread everything answers its head; in a direct conversation the desk keeps no threads.
    reply_to = root if reply and direct else ""
    if mentioned and (called := _called(text, known, reply)) is not None:
        more: dict[str, Any] = {"reply_to": reply_to, "files": files, "standing": True}
        return Invoked(command=called[0], arguments=called[1], **more, **common)
    if not text and not files:
        return None if not mentioned else Invoked(command=HELP, **common)
    return Said(text=text, files=files, reply_to=reply_to, by_name=by_name and reply, **common)


def gathered(message: Json, known: Known, place: Place) -> Said | None:
    """One message of a thread that was taken to the desk, whoever it was meant for."""
    found = said(message, known, place.channel, "channel")
    if found is None:
        return None
    text = found.text if isinstance(found, Said) else reading.to_markdown(message, known)
    files = found.files if isinstance(found, Said) else ()
    return Said(
        place=place,
        sender=found.sender,
        native=found.native,
        at=found.at,
        text=text,
        files=files,
        missed=True,
    )


def place_of_shortcut(payload: Json, known: Known) -> Place:
    """The thread of the message that a shortcut was called on, or that will grow from it."""
    message, channel = mapping(payload.get("message")), channel_of(payload)
    ts = string(message.get("ts")) or string(payload.get("message_ts"))
    thread = "" if channel.startswith("D") else string(message.get("thread_ts")) or ts
    return Place(PLATFORM, known.team, channel, thread)


def edit_of(message: Json, known: Known, channel: str, kind: str = "", missed: bool = False) -> Edited | None:
    """How a message reads now that it was edited."""
    native = string(message.get("ts"))
    if not is_a_persons(message, known) or not TS.fullmatch(native) or not channel:
        return None
    mentioned = mentions(message, known) and not is_direct(channel, kind)
    version = string(mapping(message.get("edited")).get("ts"))
    return Edited(
        place=place_of(message, native, known, channel, kind, mentioned),
        sender=sender_of(known.person(string(message.get("user")), team_of(message))),
        native=native,
        at=moment(version),
        direct=False,
        missed=missed,
        text=_edited_text(message, known, mentioned),
        version=version,
    )


def _edited_text(message: Json, known: Known, mentioned: bool) -> str:
    """What was called by name is still called so: a command keeps its slash."""
    if not mentioned:
        return reading.to_markdown(message, known)
    text = reading.to_markdown(_without_mention(message, known), known)
    called = _called(text, known, reply=True)
    return f"/{called[0]} {called[1]}" if called is not None else text


def place_of(message: Json, native: str, known: Known, channel: str, kind: str, mentioned: bool) -> Place:
    if is_direct(channel, kind):
        return Place(PLATFORM, known.team, channel)
    thread = string(message.get("thread_ts")) or (native if mentioned else "")
    return Place(PLATFORM, known.team, channel, thread)


def is_a_persons(message: Json, known: Known) -> bool:
    """Not ours, no other bot's, and no note of Slack's own."""
    user = string(message.get("user"))
    if not user or user == "USLACKBOT" or user in known.ours or message.get("bot_id"):
        return False
    return (string(message.get("subtype")) in _SAID) and not known.person(user).bot


def is_direct(channel: str, kind: str) -> bool:
    return kind == "im" or channel.startswith("D")


def mentions(message: Json, known: Known) -> bool:
    return not known.ours.isdisjoint(named(message)[0])


def _without_mention(message: Json, known: Known) -> Json:
    """The words without the call by name at their start; within a sentence the name stays."""
    ours = "|".join(map(re.escape, sorted(known.ours)))
    start = re.compile(rf"^\s*<@(?:{ours})(?:\|[^<>]*)?>[\s,:]*")
    found = dict(message) | {"text": start.sub("", string(message.get("text")))}
    blocks = [dict(one) for one in dicts(message.get("blocks"))]
    if blocks and blocks[0].get("type") == "rich_text":
        blocks[0] = _without_first(blocks[0], known)
        found["blocks"] = blocks
    return found


def _without_first(block: dict[str, Any], known: Known) -> dict[str, Any]:
    sections = [dict(one) for one in dicts(block.get("elements"))]
    if not sections:
        return block
    inner = [dict(one) for one in dicts(sections[0].get("elements"))]
    while inner and inner[0].get("type") == "text" and not string(inner[0].get("text")).strip():
        inner = inner[1:]
    if not inner or inner[0].get("user_id") not in known.ours:
        return block
    inner = inner[1:]
    if inner and inner[0].get("type") == "text":
        inner[0]["text"] = string(inner[0].get("text")).lstrip(" \t\n,:")
    sections[0]["elements"] = [one for one in inner if one.get("type") != "text" or one.get("text")]
    return {**block, "elements": sections}


def _called(text: str, known: Known, reply: bool) -> tuple[str, str] | None:
    """A command by its name: `@Deskbell claim` in a thread. Outside of threads only a command that
    stands alone: there people speak in sentences."""
    name, *rest = text.split(maxsplit=1) or [""]
    name = name.replace("\\", "").lstrip("/").lower()
    if name not in known.commands or (rest and not reply):
        return None
    return name, "".join(rest)


def _file(file: Json) -> FileRef:
    size = file.get("size")
    return FileRef(
        name=string(file.get("name")) or string(file.get("title")) or "file",
        size=size if isinstance(size, int) and not isinstance(size, bool) else None,
        mime=string(file.get("mimetype")),
        locator=string(file.get("id")),
    )


def _has_bytes(file: Json) -> bool:
    """Not one that was deleted, or lies somewhere else and is only linked."""
    lost = file.get("mode") in ("tombstone", "hidden_by_limit")
    return bool(string(file.get("id"))) and not lost and file.get("is_external") is not True


def team_of(message: Json) -> str:
    return string(message.get("user_team")) or string(message.get("source_team"))
