"""Text with entities: offsets in UTF-16 units, what Telegram finds by itself, and HTML from both."""

from __future__ import annotations

import re
from html import escape
from itertools import pairwise
from typing import Any

from playground.telegram.errors import bad

Entity = dict[str, Any]

_FOUND = re.compile(
    r"(?P<url>\bhttps?://[^\s<>\"]+[^\s<>\".,:;!?)\]'])"
    r"|(?P<email>\b[\w.+-]+@[\w-]+\.[\w.-]*\w)"
    r"|(?P<mention>(?<![\w/])@[A-Za-z]\w{2,31})"
    r"|(?P<bot_command>(?<![\w/<>])/[A-Za-z0-9_]{1,32}(?:@\w{3,32})?(?!\w))"
    r"|(?P<hashtag>(?<!\w)#\w*[^\W\d]\w*)"
)
_TAGS = {
    "bold": ("<b>", "</b>"),
    "italic": ("<i>", "</i>"),
    "underline": ("<u>", "</u>"),
    "strikethrough": ("<s>", "</s>"),
    "spoiler": ('<span class="spoiler">', "</span>"),
    "code": ("<code>", "</code>"),
    "blockquote": ("<blockquote>", "</blockquote>"),
    "expandable_blockquote": ("<blockquote>", "</blockquote>"),
    "bot_command": ('<span class="command">', "</span>"),
    "mention": ('<span class="mention">', "</span>"),
    "text_mention": ('<span class="mention">', "</span>"),
    "hashtag": ('<span class="hashtag">', "</span>"),
}
_KNOWN = {*_TAGS, "pre", "text_link", "url", "email", "custom_emoji", "phone_number", "cashtag", "date_time"}
_SAFE_LINK = re.compile(r"(?:https?|tg|mailto):", re.IGNORECASE)
_RAW = ("code", "pre", "text_link", "text_mention")


def units(text: str) -> int:
    """The length in UTF-16 units, by which Telegram counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, offset: int, length: int) -> str:
    raw = text.encode("utf-16-le", "surrogatepass")[offset * 2 : (offset + length) * 2]
    return raw.decode("utf-16-le", "replace")


def complete(text: str, entities: list[Entity]) -> list[Entity]:
    """The entities given, those that Telegram finds by itself, in order."""
    return ordered([*entities, *_found(text, entities)])


def ordered(entities: list[Entity]) -> list[Entity]:
    return sorted(entities, key=lambda entity: (entity["offset"], -entity["length"]))


def checked(text: str, entities: Any) -> list[Entity]:
    """Entities as a client sent them, refused when they do not lie on the text."""
    raw = text.encode("utf-16-le", "surrogatepass")
    if not isinstance(entities, list):
        raise bad("can't parse entities: a list was expected")
    for entity in entities:
        _check(raw, entity)
    return [entity for entity in entities if entity["length"] > 0]


def to_html(text: str, entities: list[Entity]) -> str:
    """Safe HTML for the page; overlapping entities are closed and opened again."""
    raw = text.encode("utf-16-le", "surrogatepass")
    edges = sorted({0, len(raw) // 2, *_edges(entities)})
    pieces: list[str] = []
    open_now: list[Entity] = []
    for start, end in pairwise(edges):
        wanted = [e for e in ordered(entities) if e["offset"] <= start and e["offset"] + e["length"] >= end]
        keep = _common(open_now, wanted)
        pieces += [_tags(e, text)[1] for e in reversed(open_now[keep:])]
        pieces += [_tags(e, text)[0] for e in wanted[keep:]]
        pieces.append(escape(raw[start * 2 : end * 2].decode("utf-16-le", "replace")))
        open_now = wanted
    pieces += [_tags(e, text)[1] for e in reversed(open_now)]
    return "".join(pieces)


def _found(text: str, entities: list[Entity]) -> list[Entity]:
    taken = [(e["offset"], e["offset"] + e["length"]) for e in entities if e["type"] in _RAW]
    found = []
    for match in _FOUND.finditer(text):
        offset, length = units(text[: match.start()]), units(match[0])
        if not any(start < offset + length and offset < end for start, end in taken):
            found.append({"type": match.lastgroup, "offset": offset, "length": length})
    return found


def _check(raw: bytes, entity: Any) -> None:
    if not isinstance(entity, dict) or str(entity.get("type")) not in _KNOWN:
        raise bad("can't parse entities: the entity's type is unknown")
    offset, length = entity.get("offset"), entity.get("length")
    if not isinstance(offset, int) or not isinstance(length, int) or offset < 0 or length < 0:
        raise bad("can't parse entities: offset and length must be numbers")
    if (offset + length) * 2 > len(raw):
        raise bad("can't parse entities: the entity ends after the text")
    if any(_is_inside_pair(raw, edge) for edge in (offset, offset + length)):
        raise bad("can't parse entities: the entity begins or ends inside a UTF-16 pair")


def _is_inside_pair(raw: bytes, at: int) -> bool:
    return at * 2 < len(raw) and 0xDC <= raw[at * 2 + 1] <= 0xDF


def _edges(entities: list[Entity]) -> list[int]:
    return [edge for e in entities for edge in (e["offset"], e["offset"] + e["length"])]


def _common(now: list[Entity], wanted: list[Entity]) -> int:
    same = 0
    for one, other in zip(now, wanted, strict=False):
        if one is not other:
            break
        same += 1
    return same


def _tags(entity: Entity, text: str) -> tuple[str, str]:
    kind = entity["type"]
    if kind == "pre":
        language = escape(entity.get("language", ""), quote=True)
        return f'<pre data-language="{language}">', "</pre>"
    if kind in ("text_link", "url", "email"):
        return _link(entity, cut(text, entity["offset"], entity["length"]))
    return _TAGS.get(kind, ("", ""))


def _link(entity: Entity, shown: str) -> tuple[str, str]:
    address = entity.get("url") or (f"mailto:{shown}" if entity["type"] == "email" else shown)
    if not _SAFE_LINK.match(address):
        return "", ""
    return f'<a href="{escape(address, quote=True)}" rel="noreferrer noopener" target="_blank">', "</a>"
