"""What a person types becomes both mrkdwn text and rich_text blocks, as in the real composer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from playground.slack.world import World

Json = dict[str, Any]

_WORDS = re.compile(
    r"(?P<code>`[^`\n]+`)"
    r"|(?P<token><[@#!][^<>\n]+>)"
    r"|(?P<url>https?://[^\s<>|]+[^\s<>|.,;:!?)\]'\"])"
    r"|(?P<mail>[\w.+-]+@[\w-]+\.[\w.-]*\w)"
    r"|(?P<at>(?<!\w)@[\w.-]*\w)"
    r"|(?P<room>(?<!\w)#[\w-]+)"
)
_BROADCAST = ("here", "channel", "everyone")
_INLINE = re.compile(
    r"`(?P<code>[^`\n]+)`"
    r"|<(?P<angle>[^<>\n]+)>"
    r"|:(?P<emoji>[a-z0-9_+'-]+(?:::skin-tone-\d)?):"
    r"|(?<![\w*])\*(?P<bold>[^\s*](?:[^*\n]*[^\s*])?)\*(?![\w*])"
    r"|(?<![\w_])_(?P<italic>[^\s_](?:[^_\n]*[^\s_])?)_(?![\w_])"
    r"|(?<![\w~])~(?P<strike>[^\s~](?:[^~\n]*[^\s~])?)~(?![\w~])"
)
_BULLET = re.compile(r"^(?P<indent> *)(?:[-*•] |(?P<number>\d+)\. )(?P<rest>.*)$")


def typed(world: World, team: str, text: str, beside: Sequence[str] = ()) -> str:
    """mrkdwn of what was typed: escaped, links marked, names turned into ids. `beside` are other teams of
    a shared channel, whose people can be named there too."""
    parts = re.split(r"(```.*?```)", text, flags=re.S)
    done = [part if part.startswith("```") else _words(world, team, part, beside) for part in parts]
    return "".join(escape(part) if part.startswith("```") else part for part in done)


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _words(world: World, team: str, text: str, beside: Sequence[str]) -> str:
    def marked(match: re.Match[str]) -> str:
        kind, word = match.lastgroup or "", match.group()
        named = (one for one in (team, *beside) if kind == "at" and world.user_named(one, word[1:]))
        return _MARKS[kind](world, next(named, team), word)

    pieces, at = [], 0
    for match in _WORDS.finditer(text):
        pieces += [escape(text[at : match.start()]), marked(match)]
        at = match.end()
    return "".join([*pieces, escape(text[at:])])


def _at(world: World, team: str, word: str) -> str:
    if word[1:] in _BROADCAST:
        return f"<!{word[1:]}>"
    user = world.user_named(team, word[1:])
    return f"<@{user.id}>" if user else escape(word)


def _room(world: World, team: str, word: str) -> str:
    channel = world.channel_named(team, word[1:])
    return f"<#{channel.id}|{channel.name}>" if channel else escape(word)


_MARKS: dict[str, Callable[[World, str, str], str]] = {
    "code": lambda world, team, word: escape(word),
    "token": lambda world, team, word: word,
    "url": lambda world, team, word: f"<{escape(word)}>",
    "mail": lambda world, team, word: f"<mailto:{word}|{word}>",
    "at": _at,
    "room": _room,
}


# --- mrkdwn to rich_text


def rich(text: str) -> list[Json]:
    """The one rich_text block that stands for mrkdwn text; none for nothing."""
    elements = list(_paragraphs(text))
    return [{"type": "rich_text", "block_id": _block_id(text), "elements": elements}] if elements else []


def _block_id(text: str) -> str:
    return f"rt{sum(ord(letter) * (at + 7) for at, letter in enumerate(text)) % 99991}"


def _paragraphs(text: str) -> Iterator[Json]:
    for part in re.split(r"(```.*?```)", text, flags=re.S):
        if part.startswith("```") and part.endswith("```") and len(part) > 6:
            code = unescape(part[3:-3].strip("\n"))
            yield {
                "type": "rich_text_preformatted",
                "elements": [{"type": "text", "text": code}],
                "border": 0,
            }
        elif part.strip("\n"):
            yield from _lines(part.strip("\n").split("\n"))


def _lines(lines: list[str]) -> Iterator[Json]:
    groups: list[tuple[tuple[str, int], list[str]]] = []
    for line in lines:
        key, rest = _kind(line)
        if groups and groups[-1][0] == key:
            groups[-1][1].append(rest)
        else:
            groups.append((key, [rest]))
    for at, (key, rests) in enumerate(groups):
        yield _group(key, rests, last=at == len(groups) - 1)


def _kind(line: str) -> tuple[tuple[str, int], str]:
    if line.startswith("&gt;"):
        return ("quote", 0), line[4:].removeprefix(" ")
    if found := _BULLET.match(line):
        style = "ordered" if found["number"] else "bullet"
        return (style, len(found["indent"]) // 4), found["rest"]
    return ("section", 0), line


def _group(key: tuple[str, int], rests: list[str], last: bool) -> Json:
    kind, indent = key
    if kind in ("bullet", "ordered"):
        items = [{"type": "rich_text_section", "elements": list(inline(rest))} for rest in rests]
        return {"type": "rich_text_list", "style": kind, "indent": indent, "border": 0, "elements": items}
    text = "\n".join(rests)
    if kind == "quote":
        return {"type": "rich_text_quote", "elements": list(inline(text))}
    return {"type": "rich_text_section", "elements": list(inline(text if last else text + "\n"))}


def inline(text: str, style: Json | None = None) -> Iterator[Json]:
    """The elements of one paragraph."""
    at = 0
    for match in _INLINE.finditer(text):
        yield from _plain(text[at : match.start()], style)
        yield from _styled(match, style)
        at = match.end()
    yield from _plain(text[at:], style)


def _plain(text: str, style: Json | None) -> Iterator[Json]:
    if text:
        yield _with({"type": "text", "text": unescape(text)}, style)


def _styled(match: re.Match[str], style: Json | None) -> Iterator[Json]:
    kind, inner = match.lastgroup or "", match.group(match.lastgroup or 0)
    if kind == "code":
        yield _with({"type": "text", "text": unescape(inner)}, {**(style or {}), "code": True})
    elif kind == "emoji":
        yield _with({"type": "emoji", "name": inner}, style)
    elif kind == "angle":
        yield _with(_angle(inner), style)
    else:
        yield from inline(inner, {**(style or {}), kind: True})


def _angle(inner: str) -> Json:
    address, _, label = inner.partition("|")
    if address.startswith("@"):
        return {"type": "user", "user_id": address[1:]}
    if address.startswith("#"):
        return {"type": "channel", "channel_id": address[1:]}
    if address.startswith("!subteam^"):
        return {"type": "usergroup", "usergroup_id": address[9:]}
    if address.startswith("!"):
        return {"type": "broadcast", "range": address[1:]}
    link: Json = {"type": "link", "url": unescape(address)}
    if label:
        link["text"] = unescape(label)
    return link


def _with(element: Json, style: Json | None) -> Json:
    return {**element, "style": style} if style else element
