"""Slack's own markup, `*bold*` and `<https://…|here>`, as the elements of rich text.

Where a message brings no rich text, its text is read by this; both then become Markdown in one way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

MOST_DEPTH = 6
_BLOCK = re.compile(r"```\n?(.*?)\n?```", re.DOTALL)
_SPAN = re.compile(
    r"`(?P<code>[^`\n]+)`"
    r"|<(?P<angle>[^<>\n]+)>"
    r"|:(?P<emoji>[a-z0-9_+'-]{1,100}(?:::skin-tone-[2-6])?):"
    r"|(?<![\w*])\*(?P<bold>[^\s*](?:[^*\n]{0,4000}?[^\s*])?)\*(?![\w*])"
    r"|(?<![\w_])_(?P<italic>[^\s_](?:[^_\n]{0,4000}?[^\s_])?)_(?![\w_])"
    r"|(?<![\w~])~(?P<strike>[^\s~](?:[^~\n]{0,4000}?[^\s~])?)~(?![\w~])"
)
_ITEM = re.compile(r"^(?P<indent>[ \t]{0,40})(?:[•◦▪‣*-]|(?P<number>\d{1,9})[.)])[ \t]+(?P<rest>.*)$")


def elements(text: str) -> list[Json]:
    """The elements of one rich_text block that say the same."""
    found: list[Json] = []
    at = 0
    for match in _BLOCK.finditer(text):
        found += _lines(text[at : match.start()])
        code = unescape(match.group(1))
        if code:
            found.append({"type": "rich_text_preformatted", "elements": [{"type": "text", "text": code}]})
        at = match.end()
    return found + _lines(text[at:])


def unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _lines(text: str) -> list[Json]:
    """Sections, quotes and lists, by what their lines begin with."""
    found: list[Json] = []
    for line in text.strip("\n").split("\n") if text.strip() else ():
        if line.startswith("&gt;"):
            _add(found, "rich_text_quote", line.removeprefix("&gt;").removeprefix(" "))
        elif (item := _ITEM.match(line)) is not None and (item["number"] or item["rest"].strip()):
            _add_item(found, item)
        else:
            _add(found, "rich_text_section", line)
    return found


def _add(found: list[Json], kind: str, line: str) -> None:
    inner = list(spans(line))
    if found and found[-1]["type"] == kind:
        found[-1]["elements"] += [{"type": "text", "text": "\n"}, *inner]
    else:
        found.append({"type": kind, "elements": inner})


def _add_item(found: list[Json], item: re.Match[str]) -> None:
    style = "ordered" if item["number"] else "bullet"
    indent = min(len(item["indent"].expandtabs(4)) // 4, 8)
    section = {"type": "rich_text_section", "elements": list(spans(item["rest"]))}
    last = found[-1] if found else {}
    if last.get("type") == "rich_text_list" and (last["style"], last["indent"]) == (style, indent):
        last["elements"].append(section)
        return
    made: Json = {"type": "rich_text_list", "style": style, "indent": indent, "elements": [section]}
    if style == "ordered" and int(item["number"]) > 1:
        made["offset"] = int(item["number"]) - 1
    found.append(made)


def spans(text: str, style: Json | None = None, depth: int = 0) -> Iterator[Json]:
    """The elements within one line."""
    at = 0
    for match in _SPAN.finditer(text):
        yield from _plain(text[at : match.start()], style)
        yield from _span(match, style, depth)
        at = match.end()
    yield from _plain(text[at:], style)


def _plain(text: str, style: Json | None) -> Iterator[Json]:
    if text:
        yield _with({"type": "text", "text": unescape(text)}, style)


def _span(match: re.Match[str], style: Json | None, depth: int) -> Iterator[Json]:
    kind = match.lastgroup or ""
    inner = match.group(kind)
    if kind == "code":
        yield _with({"type": "text", "text": unescape(inner)}, {**(style or {}), "code": True})
    elif kind == "emoji":
        yield _with({"type": "emoji", "name": inner}, style)
    elif kind == "angle":
        yield _with(_angle(inner), style)
    elif depth >= MOST_DEPTH:
        yield from _plain(match.group(), style)
    else:
        yield from spans(inner, {**(style or {}), kind: True}, depth + 1)


def _angle(inner: str) -> Json:
    """What stands between angle brackets: a person, a channel, a call to many, a date, a link."""
    target, _bar, label = inner.partition("|")
    if target.startswith("@"):
        return {"type": "user", "user_id": target[1:], "label": unescape(label)}
    if target.startswith("#"):
        return {"type": "channel", "channel_id": target[1:], "label": unescape(label)}
    if target.startswith("!subteam^"):
        return {"type": "usergroup", "usergroup_id": target[9:], "label": unescape(label)}
    if target.startswith("!date^"):
        return {"type": "text", "text": unescape(label)}
    if target.startswith("!"):
        return {"type": "broadcast", "range": target[1:].partition("^")[0]}
    return {"type": "link", "url": unescape(target), "text": unescape(label)}


def _with(element: Json, style: Json | None) -> Json:
    return {**element, "style": style} if style else element
