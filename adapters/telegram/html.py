"""CommonMark as the HTML that Telegram reads, and its length as Telegram counts it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape, unescape

from markdown_it import MarkdownIt
from markdown_it.token import Token

from adapters.telegram.entities import UNPINGED, utf16
from core.markdown import NESTING, to_text
from core.text import MOST_CHARACTERS

_LINK = re.compile(r"(?:https?|tg)://[^\s]+", re.IGNORECASE)
_PING = re.compile(r"(?<![\w/@])@(?=[A-Za-z]\w)")
_TAG = re.compile(r"<[^<>]*>")
_MARKUP = re.compile(r"[\[\]*_~`<>|\\]")
_DEEP = re.compile(r"([\[\]*_~`<>|])\1{39,}")
_TABLE = re.compile(r"^[ >\t]*+\|?[ \t]*+:?-++:?[ \t]*(?:\||$)", re.MULTILINE)
MOST_MARKUP = 4_000
RULE = "———"


def to_html(markdown: str) -> str:
    """What Telegram reads with `parse_mode=HTML`; nobody is pinged by it."""
    cut = markdown[:MOST_CHARACTERS]
    if len(_MARKUP.findall(cut)) > MOST_MARKUP or _DEEP.search(cut):
        return plain(cut)
    return _Writer().write(_parser().parse(cut))


def plain(text: str) -> str:
    """Words alone, safe as HTML."""
    return _safe(_unpinged(text))


def visible(html: str) -> str:
    """The words of our own HTML."""
    return unescape(_TAG.sub("", html))


def measure(markdown: str) -> int:
    """Never less than the length that Telegram counts once the text is rendered. It is asked for each
    word of a long text, so only tables, which grow, are rendered for it."""
    if _TABLE.search(markdown):
        return utf16(visible(to_html(markdown)))
    return utf16(markdown) + markdown.count("@") + 2 * markdown.count("\n")


@cache
def _parser() -> MarkdownIt:
    options = {"html": False, "linkify": True, "breaks": True, "maxNesting": NESTING}
    made = MarkdownIt("commonmark", options).enable(["linkify", "table", "strikethrough"])
    made.disable(["image", "html_block", "html_inline"])
    assert made.linkify is not None
    made.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
    return made


def _safe(text: str) -> str:
    return escape(text, quote=False)


def _unpinged(text: str) -> str:
    return _PING.sub(UNPINGED, text)


_MARKS = {
    "strong_open": "<b>", "strong_close": "</b>",
    "em_open": "<i>", "em_close": "</i>",
    "s_open": "<s>", "s_close": "</s>",
}  # fmt: skip


@dataclass(slots=True)
class _Writer:
    """Blocks become paragraphs with a blank line between; lists keep their marks and depth."""

    depth: int = 0
    quotes: int = 0

    def write(self, tokens: Sequence[Token]) -> str:
        return _joined(list(self._blocks(tokens)))

    def _blocks(self, tokens: Sequence[Token]) -> Iterator[str]:
        at = 0
        while at < len(tokens):
            token = tokens[at]
            if token.type == "blockquote_open":
                end = _end(tokens, at, "blockquote")
                yield self._quote(tokens[at + 1 : end])
                at = end
            elif token.type == "table_open":
                end = _end(tokens, at, "table")
                yield f"<pre>{_safe(_table(tokens[at:end]))}</pre>"
                at = end
            elif token.type in ("bullet_list_open", "ordered_list_open"):
                end = _end(tokens, at, token.type.removesuffix("_open"))
                yield self._list(tokens[at : end + 1])
                at = end
            elif (shown := self._leaf(tokens, at)) is not None:
                yield shown
            at += 1

    def _leaf(self, tokens: Sequence[Token], at: int) -> str | None:
        token = tokens[at]
        match token.type:
            case "inline":
                shown = _inline(token.children or ())
                return f"<b>{shown}</b>" if at and tokens[at - 1].type == "heading_open" else shown
            case "fence" | "code_block":
                return self._code(token)
            case "hr":
                return RULE
            case _:
                return None

    def _code(self, token: Token) -> str:
        words = _safe(token.content.rstrip("\n"))
        language = token.info.split()[0] if token.info.strip() else ""
        if not words:
            return ""
        if self.quotes:
            return f"<code>{words}</code>"
        if re.fullmatch(r"[\w+#.-]{1,20}", language):
            return f'<pre><code class="language-{language}">{words}</code></pre>'
        return f"<pre>{words}</pre>"

    def _quote(self, tokens: Sequence[Token]) -> str:
        """Quotes do not nest in Telegram: an inner one stands in the outer one."""
        self.quotes += 1
        inner = _joined(list(self._blocks(tokens)))
        self.quotes -= 1
        return inner if self.quotes or not inner else f"<blockquote>{inner}</blockquote>"

    def _list(self, tokens: Sequence[Token]) -> str:
        """A list's items, each with its mark; a list inside an item is indented."""
        ordered = tokens[0].type == "ordered_list_open"
        number = int(tokens[0].attrGet("start") or 1) if ordered else 0
        lines, at = [], 1
        while at < len(tokens) - 1:
            end = _end(tokens, at, "list_item")
            self.depth += 1
            inner = "\n".join(part for part in self._blocks(tokens[at + 1 : end]) if part)
            self.depth -= 1
            lines.append(f"{'  ' * self.depth}{f'{number}.' if ordered else '•'} {inner.lstrip(' ')}")
            number, at = number + 1, end + 1
        return "\n".join(lines)


def _joined(parts: Sequence[str]) -> str:
    return "\n\n".join(part for part in parts if part)


def _end(tokens: Sequence[Token], at: int, name: str) -> int:
    """Where the block that opens at `at` closes."""
    depth = 0
    for index in range(at, len(tokens)):
        if tokens[index].type == f"{name}_open":
            depth += 1
        elif tokens[index].type == f"{name}_close":
            depth -= 1
            if depth == 0:
                return index
    return len(tokens) - 1


def _inline(tokens: Sequence[Token]) -> str:
    shown: list[str] = []
    links: list[tuple[int, str]] = []
    for token in tokens:
        match token.type:
            case "text":
                shown.append(_safe(token.content if links else _unpinged(token.content)))
            case "code_inline":
                shown.append(f"<code>{_safe(token.content)}</code>")
            case "softbreak" | "hardbreak":
                shown.append("\n")
            case "link_open":
                links.append((len(shown), str(token.attrGet("href") or "")))
            case "link_close":
                start, address = links.pop()
                shown[start:] = [_link("".join(shown[start:]), address)]
            case kind if kind in _MARKS:
                shown.append(_MARKS[kind])
            case _:
                shown.append(_safe(token.content))
    return "".join(shown)


def _link(label: str, address: str) -> str:
    """Telegram takes addresses of the web only; others stand beside their words."""
    words = visible(label)
    shown = address.removeprefix("mailto:")
    if _LINK.fullmatch(address):
        if not words.strip():
            return _safe(address)
        return f'<a href="{escape(address)}">{label}</a>'
    if not shown or shown == words:
        return _safe(_unpinged(words)) if not _TAG.search(label) else label
    return f"{label} ({_safe(shown)})"


def _table(tokens: Sequence[Token]) -> str:
    """Columns in even widths; Telegram has no tables."""
    rows: list[list[str]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows:
            rows[-1].append(to_text(token.content))
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=False)]
    lines = [" | ".join(c.ljust(w) for c, w in zip(row, widths, strict=False)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * min(sum(widths) + 3 * (len(widths) - 1), 60), *lines[1:]])
