"""Telegram's HTML, read strictly as the API reads it, and a light Markdown for people who type."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape

from playground.telegram.entities import Entity, ordered, units
from playground.telegram.errors import ApiError, bad

_SIMPLE = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "code": "code",
    "tg-spoiler": "spoiler",
}
_OTHER = ("a", "pre", "span", "blockquote", "tg-emoji")
_ATTRIBUTE = re.compile(r"""([a-zA-Z-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
_CHARACTER = re.compile(r"&(?:lt|gt|amp|quot|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")
_TYPED = re.compile(
    r"```(?P<language>\w*)\n?(?P<pre>.+?)```|`(?P<code>[^`\n]+)`"
    r"|\[(?P<label>[^\]\n]+)\]\((?P<url>https?://[^)\s]+)\)"
    r"|\*\*(?P<bold>[^*\n]+)\*\*|__(?P<italic>[^_\n]+)__|~~(?P<strikethrough>[^~\n]+)~~"
    r"|\|\|(?P<spoiler>[^|\n]+)\|\|",
    re.DOTALL,
)


def parse_html(source: str) -> tuple[str, list[Entity]]:
    """Text and entities of HTML as a bot sends it; broken HTML is refused as Telegram does."""
    return trimmed(*_Reader(source).read())


def parse_typed(source: str) -> tuple[str, list[Entity]]:
    """What a person types: `**bold**`, `__italic__`, `~~struck~~`, code, links; not nested."""
    text, entities, at = "", [], 0
    for match in _TYPED.finditer(source):
        text += source[at : match.start()]
        at = match.end()
        kind, shown, more = _typed(match)
        entities.append({"type": kind, "offset": units(text), "length": units(shown), **more})
        text += shown
    return text + source[at:], entities


def trimmed(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Without blanks around; the entities moved and cut accordingly."""
    lead = units(text) - units(text.lstrip())
    text = text.strip()
    total = units(text)
    kept = []
    for entity in entities:
        start = max(entity["offset"] - lead, 0)
        end = min(entity["offset"] + entity["length"] - lead, total)
        if end > start:
            kept.append({**entity, "offset": start, "length": end - start})
    return text, ordered(kept)


def _typed(match: re.Match[str]) -> tuple[str, str, dict[str, str]]:
    if match["label"]:
        return "text_link", match["label"], {"url": match["url"]}
    if match["pre"]:
        return "pre", match["pre"], {"language": match["language"]} if match["language"] else {}
    kind = match.lastgroup or "code"
    return kind, match[kind], {}


@dataclass(slots=True)
class _Open:
    tag: str
    kind: str
    offset: int
    byte: int
    more: dict[str, str] = field(default_factory=dict)


class _Reader:
    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._text: list[str] = []
        self._units = 0
        self._open: list[_Open] = []
        self._entities: list[Entity] = []

    def read(self) -> tuple[str, list[Entity]]:
        while self._at < len(self._source):
            char = self._source[self._at]
            if char == "<":
                self._tag()
            elif char == "&":
                self._character()
            else:
                self._add(char)
                self._at += 1
        if self._open:
            raise self._wrong(f'can\'t find end tag corresponding to start tag "{self._open[-1].tag}"')
        return "".join(self._text), ordered(self._entities)

    def _add(self, shown: str) -> None:
        self._text.append(shown)
        self._units += units(shown)

    def _character(self) -> None:
        match = _CHARACTER.match(self._source, self._at)
        self._add(unescape(match[0]) if match else "&")
        self._at += len(match[0]) if match else 1

    def _tag(self) -> None:
        end = self._source.find(">", self._at)
        if end < 0:
            raise self._wrong(f"unclosed start tag at byte offset {self._byte}")
        inner = self._source[self._at + 1 : end]
        if inner.startswith("/"):
            self._close(inner[1:].strip().lower())
        else:
            self._begin(inner)
        self._at = end + 1

    def _begin(self, inner: str) -> None:
        name, _, rest = inner.strip().partition(" ")
        tag = name.lower()
        if tag not in _SIMPLE and tag not in _OTHER:
            raise self._wrong(f'unsupported start tag "{tag}" at byte offset {self._byte}')
        given = {key.lower(): unescape(a or b or c) for key, a, b, c in _ATTRIBUTE.findall(rest)}
        kind, more = self._meaning(tag, given)
        self._open.append(_Open(tag, kind, self._units, self._byte, more))

    def _meaning(self, tag: str, given: dict[str, str]) -> tuple[str, dict[str, str]]:
        if tag == "code" and self._open and self._open[-1].kind == "pre":
            language = given.get("class", "").removeprefix("language-")
            return "pre code", {"language": language} if language else {}
        if tag == "span":
            if given.get("class") != "tg-spoiler":
                raise self._wrong(f'tag "span" must have class "tg-spoiler" at byte offset {self._byte}')
            return "spoiler", {}
        if tag == "a":
            return "text_link", {"url": given.get("href", "")}
        if tag == "tg-emoji":
            return "custom_emoji", {"custom_emoji_id": given.get("emoji-id", "")}
        if tag == "blockquote" and "expandable" in given:
            return "expandable_blockquote", {}
        return _SIMPLE.get(tag, tag), {}

    def _close(self, tag: str) -> None:
        if not self._open:
            raise self._wrong(f"unexpected end tag at byte offset {self._byte}")
        begun = self._open.pop()
        if tag and tag != begun.tag:
            raise self._wrong(
                f'unmatched end tag at byte offset {self._byte}, expected "</{begun.tag}>", found "</{tag}>"'
            )
        self._finish(begun)

    def _finish(self, begun: _Open) -> None:
        length = self._units - begun.offset
        if begun.kind == "pre code":
            around = self._open[-1]
            if around.offset == begun.offset:
                around.more = begun.more
            return
        url = begun.more.get("url")
        if length and url != "" and not (url and url.startswith("tg://user")):
            self._entities.append(
                {"type": begun.kind, "offset": begun.offset, "length": length, **begun.more}
            )

    @property
    def _byte(self) -> int:
        return len(self._source[: self._at].encode("utf-8", "surrogatepass"))

    def _wrong(self, reason: str) -> ApiError:
        return bad(f"can't parse entities: {reason}")
