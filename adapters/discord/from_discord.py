"""From Discord's markdown to CommonMark: nearly the same, so only what differs is touched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from adapters.discord.known import Known
from core.i18n import _

NO_BREAK = "\u200b"
"""A character without width; the desk puts it where words would ring for everyone."""

_CODE = re.compile(r"\\[\\`]|```(?:([\w+#.-]{1,20})\n)?(.*?)```|(`{1,2})(?!`)(.+?)(?<!`)\3(?!`)", re.DOTALL)
_TOKEN = re.compile(
    r"\\(?P<escaped>[^\w\s])"
    r"|<@!?(?P<user>\d{1,20})>"
    r"|<@&(?P<role>\d{1,20})>"
    r"|<#(?P<channel>\d{1,20})>"
    r"|<a?:(?P<emoji>\w{1,32}):\d{1,20}>"
    r"|<t:(?P<time>-?\d{1,13})(?::[tTdDfFsSR])?>"
    r"|</(?P<command>[\w -]{1,100}):\d{1,20}>"
    r"|<id:(?P<guide>\w{1,20})>"
    r"|(?P<address><?https?://[^\s<>]+>?)"
    r"|(?P<spoiler>\|\|)"
    r"|(?P<entity>&(?=#?\w{1,32};))"
)
_QUOTE_REST = re.compile(r"(?:^|(?<=\n))>>> (.*)\Z", re.DOTALL)
_RULE = re.compile(
    r"^([ ]{0,3})(?=(?:-+|=+|(?:[-*_][ \t]*){3,}|(?=[-: \t]*\|)[-:| \t]*+)[ \t]*$)(?=.*[-=*_|])", re.M
)
_PLAIN_STARTS = re.compile(
    r"^([ ]{0,3})(?=\+(?:\s|$)|>(?![ ]|>>[ ])|#{4,6}(?:\s|$)|~~~|\[[^\]\n]{1,200}\]:)", re.M
)
_BRACKET_LISTS = re.compile(r"^([ ]{0,3}\d{1,9})(?=\)(?:\s|$))", re.M)
_SMALL = re.compile(r"^-# (?=\S)", re.M)
_DEEP = re.compile(r"^(?:    |\t)[ \t]*(?![ \t]|[-*]\s|\d{1,9}\.\s)", re.M)
_ENDS = re.compile(r"(?<!\\)((?:\\\\)*)\\$", re.M)
_HELD = re.compile("\ue000(\\d{1,6})\ue001")
"""Stands for a piece of code while the words around it are read."""


def to_commonmark(text: str, known: Known, names: Mapping[str, str]) -> str:
    """The words as they are stored. `names` are the people that the message names, by id."""
    text = text.replace("\ue000", "").replace("\ue001", "")
    held: list[str] = []
    parts: list[str] = []
    start = 0
    for found in _CODE.finditer(text):
        if found.group(0).startswith("\\"):
            continue
        parts.append(text[start : found.start()])
        start = found.end()
        is_block = found.group(2) is not None
        if is_block and parts[-1] and not parts[-1].endswith("\n"):
            parts.append("\n")
        parts.append(f"\ue000{len(held)}\ue001")
        if is_block and start < len(text) and text[start] != "\n":
            parts.append("\n")
        held.append(_block(found) if is_block else found.group(0))
    words = _plain("".join((*parts, text[start:])), known, names)
    words = _HELD.sub(lambda found: held[int(found[1])], words)
    return _quoted_to_the_end(words).strip("\n").rstrip()


def _block(found: re.Match[str]) -> str:
    """A block of code on lines of its own: Discord lets one begin in the middle of a line."""
    language, body = found.group(1) or "", found.group(2)
    body = body.strip("\n").replace(f"`{NO_BREAK}", "`")
    fence = "`" * max(3, max((len(run) for run in re.findall(r"`+", body)), default=0) + 1)
    return f"{fence}{language}\n{body}\n{fence}"


def _plain(text: str, known: Known, names: Mapping[str, str]) -> str:
    """Words outside of code."""
    text = text.replace(f"@{NO_BREAK}", "@")
    text = _SMALL.sub("", text)
    text = _DEEP.sub("", text)
    text = _TOKEN.sub(lambda found: _token(found, known, names), text)
    text = _PLAIN_STARTS.sub(r"\1\\", text)
    text = _BRACKET_LISTS.sub(r"\1\\", text)
    text = _RULE.sub(r"\1\\", text)
    return _ENDS.sub(r"\1\\\\", text)


def _token(found: re.Match[str], known: Known, names: Mapping[str, str]) -> str:
    value = found.group(found.lastgroup or 0)
    match found.lastgroup:
        case "user":
            return _named("@", names.get(value, ""), _("somebody"))
        case "role":
            return _named("@", known.role(value), _("a role"))
        case "channel":
            room = known.room(value)
            return _named("#", room.name if room is not None else "", _("a channel"))
        case "emoji":
            return ":" + value.replace("_", "\\_") + ":"
        case "time":
            return _time(int(value))
        case "command":
            return f"/{value}"
        case "guide":
            return f"#{value}"
        case "spoiler":
            return ""
        case "entity":
            return "\\&"
        case _:
            return found.group(0)


def _named(mark: str, name: str, otherwise: str) -> str:
    """A name that stands for a mention; what is markup in it is not meant so."""
    return mark + re.sub(r"([\\`*_\[\]<>~|#&])", r"\\\1", name or otherwise)


def _time(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, OSError, ValueError):
        return str(seconds)


def _quoted_to_the_end(text: str) -> str:
    """`>>>` quotes all that follows; CommonMark marks each line."""
    return _QUOTE_REST.sub(lambda found: "\n".join(f"> {line}" for line in found[1].split("\n")), text)
