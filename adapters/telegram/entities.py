"""Telegram's text with entities, as CommonMark. Offsets count UTF-16 units."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from core.markdown import to_text

MOST_ENTITIES = 400
UNPINGED = "@\u2060"
"""An at sign that calls nobody: what we write ourselves, and may be quoted back to us."""
_STYLES = {"bold": "bold", "italic": "italic", "strikethrough": "strike", "code": "code"}
_BLOCKS = ("pre", "blockquote", "expandable_blockquote")
_SPECIAL = re.compile(r"([\\`*_\[\]<>~|&])")
_LINE_START = re.compile(r"^(\s{0,3})(#{1,6}(?=\s|$)|[-+](?=\s|$)|[-=]+(?=\s*$)|\d{1,9}[.)](?=\s|$))")
_PLAIN_ADDRESS = re.compile(r"https?://[\w\-./?=%#:+,;@!$'&]*[\w/]", re.ASCII)
_ADDRESS = re.compile(r"(?:https?|mailto|tel|tg):[^\s<>]+", re.IGNORECASE)
_LANGUAGE = re.compile(r"[\w+#.-]{1,20}")
_KEPT = ("bold", "italic", "strike", "code", "link", "bare")


@dataclass(frozen=True, slots=True)
class Span:
    """One entity on a Python string; `value` is a link's address or a block's language."""

    start: int
    end: int
    kind: str
    value: str = ""


def to_markdown(text: str, entities: Any = ()) -> str:
    """CommonMark that says what the message says. Underlines and spoilers have no mark there."""
    shown = "\n".join(_blocks(text, spans(text, entities))).strip("\n")
    return shown.replace(UNPINGED, "@")


def spans(text: str, entities: Any) -> list[Span]:
    """The entities that lie on the text, as Python counts it; anything else is left out."""
    if not isinstance(entities, Sequence) or isinstance(entities, str):
        return []
    at = _positions(text)
    found = []
    for entity in entities[:MOST_ENTITIES]:
        if (span := _span(text, at, entity)) is not None:
            found.append(span)
    return sorted(found, key=lambda span: (span.start, -span.end))


def utf16(text: str) -> int:
    """The length by which Telegram counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _positions(text: str) -> list[int]:
    """For each UTF-16 offset the index in the string; the middle of a pair belongs to its start."""
    at = []
    for index, char in enumerate(text):
        at.extend([index] * (2 if char > "\uffff" else 1))
    at.append(len(text))
    return at


def _span(text: str, at: list[int], entity: Any) -> Span | None:
    if not isinstance(entity, Mapping):
        return None
    offset, length, kind = entity.get("offset"), entity.get("length"), entity.get("type")
    if not isinstance(offset, int) or not isinstance(length, int) or not isinstance(kind, str):
        return None
    if offset < 0 or length <= 0 or offset + length >= len(at):
        return None
    start, end = at[offset], at[offset + length]
    return Span(start, end, kind, _value(kind, text[start:end], entity)) if end > start else None


def _value(kind: str, words: str, entity: Mapping[str, Any]) -> str:
    match kind:
        case "text_link":
            return str(entity.get("url") or "")
        case "url":
            return words
        case "pre":
            return str(entity.get("language") or "")
        case _:
            return ""


# --- blocks


def _blocks(text: str, found: Sequence[Span]) -> Iterator[str]:
    """Code blocks and quotes by themselves, the words between them line by line."""
    at = 0
    for block in _outer(found):
        if before := text[at : block.start].strip("\n"):
            yield from (_lines(before, _within(found, at + _lead(text[at : block.start]), before)), "")
        words = text[block.start : block.end]
        if block.kind == "pre":
            yield from (_fenced(words, block.value), "")
        else:
            inner = words.strip("\n")
            shown = _lines(inner, _within(found, block.start + _lead(words), inner))
            yield from (*(f"> {line}".rstrip() for line in shown.split("\n")), "")
        at = block.end
    rest = text[at:].strip("\n")
    if rest:
        yield _lines(rest, _within(found, at + _lead(text[at:]), rest))


def _outer(found: Sequence[Span]) -> Iterator[Span]:
    end = 0
    for span in found:
        if span.kind in _BLOCKS and span.start >= end:
            yield span
            end = span.end


def _lead(text: str) -> int:
    return len(text) - len(text.lstrip("\n"))


def _within(found: Sequence[Span], start: int, words: str) -> list[Span]:
    """The inline entities on a piece of the text, cut to it and counted from its start."""
    cut = [
        replace(span, start=max(span.start - start, 0), end=min(span.end - start, len(words)))
        for span in found
        if span.kind not in _BLOCKS
    ]
    return [span for span in cut if span.end > span.start]


def _fenced(words: str, language: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", words)), default=0)
    fence = "`" * max(3, longest + 1)
    name = language if _LANGUAGE.fullmatch(language) else ""
    return f"{fence}{name}\n{words.strip(chr(10))}\n{fence}"


# --- lines


def _lines(text: str, found: Sequence[Span]) -> str:
    shown, start = [], 0
    for line in text.split("\n"):
        inner = [
            replace(span, start=max(span.start - start, 0), end=min(span.end - start, len(line)))
            for span in found
            if span.start < start + len(line) and span.end > start
        ]
        shown.append(_line(line, inner))
        start += len(line) + 1
    return "\n".join(shown)


def _line(line: str, found: Sequence[Span]) -> str:
    """One line with its marks; plain where marks would change its words."""
    if not line.strip():
        return ""
    plain = _at_start(escape(line))
    marked = [span for span in map(_kept, found) if span is not None]
    if not marked:
        return plain
    shown = _at_start(_marked(line, _trimmed(line, marked)))
    return shown if _words(to_text(shown)) == _words(_with_addresses(line, marked)) else plain


def escape(text: str) -> str:
    """Characters that mean something in CommonMark mean themselves."""
    return _SPECIAL.sub(r"\\\1", text)


def _at_start(line: str) -> str:
    """No list, heading or code block where somebody only began a line so."""
    body = line.lstrip(" \t")
    indent = line[: len(line) - len(body)]
    if len(indent) >= 4 or "\t" in indent:
        line = "\u00a0" * len(indent.expandtabs(4)) + body
    match = _LINE_START.match(line)
    if match is None:
        return line
    mark = match.group(2)
    escaped = f"{mark[:-1]}\\{mark[-1]}" if mark[0].isdigit() else f"\\{mark}"
    return line[: match.start(2)] + escaped + line[match.end(2) :]


def _kept(span: Span) -> Span | None:
    if span.kind in _STYLES:
        return replace(span, kind=_STYLES[span.kind])
    if span.kind == "text_link" and _ADDRESS.fullmatch(span.value):
        return replace(span, kind="link")
    if span.kind == "url" and _ADDRESS.fullmatch(span.value):
        return replace(span, kind="bare")
    return None


def _trimmed(line: str, found: Sequence[Span]) -> list[Span]:
    """Marks stand at words, never at blanks."""
    cut = []
    for span in found:
        words = line[span.start : span.end]
        start = span.start + len(words) - len(words.lstrip())
        end = span.end - (len(words) - len(words.rstrip()))
        if end > start:
            cut.append(replace(span, start=start, end=end))
    return cut


def _marked(line: str, found: Sequence[Span]) -> str:
    """The runs of equal style between marks that open and close around them."""
    edges = sorted({0, len(line), *(s.start for s in found), *(s.end for s in found)})
    parts: list[str] = []
    open_now: list[Span] = []
    for start, end in pairwise(edges):
        active = _active(found, start)
        keep = _common(open_now, active)
        parts.extend(_closing(span) for span in reversed(open_now[keep:]))
        parts.extend(_opening(span) for span in active[keep:])
        open_now = active
        parts.append(_run(line[start:end], active))
    parts.extend(_closing(span) for span in reversed(open_now))
    return "".join(parts)


def _active(found: Sequence[Span], at: int) -> list[Span]:
    """What is on at a place, the outermost first; code and addresses take nothing inside."""
    here: dict[str, Span] = {}
    for span in found:
        if span.start <= at < span.end:
            here.setdefault(span.kind, span)
    if "bare" in here:
        here.pop("link", None)
    order = ("link", "bold", "italic", "strike", "code", "bare")
    return sorted(here.values(), key=lambda span: (span.start, -span.end, order.index(span.kind)))


def _common(before: Sequence[Span], now: Sequence[Span]) -> int:
    same = 0
    for one, other in zip(before, now, strict=False):
        if one != other:
            break
        same += 1
    return same


def _run(words: str, active: Sequence[Span]) -> str:
    kinds = {span.kind for span in active}
    if "bare" in kinds:
        return words
    return words if "code" in kinds else escape(words)


_MARKS = {"bold": "**", "italic": "_", "strike": "~~", "code": "`"}


def _opening(span: Span) -> str:
    if span.kind == "bare":
        return "" if _PLAIN_ADDRESS.fullmatch(span.value) else "<"
    return "[" if span.kind == "link" else _MARKS[span.kind]


def _closing(span: Span) -> str:
    if span.kind == "bare":
        return "" if _PLAIN_ADDRESS.fullmatch(span.value) else ">"
    return f"](<{span.value}>)" if span.kind == "link" else _MARKS[span.kind]


def _with_addresses(line: str, found: Sequence[Span]) -> str:
    """The words as `to_text` shows them: links followed by their address."""
    shown, at = [], 0
    for span in sorted((s for s in found if s.kind == "link"), key=lambda s: s.start):
        words = line[span.start : span.end]
        address = span.value.removeprefix("mailto:")
        shown += [line[at : span.end], "" if words.strip() == address else f" ({address})"]
        at = span.end
    return "".join([*shown, line[at:]])


def _words(text: str) -> str:
    return "".join(text.split())
